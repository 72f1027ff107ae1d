// By how much the totals changed against the days before. Changes are of closed days: they are asked for now and then.

import { ask } from "./dom.js";
import { difference } from "./words.js";

const CHANGED_MS = 30_000;

let changes = new Map(); // kpi -> its changes
let changedMs = 0;

export function forget() {
  changedMs = 0;
}

export async function follow(ids, drawn) {
  if (!ids.length || Date.now() - changedMs < CHANGED_MS) return;
  changedMs = Date.now();
  const query = new URLSearchParams([["compare", "previous"], ["by", ""], ...ids.map((id) => ["kpi", id])]);
  const answer = await ask(`api/kpis?${query}`);
  if (!answer.ok) return;
  changes = Map.groupBy(answer.data.operators, (change) => change.kpi);
  drawn();
}

// The change over a window if there is one, else over the window that has one; null if there is none.
export function changeOf(id, kpi, window) {
  const found = (changes.get(id) ?? []).filter((change) => change.value !== null);
  const change = found.find((each) => each.window === window) ?? found[0];
  if (!change) return null;
  const arrow = change.value > 0 ? "▲" : change.value < 0 ? "▼" : "▶";
  const better = kpi.better && change.value !== 0 ? (change.value < 0) === (kpi.better === "lower") : null;
  return { text: `${arrow} ${difference(change.value, change.unit, kpi)} in ${change.window}`, better };
}
