// What the exporter sends: the catalogue, the newest value of each series, and whether they can be trusted.
// It connects again for as long as the page is open.

import { useCurrency } from "./words.js";

const SILENT_MS = 12_000; // the server says something every 5 s
const OLD_S = 15;
const RETRY_MS = 1_000;

const values = new Map(); // "kpi|window" -> Map(group key -> value)
let catalogue = ""; // as it came
export let kpis = {};
export let clock = null; // of the newest snapshot
let heardMs = 0; // any event
let ageS = 0; // of the snapshot, as the server says
let lost = true;
let source = null;

const groupKey = (by) => Object.entries(by).map(([name, value]) => `${name}=${value}`).join("\u0001");

function take(row, gone) {
  const key = `${row.kpi}|${row.window}`;
  if (!values.has(key)) values.set(key, new Map());
  if (gone) values.get(key).delete(groupKey(row.by));
  else values.get(key).set(groupKey(row.by), row);
}

// All values of a KPI over a window: the total, and that of each group.
export const series = (id, window) => [...(values.get(`${id}|${window}`)?.values() ?? [])];

const NONE = { value: null, samples: 0, state: "no_data" };

export function total(id, window) {
  return values.get(`${id}|${window}`)?.get("") ?? NONE;
}

// What is wrong, the worst first, and since when: connecting, lost, old (it answers, but does not compute), stale (shards are behind, or Kafka does not say whether).
export function trouble() {
  if (clock === null) return lost && heardMs ? { kind: "lost", since: null } : { kind: "connecting", since: null };
  if (lost) return { kind: "lost", since: clock.kpi_now };
  if (ageS > OLD_S) return { kind: "old", since: clock.made };
  if (clock.stale_since) return { kind: "stale", since: clock.stale_since };
  return { kind: "live", since: null };
}

/** Follows a stream until the page is closed.
 *
 * @param {string} address - of the stream.
 * @param {{catalogue: () => void, values: () => void, status: () => void}} on - called when there is another catalogue,
 *   when there are newer values, and whenever trouble may have begun or ended: at least each second.
 */
export function follow(address, on) {
  function heard() {
    heardMs = Date.now();
    lost = false;
  }

  function connect() {
    source?.close();
    source = new EventSource(address);
    source.addEventListener("catalogue", (event) => {
      heard();
      if (event.data === catalogue) return; // connected again: what is open stays open
      catalogue = event.data;
      const came = JSON.parse(catalogue);
      kpis = came.kpis;
      useCurrency(came.currency);
      on.catalogue();
    });
    source.addEventListener("ping", (event) => {
      heard();
      ageS = JSON.parse(event.data).age_s ?? 0;
      on.status();
    });
    source.addEventListener("values", (event) => {
      heard();
      const { values: fresh, gone, ...rest } = JSON.parse(event.data);
      clock = rest;
      ageS = rest.age_s;
      if (rest.whole) values.clear();
      fresh.forEach((row) => take(row, false));
      gone.forEach((row) => take(row, true));
      on.values();
      on.status();
    });
    source.addEventListener("error", drop);
  }

  function drop() {
    source.close(); // the browser gives up on some answers; we never do
    lost = true;
    heardMs ||= Date.now();
    on.status();
    setTimeout(connect, RETRY_MS);
  }

  setInterval(() => {
    if (!lost && Date.now() - heardMs > SILENT_MS) drop();
    on.status();
  }, 1_000);
  connect();
}
