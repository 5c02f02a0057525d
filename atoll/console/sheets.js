// What opens over the page: plans, moves and their reports, confirmations, records, offsets. One at a time, a <dialog>:
// the browser keeps the focus inside and Escape closes it.
import { arg, badge, bytes, clock, count, DASH, h, plural, row, seconds, table, words } from "./dom.js";
import { call, get, linkPath, newKey } from "./state.js";

const dialog = document.getElementById("dialog");
const said = document.getElementById("said");
const PAGE = 100; // Records shown at once.
const STEPS = { promote: ["fence", "drain", "groups", "release", "mint", "tell", "abort", "place_groups", "serve"],
  failover: ["drain", "mint", "tell", "abort", "place_groups", "serve"] };

export const say = (text) => { said.textContent = text; };

let body = null;
export function open(title, small = false) {
  body = h("div", { class: "body" });
  dialog.className = small ? "small" : "";
  dialog.replaceChildren(h("div", { class: "sheet" },
    h("div", { class: "top" }, h("h2", { id: "dialog-title" }, title), h("button", { type: "button", "data-do": "close" }, "Close")), body));
  if (!dialog.open) dialog.showModal();
  return body;
}
export const close = () => dialog.close();
export const isShown = (sheet) => dialog.open && body === sheet;

export const cliLine = (line) => h("div", { class: "cli" }, h("code", {}, line), h("button", { type: "button", "data-do": "copy", "data-text": line }, "Copy"));
export const problem = (error) => h("p", { class: "wrong", role: "alert" }, error.message, error.hint ? h("small", {}, error.hint) : null);

// Asks for the link's name (or the topic's, where no link is concerned) before `act` is called.
function confirmation(name, what, label, cli, act) {
  const input = h("input", { type: "text", id: "confirm-name", autocomplete: "off", spellcheck: "false", "aria-describedby": "confirm-what" });
  const go = h("button", { type: "button", class: "danger main", disabled: true, "data-cli": cli, title: cli }, label);
  const outcome = h("div", { "aria-live": "polite" });
  input.addEventListener("input", () => { go.disabled = input.value !== name; });
  input.addEventListener("keydown", (event) => { if (event.key === "Enter" && !go.disabled) go.click(); });
  go.addEventListener("click", async () => {
    go.disabled = input.disabled = true;
    outcome.replaceChildren("…");
    try {
      await act(outcome);
    } catch (error) {
      outcome.replaceChildren(problem(error));
      input.disabled = false;
      go.disabled = input.value !== name;
    }
  });
  return h("div", { class: "confirm" }, h("p", { id: "confirm-what" }, what), cliLine(cli),
    h("label", { for: "confirm-name" }, "Type ", h("b", {}, name), " to go on"), h("div", { class: "go" }, input, go), outcome);
}

export function confirm(title, name, what, label, cli, act) {
  open(title, true).append(confirmation(name, what, label, cli, async (outcome) => {
    const answer = await act();
    outcome.replaceChildren(h("p", {}, answer));
    say(answer);
  }));
  document.getElementById("confirm-name").focus();
}

export function failed(title, error) {
  open(title, true).append(problem(error));
}

// --- Plans ---

const loss = (line) => (line.lostAtMost !== null ? (line.lostAtMost === 0 ? "0" : `≤ ${count(line.lostAtMost)}`) : line.lostKnown === null ? "UNKNOWN" : `${count(line.lostKnown)} + unobserved`);

