// The address: #kpi=NAME, #attention, #health, #window=30d, #department=sales, #by=owner, joined by &, or a window alone: #30d.

import { DEPARTMENTS, WINDOWS } from "./words.js";

const VIEWS = ["attention", "health"];

// A KPI that was opened from a view goes back there.
export const asked = { view: "", kpi: "", window: "5m", department: "", by: "", list: "" };

// Reads the address into what is asked; a line if there is something that cannot be.
export function read() {
  const text = location.hash.slice(1);
  const query = new URLSearchParams(text && !/[=&]/.test(text) && !VIEWS.includes(text) ? { window: text } : text);
  const [window, department] = [query.get("window") ?? asked.window, query.get("department") ?? ""];
  const lines = [];
  if (WINDOWS.includes(window)) asked.window = window;
  else lines.push(`There is no window ${window}: ${asked.window} is shown.`);
  asked.department = Object.hasOwn(DEPARTMENTS, department) ? department : "";
  if (department !== asked.department) lines.push(`There is no department ${department}: all are shown.`);
  asked.view = VIEWS.find((view) => query.has(view)) ?? "";
  for (const name of ["kpi", "by", "list"]) asked[name] = query.get(name) ?? "";
  return lines.join(" ");
}

// The address of what is asked with something changed.
export function to(more) {
  const { view, ...query } = { ...asked, ...more };
  return `#${[view, new URLSearchParams(Object.entries(query).filter(([, value]) => value)).toString()].filter(Boolean).join("&")}`;
}
