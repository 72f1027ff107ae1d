// The live page: each KPI in one row.

import { $, el, set, setClass } from "./dom.js";
import { clock, follow, kpis, series, total, trouble } from "./stream.js";
import { DEPARTMENTS, STATES, WINDOWS, difference, duration, goal, missed, people, time, whole, windowOf } from "./words.js";

const TREND_POINTS = 60;
const TREND_MS = 5_000; // so a trend is of the last 5 minutes
const GROUPS_SHOWN = 10;
const SUMMARY_MS = 30_000;
const OPERATED_MS = 30_000; // operators are of closed days: of an open row they are asked for again now and then
const OPERATORS = {
  change: "Change", revenue_growth_yoy: "Growth", trend_slope: "Trend a day", anomaly_band: "Last day, in deviations",
  forecast_end_of_period: "Forecast for the period", forecast_error: "Error of past forecasts", deals_forecast: "Forecast with pipeline",
  pipeline_overdue_value: "Overdue in the pipeline", target_attainment: "Target attained", target_met: "Target met", target_pace_gap: "Ahead of the pace",
};
const AGAINST = { previous: "on the days before", year: "on the year before" };

const trends = new Map(); // "kpi|window" -> numbers since the page was opened
const rows = new Map(); // kpi -> elements of its row
let chosen = "5m";
let shownKpi = ""; // the one that the address names
let summaryMs = 0;
let trendMs = 0;

// --- what is shown ---

function details(kpi, value) {
  const parts = [];
  if (kpi.older_than_s !== null) parts.push(`waiting longer than ${goal(kpi.older_than_s, "seconds")}`);
  if (kpi.target !== null) {
    const off = kpi.better === "lower" ? "over target" : "under target";
    parts.push(`${missed(kpi, value.value) ? off : "target"} ${goal(kpi.target, kpi.unit)}`);
  }
  if (value.interval) parts.push(value.interval.map((bound) => people(bound, kpi.unit)).join(" to "));
  for (const [q, seconds] of value.quantiles ?? []) {
    if (seconds !== value.value) parts.push(`p${Math.round(q * 100)} ${duration(seconds)}`);
  }
  // A value that is a quotient shows of what, unless its parts have other units (levels times time make more than there
  // are samples); a sum is its own numerator.
  const plain = kpi.unit !== "count" || value.parts?.[1] <= value.samples;
  if (value.parts?.[1] && plain && value.parts[0] !== value.value && kpi.unit !== "score" && !kpi.unit.endsWith("/s")) {
    parts.push(`${people(value.parts[0], kpi.unit === "ratio" ? "count" : kpi.unit)} / ${whole.format(value.parts[1])}`);
  }
  return parts.map((part) => part.replaceAll(/ (?!to )/g, "\u00a0")).join(" · "); // breaks between parts, and before "to"
}

function trace() {
  if (Date.now() - trendMs < TREND_MS) return;
  trendMs = Date.now();
  for (const [id, kpi] of Object.entries(kpis)) {
    for (const window of kpi.windows) {
      const value = total(id, window)?.value;
      const key = `${id}|${window}`;
      if (value === null || value === undefined) continue;
      if (!trends.has(key)) trends.set(key, []);
      const points = trends.get(key);
      points.push(value);
      if (points.length > TREND_POINTS) points.shift();
    }
  }
}

function line(points) {
  const [low, high] = [Math.min(...points), Math.max(...points)];
  if (points.length < 4 || !(high > low)) return "";
  const x = (index) => 92 - ((points.length - 1 - index) / (TREND_POINTS - 1)) * 92; // the newest stands at the right
  return points.map((value, index) => `${x(index).toFixed(1)},${(20 - ((value - low) / (high - low)) * 18).toFixed(1)}`).join(" ");
}

function build() {
  const sections = [];
  for (const [department, title] of Object.entries(DEPARTMENTS)) {
    const members = Object.entries(kpis).filter(([, kpi]) => kpi.department === department);
    if (!members.length) continue;
    const head = [["KPI", "c-kpi"], ["Value", "c-value number"], ["", "c-detail"], ["Last 5 min", "c-trend"], ["Samples", "c-samples number"], ["State", "c-state"]];
    const table = el("table", { class: "kpis", "aria-label": title },
      el("thead", {}, el("tr", {}, ...head.map(([text, name]) => el("th", { scope: "col", class: name }, text || el("span", { class: "unseen" }, "Details"))))),
      ...members.map(([id, kpi]) => buildRow(id, kpi)));
    sections.push(el("section", {}, el("h2", {}, title), el("div", { class: "sheet" }, table)));
  }
  $("departments").replaceChildren(...sections);
  buildWindows();
}

