// The list: each KPI in one row, by department; and by a dimension the largest groups of each KPI that has it.

import { asked, to } from "./address.js";
import { changeOf } from "./changes.js";
import { $, ask, el, set, setClass, svg } from "./dom.js";
import { headOf } from "./panes.js";
import { kpis, series, total } from "./stream.js";
import { DEPARTMENTS, STATES, details, missed, people, whole, windowOf } from "./words.js";

const GROUPS_SHOWN = 5; // of a KPI; all are on its page
const SPARKS_MS = 300_000;
const [WIDTH, HEIGHT] = [92, 22];
const COLUMNS = [["KPI", "c-kpi"], ["Value", "c-value number"], ["Change", "c-change"], ["Details", "c-detail"], ["Last 30 days", "c-trend"], ["Samples", "c-samples number"], ["State", "c-state"]];

const rows = new Map(); // kpi -> elements of its row
let sparks = {}; // kpi -> a number of each of the last days
let sparksMs = 0;

const shown = (kpi) => (!asked.department || kpi.department === asked.department) && (!asked.by || kpi.by.includes(asked.by));

export function open() {
  rows.clear();
  const sections = [];
  for (const [department, title] of Object.entries(DEPARTMENTS)) {
    const members = Object.entries(kpis).filter(([, kpi]) => kpi.department === department && shown(kpi));
    if (!members.length) continue;
    const table = el("table", { class: "kpis", "aria-label": title },
      headOf(COLUMNS),
      ...members.map(([id, kpi]) => buildRow(id, kpi)));
    sections.push(el("section", {}, el("h2", {}, title), el("div", { class: "sheet" }, table)));
  }
  $("list").replaceChildren(...sections);
}

export function close() {
  rows.clear();
  $("list").replaceChildren();
}

function buildRow(id, kpi) {
  const link = el("a", {}, kpi.title);
  const line = svg("polyline");
  const cells = { link, line, groups: [], points: "" };
  for (const name of ["value", "change", "detail", "samples", "state"]) cells[name] = el("td", { class: name });
  cells.span = el("span", { class: "span" });
  const picture = svg("svg", { "aria-hidden": "true" }, line);
  cells.row = el("tr", { class: "row", "data-kpi": id }, el("th", { scope: "row" }, el("div", { class: "name" }, link, cells.span)),
    cells.value, cells.change, cells.detail, el("td", { class: "trend" }, picture), cells.samples, cells.state);
  cells.body = el("tbody", {}, cells.row);
  rows.set(id, cells);
  return cells.body;
}

export function draw() {
  for (const [id, cells] of rows) {
    const kpi = kpis[id];
    const window = windowOf(kpi, asked.window);
    const value = total(id, window);
    cells.link.href = to({ kpi: id });
    set(cells.span, window);
    cells.span.hidden = window === asked.window;
    const text = people(value.value, kpi.unit);
    if (cells.value.textContent !== text) {
      if (cells.window === window) flash(cells.value);
      cells.value.textContent = text;
    }
    cells.window = window;
    const off = missed(kpi, value.value);
    setClass(cells.row, ["row", value.state === "stale" ? "is-stale" : off ? "is-missed" : ""].filter(Boolean).join(" "));
    set(cells.detail, details(kpi, value));
    cells.detail.classList.toggle("missed", off);
    const change = changeOf(id, kpi, window);
    set(cells.change, change?.text ?? "");
    drawState(cells, value);
    const points = line(sparks[id] ?? []);
    if (points !== cells.points) cells.line.setAttribute("points", cells.points = points);
    if (asked.by) drawGroups(cells, id, kpi, window);
  }
}

function drawState(cells, value) {
  set(cells.samples, whole.format(value.samples));
  set(cells.state, STATES[value.state]);
  setClass(cells.state, `state ${value.state}`);
}

// As many rows as there are groups to show: they are kept, and say something else when the order changes.
function drawGroups(cells, id, kpi, window) {
  const groups = largest(id, window, asked.by);
  const some = groups.slice(0, GROUPS_SHOWN);
  while (cells.groups.length > some.length) cells.groups.pop().row.remove();
  while (cells.groups.length < some.length) {
    const group = { name: el("th", { scope: "row" }) };
    for (const name of ["value", "samples", "state"]) group[name] = el("td", { class: name });
    group.row = el("tr", { class: "group" }, group.name, group.value, ...["change", "detail", "trend"].map((name) => el("td", { class: name })), group.samples, group.state);
    cells.groups.push(group);
    cells.body.append(group.row);
  }
  some.forEach((value, index) => {
    const group = cells.groups[index];
    set(group.name, groupName(value));
    set(group.value, people(value.value, kpi.unit));
    drawState(group, value);
  });
}

export const groupName = (value) => Object.values(value.by).join(", ") || "(empty)";

// The groups of a KPI by some dimensions, those with the most samples first.
export function largest(id, window, by) {
  return series(id, window).filter((value) => Object.keys(value.by).join(",") === by).sort((a, b) => b.samples - a.samples);
}

function flash(node) {
  node.classList.remove("fresh");
  void node.offsetWidth; // begins the animation anew
  node.classList.add("fresh");
}

function line(days) {
  const known = days.filter((value) => value !== null);
  const [low, high] = [Math.min(...known), Math.max(...known)];
  if (known.length < 3 || !(high > low)) return "";
  return days.flatMap((value, day) => value === null ? [] : [
    `${((day / (days.length - 1)) * WIDTH).toFixed(1)},${(HEIGHT - 2 - ((value - low) / (high - low)) * (HEIGHT - 4)).toFixed(1)}`,
  ]).join(" ");
}

export async function followSparks(drawn) {
  if (Date.now() - sparksMs < SPARKS_MS) return;
  sparksMs = Date.now();
  const answer = await ask("api/sparklines");
  if (!answer.ok) return;
  sparks = answer.data.sparklines;
  drawn();
}

export const linkOf = (id) => rows.get(id)?.link;
