// The live page: the list of KPIs, the page of one or a view beside them, as the address says; and whether the numbers can be trusted.

import * as address from "./address.js";
import { asked } from "./address.js";
import * as attention from "./attention.js";
import * as changes from "./changes.js";
import { $, el, radios, set, setClass } from "./dom.js";
import * as health from "./health.js";
import * as kpiPage from "./kpi.js";
import * as list from "./list.js";
import { clock, follow, kpis, total, trouble } from "./stream.js";
import { DEPARTMENTS, WINDOWS, missed, time, whole, windowOf } from "./words.js";

const SUMMARY_MS = 30_000;
const LIGHTS = { connecting: "Connecting", live: "Live", lost: "Lost", old: "Stopped", stale: "Behind" };
const PLACES = { list, kpi: kpiPage, attention, health };
const TITLES = { attention: "What needs someone", health: "Health" };

let place = "list"; // one of these is shown
let built = false; // for the catalogue that there is
let markWindow = () => {};
let summaryMs = 0;
let due = false; // a frame

// --- which of them is shown ---

function build() {
  built = true;
  const used = new Set(Object.values(kpis).flatMap((kpi) => kpi.windows));
  const names = WINDOWS.filter((window) => used.has(window)).map((window) => [window, window]);
  markWindow = radios($("windows"), Object.fromEntries(names), asked.window, (window) => go({ window }));
  fill($("department"), [["", "All"], ...Object.entries(DEPARTMENTS).filter(([id]) => Object.values(kpis).some((kpi) => kpi.department === id))]);
  const bys = [...new Set(Object.values(kpis).flatMap((kpi) => kpi.by))].sort();
  fill($("by"), [["", "nothing"], ...bys.map((by) => [by, by.replaceAll(",", " and ")])]);
  show("");
}

function fill(select, options) {
  select.replaceChildren(...options.map(([value, text]) => el("option", { value }, text)));
  select.onchange = () => go({ [select.id]: select.value });
}

// Shows something else of the same, without a new step in the history: a step is from one place to another.
function go(more) {
  history.replaceState(null, "", address.to(more));
  address.read();
  show("");
}

function show(line) {
  const dims = new Set(Object.values(kpis).flatMap((kpi) => kpi.by));
  if (asked.by && !dims.has(asked.by)) {
    line = `No KPI is grouped by ${asked.by}.`;
    asked.by = "";
  }
  if (asked.kpi && !Object.hasOwn(kpis, asked.kpi)) {
    line = `There is no KPI ${asked.kpi}: these are all that there are.`;
    asked.kpi = "";
  }
  notice(line);
  markWindow(asked.window);
  [$("department").value, $("by").value] = [asked.department, asked.by];
  const next = asked.kpi ? "kpi" : asked.view || "list";
  if (next !== place) PLACES[place].close();
  place = next;
  for (const name of Object.keys(PLACES)) $(name).hidden = name !== place;
  $("choices").hidden = place === "health";
  $("windows").hidden = place === "attention";
  $("filters").hidden = !["list", "attention"].includes(place);
  $("by").parentElement.hidden = $("choice").hidden = place !== "list";
  for (const name of ["list", ...Object.keys(TITLES)]) {
    const link = $(`to-${name}`);
    link.href = address.to({ view: name === "list" ? "" : name, kpi: "", list: "" });
    if (name === place) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  PLACES[place].open(go);
  const title = asked.kpi ? kpis[asked.kpi].title : TITLES[asked.view];
  document.title = title ? `${title} · KPIs` : "KPIs";
  draw();
}

function draw() {
  due = false;
  if (!built) return;
  PLACES[place].draw();
  drawSummary();
}

function notice(text) {
  $("notice").hidden = !text;
  set($("notice"), text);
}

addEventListener("hashchange", () => {
  const before = { ...asked };
  const line = address.read();
  if (!built) return; // it is followed once there is a catalogue
  show(line);
  if (asked.kpi === before.kpi && asked.view === before.view) return;
  scrollTo(0, 0);
  (titleOf() ?? (before.kpi ? list.linkOf(before.kpi) : $(`to-${before.view}`)))?.focus();
});

// What the keyboard is sent to; of the list it is what one came from.
const titleOf = () => $(`${place}-title`);

addEventListener("keydown", (event) => {
  if (event.key === "Escape" && place !== "list") location.hash = address.to(asked.kpi ? { kpi: "" } : { view: "", list: "" });
});

// --- whether it can be trusted ---

function said({ kind, since }) {
  if (kind === "lost") return `The connection is lost.${since ? ` These numbers are of ${time(since)}.` : ""} Trying again.`;
  if (kind === "old") return `No new numbers since ${time(since)}: the exporter answers, but does not compute.`;
  if (kind !== "stale") return "";
  if (!clock.stale_shards) return `All numbers are stale since ${time(since)}: Kafka does not say how far the topics reach.`;
  const lag = clock.lag ? `, ${whole.format(clock.lag)} records to go` : "";
  return `The numbers are stale: ${clock.stale_shards} of ${clock.shards} shards are behind since ${time(since)}${lag}.`;
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
  const all = Object.entries(kpis).map(([id, kpi]) => [kpi, total(id, windowOf(kpi, asked.window))]);
  const over = all.filter(([kpi, value]) => missed(kpi, value.value)).length;
  const stale = all.filter(([, value]) => value.state === "stale").length;
  const text = [`${all.length} KPIs`, over ? `${over} off target` : "none off target", stale ? `${stale} stale` : ""].filter(Boolean).join(", ");
  set($("tally"), text);
  $("tally").classList.toggle("off", over > 0);
  if (clock && Date.now() - summaryMs > SUMMARY_MS) {
    summaryMs = Date.now();
    set($("summary"), `As of ${time(clock.kpi_now)}: ${text}.`);
  }
}

const line = address.read();
follow("api/stream", {
  catalogue: () => {
    built = false;
    changes.forget();
  },
  values: () => {
    if (!built) {
      build();
      notice(line || $("notice").textContent);
      titleOf()?.focus();
    }
    changes.follow(Object.keys(kpis).filter((id) => kpis[id].operators.includes("change")), draw);
    list.followSparks(draw);
    if (!due) requestAnimationFrame(draw); // however many values come in between
    due = true;
  },
  status: drawStatus,
});
