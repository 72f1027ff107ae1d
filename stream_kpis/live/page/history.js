// How a KPI went, from the live cells: a chart, the same as a table, and as a file.

import { chart } from "./chart.js";
import { ask, el, radios } from "./dom.js";
import { headOf } from "./panes.js";
import { STATES, people, quotient, whole } from "./words.js";

const STEPS = { day: "Days", week: "Weeks", month: "Months" };
const COLUMNS = [["Period", ""], ["Value", "number"], ["Parts", "number"], ["Samples", "number"], ["State", ""]];
const AGAIN_MS = 60_000; // the last period goes on
const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });
const MONTH = new Intl.DateTimeFormat("en-GB", { month: "short", year: "numeric", timeZone: "UTC" });

let step = "day"; // stays when another KPI is opened

/** The history of a KPI.
 *
 * @returns {{element: HTMLElement, follow: () => void}} - `follow` asks again when it is time to.
 */
export function build(id, kpi) {
  const steps = el("div", { class: "choice", role: "radiogroup", "aria-label": "Periods" });
  const picture = el("div", { class: "picture" }, el("p", { class: "waiting" }, "Adding up …"));
  const body = el("tbody");
  const file = el("a", { download: "" }, "CSV");
  const table = el("table", { "aria-label": `${kpi.title}: history` }, headOf(COLUMNS), body);
  const shut = el("details", {}, el("summary", {}, "As a table"), el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": `${kpi.title}: table of the history` }, table));
  let askedMs = 0;
  let values = [];
  let width = 0;

  async function fetchAnew() {
    askedMs = Date.now();
    const wanted = step;
    const answer = await ask(`api/history?${new URLSearchParams({ kpi: id, step })}`);
    if (wanted !== step) return;
    if (answer.ok) {
      values = answer.data.values;
      draw();
    } else if (!values.length) picture.replaceChildren(el("p", { class: "waiting" }, answer.line));
  }

  function draw() {
    body.replaceChildren(...values.toReversed().map((value) => el("tr", {}, el("th", { scope: "row" }, named(value.period)),
      el("td", { class: "value" }, people(value.value, kpi.unit)), el("td", { class: "samples" }, quotient(kpi, [value.numerator, value.denominator], value.samples)),
      el("td", { class: "samples" }, whole.format(value.samples)), el("td", { class: `state ${value.state}` }, STATES[value.state]))));
    drawPicture();
  }

  function drawPicture() {
    const known = values.filter((value) => value.value !== null);
    if (!known.length) {
      picture.replaceChildren(el("p", { class: "waiting" }, "No history: this KPI is known only over windows that end now."));
      return;
    }
    if (!width) return; // it is drawn once there is room
    const points = values.map((value) => ({ ...value, label: named(value.period), text: `${people(value.value, kpi.unit)}, ${whole.format(value.samples)} samples, ${STATES[value.state]}` }));
    const numbers = known.map((value) => value.value);
    const spoken = `${values.length} ${STEPS[step].toLowerCase()} to ${points.at(-1).label}, from ${people(Math.min(...numbers), kpi.unit)} to ${people(Math.max(...numbers), kpi.unit)}, at last ${people(known.at(-1).value, kpi.unit)}`;
    picture.replaceChildren(chart(points, { unit: kpi.unit, target: kpi.target, width, name: `${kpi.title}, history`, spoken }));
  }

  function choose(name) {
    step = name;
    mark(name);
    file.href = `api/history?${new URLSearchParams({ kpi: id, step, format: "csv" })}`;
    fetchAnew();
  }

  const mark = radios(steps, STEPS, step, choose);
  new ResizeObserver(([entry]) => {
    const room = Math.round(entry.contentRect.width);
    if (room === width) return;
    width = room;
    if (values.length) drawPicture();
  }).observe(picture);
  choose(step);
  return {
    element: el("section", { class: "sheet", "aria-label": "History" }, el("div", { class: "title" }, el("h3", {}, "History"), steps, file), picture, shut),
    follow: () => Date.now() - askedMs > AGAIN_MS && fetchAnew(),
  };
}

function named(period) {
  return period.length > 7 ? DAY.format(new Date(period)) : MONTH.format(new Date(`${period}-01`));
}

