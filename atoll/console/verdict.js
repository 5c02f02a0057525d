// "Can I fail over?" for one link, from what the stream says. Pure. What is not known is never good news.
import { ago, count, plural, seconds } from "./dom.js";

const BROKEN = ["halted", "gap", "diverged", "conflict"];
const AWAY = ["promoted", "retired"]; // Nothing left to move.

const check = (level, text) => ({ level, text });

function contact(link) {
  switch (link.state) {
    case "running": case "degraded": return check("good", "in contact with the source");
    case "source_unavailable":
      return check("warn", link.lastContact ? `source silent for ${seconds(ago(link.lastContact))}: what it took since is unknown` : "the source was never heard");
    case "paused": return check("bad", "the link is paused: this copy grows old");
    case "refused": return check("bad", `the source is refused: ${link.reason}`);
    default: return check("bad", "the source was not heard yet");
  }
}

function lag(link) {
  if (link.rpoSeconds === null) return check(link.state === "source_unavailable" ? "warn" : "bad", "lag is not known");
  const now = `lag ${seconds(link.rpoSeconds)}`;
  if (!link.rpoTargetSeconds) return check("good", `${now} (no objective set)`);
  const within = link.rpoSeconds <= link.rpoTargetSeconds;
  return check(within ? "good" : "bad", `${now}, ${within ? "within" : "above"} the objective of ${seconds(link.rpoTargetSeconds)}`);
}

function partitions(mirrors) {
  const broken = mirrors.filter((mirror) => BROKEN.includes(mirror.state));
  if (broken.length === 0) return check("good", `${plural(mirrors.length, "partition")}, none stopped`);
  const topics = new Set(broken.map((mirror) => mirror.topic)).size;
  return check("bad", `${plural(broken.length, "partition")} of ${plural(topics, "topic")} stopped: ${[...new Set(broken.map((m) => m.state))].join(", ")}`);
}

function groups(lines) {
  if (lines.length === 0) return check("good", "no group has committed at the source");
  const placed = lines.reduce((sum, line) => sum + line.placed, 0);
  const all = lines.reduce((sum, line) => sum + line.partitions, 0);
  const text = `${count(placed)}/${count(all)} group offsets placed here`;
  return placed === all ? check("good", text) : check("warn", `${text}: ${lines.find((line) => line.placed < line.partitions).reason || "the rest follows its records"}`);
}

function verified(mirrors) {
  const compared = mirrors.filter((mirror) => mirror.verifiedTo !== null);
  if (compared.length === 0) return check("note", "not compared with the source yet");
  return check(compared.length === mirrors.length ? "good" : "note", `${count(compared.length)}/${count(mirrors.length)} compared with the source by digest`);
}

export function verdict(link, allMirrors, lines) {
  const mirrors = allMirrors.filter((mirror) => !AWAY.includes(mirror.state));
  if (mirrors.length === 0) {
    const away = allMirrors.length > 0;
    return { level: "note", answer: away ? "ALREADY HERE" : "NOTHING TO MOVE", checks: [],
      worst: away ? "this region owns every topic of the link" : "the link mirrors no topic" };
  }
  const checks = [contact(link), lag(link), partitions(mirrors), groups(lines), verified(mirrors)];
  const has = (level) => checks.some((one) => one.level === level);
  const level = has("bad") ? "bad" : has("warn") ? "warn" : "good";
  const records = link.lagRecords === null ? "an unknown number of records" : plural(link.lagRecords, "record");
  const bounded = link.rpoSeconds === null ? "worst case not known" : `worst case ${seconds(link.rpoSeconds)} / ${records}`;
  const unseen = link.state === "source_unavailable" ? ", and what the source took unseen" : "";
  const target = link.rpoTargetSeconds ? ` (objective ${seconds(link.rpoTargetSeconds)})` : "";
  return { level, answer: { good: "YES", warn: "WITH CARE", bad: "NOT AS IT IS" }[level], worst: bounded + unseen + target, checks };
}
