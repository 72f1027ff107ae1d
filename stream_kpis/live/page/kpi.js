// The page of one KPI: its value, how it went, its windows and groups, what operators make of it, and its receipt.

import { asked, to } from "./address.js";
import { changeOf } from "./changes.js";
import { $, ask, el, set, setClass } from "./dom.js";
import * as history from "./history.js";
import { groupName, largest } from "./list.js";
import { table } from "./panes.js";
import * as receipt from "./receipt.js";
import { kpis, total } from "./stream.js";
import { STATES, details, difference, missed, people, whole, windowOf } from "./words.js";

const GROUPS_SHOWN = 10;
const OPERATED_MS = 30_000; // operators are of closed days: they are asked for again now and then
const OPERATORS = {
  change: "Change", revenue_growth_yoy: "Growth", trend_slope: "Trend a day", anomaly_band: "Last day, in deviations",
  forecast_end_of_period: "Forecast for the period", forecast_error: "Error of past forecasts", deals_forecast: "Forecast with pipeline",
  pipeline_overdue_value: "Overdue in the pipeline", target_attainment: "Target attained", target_met: "Target met", target_pace_gap: "Ahead of the pace",
};
const PLAIN = ["forecast_end_of_period", "forecast_error", "target_attainment", "deals_forecast", "pipeline_overdue_value"];
const BACK = { "": "← All KPIs", attention: "← What needs someone", health: "← Health" };
const AGAINST = { previous: "on the days before", year: "on the year before" };

let page = null; // of the KPI and window that are shown

export function close() {
  page?.receipt.close();
  page = null;
  $("kpi").replaceChildren();
}

export function open() {
  const kpi = kpis[asked.kpi];
  const window = windowOf(kpi, asked.window);
  if (page?.kpi !== kpi) {
    page?.receipt.close();
    page = build(asked.kpi, kpi);
    $("kpi").replaceChildren(...page.all);
  }
  page.back.href = to({ kpi: "" });
  set(page.back, BACK[asked.view]);
  if (page.window === window) return;
  page.window = window;
  page.receipt?.close();
  page.receipt = receipt.build(page.id, kpi, window);
  page.below.replaceChildren(page.receipt.element);
}

function build(id, kpi) {
  const made = { id, kpi, window: "", operated: [], operatedMs: 0, receipt: null };
  for (const name of ["value", "state", "samples", "change", "detail"]) made[name] = el("p", { class: name });
  made.span = el("span", { class: "span" });
  made.back = el("a");
  made.file = el("a", { href: `api/kpis?${new URLSearchParams({ kpi: id, format: "csv" })}`, download: "" }, "CSV");
  made.panes = el("div", { class: "panes" });
  made.below = el("div");
  made.history = history.build(id, kpi);
  made.all = [
    el("nav", { "aria-label": "Back" }, made.back),
    el("div", { class: "head sheet" },
      el("div", { class: "what" }, el("h2", { id: "kpi-title", tabindex: "-1" }, kpi.title), el("p", { class: "choices" }, kpi.choices)),
      el("div", { class: "now" }, el("div", { class: "number" }, made.value, made.span), made.change, made.detail, el("div", { class: "foot" }, made.samples, made.state))),
    made.history.element,
    el("section", { class: "sheet", "aria-label": "Windows and groups" }, el("div", { class: "title" }, el("h3", {}, "Windows and groups"), made.file), made.panes),
    made.below,
  ];
  return made;
}

export function draw() {
  if (!page) return;
  const { id, kpi, window } = page;
  const value = total(id, window);
  const off = missed(kpi, value.value);
  set(page.value, people(value.value, kpi.unit));
  set(page.span, window);
  set(page.detail, details(kpi, value));
  setClass(page.detail, off ? "detail missed" : "detail");
  setClass(page.value, ["value", value.state === "stale" ? "is-stale" : off ? "missed" : ""].filter(Boolean).join(" "));
  set(page.change, changeOf(id, kpi, window)?.text ?? "");
  set(page.samples, `${whole.format(value.samples)} samples`);
  set(page.state, STATES[value.state]);
  setClass(page.state, `state ${value.state}`);
  drawPanes();
  page.history.follow();
  operate(page);
}

function drawPanes() {
  const { id, kpi, window } = page;
  const panes = [valuesPane("Windows", kpi.windows.map((name) => [name, total(id, name)]), kpi)];
  for (const by of kpi.by) {
    const groups = largest(id, window, by);
    if (!groups.length) continue;
    const rest = groups.length - GROUPS_SHOWN;
    panes.push(valuesPane(`By ${by.split(",").join(" and ")}, ${window}${rest > 0 ? ` (${rest} smaller not shown)` : ""}`,
      groups.slice(0, GROUPS_SHOWN).map((value) => [groupName(value), value]), kpi));
  }
  if (page.operated.length) panes.push(operatedPane(page.operated, kpi));
  page.panes.replaceChildren(...panes);
}

function valuesPane(title, entries, kpi) {
  const rows = entries.map(([name, value]) => [name, people(value.value, kpi.unit),
    el("td", { class: "samples", title: "samples" }, whole.format(value.samples)), el("td", { class: `state ${value.state}` }, STATES[value.state])]);
  return table(title, rows, { label: `${kpi.title}: ${title}` });
}

// What operators make of the totals.
async function operate(of) {
  if (Date.now() - of.operatedMs < OPERATED_MS) return;
  of.operatedMs = Date.now();
  const answer = await ask(`api/kpis?${new URLSearchParams({ kpi: of.id, by: "" })}`);
  if (!answer.ok) return;
  const order = Object.keys(OPERATORS);
  of.operated = answer.data.operators.sort((a, b) => order.indexOf(a.operator) - order.indexOf(b.operator));
  if (of === page) drawPanes();
}

function operated({ operator, value, unit }, kpi) {
  if (value === null) return "–";
  if (operator === "target_met") return value ? "yes" : "no";
  return PLAIN.includes(operator) ? people(value, unit) : difference(value, unit, kpi);
}

function operatedPane(results, kpi) {
  const title = "Trends and targets";
  const rows = results.map((result) => {
    const words = [OPERATORS[result.operator] ?? result.operator, AGAINST[result.against] ?? ""].filter(Boolean).join(" ");
    const name = result.operator === "anomaly_band" ? words : `${words}, ${result.window}`;
    const bounds = result.lower !== null && result.upper !== null && result.operator !== "anomaly_band"
      ? [el("span", { class: "bounds" }, `${people(result.lower, result.unit)} to ${people(result.upper, result.unit)}`)] : [];
    return [[name, ...bounds], operated(result, kpi), el("td", { class: `state ${result.state}` }, STATES[result.state])];
  });
  return table(title, rows, { label: `${kpi.title}: ${title}` });
}
