// The wall: the KPIs that are aimed at or followed, a few large tiles at a time. It only shows, and turns its pages by itself; a hand may hold it.

import * as changes from "./changes.js";
import { $, el, set, setClass } from "./dom.js";
import { clock, follow, kpis, total, trouble } from "./stream.js";
import { DEPARTMENTS, STATES, WINDOWS, goal, missed, people, time, whole, windowOf } from "./words.js";

const TILES_MAX = 6; // more cannot be read from afar
const EVERY_S = 12;
const [EVERY_S_MIN, EVERY_S_MAX] = [2, 600];
const COLUMNS = [0, 1, 2, 3, 2, 3, 3]; // by number of tiles

const asked = settings(new URLSearchParams(location.search));
const compact = new Intl.NumberFormat("en", { notation: "compact" });
const minute = (text) => time(text).slice(0, 5);
let pages = [];
let at = 0;
let tiles = []; // of the page that is shown
let paused = false;
let timer = 0;

// What the address asks for; what cannot be is said, and the usual taken.
function settings(query) {
  const wrong = [];
  const taken = (name, usual, fits, thereAre) => {
    const text = query.get(name) ?? usual;
    if (fits(text)) return text;
    wrong.push(`There is no ${name} ${text}: ${thereAre}.`);
    return usual;
  };
  const department = taken("department", "", (text) => text === "" || Object.hasOwn(DEPARTMENTS, text), `there are ${Object.keys(DEPARTMENTS).join(", ")}`);
  const window = taken("window", "24h", (text) => WINDOWS.includes(text), `there are ${WINDOWS.join(", ")}`);
  const every = taken("every", String(EVERY_S), (text) => text >= EVERY_S_MIN && text <= EVERY_S_MAX, `give ${EVERY_S_MIN} to ${EVERY_S_MAX} seconds`);
  return { department, window, everyMs: Number(every) * 1000, wrong: wrong.join(" ") };
}

const aimed = (kpi) => kpi.target !== null || kpi.older_than_s !== null;

// Pages by department, as equal as can be; what has a target comes first.
function paged() {
  const found = [];
  for (const [department, title] of Object.entries(DEPARTMENTS)) {
    if (asked.department && asked.department !== department) continue;
    const members = Object.keys(kpis).filter((id) => kpis[id].department === department && (aimed(kpis[id]) || kpis[id].operators.length));
    members.sort((a, b) => aimed(kpis[b]) - aimed(kpis[a])); // the catalogue's order otherwise
    const count = Math.ceil(members.length / TILES_MAX);
    for (let page = 0; page < count; page += 1) {
      const [from, to] = [page, page + 1].map((edge) => Math.round((edge * members.length) / count));
      found.push({ title, members: members.slice(from, to) });
    }
  }
  return found;
}

function show() {
  const page = pages[at] ?? { title: "KPIs", members: [] };
  set($("title"), page.title);
  set($("place"), pages.length > 1 ? `${at + 1} / ${pages.length}` : "");
  tiles = page.members.map(tile);
  const rows = Math.ceil(tiles.length / COLUMNS[tiles.length]);
  $("tiles").style.gridTemplateColumns = `repeat(${COLUMNS[tiles.length]}, minmax(0, 1fr))`;
  $("tiles").style.gridTemplateRows = `repeat(${rows}, minmax(0, 1fr))`;
  $("tiles").replaceChildren(...tiles.map((parts) => parts.tile));
  $("turn").hidden = $("pause").hidden = pages.length < 2;
  draw();
  restart();
  arm();
}

function restart() {
  for (const animation of document.getAnimations()) {
    animation.cancel(); // of the bar and the tiles: they begin anew
    animation.play();
    if (paused && animation.effect.target === $("turn")) animation.pause();
  }
}