function buildRow(id, kpi) {
  const button = el("button", { type: "button", "aria-expanded": "false", "aria-controls": `more-${id}` }, kpi.title);
  const cells = {
    span: el("span", { class: "span" }), value: el("td", { class: "value" }), detail: el("td", { class: "detail" }),
    trend: document.createElementNS("http://www.w3.org/2000/svg", "polyline"), samples: el("td", { class: "samples" }),
    state: el("td", { class: "state" }), more: el("tr", { class: "more", id: `more-${id}`, hidden: "" }, el("td", { colspan: "6" })), button,
  };
  const picture = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  picture.setAttribute("aria-hidden", "true");
  picture.append(cells.trend);
  cells.row = el("tr", { class: "row", "data-kpi": id },
    el("th", { scope: "row" }, el("div", { class: "name" }, button, cells.span)), cells.value, cells.detail, el("td", { class: "trend" }, picture), cells.samples, cells.state);
  cells.operated = [];
  cells.operatedMs = 0;
  cells.content = el("div");
  cells.more.firstChild.append(cells.content, buildReceipt(id, kpi));
  button.addEventListener("click", () => {
    open(cells, cells.more.hidden);
    drawMore(id, kpi, cells);
    if (!cells.more.hidden) name(id);
    else if (shownKpi === id) name("");
  });
  rows.set(id, cells);
  return el("tbody", {}, cells.row, cells.more);
}

function open(cells, wanted) {
  cells.more.hidden = !wanted;
  cells.button.setAttribute("aria-expanded", String(wanted));
}

function draw() {
  for (const [id, kpi] of Object.entries(kpis)) {
    const cells = rows.get(id);
    const window = windowOf(kpi, chosen);
    const value = total(id, window) ?? { value: null, samples: 0, state: "no_data" };
    const text = people(value.value, kpi.unit);
    set(cells.span, window);
    cells.span.hidden = window === chosen;
    if (cells.value.textContent !== text) {
      if (cells.shown === window) flash(cells.value);
      cells.value.textContent = text;
    }
    cells.shown = window;
    const off = missed(kpi, value.value);
    setClass(cells.row, ["row", value.state === "stale" ? "is-stale" : off ? "is-missed" : ""].filter(Boolean).join(" "));
    set(cells.detail, details(kpi, value));
    cells.detail.classList.toggle("missed", off);
    set(cells.samples, whole.format(value.samples));
    set(cells.state, STATES[value.state]);
    setClass(cells.state, `state ${value.state}`);
    cells.trend.setAttribute("points", line(trends.get(`${id}|${window}`) ?? []));
    drawMore(id, kpi, cells);
  }
}

function flash(node) {
  node.classList.remove("fresh");
  void node.offsetWidth; // begins the animation anew
  node.classList.add("fresh");
}

function drawMore(id, kpi, cells) {
  if (cells.more.hidden) return;
  const window = windowOf(kpi, chosen);
  const panes = [pane("Windows", kpi.windows.map((name) => [name, total(id, name)]), kpi)];
  for (const by of kpi.by) {
    const names = by.split(",").join("\u0001");
    const groups = series(id, window)
      .filter((value) => Object.keys(value.by).join("\u0001") === names)
      .sort((a, b) => b.samples - a.samples);
    if (!groups.length) continue;
    const shown = groups.slice(0, GROUPS_SHOWN).map((value) => [Object.values(value.by).join(", ") || "(empty)", value]);
    const rest = groups.length - shown.length;
    panes.push(pane(`By ${by.split(",").join(" and ")}, ${window}${rest > 0 ? ` (${rest} smaller not shown)` : ""}`, shown, kpi));
  }
  if (kpi.operators.length || cells.operated.length) operate(id, kpi, cells);
  if (cells.operated.length) panes.push(operatedPane(cells.operated, kpi));
  const choices = kpi.choices ? [el("p", { class: "choices" }, kpi.choices)] : [];
  cells.content.replaceChildren(...choices, el("div", { class: "panes" }, ...panes)); // the receipt stays, and with it the focus
}

