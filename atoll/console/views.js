// The sections of the page, each a function from what is known to fresh elements; app.js morphs them into place.
import { arg, away, badge, button, bytes, clock, compact, count, DASH, h, plural, row, seconds, svg, table, words } from "./dom.js";
import { get, rows } from "./state.js";
import { verdict } from "./verdict.js";

const STOPPED = ["halted", "gap", "diverged", "conflict"];
const WORST = ["halted", "diverged", "gap", "conflict", "source_unavailable", "paused", "locating", "mirroring", "caught_up", "promoted", "retired"];
const SHOWN_EVENTS = 12;
const byName = (a, b) => (a < b ? -1 : a > b ? 1 : 0);

// --- RPO over the last minutes, as this page saw it ---

const SAMPLES = 150;
const history = new Map(); // Link -> [{at, rpo}]

export function remember() {
  for (const link of rows("links")) {
    const samples = history.get(link.name) ?? [];
    const last = samples.at(-1);
    if (last && Date.now() - last.at < 1900) continue;
    samples.push({ at: Date.now(), rpo: link.rpoSeconds });
    history.set(link.name, samples.slice(-SAMPLES));
  }
}

function sparkline(link) {
  const samples = history.get(link.name) ?? [];
  const top = Math.max(link.rpoTargetSeconds || 0, ...samples.map((sample) => sample.rpo ?? 0), 0.001) * 1.08;
  const x = (i) => (100 * (SAMPLES - samples.length + i)) / (SAMPLES - 1);
  const y = (rpo) => 29 - (28 * rpo) / top;
  let path = "";
  samples.forEach((sample, i) => {
    if (sample.rpo === null) return;
    path += `${path === "" || samples[i - 1]?.rpo === null ? "M" : "L"}${x(i).toFixed(2)} ${y(sample.rpo).toFixed(2)}`;
  });
  const shape = svg("svg", { class: "spark", viewBox: "0 0 100 30", preserveAspectRatio: "none", role: "img",
    "aria-label": `RPO of ${link.name} over the last ${Math.round((samples.length * 2) / 60)} minutes, now ${seconds(link.rpoSeconds)}` });
  if (link.rpoTargetSeconds) shape.append(svg("line", { class: "target", x1: 0, x2: 100, y1: y(link.rpoTargetSeconds), y2: y(link.rpoTargetSeconds) }));
  shape.append(svg("path", { class: "now", d: path }));
  return shape;
}

// What this region owns is no mirror any more, also while a lost source can't tell its link so.
const mirrorRows = () => rows("mirrors").map((mirror) => {
  const topic = get("topics", mirror.topic);
  return topic?.link === null && topic.topicId === mirror.topicId ? { ...mirror, state: "promoted", reason: "" } : mirror;
});

// --- Grafana, where the region's YAML names one ---

function dashboard(name, label, variables = {}) {
  const grafana = rows("region")[0]?.grafana;
  if (!grafana) return null;
  const query = new URLSearchParams(Object.entries(variables).map(([key, value]) => [`var-${key}`, value])).toString();
  return away(label, `${grafana}/d/atoll-${name}${query === "" ? "" : `?${query}`}`);
}

export const dashboards = () => h("span", {}, [dashboard("overview", "overview"), dashboard("broker", "broker dashboard")].filter(Boolean).map((one) => [one, " · "]));

// --- Links ---

const stat = (label, value, title) => h("div", { title }, h("dt", {}, label), h("dd", {}, value));

function flow(link, here) {
  const paused = link.paused;
  const verb = paused ? "resume" : "pause";
  return h("div", { class: "flow" },
    h("b", {}, here), h("span", { class: "arrow", "aria-label": "pulls from" }, "◀──"), h("b", {}, link.source),
    h("span", { class: "mono" }, link.name), badge(link.state), link.reason ? h("span", { class: "soft" }, link.reason) : null,
    h("span", { class: "actions" }, dashboard("link", "Grafana", { link: link.name }),
      button("Verify…", "verify", `atoll verify --link ${arg(link.name)} --wait`, { link: link.name }),
      button(paused ? "Resume link" : "Pause link", "link", `atoll link ${verb} ${arg(link.name)}`, { link: link.name, verb })));
}