export function planView(plan) {
  const columns = [{ label: "Topic" }, { label: "Partitions", num: true }, { label: "Lag records", num: true }, { label: "Lag bytes", num: true }, { label: "Lag age", num: true },
    { label: "Loss", num: true, wide: true }, { label: "Groups placed", num: true }, { label: "Open txn", num: true }, { label: "Drain from" }];
  const source = plan.inContact ? "in contact" : plan.silentSeconds === null ? "never heard" : `unreachable for ${seconds(plan.silentSeconds)}`;
  return [
    h("p", { class: "big" }, badge(plan.blocked ? "blocked" : "ready"), ` ${plan.source} → ${plan.target} · source ${source} · plan `, h("code", {}, plan.hash)),
    table("The plan, topic by topic", columns, plan.topics.map((line) => row(line.topicId, columns, [line.topic, count(line.partitions), count(line.lagRecords), bytes(line.lagBytes), seconds(line.lagSeconds),
      loss(line), `${line.groupsPlaced}/${line.groupsTotal}`, count(line.openTransactions), line.drainFrom ?? DASH])), "No topic is selected."),
    plan.mode === "failover" && !plan.inContact ? h("p", { class: "soft" }, "unobserved: what the source accepted after the last contact; it is set aside there when it returns") : null,
    plan.findings.map((finding) => h("div", { class: `finding ${finding.blocking ? "blocking" : ""}` },
      h("p", {}, h("b", {}, finding.blocking ? "Blocks: " : "Warning: "), finding.message), h("p", {}, "Next: ", finding.remedy))),
  ];
}

export function cliOf(request, verb) {
  const { link, mode, topics, regex, accept, force } = request;
  const command = mode === "promote" ? "atoll promote" : `atoll failover ${verb}`;
  const parts = [command, "--link", arg(link), ...topics.map(arg)];
  if (regex) parts.push("--regex", arg(regex));
  if (accept.length > 0) parts.push("--accept", arg(accept.join(",")));
  if (force && mode === "failover") parts.push("--force");
  if (mode === "promote" && verb === "plan") parts.push("--dry-run");
  return parts.join(" ");
}

const bodyOf = ({ topics, regex, accept, force }) => ({ topics, regex, all: topics.length === 0 && regex === "", accept, force });

export async function plan(link, mode) {
  const request = { link, mode, topics: [], regex: "", accept: [], force: false };
  const sheet = open(`Plan of a ${mode} over ${link}`);
  const shown = h("div", { class: "confirm", "aria-live": "polite", "aria-busy": "true" }, "Planning…");
  const names = h("input", { type: "text", id: "plan-topics", autocomplete: "off", spellcheck: "false", placeholder: "all topics of the link" });
  const regex = h("input", { type: "text", id: "plan-regex", autocomplete: "off", spellcheck: "false", placeholder: "orders-.*" });
  const force = h("input", { type: "checkbox", id: "plan-force" });
  const form = h("form", {}, h("fieldset", {}, h("legend", {}, "What moves"),
    h("div", { class: "fields" }, h("label", {}, "Topics, separated by spaces", names), h("label", {}, "or a pattern of whole names", regex)),
    h("div", { class: "choices" },
      mode === "failover" ? h("label", {}, force, " although the source answers (--force)") : h("span", {}),
      h("button", { type: "submit" }, "Plan again"))));
  sheet.append(h("p", { class: "soft" }, mode === "promote"
    ? "A planned move: the source stops accepting, this region takes over the rest, and nothing is lost or repeated. It is rolled back if it does not finish in time."
    : "A forced move, for when the owner is gone: what it accepted and this region never saw is missing here. It is set aside when the old owner returns."), form, shown);
  const again = async () => {
    request.topics = names.value.split(/[\s]+/).filter((name) => name !== "");
    request.regex = regex.value.trim();
    request.force = force.checked;
    shown.setAttribute("aria-busy", "true");
    try {
      const answer = await call("POST", `${linkPath(link)}/mirrors:${mode}?dry_run=true`, bodyOf(request));
      shown.replaceChildren(...[planView(answer), accepting(answer, request, again), cliLine(cliOf(request, "plan")), running(answer, request)].flat(2).filter(Boolean));
    } catch (error) {
      shown.replaceChildren(problem(error), cliLine(cliOf(request, "plan")));
    }
    shown.removeAttribute("aria-busy");
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    request.accept = [];
    again();
  });
  await again();
}

