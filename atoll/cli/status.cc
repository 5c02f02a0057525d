// atoll status: is this region well? Exit code 10 when not, for scripts. Also `atoll events`.
#include <CLI/CLI.hpp>
#include <iostream>
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

void PrintStatus(const json::value& region, const json::value& links) {
  std::cout << fmt::format("region {} (ordinal {}, cluster {})  up {}\n", Text(region, "region"),
                           Text(region, "ordinal"), Text(region, "clusterId"),
                           Seconds(region, "uptimeSeconds"));
  std::cout << fmt::format("kafka {}  admin {}  topics {}  partitions {}\n", Text(region, "kafka"),
                           Text(region, "admin"), Text(region, "topics"),
                           Text(region, "partitions"));
  for (const auto& offline : Items(region, "offlinePartitions")) {
    std::cout << fmt::format("OFFLINE {}-{}: {}\n", Text(offline, "topic"),
                             Text(offline, "partition"), Text(offline, "reason"));
  }
  if (Items(links, "links").empty()) return;
  Table table({"LINK", "SOURCE", "STATE", "PARTITIONS", "LAG(records)", "RPO", "TARGET",
               "NEED HELP", "REASON"});
  for (const auto& link : Items(links, "links")) {
    table.Add({Text(link, "name"), Text(link, "source"), Text(link, "state"),
               Text(link, "partitions"), Text(link, "lagRecords"), Seconds(link, "rpoSeconds"),
               Seconds(link, "rpoTargetSeconds"), std::to_string(NeedingHelp(link)),
               Text(link, "reason")});
  }
  std::cout << "\n" << table.ToString();
}

int RunStatus(const Session& session) {
  const Api api(session.endpoint);
  auto region = api.Get("/v1/status");
  if (!region.ok()) return PrintError(region.status());
  auto links = api.Get("/v1/links");
  if (!links.ok()) return PrintError(links.status());
  if (session.json()) {
    json::object all = region->as_object();
    all["links"] = links->at("links");
    PrintJson(all);
  } else {
    PrintStatus(*region, *links);
  }
  if (!Items(*region, "offlinePartitions").empty()) return kUnhealthy;
  for (const auto& link : Items(*links, "links")) {
    if (!LinkIsWell(link) || NeedingHelp(link) > 0) return kUnhealthy;
  }
  return 0;
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
  auto events = Api(session.endpoint).Get(path);
  if (!events.ok()) return PrintError(events.status());
  if (session.json()) {
    PrintJson(*events);
    return 0;
  }
  Table table({"TIME", "KIND", "LINK", "TOPIC", "PARTITION", "OFFSETS", "CAUSE"});
  for (const auto& event : Items(*events, "events")) {
    table.Add({Text(event, "time"), Text(event, "kind"), Text(event, "link"), Text(event, "topic"),
               Text(event, "partition"),
               fmt::format("[{}, {})", Text(event, "first"), Text(event, "end")),
               Text(event, "cause")});
  }
  std::cout << table.ToString();
  return 0;
}

}  // namespace

void AddApiOptions(CLI::App& verb, Session& session) {
  verb.add_option("--endpoint", session.endpoint, "Admin API of the region")
      ->envname("ATOLL_ENDPOINT")
      ->capture_default_str();
  verb.add_option("-o,--output", session.output, "table or json")
      ->check(CLI::IsMember({"table", "json"}))
      ->capture_default_str();
}

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
