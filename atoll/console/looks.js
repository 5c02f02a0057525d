// Looks that change nothing: comparing mirrors with their source, and the rehearsal of a failover.
import { arg, badge, bytes, clock, count, DASH, h, plural, row, seconds, table, words } from "./dom.js";
import { cliLine, cliOf, isShown, open, pause, planView, problem, say } from "./sheets.js";
import { call, linkPath } from "./state.js";

const POLL_MS = 300;

// --- Verify ---

const verifyLine = (link, deep) => ["atoll verify", "--link", arg(link), ...(deep ? ["--deep"] : []), "--wait"].join(" ");

// What a run has found. Nothing compared is no equality.
function outcome(run) {
  if (run.findings.some((finding) => finding.kind === "mismatch")) return "mismatch";
  if (run.ended === null) return "comparing";
  const all = run.partitionsDone > 0 && run.partitionsDone === run.partitions && run.findings.length === 0;
  return all ? "equal" : "not_compared";
}

function runView(run) {
  const findings = [{ label: "Topic" }, { label: "Partition", num: true }, { label: "Found" }, { label: "Offsets", num: true, wide: true }, { label: "What", class: "text" }];
  const left = [{ label: "Topic" }, { label: "Partition", num: true }, { label: "Why not", class: "text" }];
  const how = run.deep ? "every byte read again on both sides" : run.by === "digests" ? "by digests" : "by reading the source";
  return [
    h("p", { class: "big" }, badge(outcome(run)), ` ${run.partitionsDone} of ${plural(run.partitions, "partition")} · ${count(run.offsetsDone)} of ${plural(run.offsets, "offset")} · ${how}`),
    run.ended === null ? h("progress", { "aria-label": "offsets compared", max: Math.max(run.offsets, 1), value: run.offsetsDone }) : null,
    h("p", { class: "soft" }, `run ${run.run} · started ${clock(run.started)} · ended ${clock(run.ended)} · ${bytes(run.bytes)} read`),
    run.findings.length === 0 ? null : table("What the run found", findings, run.findings.map((one, i) => row(`finding ${i}`, findings, [one.topic, one.partition, badge(one.kind),
      one.first === null ? DASH : `${count(one.first)} – ${count(one.end)}`, one.what])), ""),
    run.incomparable.length === 0 ? null : table("What can't be compared", left, run.incomparable.map((one) => row(`${one.topic} ${one.partition}`, left, [one.topic, one.partition, one.why])), ""),
  ];
}

// Until the run `id` has ended, or nobody looks any more. Any other run in its place is a newer one: it is followed.
async function follow(link, id, sheet, shown) {
  while (isShown(sheet)) {
    const { run } = await call("GET", `${linkPath(link)}/verify`);
    if (run === null || run.run < id) throw new Error(`run ${id} is gone: the link was started anew`);
    shown.replaceChildren(...runView(run).filter(Boolean));
    if (run.ended !== null) {
      say(`${link}: ${words(outcome(run))}`);
      return;
    }
    await pause(POLL_MS);
  }
}

export async function verify(link) {
  const sheet = open(`Verify ${link}`);
  const shown = h("div", { class: "confirm", "aria-live": "polite" }, "Asking…");
  const deep = h("input", { type: "checkbox" });
  const go = h("button", { type: "submit", class: "main" }, "Verify");
  const line = h("div", {}, cliLine(verifyLine(link, false)));
  const form = h("form", {}, h("fieldset", {}, h("legend", {}, "All mirrors of the link"),
    h("div", { class: "choices" }, h("label", {}, deep, " read every byte on both sides again, ", h("span", { class: "whole" }, "--deep"), ": as much traffic as a copy"), go)));
  const kind = h("p", { class: "soft" }, "Compares the mirrors with their source from start to end.");
  sheet.append(kind, form, line, shown);
  deep.addEventListener("change", () => line.replaceChildren(cliLine(verifyLine(link, deep.checked))));
  const act = async (work) => {
    go.disabled = true;
    try {
      await work();
    } catch (error) {
      shown.replaceChildren(problem(error));
    }
    go.disabled = false;
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    act(async () => {
      const begun = await call("POST", `${linkPath(link)}/verify`, { deep: deep.checked });
      await follow(link, begun.run, sheet, shown);
    });
  });
  await act(async () => {
    const now = await call("GET", `${linkPath(link)}/verify`);
    kind.textContent = `Compares the mirrors with their source from start to end, besides the comparison that is ${now.verification}.`;
    if (now.run === null) shown.replaceChildren("No run was asked for since the link started.");
    else await follow(link, now.run.run, sheet, shown);
  });
}

// --- Drill ---

function drillView(drill) {
  const columns = [{ label: "Step" }, { label: "Good" }, { label: "Time", num: true }, { label: "What", class: "text" }];
  return [
    h("p", { class: "big" }, badge(drill.ready ? "ready" : "not_ready"),
      drill.unavailableSeconds === null ? " how long nobody would accept is not known" : ` nobody would accept for about ${seconds(drill.unavailableSeconds)} after the command`),
    table("The steps of the drill", columns, drill.steps.map((step) => row(step.step, columns, [step.step, badge(step.good ? "yes" : "NO"), seconds(step.seconds), step.what])), ""),
    h("h3", {}, "The plan of such a failover"),
    planView(drill.plan),
  ];
}

export async function drill(link) {
  const request = { link, mode: "failover", topics: [], regex: "", accept: [], force: false };
  const sheet = open(`Drill over ${link}`);
  const shown = h("div", { class: "confirm", "aria-live": "polite" });
  const again = h("button", { type: "button" }, "Drill again");
  sheet.append(h("p", { class: "soft" }, "As if the source were lost now: the steps of a failover that change nothing are carried out and timed. Nobody is fenced, clients notice nothing."),
    shown, h("div", { class: "go" }, again), cliLine(cliOf(request, "drill")));
  const act = async () => {
    again.disabled = true;
    shown.setAttribute("aria-busy", "true");
    try {
      const answer = await call("POST", `${linkPath(link)}/mirrors:drill`, { all: true });
      shown.replaceChildren(...drillView(answer).flat(2).filter(Boolean));
      say(`Drill over ${link}: ${answer.ready ? "ready" : "not ready"}`);
    } catch (error) {
      shown.replaceChildren(problem(error));
    }
    shown.removeAttribute("aria-busy");
    again.disabled = false;
  };
  again.addEventListener("click", act);
  shown.replaceChildren("Rehearsing…");
  await act();
}
