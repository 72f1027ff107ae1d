// How KPIs and their values are said to people: windows, states, numbers with units, targets.

export const WINDOWS = ["5m", "1h", "today", "24h", "7d", "mtd", "30d", "qtd", "90d", "ytd", "365d", "all"];
export const DEPARTMENTS = { service: "Service", sales: "Sales", customers: "Customers", marketing: "Marketing" };
export const STATES = { ok: "ok", low_sample: "few samples", immature: "immature", stale: "stale", no_data: "no data" };

const MOMENT = { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" };
export const time = (text) => new Date(text).toLocaleTimeString("en-GB");

// With the day, and with the year if that is not the one of `now`.
export function moment(text, now) {
  const [then, year] = [new Date(text), new Date(now).getFullYear()];
  return then.toLocaleString("en-GB", then.getFullYear() === year ? MOMENT : { ...MOMENT, year: "numeric" });
}

// The chosen window, or the nearest longer one that a KPI has.
export function windowOf(kpi, chosen) {
  if (kpi.windows.includes(chosen)) return chosen;
  const after = WINDOWS.slice(WINDOWS.indexOf(chosen)).find((window) => kpi.windows.includes(window));
  return after ?? kpi.windows[kpi.windows.length - 1];
}

// --- numbers with units ---

export const whole = new Intl.NumberFormat("en");
const rounded = (digits) => new Intl.NumberFormat("en", { maximumFractionDigits: digits, minimumFractionDigits: digits });
const [tenth, hundredth] = [rounded(1), rounded(2)];
let currency = "USD";

export function useCurrency(code) {
  currency = code;
}

export function duration(seconds) {
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

export function people(value, unit) {
  if (value === null || value === undefined) return "–";
  if (unit === "seconds") return duration(value);
  if (unit === "ratio") return `${tenth.format(value * 100)} %`;
  if (unit === "count" || unit === "quantity") return Number.isInteger(value) ? whole.format(value) : hundredth.format(value);
  if (unit === "score") return hundredth.format(value);
  if (unit === "1/s") return `${hundredth.format(value * 365 * 86400)} / y`;
  if (unit.endsWith("/s")) return `${money(value * 86400)} / d`;
  return money(value);
}

// A difference has its sign; that of a ratio is in points, not in percent of itself.
export function difference(value, unit, kpi) {
  const sign = value > 0 ? "+" : value < 0 ? "−" : "±";
  const points = kpi.unit === "ratio" && unit === "ratio";
  const text = points ? `${hundredth.format(Math.abs(value) * 100)} points` : people(Math.abs(value), unit);
  return `${sign}${text}`;
}

// --- targets ---

// Off target: beyond it on the worse side; of cases waiting too long, one is enough.
export function missed(kpi, value) {
  if (value === null || value === undefined) return false;
  if (kpi.older_than_s !== null) return value > 0;
  return kpi.target !== null && (kpi.better === "lower" ? value > kpi.target : value < kpi.target);
}

// What somebody set is a round number, and is written as one.
export const goal = (value, unit) => people(value, unit).replace(/\.0 (?=%|s$)/, " ");

// --- what stands beside a value: target, interval, quantiles, parts ---

// Of what a value is the quotient, if that is so many of its samples: levels times time, or money over money, are figures
// in units of their own, and stand in the receipt.
export function quotient(kpi, [above, below], samples) {
  if (!below || below !== samples || kpi.unit === "score" || kpi.unit.endsWith("/s")) return "";
  return `${people(above, kpi.unit === "ratio" ? "count" : kpi.unit)} / ${whole.format(below)}`;
}

export function details(kpi, value) {
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
  if (value.parts && value.parts[0] !== value.value) parts.push(quotient(kpi, value.parts, value.samples));
  return parts.filter(Boolean).map((part) => part.replaceAll(/ (?!to )/g, "\u00a0")).join(" · "); // breaks between parts, and before "to"
}
