// Where a value comes from: what it is made of, what is left out, who contributes, the receipt, and its proof.

import { to } from "./address.js";
import { ask, el, set } from "./dom.js";
import { pane, table } from "./panes.js";
import { kpis } from "./stream.js";
import { STATES, people, time, whole } from "./words.js";
import * as work from "./work.js";

const CONTRIBUTORS_SHOWN = 10;

/** The receipt of a KPI's value; it is fetched when it is asked for, and stays as it was then. */
export function build(id, kpi, window) {
  const title = el("h3", {}, "Receipt");
  const anew = el("button", { type: "button" }, "Fetch anew");
  const prove = el("button", { type: "button", hidden: "" }, "Prove it");
  const proof = work.build("Proof", "Recomputing in SQL");
  const made = el("div", { class: "panes" });
  const text = el("pre", { tabindex: "0", role: "region", "aria-label": `${kpi.title}: receipt` });
  const query = new URLSearchParams({ kpi: id, window });
  let gone = false;

  async function fetchAnew() {
    const answer = await ask(`api/explain?${query}`);
    if (!answer.ok) {
      set(text, answer.line);
      return;
    }
    const receipt = answer.data;
    set(title, `Receipt, ${window} as of ${time(receipt.kpi_now)}`);
    set(text, receipt.text);
    prove.hidden = !receipt.provable;
    made.replaceChildren(...panesOf(receipt, kpi));
  }

  async function proveIt() {
    prove.disabled = true;
    proof.say("", "Beginning …");
    const answer = await proof.ended(ask(`api/prove?${query}`, { method: "POST" }), ({ id: number }) => `api/prove?id=${number}`, () => gone);
    prove.disabled = false;
    if (!answer.ok) proof.say("unproved", answer.line);
    else if (answer.data.failed) proof.say("unproved", `Not proved: ${answer.data.failed}`);
    else if (answer.data.found) proof.say(answer.data.found.equal ? "equal" : "different", `${answer.data.found.equal ? "✓" : "✗"} ${answer.data.found.text}`);
  }

  anew.addEventListener("click", fetchAnew);
  prove.addEventListener("click", proveIt);
  fetchAnew();
  return {
    element: el("section", { class: "sheet receipt", "aria-label": "Receipt" }, el("div", { class: "title" }, title, prove, anew), proof.element, made, text),
    close: () => { gone = true; },
  };
}

function panesOf(receipt, kpi) {
  const panes = [];
  const formula = el("p", { class: "formula" }, el("code", {}, receipt.formula), el("br"), el("code", {}, receipt.worked));
  panes.push(pane("Formula", formula));
  if (receipt.figures.length) {
    panes.push(table("Figures", receipt.figures.map((figure) => [el("span", {}, el("code", {}, figure.reading), el("span", { class: "bounds" }, figure.counts)), figure.text])));
  }
  if (receipt.parts.length) {
    panes.push(table("Parts", receipt.parts.map((part) => [
      el("a", { href: to({ kpi: part.kpi }) }, kpis[part.kpi]?.title ?? part.kpi), people(part.value, kpis[part.kpi]?.unit ?? "count"), STATES[part.state]])));
  }
  for (const [by, groups] of Object.entries(receipt.contributors)) {
    const rows = groups.slice(0, CONTRIBUTORS_SHOWN).map((one) => [
      one.group || "(empty)", people(one.value, kpi.unit), one.share === null ? "–" : people(one.share, "ratio")]);
    const rest = groups.length - rows.length;
    panes.push(table(`Contributors by ${by.split(",").join(" and ")}${rest > 0 ? ` (${rest} smaller not shown)` : ""}`, rows, { head: ["", "Value", "Share"] }));
  }
  if (receipt.exclusions.length) {
    panes.push(table("Left out", receipt.exclusions.map((one) => [
      el("span", {}, one.reason, el("span", { class: "bounds" }, `${one.why}; of ${one.of}`)), whole.format(one.number)])));
  }
  return panes;
}