// Findings about a topic may be accepted, one by one.
function accepting(answer, request, again) {
  const topics = [...new Set(answer.findings.filter((finding) => finding.topic !== null && (finding.blocking || request.accept.includes(finding.topic))).map((finding) => finding.topic))];
  if (topics.length === 0) return null;
  return h("fieldset", {}, h("legend", {}, "Accept the findings of"), topics.map((topic) => {
    const box = h("input", { type: "checkbox" });
    box.checked = request.accept.includes(topic);
    box.addEventListener("change", () => {
      request.accept = box.checked ? [...request.accept, topic] : request.accept.filter((one) => one !== topic);
      again();
    });
    return h("label", {}, box, " ", topic);
  }));
}

function running(answer, request) {
  if (answer.blocked || answer.topics.length === 0) return null;
  const what = request.mode === "promote" ? `Moves ${plural(answer.topics.length, "topic")} from ${answer.source} to ${answer.target}.`
    : `Takes ${plural(answer.topics.length, "topic")} over from ${answer.source} without asking it. The loss is the one stated above.`;
  const key = newKey();
  return confirmation(request.link, what, request.mode === "promote" ? "Promote" : "Fail over", cliOf(request, "run"), async () => {
    const started = await call("POST", `${linkPath(request.link)}/mirrors:${request.mode}`, { ...bodyOf(request), planHash: answer.hash }, key);
    await report(started.operation);
  });
}

// --- Moves and their reports ---

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function steps(move) {
  const all = STEPS[move.mode] ?? [];
  const at = move.outcome === "done" ? all.length : all.indexOf(move.nextStep);
  return h("ol", { class: "steps", "aria-label": "Steps" }, all.map((step, i) => h("li", { class: i < at ? "past" : "", "aria-current": i === at && move.outcome === "running" ? "step" : null }, words(step))));
}

function reportView(move) {
  const parts = [{ label: "Topic" }, { label: "Partition", num: true }, { label: "Cut", num: true }, { label: "Source end", num: true }, { label: "Lost, known", num: true }, { label: "Lost at most", num: true }, { label: "Quarantined", num: true }];
  const groups = [{ label: "Group" }, { label: "Topic" }, { label: "Partition", num: true }, { label: "At the source", num: true }, { label: "Known at" }, { label: "Resumes at", num: true }, { label: "Reads again", num: true }, { label: "Skips", num: true }];
  return [
    h("p", { class: "big" }, badge(move.outcome), ` ${move.source} → ${move.target} over `, h("span", { class: "mono" }, move.link), move.reason ? `: ${move.reason}` : ""),
    steps(move),
    h("p", {}, `started ${clock(move.started)} · finished ${clock(move.finished)} · nobody accepted for ${seconds(move.unavailableSeconds)} · ${plural(move.abortedTransactions, "transaction")} aborted`),
    h("h3", {}, "Partitions"),
    table("What each partition lost", parts, move.partitions.map((one) => row(`${one.topic} ${one.partition}`, parts, [one.topic, one.partition, count(one.cut), count(one.sourceEnd), count(one.lostKnown),
      one.lostAtMost === null ? "unknown" : count(one.lostAtMost), count(one.quarantined)])), "No partition was moved."),
    h("h3", {}, "Groups"),
    table("Where each group goes on", groups, move.groups.map((one) => row(`${one.group} ${one.topic} ${one.partition}`, groups, [one.group, one.topic, one.partition, count(one.committedAtSource), clock(one.knownAt),
      count(one.resumesAt), count(one.rereads), count(one.skipped)])), "No group had committed anything there."),
    cliLine(`atoll failover show ${move.id}`),
  ];
}

export async function report(id) {
  const sheet = open(`Report of move ${id}`);
  const shown = h("div", { class: "confirm" }, "Asking…");
  sheet.append(shown);
  for (let last = ""; isShown(sheet);) {
    let move;
    try {
      move = await call("GET", `/v1/failovers/${id}`);
    } catch (error) {
      shown.replaceChildren(problem(error));
      return;
    }
    shown.replaceChildren(...reportView(move).flat());
    const now = move.outcome === "running" ? `running, next step ${words(move.nextStep)}` : words(move.outcome);
    if (now !== last) say(`Move ${id}: ${now}`);
    last = now;
    if (move.outcome !== "running") return;
    await pause(200);
  }
}

