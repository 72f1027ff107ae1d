// A line over periods as a plain SVG: axes, the line, its interval, the target. The same numbers stand in a table beside it.

import { el, svg } from "./dom.js";
import { goal } from "./words.js";

const [HEIGHT, TOP, BOTTOM, RIGHT] = [240, 14, 26, 14];
const MARKS_MAX = 60; // more points than these are a line alone
const TIMES = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400];
const SHOWN = { "1/s": 365 * 86400, "/s": 86400 }; // what people see of a unit is so many times as much

/** Draws periods of one KPI.
 *
 * @param {{label: string, value: number?, lower: number?, upper: number?, state: string}[]} points - the oldest first.
 * @param {{unit: string, target: number?, width: number, name: string, spoken: string}} how
 * @returns {SVGElement}
 */
export function chart(points, { unit, target, width, name, spoken }) {
  const known = points.filter((point) => point.value !== null);
  const ends = known.flatMap((point) => [point.value, point.lower ?? point.value, point.upper ?? point.value]);
  const ticks = ticksOf([...ends, ...(target === null ? [] : [target])], unit);
  const labels = ticks.map((tick) => goal(tick, unit)).map((label, _, all) => all.every((each) => each.endsWith(".00") || !each.includes(".")) ? label.replace(".00", "") : label);
  const left = 12 + 7.2 * Math.max(...labels.map((label) => label.length));
  const [low, high] = [ticks[0], ticks.at(-1)];
  const x = (index) => left + ((index + 0.5) * (width - left - RIGHT)) / points.length;
  const y = (value) => TOP + ((high - value) / (high - low)) * (HEIGHT - TOP - BOTTOM);
  const at = (index, value) => `${x(index).toFixed(1)},${y(value).toFixed(1)}`;
  const drawn = svg("svg", { class: "chart", role: "img", "aria-label": `${name}: ${spoken}`, viewBox: `0 0 ${width} ${HEIGHT}`, width, height: HEIGHT });
  ticks.forEach((tick, index) => drawn.append(
    svg("line", { class: "grid", x1: left, x2: width - RIGHT, y1: y(tick), y2: y(tick) }),
    svg("text", { class: "tick", x: left - 8, y: y(tick) + 4, "text-anchor": "end" }, labels[index])));
  const every = Math.ceil(points.length / Math.max(2, Math.floor((width - left) / 90)));
  points.forEach((point, index) => {
    if ((points.length - 1 - index) % every === 0 && x(index) > left + 20) drawn.append(svg("text", { class: "tick", x: x(index), y: HEIGHT - 6, "text-anchor": index === points.length - 1 ? "end" : "middle" }, point.label));
  });
  for (const run of runs(points, (point) => point.value !== null && point.lower !== null && point.upper !== null)) {
    const edge = [...run.map((index) => at(index, points[index].upper)), ...run.toReversed().map((index) => at(index, points[index].lower))];
    drawn.append(svg("polygon", { class: "band", points: edge.join(" ") }));
  }
  if (target !== null) {
    drawn.append(svg("line", { class: "target", x1: left, x2: width - RIGHT, y1: y(target), y2: y(target) }),
      svg("text", { class: "target-name", x: left + 6, y: y(target) - 5 }, `target ${goal(target, unit)}`));
  }
  for (const run of runs(points, (point) => point.value !== null)) {
    drawn.append(svg("polyline", { class: "line", points: run.map((index) => at(index, points[index].value)).join(" ") }));
    for (const index of run) {
      if (run.length === 1 || points.length <= MARKS_MAX || index === points.length - 1) {
        drawn.append(svg("circle", { class: `mark ${points[index].state}`, cx: x(index), cy: y(points[index].value), r: 3 }));
      }
    }
  }
  points.forEach((point, index) => { // what a pointer finds: the whole column of a period
    const half = (width - left - RIGHT) / points.length / 2;
    const said = svg("title", {}, `${point.label}: ${point.text}`);
    drawn.append(svg("rect", { class: "hit", x: x(index) - half, y: TOP, width: half * 2, height: HEIGHT - TOP - BOTTOM }, said));
  });
  return el("div", { class: "frame" }, drawn);
}

// Stretches of points, as lists of their indexes, that all are so.
function runs(points, so) {
  const found = [];
  points.forEach((point, index) => {
    if (!so(point)) return;
    if (index && so(points[index - 1])) found.at(-1).push(index);
    else found.push([index]);
  });
  return found;
}

// Round numbers from below the least to above the greatest; from nothing on, unless all is far from it.
function ticksOf(numbers, unit) {
  const shown = SHOWN[unit] ?? (unit.endsWith("/s") ? SHOWN["/s"] : 1);
  let [low, high] = [Math.min(...numbers) * shown, Math.max(...numbers) * shown];
  if (low > 0 && low < 0.6 * high) low = 0;
  if (high <= low) [low, high] = [low > 0 ? 0 : low - 1, Math.max(high, low > 0 ? high : low + 1)];
  const least = (high - low) / 4;
  const power = 10 ** Math.floor(Math.log10(least));
  let step = [1, 2, 5, 10].map((times) => times * power).find((size) => size >= least * 0.999);
  if (unit === "seconds" && least > 0.5) step = TIMES.find((size) => size >= least) ?? Math.ceil(least / 86400) * 86400;
  if (unit === "count") step = Math.max(step, high > 4 ? 1 : step);
  const [from, to] = [Math.floor(low / step + 1e-9), Math.ceil(high / step - 1e-9)];
  return Array.from({ length: to - from + 1 }, (_, index) => ((from + index) * step) / shown);
}
