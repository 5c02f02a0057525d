// What this page knows: sections of rows, kept by the event stream (docs/api.md). Tells its listeners when something
// changed or when the stream is lost; connects again by itself.

const SILENCE_MS = 4000; // The server says something every second.
const RETRY_MS = [250, 500, 1000, 2000, 4000];

export const state = {
  sections: new Map(),
  live: false,
  known: false, // Was ever told anything.
  heard: null, // Time of the last message.
  reason: "",
};

const listeners = new Set();
export const onChange = (listener) => listeners.add(listener);
const tell = () => listeners.forEach((listener) => listener());

export const rows = (section) => [...(state.sections.get(section)?.values() ?? [])];
export const get = (section, key) => state.sections.get(section)?.get(key);

let socket = null;
let failures = 0;
let watch = 0;

function lost(reason) {
  clearTimeout(watch);
  if (socket !== null) {
    socket.onclose = socket.onmessage = null;
    socket.close();
    socket = null;
  }
  state.live = false;
  state.reason = reason;
  tell();
  const wait = RETRY_MS[Math.min(failures, RETRY_MS.length - 1)];
  failures += 1;
  setTimeout(connect, wait * (0.75 + Math.random() / 2));
}

function take(message) {
  state.heard = Date.now();
  clearTimeout(watch);
  watch = setTimeout(() => lost("nothing heard for 4 s"), SILENCE_MS);
  if (message.section === "tick") {
    failures = 0;
    const came = !state.live;
    state.live = state.known = true;
    if (came) tell();
    return;
  }
  const section = message.whole ? new Map() : state.sections.get(message.section) ?? new Map();
  for (const [key, row] of Object.entries(message.set)) section.set(key, row);
  for (const key of message.gone) section.delete(key);
  state.sections.set(message.section, section);
  tell();
}

export function connect() {
  const scheme = location.protocol === "https:" ? "wss:" : "ws:";
  socket = new WebSocket(`${scheme}//${location.host}/v1/stream`);
  socket.onmessage = (event) => take(JSON.parse(event.data));
  socket.onclose = (event) => lost(event.reason || (state.known ? "the connection broke" : "no connection"));
}

// --- The API ---

export class ApiError extends Error {
  constructor(message, hint) {
    super(message);
    this.hint = hint ?? "";
  }
}

export async function call(method, path, body, key) {
  const headers = body === undefined ? {} : { "Content-Type": "application/json" };
  if (key !== undefined) headers["Idempotency-Key"] = key;
  let response;
  try {
    response = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
  } catch {
    throw new ApiError("the region does not answer", "is it running? the page keeps trying to connect");
  }
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new ApiError(answer.error?.message ?? `${method} ${path}: ${response.status}`, answer.error?.hint);
  return answer;
}

export const newKey = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
export const linkPath = (link) => `/v1/links/${encodeURIComponent(link)}`;
