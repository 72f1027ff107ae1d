// What needs someone: whoever waits longest, by name. The exporter looks for it when it is asked, as it follows no names.

import { asked, to } from "./address.js";
import { $, ask, el, radios, set, setClass } from "./dom.js";
import { headOf, table } from "./panes.js";
import { kpis } from "./stream.js";
import { duration, goal, moment, time, whole } from "./words.js";
import * as work from "./work.js";

const ROWS_SHOWN = 100;
const OLD_S = 60; // an older look is made anew when the page is opened, whether or not it found anything
const VERY_OLD_S = 300;
const COLUMNS = [["Whose", ""], ["What", ""], ["Has it", ""], ["Since", ""], ["Waits", "number"]];

let page = null;
let list = null; // as it was found last, here or by another page: {as_of, queues, waiting, endedMs}

const named = (what) => `${what[0].toUpperCase()}${what.slice(1)}s`;
const shown = (queue) => !asked.department || kpis[queue.kpi]?.department === asked.department;

export function open(go) {
  if (!page) {
    page = build(go);
    $("attention").replaceChildren(...page.all);
    look(page, false);
  }
  page.back.href = to({ view: "", list: "" });
  drawList();
}

export function close() {
  if (page) page.gone = true;
  page = null;
}

function build(go) {
  const made = { go, gone: false, choices: null, mark: null, work: work.build("Look", "Sorting") };
  made.back = el("a", {}, "← All KPIs");
  made.asOf = el("p", { class: "as-of" });
  made.again = el("button", { type: "button" }, "Look again");
  made.again.addEventListener("click", () => look(made, true));
  made.queues = el("div", { class: "panes" });
  made.lists = el("div", { class: "choice", role: "radiogroup", "aria-label": "List" });
  made.missing = el("p", { class: "missing", role: "status", hidden: "" });
  made.cases = el("div");
  made.more = el("p", { class: "more" });
  made.all = [
    el("nav", { "aria-label": "Back" }, made.back),
    el("section", { class: "sheet", "aria-label": "What waits" },
      el("div", { class: "title" }, el("h2", { id: "attention-title", tabindex: "-1" }, "What needs someone"), made.asOf, made.again),
      made.work.element, made.queues),
    el("section", { class: "sheet", "aria-label": "Who waits longest" }, el("div", { class: "title" }, el("h3", {}, "Longest first"), made.lists), made.missing, made.cases, made.more),
  ];
  return made;
}

async function look(of, anew) {
  of.again.disabled = true;
  let answer = await ask("api/attention");
  take(of, answer); // shown while there is a newer one to come
  const { state, age_s: ageS } = answer.data ?? {};
  if (answer.ok && state !== "running" && (anew || state === "none" || ageS > OLD_S)) answer = await ask("api/attention", { method: "POST" });
  answer = await of.work.ended(answer, () => "api/attention", () => of.gone);
  of.again.disabled = false;
  of.work.say("unproved", answer.ok ? answer.data.failed ?? "" : answer.line);
  take(of, answer);
}

function take(of, { data }) {
  if (data?.found) list = { ...data.found, endedMs: Date.now() - data.found_age_s * 1000 };
  if (of === page) drawList();
}

export function draw() {
  if (!page || !list) return;
  const ageS = (Date.now() - list.endedMs) / 1000;
  set(page.asOf, `As of ${time(list.as_of)}${ageS < 60 ? "" : `, ${duration(Math.floor(ageS / 60) * 60)} ago`}`);
  setClass(page.asOf, ageS < VERY_OLD_S ? "as-of" : "as-of old");
}

function drawList() {
  draw();
  if (!list) return;
  const queues = list.queues.filter(shown);
  const one = queues.find((queue) => queue.what === asked.list);
  page.missing.hidden = !asked.list || list.queues.some((queue) => queue.what === asked.list);
  set(page.missing, page.missing.hidden ? "" : `There is no list ${asked.list}: all are shown.`);
  const chosen = one ? [one] : queues;
  page.queues.replaceChildren(table("", queues.map(queueRow), { head: ["", "Waiting", "Over target", "Longest"], label: "How much waits" }));
  drawLists(queues);
  page.mark(one ? one.what : "");
  const whats = chosen.map((queue) => queue.what);
  const cases = list.waiting.filter((each) => whats.includes(each.what)).slice(0, ROWS_SHOWN);
  const rest = chosen.reduce((sum, queue) => sum + queue.waiting, 0) - cases.length;
  page.cases.replaceChildren(cases.length ? casesTable(cases) : el("p", { class: "waiting" }, queues.length ? "Nobody waits." : "No list is of this department."));
  page.more.hidden = !rest;
  set(page.more, `and ${whole.format(rest)} more: stream-kpis attention lists all of them`);
}

// The buttons stay while there are the same lists: one of them may have the keyboard.
function drawLists(queues) {
  const choices = Object.fromEntries([["", "All"], ...queues.map((queue) => [queue.what, named(queue.what)])]);
  if (page.choices === Object.keys(choices).join()) return;
  page.choices = Object.keys(choices).join();
  page.mark = radios(page.lists, choices, "", (what) => page.go({ list: what }));
}

function queueRow({ what, kpi, waiting, over, target_s: target, oldest_s: oldest }) {
  const name = kpis[kpi] ? el("a", { href: to({ kpi }) }, named(what)) : named(what);
  const aim = el("span", { class: "bounds" }, target === null ? "no target" : `target ${goal(target, "seconds")}`);
  const late = el("td", { class: over ? "value missed" : "value" }, over === null ? "–" : whole.format(over));
  return [[name, aim], whole.format(waiting), late, waiting ? duration(oldest) : "–"];
}

function casesTable(cases) {
  const rows = cases.map((each) => el("tr", {},
    el("th", { scope: "row" }, each.party, el("span", { class: "bounds" }, each.entity)),
    el("td", { class: "what" }, each.what),
    el("td", { class: "owner" }, each.owner, el("span", { class: "bounds" }, each.team)),
    el("td", { class: "since" }, el("time", { datetime: each.since }, moment(each.since, list.as_of))),
    el("td", { class: "age" }, duration(each.age_s), el("span", { class: each.over ? "bounds missed" : "bounds" }, each.over ? `over ${goal(each.target_s, "seconds")}` : ""))));
  return el("table", { class: "cases rows", "aria-label": "Who waits longest" }, headOf(COLUMNS), el("tbody", {}, ...rows));
}
