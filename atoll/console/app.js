// Joins what is known with what is shown, and buttons with what they do.
import { arg, h, morph, seconds } from "./dom.js";
import * as looks from "./looks.js";
import * as sheets from "./sheets.js";
import { call, connect, linkPath, onChange, rows, state } from "./state.js";
import * as views from "./views.js";

const $ = (id) => document.getElementById(id);
let allEvents = false;

// --- Showing ---

function show(id, view) {
  const fresh = h(view.tagName, { id }, ...view.childNodes);
  morph($(id), fresh);
}

function showLife() {
  const live = $("live");
  document.body.classList.toggle("lost", !state.live && state.known);
  live.className = state.live ? "live on" : state.known ? "live off" : "live";
  live.textContent = state.live ? "live" : state.known ? "stale" : state.reason || "connecting";
  $("stale").hidden = state.live || !state.known;
  showAge();
}

function showAge() {
  if (state.live || !state.known) return;
  const since = new Date(state.heard).toISOString().slice(11, 19);
  const text = `Stale since ${since} UTC (${seconds((Date.now() - state.heard) / 1000)}): ${state.reason}. What is shown was true then; connecting again…`;
  if ($("stale").textContent !== text) $("stale").textContent = text;
}

function render() {
  showLife();
  if (!state.known) return;
  const region = rows("region")[0];
  if (region) {
    $("region").textContent = region.region;
    document.title = `Atoll · ${region.region}`;
  }
  views.remember();
  show("links-body", views.links());
  show("topics-body", views.topics($("topic-filter").value));
  show("groups-body", views.groups());
  show("moves-body", views.moves());
  show("quarantine-body", views.quarantine());
  show("events-body", views.events(allEvents));
  show("dashboards", views.dashboards());
  const facts = views.facts();
  if ($("facts").textContent !== facts) $("facts").textContent = facts;
}

// Once per frame, whatever came.
let asked = false;
function ask() {
  if (asked) return;
  asked = true;
  setTimeout(() => {
    asked = false;
    render();
  }, 30);
}

// --- Doing ---

async function topicVerb(link, topic, verb) {
  const answer = await call("POST", `${linkPath(link)}/mirrors:${verb}`, { topics: [topic] });
  const refused = (answer.results ?? []).find((result) => !result.ok);
  if (refused) throw new Error(refused.message);
  return `${topic}: ${verb} is done.`;
}

const WARNINGS = {
  skip: "Leaves what is missing or bad behind: the records in it stay missing here. Recorded as an event.",
  return: "Sets aside what this region has beyond the owner's history, and mirrors the owner again. The tail stays in the quarantine.",
};

const actions = {
  close: () => sheets.close(),
  copy: ({ text }, button) => navigator.clipboard.writeText(text).then(() => { button.textContent = "Copied"; }),
  expand: ({ topic }) => { views.toggle(topic); render(); },
  "all-events": () => { allEvents = true; render(); },
  plan: ({ link, mode }) => sheets.plan(link, mode),
  verify: ({ link }) => looks.verify(link),
  drill: ({ link }) => looks.drill(link),
  report: ({ id }) => sheets.report(id),
  browse: ({ id }) => sheets.browse(id),
  group: ({ link, group }) => sheets.offsets(link, group),
  link: async ({ link, verb }) => {
    const act = async () => {
      await call("POST", `${linkPath(link)}:${verb}`);
      return `Link ${link}: ${verb} is done.`;
    };
    if (verb === "resume") return sheets.say(await act());
    return sheets.confirm(`Pause ${link}`, link, "Nothing more is pulled over this link until it is resumed: the copy grows old. Survives a restart.", "Pause", `atoll link pause ${arg(link)}`, act);
  },
  topic: async ({ link, topic, verb }, button) => {
    if (verb in WARNINGS) {
      return sheets.confirm(`${verb === "skip" ? "Skip" : "Return"} ${topic}`, link, WARNINGS[verb], verb === "skip" ? "Skip" : "Return", button.dataset.cli, () => topicVerb(link, topic, verb));
    }
    return sheets.say(await topicVerb(link, topic, verb));
  },
  reinject: async ({ id, link, topic }) => {
    const what = await call("POST", `/v1/quarantine/${encodeURIComponent(id)}:reinject?dry_run=true`);
    sheets.confirm(`Give ${topic} its records back`, link, `Produces ${what.produces} records to ${what.owner}, which owns the topic now, at its end; ${what.leavesOut} are left out.`, "Reinject",
      `atoll quarantine reinject ${arg(id)}`, () => sheets.reinject(id));
  },
  drop: ({ id, link, topic }) => sheets.confirm(`Drop a tail of ${topic}`, link, "These records are in no log any more. Dropping them is for ever.", "Drop", `atoll quarantine drop ${arg(id)}`, async () => {
    await call("DELETE", `/v1/quarantine/${encodeURIComponent(id)}`);
    return `The tail ${id} is gone.`;
  }),
};

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-do]");
  if (button === null) return;
  const act = actions[button.dataset.do];
  try {
    await act(button.dataset, button);
  } catch (error) {
    sheets.failed("It was not done", error);
  }
});

// The command line of the button that is pointed at or has the focus.
function showCli(event) {
  $("cli").textContent = event.target.closest?.("[data-cli]")?.dataset.cli ?? "";
}
document.addEventListener("pointerover", showCli);
document.addEventListener("focusin", showCli);
$("topic-filter").addEventListener("input", render);

onChange(ask);
setInterval(showAge, 500);
connect();