export function links() {
  const here = rows("region")[0]?.region ?? "here";
  const all = rows("links").sort((a, b) => byName(a.name, b.name));
  if (all.length === 0) {
    return h("div", {}, h("p", { class: "empty" }, "This region pulls from nobody: it has no copy to fail over to. Add a document of kind Link to its YAML (", h("code", {}, "atoll config example"), ")."));
  }
  const mirrors = Map.groupBy(mirrorRows(), (mirror) => mirror.link);
  const groups = Map.groupBy(rows("linkGroups"), (line) => line.link);
  return h("div", {}, all.map((link) => {
    const answer = verdict(link, mirrors.get(link.name) ?? [], groups.get(link.name) ?? []);
    const name = arg(link.name);
    // The move that fits now stands out; none, where there is nothing to move.
    const fits = answer.level === "note" ? "" : link.state === "source_unavailable" ? "failover" : "promote";
    const plan = (label, mode, cli) => button(label, "plan", cli, { link: link.name, mode }, fits === mode ? "main" : "");
    return h("article", { class: "link", "data-key": link.name, "aria-label": `link ${link.name}` },
      h("div", { class: `answer ${answer.level}` },
        h("div", {}, h("strong", {}, answer.answer), h("span", { class: "worst" }, answer.worst)),
        h("div", { class: "doing" },
          button("Drill…", "drill", `atoll failover drill --link ${name}`, { link: link.name }),
          plan("Plan failover…", "failover", `atoll failover plan --link ${name}`),
          plan("Plan promote…", "promote", `atoll promote --dry-run --link ${name}`)),
        h("ul", { class: "checks" }, answer.checks.map((check) => h("li", { class: check.level },
          h("span", { class: "unseen" }, { good: "good: ", warn: "warning: ", bad: "problem: ", note: "note: " }[check.level]), check.text)))),
      flow(link, here),
      h("dl", { class: "stats" },
        stat("RPO now", seconds(link.rpoSeconds), "The largest lag of all mirrors"),
        stat("Objective", link.rpoTargetSeconds ? seconds(link.rpoTargetSeconds) : DASH),
        stat("RTT", seconds(link.control.rttSeconds), link.control.reason || "Over the control connection"),
        stat("Wire", link.wireBytesPerSecond === null ? DASH : `${bytes(link.wireBytesPerSecond)}/s`),
        stat("Records", link.recordsPerSecond === null ? DASH : `${compact(link.recordsPerSecond)}/s`),
        stat("Lag", link.lagRecords === null ? DASH : `${count(link.lagRecords)} rec`, link.lagBytes === null ? "" : bytes(link.lagBytes)),
        h("div", { class: "wide" }, h("dt", {}, "RPO, last 5 min"), h("dd", {}, sparkline(link)))));
  }));
}

// --- Topics ---

const open = new Set(); // Expanded topics, by key.
export const toggle = (key) => (open.has(key) ? open.delete(key) : open.add(key));

const COLUMNS = [{ label: "Topic" }, { label: "State", wide: true }, { label: "Lag records", num: true }, { label: "Lag bytes", num: true },
  { label: "Lag age", num: true }, { label: "Source end → here", num: true, wide: true }, { label: "Verified", num: true }, { label: "", class: "acts" }];

const sum = (mirrors, field) => (mirrors.some((mirror) => mirror[field] === null) ? null : mirrors.reduce((total, mirror) => total + mirror[field], 0));
const most = (mirrors, field) => (mirrors.some((mirror) => mirror[field] === null) ? null : Math.max(...mirrors.map((mirror) => mirror[field])));
const share = (mirrors) => {
  const applied = sum(mirrors, "appliedEnd");
  const verified = mirrors.reduce((total, mirror) => total + Math.min(mirror.verifiedTo ?? 0, mirror.appliedEnd ?? 0), 0);
  if (applied === null || !mirrors.some((mirror) => mirror.verifiedTo !== null)) return DASH;
  return applied === 0 ? "100 %" : `${Math.floor((100 * verified) / applied)} %`;
};

const ends = (source, here) => (source === null && here === null ? DASH : `${count(source)} → ${count(here)}`);

function topicActions(topic, link, mirrors) {
  const states = new Set(mirrors.map((mirror) => mirror.state));
  const to = `${arg(topic)} --link ${arg(link)}`;
  const act = (label, verb, kind) => button(label, "topic", verb === "return" ? `atoll return ${to}` : `atoll mirror ${verb} ${to}`, { topic, link, verb }, kind);
  if (states.has("promoted")) return [];
  const actions = [];
  if (states.has("diverged")) actions.push(act("Return…", "return", "danger"));
  if (states.has("gap") || states.has("halted")) actions.push(act("Skip…", "skip", "danger"));
  actions.push(states.has("paused") || STOPPED.some((state) => states.has(state)) ? act("Resume", "resume") : act("Pause", "pause"));
  return actions.flatMap((action, i) => (i === 0 ? [action] : [" ", action]));
}