function tile(id) {
  const kpi = kpis[id];
  const parts = { id, kpi };
  for (const name of ["value", "aim", "change", "state"]) parts[name] = el("p", { class: name });
  parts.span = el("span", { class: "span" }, windowOf(kpi, asked.window));
  parts.tile = el("li", { "data-kpi": id }, el("h2", {}, kpi.title), parts.value, el("div", { class: "said" }, parts.aim, parts.change),
    el("div", { class: "foot" }, parts.state, parts.span));
  return parts;
}

function draw() {
  for (const { id, kpi, ...parts } of tiles) {
    const value = total(id, windowOf(kpi, asked.window));
    const known = value.value !== null;
    const off = missed(kpi, value.value);
    set(parts.value, people(value.value, kpi.unit));
    parts.value.style.setProperty("--length", parts.value.textContent.length); // so that the longest fit
    set(parts.aim, aimed(kpi) ? verdict(kpi, known, off) : "");
    set(parts.change, changes.changeOf(id, kpi, windowOf(kpi, asked.window))?.text ?? "");
    const samples = (value.samples < 10_000 ? whole : compact).format(value.samples);
    set(parts.state, value.state === "low_sample" ? `few samples: ${samples}` : `${STATES[value.state]} · ${samples} samples`);
    setClass(parts.state, `state ${value.state}`);
    setClass(parts.tile, value.state === "stale" ? "is-stale" : aimed(kpi) && known ? (off ? "is-missed" : "is-met") : "");
  }
}

// By sign and word, for whom colours say nothing.
function verdict(kpi, known, off) {
  const sign = known ? (off ? "✗ " : "✓ ") : "";
  if (kpi.older_than_s !== null) return `${sign}${off || !known ? "waiting" : "none"} over ${goal(kpi.older_than_s, "seconds")}`;
  const word = !known ? "target" : off ? (kpi.better === "lower" ? "over target" : "under target") : "target met:";
  return `${sign}${word} ${goal(kpi.target, kpi.unit)}`;
}

function followChanges() {
  changes.follow(pages.flatMap((page) => page.members).filter((id) => kpis[id].operators.includes("change")), draw);
}

function said({ kind, since }) {
  if (kind === "lost") return since ? `Connection lost: frozen since ${minute(since)}` : "No connection";
  if (kind === "old") return `Not computing: frozen since ${minute(since)}`;
  if (kind === "stale") return `Some values are behind${since ? ` since ${minute(since)}` : ""}`;
  return "";
}

function drawStatus() {
  const problem = trouble();
  const text = said(problem);
  set($("status"), { connecting: "Connecting", live: "Live", stale: "Behind" }[problem.kind] ?? "Frozen");
  $("banner").hidden = !text;
  set($("banner"), text);
  setClass(document.body, problem.kind);
  if (clock) set($("now"), minute(clock.kpi_now));
}

$("turn").style.animationDuration = `${asked.everyMs}ms`;
set($("notice"), asked.wrong);
$("notice").hidden = !asked.wrong;
follow("api/stream?by=", {
  catalogue: () => {
    pages = [];
    changes.forget();
  },
  values: () => {
    if (pages.length) draw();
    else {
      pages = paged();
      at = 0;
      show();
      set($("waiting"), "No KPI here has a target or operators.");
      $("waiting").hidden = pages.length > 0;
    }
    followChanges();
  },
  status: drawStatus,
});

// --- turning: by itself, unless it is paused by the button or the space bar; by the arrow keys in any case ---

function turn(by) {
  at = (at + by + pages.length) % pages.length;
  show();
}

function arm() {
  clearTimeout(timer);
  if (!paused && pages.length > 1) timer = setTimeout(() => turn(1), asked.everyMs);
}

$("pause").addEventListener("click", () => {
  paused = !paused;
  $("pause").setAttribute("aria-pressed", String(paused));
  restart();
  arm();
});

addEventListener("keydown", (event) => {
  if (pages.length < 2) return;
  if (event.key === " " && event.target !== $("pause")) $("pause").click();
  const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (by) turn(by);
});