// --- Records that were set aside ---

function cell(value, encoding) {
  if (value === null || value === undefined) return h("span", { class: "soft" }, "null");
  return [h("pre", {}, value), encoding ? h("span", { class: "soft" }, encoding) : null];
}

export async function browse(id) {
  const tail = get("quarantine", id);
  const sheet = open(tail ? `${tail.topic} · ${tail.partition}: ${plural(tail.records, "record")} set aside` : `Tail ${id}`);
  const columns = [{ label: "Offset" }, { label: "Time" }, { label: "Kind" }, { label: "Key", class: "rec" }, { label: "Value", class: "rec" }, { label: "Headers", class: "rec" }];
  const shown = h("div", {}, "Reading…");
  const next = h("button", { type: "button" }, "Next records");
  const place = h("span", { class: "soft", "aria-live": "polite" });
  sheet.append(tail ? h("p", { class: "soft" }, `was in the log of ${tail.region} at epoch ${tail.epoch}; the owner's epoch ${tail.newEpoch} does not have it · `, h("code", {}, tail.folder)) : "",
    shown, h("div", { class: "go" }, next, " ", place), cliLine(`atoll quarantine export ${arg(id)}`));
  let waiting = [];
  let at = "0:0";
  next.addEventListener("click", async () => {
    next.disabled = true;
    try {
      while (waiting.length < PAGE && at !== null) {
        const page = await call("GET", `/v1/quarantine/${encodeURIComponent(id)}/records?at=${encodeURIComponent(at)}`);
        waiting.push(...page.records);
        at = page.next;
      }
    } catch (error) {
      shown.replaceChildren(problem(error));
      return;
    }
    const now = waiting.splice(0, PAGE);
    shown.replaceChildren(table("Records of the tail", columns, now.map((record) => row(String(record.offset), columns, [count(record.offset), clock(new Date(record.timestamp).toISOString()), record.kind,
      cell(record.key, record.keyEncoding), cell(record.value, record.valueEncoding), record.headers.map((header) => h("div", {}, `${header.key}: ${header.value ?? "null"}`))])), "It holds no record."));
    place.textContent = now.length > 0 ? `offsets ${count(now[0].offset)} – ${count(now.at(-1).offset)}` : "";
    next.hidden = waiting.length === 0 && at === null;
    next.disabled = false;
  });
  next.click();
}

// A reinjection goes in slices: ask until it is done.
export async function reinject(id) {
  for (;;) {
    const reached = await call("POST", `/v1/quarantine/${encodeURIComponent(id)}:reinject`);
    say(`${reached.produced} records given back`);
    if (reached.done) return `${plural(reached.produced, "record")} produced to ${reached.owner}, ${count(reached.leftOut)} left out (aborted or open transactions).`;
  }
}

// --- A group's offsets on both sides ---

export async function offsets(link, group) {
  const sheet = open(`Offsets of ${group}`);
  const columns = [{ label: "Topic" }, { label: "Partition", num: true }, { label: "At the source", num: true }, { label: "Here", num: true }, { label: "State" }, { label: "Known since" }, { label: "Why", class: "text" }];
  try {
    const answer = await call("GET", `${linkPath(link)}/groups?group=${encodeURIComponent(group)}`);
    sheet.append(table(`Offsets of ${group}`, columns, answer.groups.map((one) => row(`${one.topic} ${one.partition}`, columns, [one.topic, one.partition, count(one.committedAtSource), count(one.here),
      badge(one.state), clock(one.knownAt), one.reason])), "Nothing is known of it at the source."), cliLine(`atoll group translate --link ${arg(link)} --group ${arg(group)}`));
  } catch (error) {
    sheet.append(problem(error));
  }
}