function partition(mirror, key) {
  const done = mirror.sourceEnd ? (100 * Math.min(mirror.appliedEnd ?? 0, mirror.sourceEnd)) / mirror.sourceEnd : mirror.sourceEnd === 0 ? 100 : 0;
  const bar = h("span", { class: "bar", "aria-hidden": "true" }, svg("svg", { width: "100%", height: "100%", preserveAspectRatio: "none", viewBox: "0 0 100 1" },
    svg("rect", { width: done.toFixed(2), height: 1 })));
  return row(`${key} ${mirror.partition}`, COLUMNS, [`partition ${mirror.partition}`, badge(mirror.state, mirror.reason), count(mirror.lagRecords), bytes(mirror.lagBytes),
    seconds(mirror.lagSeconds), h("span", {}, bar, ends(mirror.sourceEnd, mirror.appliedEnd)), count(mirror.verifiedTo), ""], { class: "part" });
}

// Why something stopped, and what to do, under its line.
const why = (key, state, reason) => (reason === "" || !STOPPED.includes(state) ? []
  : [h("tr", { "data-key": `${key} why`, class: "why" }, h("td", { class: "text", colspan: COLUMNS.length }, reason))]);

export function topics(filter) {
  const wanted = (name) => name.toLowerCase().includes(filter.toLowerCase());
  const mirrored = Map.groupBy(mirrorRows().filter((mirror) => wanted(mirror.topic)), (mirror) => `${mirror.link} ${mirror.topicId} ${mirror.topic}`);
  const lines = [...mirrored].sort(([, a], [, b]) => byName(a[0].topic, b[0].topic)).flatMap(([key, mirrors]) => {
    const { topic, link } = mirrors[0];
    const state = WORST.find((one) => mirrors.some((mirror) => mirror.state === one)) ?? mirrors[0].state;
    const reason = mirrors.find((mirror) => mirror.state === state)?.reason ?? "";
    const expanded = open.has(key);
    const name = h("button", { type: "button", class: "plain", "data-do": "expand", "data-topic": key, "data-cli": `atoll mirror describe ${arg(topic)}`, title: `atoll mirror describe ${arg(topic)}`,
      "aria-expanded": String(expanded) }, topic, h("span", { class: "soft" }, ` (${mirrors.length})`));
    const line = row(key, COLUMNS, [name, badge(state, reason),
      count(sum(mirrors, "lagRecords")), bytes(sum(mirrors, "lagBytes")), seconds(most(mirrors, "lagSeconds")),
      ends(sum(mirrors, "sourceEnd"), sum(mirrors, "appliedEnd")), share(mirrors), topicActions(topic, link, mirrors)]);
    if (!expanded) return [line, ...why(key, state, reason)];
    return [line, ...mirrors.sort((a, b) => a.partition - b.partition).flatMap((mirror) => [partition(mirror, key), ...why(`${key} ${mirror.partition}`, mirror.state, mirror.reason)])];
  });
  const owned = rows("topics").filter((topic) => topic.link === null && !topic.frozen && wanted(topic.name)).sort((a, b) => byName(a.name, b.name));
  const columns = [{ label: "Owned here" }, { label: "Partitions", num: true }, { label: "Size", num: true }, { label: "Epoch", num: true }];
  const fits = filter === "" ? "" : ` whose name contains "${filter}"`;
  return h("div", {},
    table("Mirrored topics, with their lag in records, bytes and age", COLUMNS, lines, `This region mirrors no topic${fits}.`),
    h("div", { class: "more", "data-key": "owned" }, table("Topics that this region owns", columns,
      owned.map((topic) => row(topic.name, columns, [topic.name, count(topic.partitionCount), bytes(topic.sizeBytes), topic.epoch])), `This region owns no topic${fits}.`)));
}

// --- Groups ---

