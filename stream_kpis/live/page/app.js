// The live page: follows /api/stream and shows each KPI in one row. Values are kept by KPI, window and group.

const WINDOWS = ["5m", "1h", "today", "24h", "7d", "mtd", "30d", "qtd", "90d", "ytd", "365d", "all"];
const DEPARTMENTS = { service: "Service", sales: "Sales", customers: "Customers", marketing: "Marketing" };
const STATES = { ok: "ok", low_sample: "few samples", immature: "immature", stale: "stale", no_data: "no data" };
const SILENT_MS = 12_000; // the server says something every 5 s
const OLD_S = 15;
const RETRY_MS = 1_000;
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

const $ = (id) => document.getElementById(id);
const values = new Map(); // "kpi|window" -> Map(group key -> value)
const trends = new Map(); // "kpi|window" -> numbers since the page was opened
const rows = new Map(); // kpi -> elements of its row
let catalogue = ""; // as it came
let kpis = {};
let currency = "USD";
let chosen = "5m";
let shownKpi = ""; // the one that the address names
let clock = null;
let heardMs = 0; // any event
let ageS = 0; // of the snapshot, as the server says
let lost = true;
let source = null;
let summaryMs = 0;
let trendMs = 0;

// --- numbers for people ---

const whole = new Intl.NumberFormat("en");
const rounded = (digits) => new Intl.NumberFormat("en", { maximumFractionDigits: digits, minimumFractionDigits: digits });
const [tenth, hundredth] = [rounded(1), rounded(2)];

function duration(seconds) {
  if (seconds < 9.95) return `${tenth.format(seconds)} s`;
  const total = Math.round(seconds);
  if (total < 60) return `${total} s`;
  const [days, hours, minutes, rest] = [Math.floor(total / 86400), Math.floor(total / 3600) % 24, Math.floor(total / 60) % 60, total % 60];
  if (total < 3600) return rest ? `${minutes} min ${rest} s` : `${minutes} min`;
  if (total < 86400) return minutes ? `${hours} h ${minutes} min` : `${hours} h`;
  return hours && days < 10 ? `${days} d ${hours} h` : `${days} d`;
}

function money(amount) {
  const large = Math.abs(amount) >= 1e6;
  const digits = large || Math.abs(amount) < 1000 ? 2 : 0;
  return new Intl.NumberFormat("en", {
    style: "currency", currency, notation: large ? "compact" : "standard",
    minimumFractionDigits: digits, maximumFractionDigits: digits,
  }).format(amount);
}

function people(value, unit) {
  if (value === null || value === undefined) return "–";
  if (unit === "seconds") return duration(value);
  if (unit === "ratio") return `${tenth.format(value * 100)} %`;
  if (unit === "count") return Number.isInteger(value) ? whole.format(value) : hundredth.format(value);
  if (unit === "score") return hundredth.format(value);
  if (unit === "1/s") return `${hundredth.format(value * 365 * 86400)} / y`;
  if (unit.endsWith("/s")) return `${money(value * 86400)} / d`;
  return money(value);
}

// Off target: beyond it on the worse side; of cases waiting too long, one is enough.
function missed(kpi, value) {
  if (value === null || value === undefined) return false;
  if (kpi.older_than_s !== null) return value > 0;
  return kpi.target !== null && (kpi.better === "lower" ? value > kpi.target : value < kpi.target);
}

// What somebody set is a round number, and is written as one.
const goal = (value, unit) => people(value, unit).replace(/\.0 (?=%|s$)/, " ");

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
  // A value that is a quotient shows of what, unless its parts have other units; a sum is its own numerator.
  if (value.parts?.[1] && value.parts[0] !== value.value && kpi.unit !== "score" && !kpi.unit.endsWith("/s")) {
    parts.push(`${people(value.parts[0], kpi.unit === "ratio" ? "count" : kpi.unit)} / ${whole.format(value.parts[1])}`);
  }
  return parts.map((part) => part.replaceAll(/ (?!to )/g, "\u00a0")).join(" · "); // breaks between parts, and before "to"
}

// --- elements ---

function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