// What operators make of the totals.
async function operate(id, kpi, cells) {
  if (Date.now() - cells.operatedMs < OPERATED_MS) return;
  cells.operatedMs = Date.now();
  const answer = await fetch(`api/kpis?${new URLSearchParams({ kpi: id, by: "" })}`).catch(() => null);
  if (!answer?.ok) return;
  const order = Object.keys(OPERATORS);
  cells.operated = (await answer.json()).operators.sort((a, b) => order.indexOf(a.operator) - order.indexOf(b.operator));
  drawMore(id, kpi, cells);
}

function operated(result, kpi) {
  const { operator, value, unit } = result;
  if (value === null) return "–";
  if (operator === "target_met") return value ? "yes" : "no";
  if (["forecast_end_of_period", "forecast_error", "target_attainment", "deals_forecast", "pipeline_overdue_value"].includes(operator)) return people(value, unit);
  return difference(value, unit, kpi);
}

function operatedPane(results, kpi) {
  const title = "Trends and targets";
  const body = results.map((result) => {
    const words = [OPERATORS[result.operator] ?? result.operator, AGAINST[result.against] ?? ""].filter(Boolean).join(" ");
    const name = result.operator === "anomaly_band" ? words : `${words}, ${result.window}`;
    const bounds = result.lower !== null && result.upper !== null && result.operator !== "anomaly_band"
      ? [el("span", { class: "bounds" }, `${people(result.lower, result.unit)} to ${people(result.upper, result.unit)}`)] : [];
    return el("tr", {}, el("th", { scope: "row" }, name, ...bounds), el("td", { class: "value" }, operated(result, kpi)),
      el("td", { class: `state ${result.state}` }, STATES[result.state]));
  });
  return el("div", { class: "pane" }, el("h3", {}, title), el("table", { "aria-label": `${kpi.title}: ${title}` }, el("tbody", {}, ...body)));
}

// A receipt is fetched when it is asked for, and stays as it was then.
function buildReceipt(id, kpi) {
  const show = el("button", { type: "button" }, "Receipt");
  const prove = el("button", { type: "button", hidden: "" }, "Prove it");
  const verdict = el("p", { class: "verdict", role: "status" });
  const text = el("pre", { hidden: "", tabindex: "0", "aria-label": `${kpi.title}: receipt` });
  let window = "";
  const query = () => new URLSearchParams({ kpi: id, window });
  show.addEventListener("click", async () => {
    window = windowOf(kpi, chosen);
    const answer = await fetch(`api/explain?${query()}`).catch(() => null);
    const receipt = answer?.ok ? await answer.json() : { text: answer ? await answer.text() : "The exporter does not answer.", provable: false };
    set(text, receipt.text);
    set(verdict, "");
    text.hidden = false;
    prove.hidden = !receipt.provable;
  });
  prove.addEventListener("click", async () => {
    prove.disabled = true;
    set(verdict, "Recomputing from Kafka …");
    const answer = await fetch(`api/prove?${query()}`, { method: "POST" }).catch(() => null);
    set(verdict, answer?.ok ? (await answer.json()).text : answer ? await answer.text() : "The exporter does not answer.");
    prove.disabled = false;
  });
  return el("div", { class: "receipt" }, show, prove, verdict, text);
}

function pane(title, entries, kpi) {
  const body = entries.map(([name, value]) => {
    const state = value?.state ?? "no_data";
    const samples = value ? whole.format(value.samples) : "0";
    return el("tr", {}, el("th", { scope: "row" }, name), el("td", { class: "value" }, people(value?.value, kpi.unit)),
      el("td", { class: "samples", title: "samples" }, samples), el("td", { class: `state ${state}` }, STATES[state]));
  });
  return el("div", { class: "pane" }, el("h3", {}, title), el("table", { "aria-label": `${kpi.title}: ${title}` }, el("tbody", {}, ...body)));
}

function buildWindows() {
  const used = new Set(Object.values(kpis).flatMap((kpi) => kpi.windows));
  $("windows").replaceChildren(...WINDOWS.filter((window) => used.has(window)).map((window) => {
    const button = el("button", { type: "button", role: "radio" }, window);
    button.addEventListener("click", () => choose(window));
    return button;
  }));
  markWindow();
}

function markWindow() {
  for (const button of $("windows").children) {
    const here = button.textContent === chosen;
    button.setAttribute("aria-checked", String(here));
    button.tabIndex = here ? 0 : -1;
  }
}

