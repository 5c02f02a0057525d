// atoll failover plan|run|drill|list|show, atoll promote, atoll return
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <iostream>
#include <optional>

#include "atoll/cli/api.h"
#include "atoll/cli/command.h"
#include "atoll/cli/output.h"
#include "base/clock.h"

namespace atl::cli {
namespace {

constexpr int kBlocked = 3;
constexpr int kTimedOut = 4;

struct MoveOptions {
  std::string link;
  std::vector<std::string> topics;
  std::string regex;
  bool all = false;
  std::vector<std::string> accept;
  bool force = false;
  bool dry_run = false;
  bool yes = false;
  int wait_seconds = 60;
  int deadline_seconds = 30;
};

json::array ToArray(const std::vector<std::string>& texts) {
  json::array array;
  for (const std::string& text : texts) array.emplace_back(text);
  return array;
}

json::object BodyOf(const MoveOptions& options) {
  json::object body;
  body["topics"] = ToArray(options.topics);
  body["regex"] = options.regex;
  body["all"] = options.all || (options.topics.empty() && options.regex.empty());
  body["accept"] = ToArray(options.accept);
  body["force"] = options.force;
  body["deadlineSeconds"] = options.deadline_seconds;
  return body;
}

std::string PathOf(const MoveOptions& options, const std::string& mode) {
  return "/v1/links/" + EncodeSegment(options.link) + "/mirrors:" + mode;
}

// --- The plan ---

std::string Loss(const json::value& row) {
  const std::string at_most = Text(row, "lostAtMost");
  const std::string known = Text(row, "lostKnown");
  if (at_most != "-") return at_most == "0" ? "0" : "<= " + at_most;
  return known == "-" ? "UNKNOWN" : known + " + unobserved";
}

void AddFindings(const json::value& plan, Page& page) {
  int blocking = 0;
  int warnings = 0;
  for (const auto& finding : Items(plan, "findings")) {
    const bool blocks = IsTrue(finding, "blocking");
    ++(blocks ? blocking : warnings);
    page.Line(fmt::format("{} {}: {}\n    next: {}\n", blocks ? "BLOCKED" : "warning",
                          Text(finding, "code"), Text(finding, "message"),
                          Text(finding, "remedy")));
  }
  page.Line(fmt::format("{} blocking finding(s), {} warning(s)   plan {}\n", blocking, warnings,
                        Text(plan, "hash")));
}

void AddPlan(const json::value& plan, Page& page) {
  const std::string silent = Seconds(plan, "silentSeconds");
  page.Line(fmt::format("PLAN {}  link {}  {} -> {}   source: {}\n", Text(plan, "mode"),
                        Text(plan, "link"), Text(plan, "source"), Text(plan, "target"),
                        IsTrue(plan, "inContact") ? "in contact"
                        : silent == "-"           ? "NEVER HEARD"
                                                  : "UNREACHABLE for " + silent));
  const auto groups = [](const json::value& row) {
    return Text(row, "groupsPlaced") + "/" + Text(row, "groupsTotal");
  };
  page.Add(Table({Name(Field("TOPIC", "topic")), Field("PARTS", "partitions"),
                  Field("LAG(records)", "lagRecords"), Age("LAG(age)", "lagSeconds"),
                  Made("EST. LOSS", Loss), Made("GROUPS placed/total", groups),
                  Field("OPEN TXN", "openTransactions"), Field("DRAIN FROM", "drainFrom")},
                 Items(plan, "topics")));
  if (Text(plan, "mode") == "failover" && !IsTrue(plan, "inContact")) {
    page.Line(
        "unobserved = what the source accepted after the last contact; it is set aside there when "
        "it returns\n");
  }
  AddFindings(plan, page);
}

Page PlanPage(const json::value& plan) {
  Page page(plan);
  AddPlan(plan, page);
  return page;
}

StatusOr<json::value> GetPlan(const Api& api, const MoveOptions& options, const std::string& mode) {
  return api.Post(PathOf(options, mode) + "?dry_run=true", BodyOf(options));
}

int RunPlan(const Session& session, const MoveOptions& options, const std::string& mode) {
  const auto plan = GetPlan(ApiOf(session), options, mode);
  if (!plan.ok()) return PrintError(plan.status());
  Show(session, PlanPage(*plan));
  return IsTrue(*plan, "blocked") ? kBlocked : 0;
}

int RunDrill(const Session& session, const MoveOptions& options) {
  const auto drill = ApiOf(session).Post(PathOf(options, "drill"), BodyOf(options));
  if (!drill.ok()) return PrintError(drill.status());
  const bool ready = IsTrue(*drill, "ready");
  Page page(*drill);
  page.Line("DRILL: if the source were lost now. Nothing is changed.\n");
  AddPlan(drill->as_object().at("plan"), page);
  const auto good = [](const json::value& step) { return IsTrue(step, "good") ? "yes" : "NO"; };
  page.Add(Table(
      {Field("STEP", "step"), Made("GOOD", good), Age("TIME", "seconds"), Field("WHAT", "what")},
      Items(*drill, "steps")));
  page.Line(fmt::format("{}; nobody would accept for about {} after the command\n",
                        ready ? "ready" : "NOT READY", Seconds(*drill, "unavailableSeconds")));
  Show(session, page);
  return ready ? 0 : kBlocked;
}

// --- The report ---

Page ReportPage(const json::value& report) {
  Page page(report);
  page.Named(Text(report, "id"));
  const std::string reason = Text(report, "reason");
  page.Line(fmt::format("{} {}  link {}  {} -> {}  {}{}\n", Text(report, "mode"),
                        Text(report, "id"), Text(report, "link"), Text(report, "source"),
                        Text(report, "target"), Text(report, "outcome"),
                        reason == "-" ? "" : ": " + reason));
  page.Line(
      fmt::format("started {}  finished {}  nobody accepted for {}  transactions aborted {}\n",
                  Text(report, "started"), Text(report, "finished"),
                  Seconds(report, "unavailableSeconds"), Text(report, "abortedTransactions")));
  const auto at_most = [](const json::value& partition) {
    const std::string lost = Text(partition, "lostAtMost");
    return lost == "-" ? "unknown" : lost;
  };
  page.Add(Table({Field("TOPIC", "topic"), Field("PARTITION", "partition"), Field("CUT", "cut"),
                  Field("SOURCE END", "sourceEnd"), Field("LOST known", "lostKnown"),
                  Made("LOST at most", at_most), Field("QUARANTINED", "quarantined"),
                  Field("DRAINED FROM", "drainedFrom"), Field("DRAINED", "drained")},
                 Items(report, "partitions")));
  if (Items(report, "groups").empty()) return page;
  return page.Add(Table(
      {Field("GROUP", "group"), Field("TOPIC", "topic"), Field("PARTITION", "partition"),
       Field("COMMITTED AT SOURCE", "committedAtSource"), Field("KNOWN AT", "knownAt"),
       Field("RESUMES AT", "resumesAt"), Field("REREADS", "rereads"), Field("SKIPPED", "skipped")},
      Items(report, "groups")));
}

int ShowReport(const Session& session, const json::value& report) {
  Show(session, ReportPage(report));
  const std::string outcome = Text(report, "outcome");
  return outcome == "done" || outcome == "running" ? 0 : 1;
}

int RunShow(const Session& session, const std::string& id) {
  const auto report = ApiOf(session).Get("/v1/failovers/" + EncodeSegment(id));
  return report.ok() ? ShowReport(session, *report) : PrintError(report.status());
}

int RunList(const Session& session) {
  const auto list = ApiOf(session).Get("/v1/failovers");
  if (!list.ok()) return PrintError(list.status());
  const Table table({Name(Field("ID", "id")), Field("MODE", "mode"), Field("LINK", "link"),
                     Field("FROM", "source"), Field("TO", "target"), Field("TOPICS", "topics"),
                     Field("OUTCOME", "outcome"), Field("STARTED", "started"),
                     Wide(Field("FINISHED", "finished")),
                     Wide(Age("UNAVAILABLE", "unavailableSeconds")), Field("REASON", "reason")},
                    Items(*list, "failovers"));
  Show(session, Page(*list).Add(table));
  return 0;
}

// --- The move ---

// Nothing: go on. Else the exit code.
std::optional<int> Confirm(const MoveOptions& options) {
  if (options.yes) return std::nullopt;
  if (isatty(STDIN_FILENO) == 0) {
    return PrintError(InvalidArgument("this moves topics: say --yes, or run it on a terminal"));
  }
  std::cerr << fmt::format("Type the link's name to go on ({}): ", options.link);
  std::string typed;
  std::getline(std::cin, typed);
  if (typed == options.link) return std::nullopt;
  return PrintError(InvalidArgument("`{}` is not `{}`: nothing was done", typed, options.link));
}

int Follow(const Session& session, const std::string& id, int seconds) {
  const Api api = ApiOf(session);
  const MonotonicTime until = SystemClock().Now() + std::chrono::seconds(seconds);
  for (;;) {
    const auto report = api.Get("/v1/failovers/" + EncodeSegment(id));
    if (!report.ok()) return PrintError(report.status());
    if (Text(*report, "outcome") != "running") return ShowReport(session, *report);
    if (SystemClock().Now() >= until) {
      std::cerr << fmt::format(
          "atoll: move {} is still running, at step {}\n"
          "  `atoll failover show {}` shows how it ends\n",
          id, Text(*report, "nextStep"), id);
      return kTimedOut;
    }
    boost::asio::io_context context;
    boost::asio::steady_timer(context, std::chrono::milliseconds(50)).wait();
  }
}

int RunMove(const Session& session, const MoveOptions& options, const std::string& mode) {
  const Api api = ApiOf(session);
  const auto plan = GetPlan(api, options, mode);
  if (!plan.ok()) return PrintError(plan.status());
  const bool blocked = IsTrue(*plan, "blocked");
  // A program gets one document: the plan where it ends with that, else what became of the move.
  if (session.ForPeople() || options.dry_run || blocked) Show(session, PlanPage(*plan));
  if (blocked) return kBlocked;
  if (options.dry_run) return 0;
  if (const std::optional<int> refused = Confirm(options)) return *refused;
  json::object body = BodyOf(options);
  body["planHash"] = Text(*plan, "hash");
  const auto started = api.Post(PathOf(options, mode), body);
  if (!started.ok()) return PrintError(started.status());
  const std::string id = Text(*started, "operation");
  if (options.wait_seconds > 0) return Follow(session, id, options.wait_seconds);
  Show(session, Page(*started).Named(id).Line(
                    fmt::format("move {0} runs; `atoll failover show {0}`\n", id)));
  return 0;
}

int RunReturn(const Session& session, const MoveOptions& options) {
  const std::string path = PathOf(options, "return") + (options.dry_run ? "?dry_run=true" : "");
  if (!options.dry_run) {
    if (const std::optional<int> refused = Confirm(options)) return *refused;
  }
  const auto answer = ApiOf(session).Post(path, BodyOf(options));
  if (!answer.ok()) return PrintError(answer.status());
  const auto aside = [](const json::value& row) {
    return IsTrue(row, "sets_aside") ? "yes" : "no";
  };
  const Table table({Name(Field("TOPIC", "topic")), Name(Field("PARTITION", "partition")),
                     Field("STATE", "state"), Made("SETS ASIDE", aside), Field("REASON", "reason")},
                    Items(*answer, "partitions"));
  Show(session, Page(*answer).Add(table));
  return 0;
}

// --- The tree ---

std::shared_ptr<MoveOptions> AddSelection(CLI::App& verb, Session& session) {
  AddApiOptions(verb, session);
  auto options = std::make_shared<MoveOptions>();
  verb.add_option("topics", options->topics, "Topics; none: all of the link");
  verb.add_option("--link", options->link, "The link that mirrors them here")->required();
  verb.add_option("-r,--regex", options->regex, "Topics whose whole name matches");
  verb.add_flag("--all", options->all, "All topics of the link");
  return options;
}

std::shared_ptr<MoveOptions> AddMove(CLI::App& verb, Session& session) {
  auto options = AddSelection(verb, session);
  verb.add_option("--accept", options->accept, "Topics whose findings don't block")->delimiter(',');
  verb.add_flag("--dry-run", options->dry_run, "Only the plan: exit 0 clean, 3 blocked");
  verb.add_flag("--yes", options->yes, "Don't ask");
  verb.add_option("--deadline", options->deadline_seconds,
                  "Seconds after which a move without a new epoch is rolled back")
      ->check(CLI::Range(1, 600));
  verb.add_option("--wait", options->wait_seconds, "Seconds to follow it; 0: don't")
      ->check(CLI::Range(0, 86'400));
  return options;
}

}  // namespace

void AddFailoverCommands(CLI::App& app, Session& session) {
  CLI::App* failover =
      app.add_subcommand("failover", "Forced moves: the owner is gone, the loss is stated");
  failover->require_subcommand(1);
  CLI::App* plan = failover->add_subcommand("plan", "What it would do and cost; changes nothing");
  auto planned = AddSelection(*plan, session);
  plan->add_option("--accept", planned->accept, "Topics whose findings don't block")
      ->delimiter(',');
  plan->add_flag("--force", planned->force, "Although the source answers");
  plan->callback(
      [&session, planned] { session.exit_code = RunPlan(session, *planned, "failover"); });

  CLI::App* run = failover->add_subcommand("run", "Take topics over without their owner");
  auto forced = AddMove(*run, session);
  run->add_flag("--force", forced->force, "Although the source answers");
  run->callback([&session, forced] { session.exit_code = RunMove(session, *forced, "failover"); });

  CLI::App* drill = failover->add_subcommand(
      "drill",
      "A rehearsal: plan, checks and times as if the source were lost now; changes nothing");
  auto rehearsed = AddSelection(*drill, session);
  drill->add_option("--accept", rehearsed->accept, "Topics whose findings don't block")
      ->delimiter(',');
  drill->callback([&session, rehearsed] { session.exit_code = RunDrill(session, *rehearsed); });

  CLI::App* list = failover->add_subcommand("list", "Moves to this region, the newest first");
  AddApiOptions(*list, session);
  AddWatchOption(*list, session);
  list->callback([&session] { session.exit_code = RunList(session); });

  CLI::App* show = failover->add_subcommand("show", "The report of one move");
  AddApiOptions(*show, session);
  AddWatchOption(*show, session);
  auto id = std::make_shared<std::string>();
  show->add_option("id", *id, "Its number")->required();
  show->callback([&session, id] { session.exit_code = RunShow(session, *id); });

  CLI::App* promote =
      app.add_subcommand("promote", "Planned move to this region: nothing is lost or repeated");
  auto moved = AddMove(*promote, session);
  promote->callback([&session, moved] { session.exit_code = RunMove(session, *moved, "promote"); });

  CLI::App* back = app.add_subcommand(
      "return", "Diverged mirrors: set their tails aside and mirror the owner again");
  auto returned = AddSelection(*back, session);
  back->add_flag("--dry-run", returned->dry_run, "Only shows what would be set aside");
  back->add_flag("--yes", returned->yes, "Don't ask");
  back->callback([&session, returned] { session.exit_code = RunReturn(session, *returned); });
}

}  // namespace atl::cli
