// Whether the numbers are kept up: of each shard how far it is, what could not be used, and the exporter itself.

import { to } from "./address.js";
import { $, ask, el, set, setClass } from "./dom.js";
import { headOf, table } from "./panes.js";
import { clock } from "./stream.js";
import { duration, moment, time, whole } from "./words.js";

const SHARDS_MS = 1_000; // asked for only while this is open
const EXPORTER_MS = 30_000; // of the exporter itself little changes
const STATES = { ok: "ok", behind: "behind", away: "away", unseen: "never seen" };
const NUMBERS = ["Records to go", "Heard", "Records read", "Events", "Parked", "Dead letters"];
const COLUMNS = [["Shard", ""], ["State", ""], ...NUMBERS.map((name) => [name, "number"])];

let page = null;

export function open() {
  if (!page) {
    page = build();
    page.timer = setInterval(follow, SHARDS_MS, page);
    follow(page);
  }
  page.back.href = to({ view: "" });
}

export function close() {
  clearInterval(page?.timer);
  page = null;
}

function build() {
  const made = { rows: [], back: el("a", {}, "← All KPIs"), said: el("p", { class: "choices", role: "status" }), body: el("tbody"), panes: el("div", { class: "panes" }), shards: [], exporter: null, exporterMs: 0, asking: false, timer: 0 };
  const shardsTable = el("table", { class: "shards rows", "aria-label": "Shards" }, headOf(COLUMNS), made.body);
  $("health").replaceChildren(
    el("nav", { "aria-label": "Back" }, made.back),
    el("section", { class: "sheet", "aria-label": "Shards" }, el("h2", { id: "health-title", tabindex: "-1" }, "Health"), made.said,
      el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "Table of the shards" }, shardsTable)),
    el("section", { class: "sheet", "aria-label": "Details" }, el("div", { class: "title" }, el("h3", {}, "Details")), made.panes));
  return made;
}

export function draw() {
  if (!page || !clock || !page.shards.length) return;
  const { shards } = page;
  set(page.said, sentence(shards));
  if (page.rows.length !== shards.length) {
    page.rows = shards.map(() => [el("th", { scope: "row" }), el("td"), ...NUMBERS.map((name) => el("td", { class: "samples", "data-name": name }))]);
    page.body.replaceChildren(...page.rows.map((cells) => el("tr", {}, ...cells)));
  }
  shards.forEach(drawShard);
  drawPanes();
}

function drawShard(shard, index) {
  const { state, since, lag, age_s: ageS, read, events, parked, dead_letters: dead } = shard;
  const texts = [String(shard.shard), since && state !== "unseen" ? `${STATES[state]} since ${time(since)}` : STATES[state], whole.format(lag), ageS === null ? "–" : `${duration(ageS)} ago`,
    whole.format(read), whole.format(events), whole.format(parked), whole.format(sum(Object.values(dead)))];
  const cells = page.rows[index];
  texts.forEach((text, column) => set(cells[column], text));
  setClass(cells[1], state === "ok" ? "state ok" : "state stale");
}

const sum = (numbers) => numbers.reduce((total, number) => total + number, 0);

function sentence(shards) {
  const [late, all] = [shards.filter((shard) => shard.state !== "ok").length, shards.length];
  if (late) return `${late} of ${all} shards ${late === 1 ? "does" : "do"} not keep up: numbers of all KPIs may lack their events.`;
  return clock.stale_since ? "Kafka does not say how far the topics reach: whether the shards keep up is not known." : all === 1 ? "The only shard keeps up." : `All ${all} shards keep up.`;
}

function drawPanes() {
  const { exporter, shards } = page;
  const dead = {};
  for (const shard of shards) for (const [reason, count] of Object.entries(shard.dead_letters)) dead[reason] = (dead[reason] ?? 0) + count;
  const worst = Object.entries(dead).sort((a, b) => b[1] - a[1]).map(([reason, count]) => [reason.replaceAll("_", " "), whole.format(count)]);
  const held = clock.held_since ? [["Held since", moment(clock.held_since, clock.made)], ["Shards with another one", `${clock.shards_changed} of ${clock.shards}`]] : [];
  const panes = [
    table("Numbers", [["KPI now", time(clock.kpi_now)], ["Computed", time(clock.made)], ["Behind the clock", duration(Math.max(0, (new Date(clock.made) - new Date(clock.kpi_now)) / 1000))], ["Records to go", whole.format(clock.lag)]]),
    table("Catalogue", [["Shown", clock.catalogue.slice(0, 12) || "–"], ...held]),
    table("Dead letters", worst.length ? worst : [["none", "0"]]),
  ];
  if (exporter) {
    panes.push(
      table("Left out", [["Groups beyond a bound", whole.format(exporter.groups_left_out)], ["Series of /metrics over the cap", whole.format(exporter.series_dropped)], ["Targets that were none", whole.format(exporter.targets_rejected)]]),
      table("Exporter", [["Version", exporter.version], ["Since", moment(exporter.started, clock.made)], ["Memory", `${whole.format(Math.round(exporter.memory_bytes / 1e6))} MB`], ["Live pages", whole.format(exporter.streams)], ["Pages dropped", whole.format(exporter.streams_dropped)]]));
    const calendars = Object.entries(exporter.calendars).map(([name, open]) => [name, open ? "open" : "closed"]);
    if (calendars.length) panes.push(table("Business calendars", calendars));
  }
  page.panes.replaceChildren(...panes);
}

async function follow(of) {
  if (of.asking) return; // it answers slowly
  of.asking = true;
  const shards = await ask("api/shards");
  if (shards.ok) of.shards = shards.data.health;
  if (Date.now() - of.exporterMs > EXPORTER_MS) {
    of.exporterMs = Date.now();
    const exporter = await ask("api/health");
    if (exporter.ok) of.exporter = exporter.data;
  }
  of.asking = false;
  if (of === page) draw();
}
