// Elements: made with attributes and children, and touched only where something differs.

const SVG = "http://www.w3.org/2000/svg";

export const $ = (id) => document.getElementById(id);

function filled(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

export const el = (tag, attributes = {}, ...children) => filled(document.createElement(tag), attributes, children);
export const svg = (tag, attributes = {}, ...children) => filled(document.createElementNS(SVG, tag), attributes, children);

export function set(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

export function setClass(node, name) {
  if (node.className !== name) node.className = name;
}

// One of several buttons is chosen, by mouse or by the arrow keys, as in any group of radio buttons.
export function radios(group, names, chosen, choose) {
  const mark = (here) => {
    for (const button of group.children) {
      const is = button.dataset.name === here;
      button.setAttribute("aria-checked", String(is));
      button.tabIndex = is ? 0 : -1;
    }
  };
  group.replaceChildren(...Object.entries(names).map(([name, text]) => {
    const button = el("button", { type: "button", role: "radio", "data-name": name }, text);
    button.addEventListener("click", () => choose(name));
    return button;
  }));
  group.onkeydown = (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const all = Object.keys(names);
    const at = all.indexOf(group.querySelector("[aria-checked=true]").dataset.name);
    choose(all[(at + step + all.length) % all.length]);
    group.querySelector("[aria-checked=true]").focus();
  };
  mark(chosen);
  return mark;
}

// A JSON answer, or why there is none: {ok, data} or {ok, line}.
export async function ask(path, options) {
  const answer = await fetch(path, options).catch(() => null);
  if (!answer) return { ok: false, line: "The exporter does not answer." };
  return answer.ok ? { ok: true, data: await answer.json() } : { ok: false, status: answer.status, line: (await answer.text()).trim() };
}