function choose(window) {
  chosen = window;
  name(shownKpi);
  markWindow();
  draw();
  drawSummary();
}

// --- the address: #kpi=NAME, #window=30d, both with &, or the window alone: #30d ---

function readAddress() {
  const text = location.hash.slice(1);
  const asked = new URLSearchParams(text && !text.includes("=") ? { window: text } : text);
  const window = asked.get("window") ?? chosen;
  if (WINDOWS.includes(window)) chosen = window;
  notice(WINDOWS.includes(window) ? "" : `There is no window ${window}: ${chosen} is shown.`);
  shownKpi = asked.get("kpi") ?? "";
}

// Keeps the address of what is shown, to be copied.
function name(id) {
  shownKpi = id;
  history.replaceState(null, "", `#${new URLSearchParams(id ? { kpi: id, window: chosen } : { window: chosen })}`);
  notice("");
}

function notice(text) {
  $("notice").hidden = !text;
  set($("notice"), text);
}

// Opens a KPI's row, goes there and takes the keyboard along.
function reach(id) {
  const cells = rows.get(id);
  if (!cells) {
    notice(`There is no KPI ${id}: these are all that there are.`);
    shownKpi = "";
    return;
  }
  open(cells, true);
  draw();
  document.documentElement.style.scrollPaddingTop = `${$("top").getBoundingClientRect().height + 4}px`; // the header stays above
  cells.button.focus({ preventScroll: true });
  cells.row.scrollIntoView();
}

addEventListener("hashchange", () => {
  readAddress();
  if (!rows.size) return; // it is followed once there are rows
  markWindow();
  draw();
  drawSummary();
  if (shownKpi) reach(shownKpi);
});

// Arrow keys move within the picker, as in any group of radio buttons.
$("windows").addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const names = [...$("windows").children].map((button) => button.textContent);
  choose(names[(names.indexOf(chosen) + step + names.length) % names.length]);
  $("windows").querySelector("[aria-checked=true]").focus();
});

// --- whether it can be trusted ---

const LIGHTS = { connecting: "Connecting", live: "Live", lost: "Lost", old: "Stopped", stale: "Behind" };

function said({ kind, since }) {
  if (kind === "lost") return `The connection is lost.${since ? ` These numbers are of ${time(since)}.` : ""} Trying again.`;
  if (kind === "old") return `No new numbers since ${time(since)}: the exporter answers, but does not compute.`;
  if (kind !== "stale") return "";
  const lag = clock.lag ? `, ${whole.format(clock.lag)} records to go` : "";
  return `Some numbers are stale: ${clock.stale_shards} of ${clock.shards} shards are behind${since ? ` since ${time(since)}` : ""}${lag}.`;
}

function drawStatus() {
  const problem = trouble();
  const [text, bad] = [said(problem), ["lost", "old"].includes(problem.kind)];
  set($("status"), LIGHTS[problem.kind]);
  setClass($("clock"), { connecting: "", old: "lost" }[problem.kind] ?? problem.kind);
  $("banner").hidden = !text;
  set($("banner"), text);
  setClass($("banner"), bad ? "bad" : "");
  document.body.classList.toggle("dimmed", bad);
  if (clock) {
    set($("now"), time(clock.kpi_now));
    $("now").dateTime = clock.kpi_now;
  }
}

function drawSummary() {
  const all = Object.entries(kpis).map(([id, kpi]) => [kpi, total(id, windowOf(kpi, chosen))]);
  const over = all.filter(([kpi, value]) => value && missed(kpi, value.value)).length;
  const stale = all.filter(([, value]) => value?.state === "stale").length;
  const text = [`${all.length} KPIs`, over ? `${over} off target` : "none off target", stale ? `${stale} stale` : ""].filter(Boolean).join(", ");
  set($("tally"), text);
  $("tally").classList.toggle("off", over > 0);
  if (Date.now() - summaryMs > SUMMARY_MS) {
    summaryMs = Date.now();
    set($("summary"), `As of ${time(clock.kpi_now)}: ${text}.`);
  }
}

readAddress();
follow("api/stream", {
  catalogue: () => rows.clear(),
  values: () => {
    const begins = !rows.size;
    if (begins) build();
    trace();
    draw();
    drawSummary();
    if (begins && shownKpi) reach(shownKpi); // now that all rows have their heights
  },
  status: drawStatus,
});
