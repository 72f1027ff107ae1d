// The address: #kpi=NAME, #window=30d, #department=sales, #by=owner, joined by &, or a window alone: #30d.

import { DEPARTMENTS, WINDOWS } from "./words.js";

export const asked = { kpi: "", window: "5m", department: "", by: "" };

// Reads the address into what is asked; a line if there is something that cannot be.
export function read() {
  const text = location.hash.slice(1);
  const query = new URLSearchParams(text && !text.includes("=") ? { window: text } : text);
  const [window, department] = [query.get("window") ?? asked.window, query.get("department") ?? ""];
  const lines = [];
  if (WINDOWS.includes(window)) asked.window = window;
  else lines.push(`There is no window ${window}: ${asked.window} is shown.`);
  asked.department = Object.hasOwn(DEPARTMENTS, department) ? department : "";
  if (department !== asked.department) lines.push(`There is no department ${department}: all are shown.`);
  asked.kpi = query.get("kpi") ?? "";
  asked.by = query.get("by") ?? "";
  return lines.join(" ");
}

// The address of what is asked with something changed.
export function to(more) {
  const query = { ...asked, ...more };
  return `#${new URLSearchParams(Object.entries(query).filter(([, value]) => value))}`;
}
