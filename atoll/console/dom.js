// Elements without innerHTML: whatever a topic is called, it is text. And how things are written.

// h("td", {class: "num", "data-do": "x"}, "text", child, null)
export function h(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === false || value === null || value === undefined) continue;
    element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false)
    .map((child) => (child instanceof Node ? child : String(child))));
  return element;
}

const SVG = "http://www.w3.org/2000/svg";
export function svg(tag, attributes, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.append(...children);
  return element;
}

// Makes `old` look like `fresh` and keeps the elements that are there, so that focus, scrolling and what a reader is at
// survive an update. Children with a data-key are matched by it.
export function morph(old, fresh) {
  morphAttributes(old, fresh);
  morphChildren(old, fresh);
}

function morphAttributes(old, fresh) {
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name)) old.removeAttribute(name);
  }
  for (const { name, value } of [...fresh.attributes]) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
}

const keyOf = (node) => (node.nodeType === Node.ELEMENT_NODE ? node.getAttribute("data-key") : null);

function morphChildren(old, fresh) {
  const byKey = new Map();
  for (const child of old.childNodes) {
    const key = keyOf(child);
    if (key !== null) byKey.set(key, child);
  }
  let at = old.firstChild;
  for (const wanted of [...fresh.childNodes]) {
    const key = keyOf(wanted);
    const match = key !== null ? byKey.get(key) : at !== null && keyOf(at) === null ? at : undefined;
    const same = match && match.nodeType === wanted.nodeType && match.nodeName === wanted.nodeName;
    if (!same) {
      old.insertBefore(wanted, at);
      continue;
    }
    if (match === at) at = at.nextSibling;
    else old.insertBefore(match, at);
    if (match.nodeType === Node.TEXT_NODE) {
      if (match.data !== wanted.data) match.data = wanted.data;
    } else {
      morph(match, wanted);
    }
  }
  while (at !== null) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}

// --- How things are written ---

export const DASH = "–";
const whole = new Intl.NumberFormat("en-US");
export const count = (number) => (number === null || number === undefined ? DASH : whole.format(Math.round(number)));

export function bytes(number) {
  if (number === null || number === undefined) return DASH;
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
  let unit = 0;
  let value = number;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

export function seconds(value) {
  if (value === null || value === undefined) return DASH;
  if (value === 0) return "0 s";
  if (value < 0.001) return `${Math.round(value * 1e6)} µs`;
  if (value < 1) return `${Math.round(value * 1e3)} ms`;
  if (value < 120) return `${value < 10 ? value.toFixed(1) : Math.round(value)} s`;
  if (value < 7200) return `${Math.round(value / 60)} min`;
  return value < 172800 ? `${(value / 3600).toFixed(1)} h` : `${Math.round(value / 86400)} d`;
}

export const compact = (number) =>
  number === null || number === undefined ? DASH
    : new Intl.NumberFormat("en-US", { notation: "compact", maximumFractionDigits: 1 }).format(number);

export const plural = (number, word) => `${count(number)} ${word}${number === 1 ? "" : "s"}`;

// "11:42:03" today, "2026-11-24 11:42:03" before; UTC, as in logs and on the command line.
export function clock(time) {
  if (!time) return DASH;
  const [day, rest] = time.split("T");
  const today = new Date().toISOString().slice(0, 10);
  return (day === today ? "" : `${day} `) + rest.slice(0, 8);
}

export const ago = (time) => (time ? Math.max(0, (Date.now() - Date.parse(time)) / 1000) : null);
export const words = (state) => String(state).replaceAll("_", " ");

// A value of the command line, quoted where a shell would take it apart.
export const arg = (text) => (/^[\w.@%+=:,/-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);

// --- Parts that every view uses ---

const TONES = {
  running: "good", ready: "good", blocked: "bad", equal: "good", yes: "good", not_ready: "bad", NO: "bad", not_compared: "warn", caught_up: "good", done: "good", placed: "good", Stable: "good",
  mirroring: "calm", locating: "calm", connecting: "calm", promoted: "calm", retired: "calm", rolled_back: "warn", Empty: "calm",
  paused: "warn", degraded: "warn", source_unavailable: "warn", PreparingRebalance: "warn", CompletingRebalance: "warn",
  halted: "bad", gap: "bad", diverged: "bad", conflict: "bad", refused: "bad", failed: "bad", mismatch: "bad", divergence: "bad",
};
export const tone = (state) => TONES[state] ?? "calm";
export const badge = (state, title) => h("span", { class: `badge ${tone(state)}`, title }, words(state));

// Opens elsewhere; the other page learns nothing about this one.
export const away = (label, href) => h("a", { href, target: "_blank", rel: "noopener noreferrer" }, label, h("span", { "aria-hidden": "true" }, " ↗"), h("span", { class: "unseen" }, " (opens a new tab)"));

// Every button carries the command line that does the same.
export function button(label, action, cli, data = {}, kind = "") {
  const attributes = { type: "button", class: kind, "data-do": action, "data-cli": cli, title: cli, disabled: data.disabled };
  for (const [name, value] of Object.entries(data)) {
    if (name !== "disabled") attributes[`data-${name}`] = value;
  }
  return h("button", attributes, label, h("span", { class: "unseen" }, ` (${cli})`));
}

// columns: [{label, num}], rows: [tr]
export function table(caption, columns, rows, empty) {
  if (rows.length === 0) return h("p", { class: "empty", "data-key": `empty ${caption}` }, empty);
  return h("table", { "data-key": `table ${caption}` },
    h("caption", { class: "unseen" }, caption),
    h("thead", {}, h("tr", {}, columns.map((column) => h("th", { scope: "col", class: column.num ? "num" : "" }, column.label)))),
    h("tbody", {}, rows));
}
export function row(key, columns, cells, attributes = {}) {
  return h("tr", { "data-key": key, ...attributes }, cells.map((cell, i) => h(i === 0 ? "th" : "td",
    { scope: i === 0 ? "row" : null, "data-label": columns[i].label, class: [columns[i].num ? "num" : columns[i].class ?? "", columns[i].wide ? "wide" : ""].join(" ").trim() || null }, cell)));
}
