// Tables: small ones with a title, side by side, and the heads of all.

import { el } from "./dom.js";

export const pane = (title, ...content) => el("div", { class: "pane" }, ...(title ? [el("h4", {}, title)] : []), ...content);

/** The names of a table's columns, each with its class. */
export const headOf = (columns) => el("thead", {}, el("tr", {}, ...columns.map(([name, kind]) => el("th", { scope: "col", class: kind }, name))));

/** A pane with a table.
 *
 * @param {string} title - none if it is empty.
 * @param {Node[][]|string[][]} rows - the name of each, then its cells: elements `td`, or what stands in one.
 * @param {{head?: string[], label?: string}} how - names of the columns, and that of the table where the title does not do.
 */
export function table(title, rows, { head = [], label = title } = {}) {
  const names = head.length ? [el("thead", {}, el("tr", {}, ...head.map((name, index) => index ? el("th", { scope: "col", class: "number" }, name) : el("td"))))] : [];
  const cell = (content) => content.tagName === "TD" ? content : el("td", { class: "value" }, content);
  const body = rows.map(([name, ...cells]) => el("tr", {}, el("th", { scope: "row" }, ...[name].flat()), ...cells.map(cell)));
  return pane(title, el("table", { "aria-label": label }, ...names, el("tbody", {}, ...body)));
}