export function groups() {
  const columns = [{ label: "Group" }, { label: "Here" }, { label: "Members here", num: true }, { label: "Lag here", num: true }, { label: "Lag age here", num: true },
    { label: "At the source", wide: true }, { label: "Offsets placed", num: true }, { label: "Why not all", class: "text" }, { label: "", class: "acts" }];
  const far = Map.groupBy(rows("linkGroups"), (line) => line.group);
  const names = new Set([...rows("groups").map((group) => group.group), ...far.keys()]);
  const lines = [...names].sort().flatMap((name) => {
    const here = get("groups", name);
    const sides = far.get(name) ?? [null];
    return sides.map((side) => row(`${name} ${side?.link ?? ""}`, columns, [name,
      here ? badge(here.state) : h("span", { class: "soft" }, "nothing committed"), here ? count(here.memberCount) : DASH,
      here ? count(here.lagRecords) : DASH, here ? seconds(here.lagSeconds) : DASH,
      side ? h("span", { class: "mono" }, side.link) : h("span", { class: "soft" }, "only here"),
      side ? h("span", { class: `badge ${side.placed === side.partitions ? "good" : "warn"}` }, `${side.placed}/${side.partitions}`) : DASH,
      side && side.placed < side.partitions ? side.reason || "follows its records" : "",
      side ? button("Offsets", "group", `atoll group translate --link ${arg(side.link)} --group ${arg(name)}`, { link: side.link, group: name }) : ""]));
  });
  return h("div", {}, table("Consumer groups here and at the sources", columns, lines, "No group has committed an offset, here or at a source."));
}

// --- Moves, quarantine, events ---

export function moves() {
  const columns = [{ label: "Move" }, { label: "Outcome" }, { label: "Link", wide: true }, { label: "From → to", wide: true }, { label: "Topics", num: true }, { label: "Started" },
    { label: "Nobody accepted for", num: true }, { label: "Why", class: "text" }, { label: "", class: "acts" }];
  const lines = rows("moves").sort((a, b) => b.id - a.id).map((move) => row(String(move.id), columns, [`${move.mode} ${move.id}`,
    [badge(move.outcome), move.outcome === "running" ? ` next: ${words(move.nextStep)}` : ""], h("span", { class: "mono" }, move.link), `${move.source} → ${move.target}`,
    count(move.topics), clock(move.started), seconds(move.unavailableSeconds), move.reason, button("Report", "report", `atoll failover show ${move.id}`, { id: move.id })]));
  return h("div", {}, table("Moves of topics to this region", columns, lines, "No topic was moved to this region yet."));
}

export function quarantine() {
  const columns = [{ label: "Topic" }, { label: "Offsets", num: true }, { label: "Records", num: true }, { label: "Bytes", num: true }, { label: "Epoch → owner's", num: true, wide: true },
    { label: "Found" }, { label: "Given back" }, { label: "", class: "acts" }];
  const lines = rows("quarantine").sort((a, b) => byName(b.time, a.time)).map((tail) => {
    const back = tail.reinjected;
    const data = { id: tail.id, link: tail.link, topic: tail.topic };
    return row(tail.id, columns, [`${tail.topic} · ${tail.partition}`, `${count(tail.first)} – ${count(tail.end)}`, count(tail.records), bytes(tail.bytes),
      `${tail.epoch} → ${tail.newEpoch}`, clock(tail.time),
      back.done ? badge("done", `${back.produced} produced`) : back.begun ? `up to ${count(back.next)}` : "no",
      [button("Browse", "browse", `atoll quarantine export ${arg(tail.id)}`, data), " ",
        button("Reinject…", "reinject", `atoll quarantine reinject ${arg(tail.id)}`, data), " ", button("Drop…", "drop", `atoll quarantine drop ${arg(tail.id)}`, data, "danger")]]);
  });
  return h("div", {}, table("Tails of logs that no owner's history has", columns, lines, "Nothing is set aside: no log here held records that its topic's owner does not have."));
}

export function events(all) {
  const columns = [{ label: "Time" }, { label: "What" }, { label: "Topic" }, { label: "Offsets", num: true }, { label: "Link" }, { label: "Cause and next step", class: "text" }];
  const newest = rows("events").sort((a, b) => b.id - a.id);
  const shown = all ? newest : newest.slice(0, SHOWN_EVENTS);
  const lines = shown.map((event) => row(String(event.id), columns, [h("time", { datetime: event.time }, clock(event.time)), badge(event.kind),
    event.partition === null ? event.topic : `${event.topic} · ${event.partition}`, event.first === null ? DASH : `${count(event.first)} – ${count(event.end)}`,
    h("span", { class: "mono" }, event.link), event.cause]));
  return h("div", {}, table("Durable events, the newest first", columns, lines, "Nothing was recorded: no gap, no divergence, no halt."),
    newest.length > shown.length ? h("p", { class: "more" }, button(`All ${newest.length}`, "all-events", "atoll events")) : null);
}

export const facts = () => {
  const region = rows("region")[0];
  if (!region) return "";
  return `${region.region} · ordinal ${region.ordinal} · ${region.version} · kafka ${region.kafka} · ${plural(region.topics, "topic")}, ${plural(region.partitions, "partition")}`
    + (region.offlinePartitions.length > 0 ? ` · ${region.offlinePartitions.length} OFFLINE` : "");
};