function set(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function setClass(node, name) {
  if (node.className !== name) node.className = name;
}

// --- what is shown ---

function windowOf(kpi) {
  if (kpi.windows.includes(chosen)) return chosen;
  const after = WINDOWS.slice(WINDOWS.indexOf(chosen)).find((window) => kpi.windows.includes(window));
  return after ?? kpi.windows[kpi.windows.length - 1];
}

const groupKey = (by) => Object.entries(by).map(([name, value]) => `${name}=${value}`).join("\u0001");

function take(row, gone) {
  const key = `${row.kpi}|${row.window}`;
  if (!values.has(key)) values.set(key, new Map());
  if (gone) values.get(key).delete(groupKey(row.by));
  else values.get(key).set(groupKey(row.by), row);
}

function total(id, window) {
  return values.get(`${id}|${window}`)?.get("");
}

function follow() {
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
    const window = windowOf(kpi);
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
  const window = windowOf(kpi);
  const panes = [pane("Windows", kpi.windows.map((name) => [name, total(id, name)]), kpi)];
  for (const by of kpi.by) {
    const names = by.split(",").join("\u0001");
    const groups = [...(values.get(`${id}|${window}`)?.values() ?? [])]
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

// A difference has its sign; that of a ratio is in points, not in percent of itself.
function operated(result, kpi) {
  const { operator, value, unit } = result;
  if (value === null) return "–";
  if (operator === "target_met") return value ? "yes" : "no";
  if (["forecast_end_of_period", "forecast_error", "target_attainment", "deals_forecast", "pipeline_overdue_value"].includes(operator)) return people(value, unit);
  const sign = value > 0 ? "+" : value < 0 ? "−" : "±";
  const points = kpi.unit === "ratio" && unit === "ratio";
  const text = points ? `${hundredth.format(Math.abs(value) * 100)} points` : people(Math.abs(value), unit);
  return `${sign}${text}`;
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
    window = windowOf(kpi);
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

const time = (text) => new Date(text).toLocaleTimeString("en-GB");

function trouble() {
  if (clock === null) return lost && heardMs ? ["lost", "The connection is lost. Trying again."] : null;
  if (lost) return ["lost", `The connection is lost. These numbers are of ${time(clock.kpi_now)}. Trying again.`];
  if (ageS > OLD_S) return ["old", `No new numbers since ${time(clock.made)}: the exporter answers, but does not compute.`];
  if (clock.stale_shards) {
    const since = clock.stale_since ? ` since ${time(clock.stale_since)}` : "";
    const lag = clock.lag ? `, ${whole.format(clock.lag)} records to go` : "";
    return ["stale", `Some numbers are stale: ${clock.stale_shards} of ${clock.shards} shards are behind${since}${lag}.`];
  }
  return null;
}

function drawStatus() {
  const problem = trouble();
  const [kind, text] = problem ?? ["live", ""];
  const waiting = clock === null && !problem;
  set($("status"), waiting ? "Connecting" : { live: "Live", lost: "Lost", old: "Stopped", stale: "Behind" }[kind]);
  setClass($("clock"), waiting ? "" : kind === "old" ? "lost" : kind);
  $("banner").hidden = !problem;
  set($("banner"), text);
  setClass($("banner"), kind === "lost" || kind === "old" ? "bad" : "");
  document.body.classList.toggle("dimmed", kind === "lost" || kind === "old");
  if (clock) {
    set($("now"), time(clock.kpi_now));
    $("now").dateTime = clock.kpi_now;
  }
}

function drawSummary() {
  const all = Object.entries(kpis).map(([id, kpi]) => [kpi, total(id, windowOf(kpi))]);
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

// --- the stream ---

function heard() {
  heardMs = Date.now();
  lost = false;
}

function connect() {
  source?.close();
  source = new EventSource("api/stream");
  source.addEventListener("catalogue", (event) => {
    heard();
    if (event.data === catalogue) return; // connected again: what is open stays open
    catalogue = event.data;
    ({ kpis, currency } = JSON.parse(catalogue));
    rows.clear();
  });
  source.addEventListener("ping", (event) => {
    heard();
    ageS = JSON.parse(event.data).age_s ?? 0;
    drawStatus();
  });
  source.addEventListener("values", (event) => {
    heard();
    const message = JSON.parse(event.data);
    const { values: fresh, gone, ...rest } = message;
    clock = rest;
    ageS = message.age_s;
    if (message.whole) values.clear();
    const begins = !rows.size;
    if (begins) build();
    fresh.forEach((row) => take(row, false));
    gone.forEach((row) => take(row, true));
    follow();
    draw();
    drawStatus();
    drawSummary();
    if (begins && shownKpi) reach(shownKpi); // now that all rows have their heights
  });
  source.addEventListener("error", drop);
}

function drop() {
  source.close(); // the browser gives up on some answers; we never do
  lost = true;
  heardMs ||= Date.now();
  drawStatus();
  setTimeout(connect, RETRY_MS);
}

setInterval(() => {
  if (!lost && Date.now() - heardMs > SILENT_MS) drop();
  drawStatus();
}, 1_000);
readAddress();
connect();
