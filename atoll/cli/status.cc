// atoll status: is this region well? Exit code 10 when not, for scripts. Also `atoll events`.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <set>

#include "atoll/cli/api.h"
#include "atoll/cli/command.h"
#include "atoll/cli/output.h"

namespace atl::cli {
namespace {

constexpr int kUnhealthy = 10;

// A link is well when it runs or was paused on purpose, and is within its objective.
bool LinkIsWell(const json::value& link) {
  const std::string state = Text(link, "state");
  if (state != "running" && state != "paused") return false;
  const auto* rpo = link.as_object().if_contains("rpoSeconds");
  const auto* target = link.as_object().if_contains("rpoTargetSeconds");
  if (rpo == nullptr || target == nullptr || !rpo->is_number() || !target->is_number()) return true;
  return rpo->to_number<double>() <= target->to_number<double>();
}

// States in which a partition needs somebody.
int64_t NeedingHelp(const json::value& link) {
  static const std::set<std::string, std::less<>> kBad{"halted", "gap", "diverged", "conflict"};
  int64_t count = 0;
  const auto* states = link.as_object().if_contains("mirrorStates");
  if (states == nullptr || !states->is_object()) return 0;
  for (const auto& [state, number] : states->as_object()) {
    if (kBad.contains(std::string_view(state.data(), state.size())) && number.is_number()) {
      count += number.to_number<int64_t>();
    }
  }
  return count;
}

Page StatusPage(const json::value& region, const json::array& links) {
  json::object all = region.as_object();
  all["links"] = links;
  Page page(std::move(all));
  page.Named(Text(region, "region"));
  page.Line(fmt::format("region {} (ordinal {}, cluster {})  up {}\n", Text(region, "region"),
                        Text(region, "ordinal"), Text(region, "clusterId"),
                        Seconds(region, "uptimeSeconds")));
  page.Line(fmt::format("kafka {}  admin {}  topics {}  partitions {}\n", Text(region, "kafka"),
                        Text(region, "admin"), Text(region, "topics"), Text(region, "partitions")));
  for (const auto& offline : Items(region, "offlinePartitions")) {
    page.Line(fmt::format("OFFLINE {}-{}: {}\n", Text(offline, "topic"), Text(offline, "partition"),
                          Text(offline, "reason")));
  }
  if (links.empty()) return page;
  const auto needing = [](const json::value& link) { return std::to_string(NeedingHelp(link)); };
  return page.Line("\n").Add(
      Table({Field("LINK", "name"), Field("SOURCE", "source"), Field("STATE", "state"),
             Field("PARTITIONS", "partitions"), Field("LAG(records)", "lagRecords"),
             Wide(Field("LAG(bytes)", "lagBytes")), Age("RPO", "rpoSeconds"),
             Age("TARGET", "rpoTargetSeconds"), Wide(Field("LAST CONTACT", "lastContact")),
             Made("NEED HELP", needing), Field("REASON", "reason")},
            links));
}

int RunStatus(const Session& session) {
  const Api api = ApiOf(session);
  const auto region = api.Get("/v1/status");
  if (!region.ok()) return PrintError(region.status());
  const auto answer = api.Get("/v1/links");
  if (!answer.ok()) return PrintError(answer.status());
  const json::array& links = Items(*answer, "links");
  Show(session, StatusPage(*region, links));
  const bool well = Items(*region, "offlinePartitions").empty() &&
                    std::ranges::all_of(links, [](const json::value& link) {
                      return LinkIsWell(link) && NeedingHelp(link) == 0;
                    });
  return well ? 0 : kUnhealthy;
}

struct EventFilter {
  std::string link, topic, kind;
  int limit = 50;
};

int RunEvents(const Session& session, const EventFilter& filter) {
  std::string path = fmt::format("/v1/events?limit={}", filter.limit);
  if (!filter.link.empty()) path += "&link=" + EncodeSegment(filter.link);
  if (!filter.topic.empty()) path += "&topic=" + EncodeSegment(filter.topic);
  if (!filter.kind.empty()) path += "&kind=" + EncodeSegment(filter.kind);
  const auto events = ApiOf(session).Get(path);
  if (!events.ok()) return PrintError(events.status());
  const auto offsets = [](const json::value& event) {
    return fmt::format("[{}, {})", Text(event, "first"), Text(event, "end"));
  };
  const Table table(
      {Wide(Name(Field("ID", "id"))), Field("TIME", "time"), Field("KIND", "kind"),
       Field("LINK", "link"), Field("TOPIC", "topic"), Field("PARTITION", "partition"),
       Made("OFFSETS", offsets), Wide(Field("EPOCH", "epoch")), Field("CAUSE", "cause")},
      Items(*events, "events"));
  Show(session, Page(*events).Add(table));
  return 0;
}

}  // namespace

void AddStatusCommand(CLI::App& app, Session& session) {
  CLI::App* status =
      app.add_subcommand("status", "Region, links and what needs help (exit 10 if something does)");
  AddApiOptions(*status, session);
  AddWatchOption(*status, session);
  status->callback([&session] { session.exit_code = RunStatus(session); });
}

void AddEventCommand(CLI::App& app, Session& session) {
  CLI::App* events =
      app.add_subcommand("events", "Gaps, divergences, generations and what else was recorded");
  AddApiOptions(*events, session);
  AddWatchOption(*events, session);
  auto filter = std::make_shared<EventFilter>();
  events->add_option("--link", filter->link, "Only of this link");
  events->add_option("--topic", filter->topic, "Only of this topic");
  events->add_option("--kind", filter->kind,
                     "gap, generation, divergence, halted, conflict, retired, rollback");
  events->add_option("--limit", filter->limit, "At most so many, newest first")
      ->check(CLI::Range(1, 10000));
  events->callback([&session, filter] { session.exit_code = RunEvents(session, *filter); });
}

}  // namespace atl::cli
