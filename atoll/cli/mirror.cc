// atoll mirror list|describe|pause|resume|skip
#include <CLI/CLI.hpp>
#include <iostream>

#include "atoll/cli/api.h"
#include "atoll/cli/command.h"
#include "atoll/cli/output.h"

namespace atl::cli {
namespace {

// One topic of a link, summed up over its partitions: the worst state, the largest lag.
struct TopicRow {
  std::string link, state;
  int64_t partitions = 0;
  int64_t lag_records = 0;
  bool lag_known = true;
  double lag_seconds = 0;
  bool seconds_known = true;
};

void Sum(TopicRow& row, const json::value& partition) {
  ++row.partitions;
  const std::string state = Text(partition, "state");
  if (row.state.empty() || row.state == "caught_up" ||
      (row.state == "mirroring" && state != "caught_up")) {
    row.state = state;
  }
  const auto& members = partition.as_object();
  const auto* records = members.if_contains("lagRecords");
  if (records != nullptr && records->is_number()) {
    row.lag_records += records->to_number<int64_t>();
  } else {
    row.lag_known = false;
  }
  const auto* seconds = members.if_contains("lagSeconds");
  if (seconds != nullptr && seconds->is_number()) {
    row.lag_seconds = std::max(row.lag_seconds, seconds->to_number<double>());
  } else {
    row.seconds_known = false;
  }
}

StatusOr<std::vector<std::string>> LinkNames(const Api& api, const std::string& only) {
  if (!only.empty()) return std::vector<std::string>{only};
  ASSIGN_OR_RETURN(const json::value links, api.Get("/v1/links"));
  std::vector<std::string> names;
  for (const auto& link : Items(links, "links")) names.push_back(Text(link, "name"));
  return names;
}

StatusOr<json::array> Partitions(const Api& api, const std::string& link,
                                 const std::string& topic) {
  json::array all;
  ASSIGN_OR_RETURN(const std::vector<std::string> names, LinkNames(api, link));
  for (const std::string& name : names) {
    std::string path = "/v1/links/" + EncodeSegment(name) + "/mirrors";
    if (!topic.empty()) path += "?topic=" + EncodeSegment(topic);
    ASSIGN_OR_RETURN(const json::value answer, api.Get(path));
    for (const auto& partition : Items(answer, "partitions")) all.push_back(partition);
  }
  return all;
}

int RunList(const Session& session, const std::string& link) {
  auto partitions = Partitions(Api(session.endpoint), link, "");
  if (!partitions.ok()) return PrintError(partitions.status());
  if (session.json()) {
    PrintJson(json::object{{"partitions", *partitions}});
    return 0;
  }
  std::map<std::pair<std::string, std::string>, TopicRow> rows;
  for (const auto& partition : *partitions) {
    Sum(rows[{Text(partition, "link"), Text(partition, "topic")}], partition);
  }
  Table table({"LINK", "TOPIC", "PARTITIONS", "STATE", "LAG(records)", "LAG(age)"});
  for (const auto& [key, row] : rows) {
    table.Add({key.first, key.second, std::to_string(row.partitions), row.state,
               row.lag_known ? std::to_string(row.lag_records) : "unknown",
               row.seconds_known ? fmt::format("{:.1f}s", row.lag_seconds) : "unknown"});
  }
  std::cout << table.ToString();
  return 0;
}

int RunDescribe(const Session& session, const std::string& topic, const std::string& link) {
  auto partitions = Partitions(Api(session.endpoint), link, topic);
  if (!partitions.ok()) return PrintError(partitions.status());
  if (partitions->empty()) {
    return PrintError(
        NotFound("no link mirrors {}\n  `atoll mirror list` shows what is mirrored", topic));
  }
  if (session.json()) {
    PrintJson(json::object{{"partitions", *partitions}});
    return 0;
  }
  Table table({"LINK", "TOPIC", "PARTITION", "STATE", "SOURCE END", "APPLIED END", "LAG(records)",
               "LAG(bytes)", "LAG(age)", "LAST CONTACT", "REASON"});
  for (const auto& p : *partitions) {
    table.Add({Text(p, "link"), Text(p, "topic"), Text(p, "partition"), Text(p, "state"),
               Text(p, "sourceEnd"), Text(p, "appliedEnd"), Text(p, "lagRecords"),
               Text(p, "lagBytes"), Seconds(p, "lagSeconds"), Text(p, "lastContact"),
               Text(p, "reason")});
  }
  std::cout << table.ToString();
  return 0;
}

struct VerbOptions {
  std::string link;
  std::vector<std::string> topics;
};

int RunVerb(const Session& session, const VerbOptions& options, const std::string& verb) {
  json::array topics;
  for (const auto& topic : options.topics) topics.emplace_back(topic);
  auto answer = Api(session.endpoint)
                    .Post("/v1/links/" + EncodeSegment(options.link) + "/mirrors:" + verb,
                          json::object{{"topics", topics}});
  if (!answer.ok()) return PrintError(answer.status());
  if (session.json()) PrintJson(*answer);
  bool all_ok = true;
  Table table({"TOPIC", "RESULT"});
  for (const auto& result : Items(*answer, "results")) {
    const bool ok =
        result.as_object().contains("ok") && result.at("ok").is_bool() && result.at("ok").as_bool();
    all_ok = all_ok && ok;
    table.Add({Text(result, "topic"), ok ? "ok" : Text(result, "message")});
  }
  if (!session.json()) std::cout << table.ToString();
  return all_ok ? 0 : 3;
}

}  // namespace

void AddMirrorCommands(CLI::App& app, Session& session) {
  CLI::App* mirror = app.add_subcommand("mirror", "Mirrored topics and their partitions");
  mirror->require_subcommand(1);
  auto link = std::make_shared<std::string>();
  CLI::App* list = mirror->add_subcommand("list", "Mirrored topics, a line each");
  AddApiOptions(*list, session);
  AddWatchOption(*list, session);
  list->add_option("--link", *link, "Only of this link");
  list->callback([&session, link] { session.exit_code = RunList(session, *link); });

  auto topic = std::make_shared<std::string>();
  CLI::App* describe = mirror->add_subcommand("describe", "Every partition of one topic");
  AddApiOptions(*describe, session);
  AddWatchOption(*describe, session);
  describe->add_option("topic", *topic, "The topic")->required();
  describe->add_option("--link", *link, "Only of this link");
  describe->callback(
      [&session, topic, link] { session.exit_code = RunDescribe(session, *topic, *link); });

  const auto verb = [&](const std::string& name, const char* help) {
    CLI::App* command = mirror->add_subcommand(name, help);
    AddApiOptions(*command, session);
    auto options = std::make_shared<VerbOptions>();
    command->add_option("topics", options->topics, "Topics")->required();
    command->add_option("--link", options->link, "Their link")->required();
    command->callback(
        [&session, options, name] { session.exit_code = RunVerb(session, *options, name); });
  };
  verb("pause", "Stop mirroring topics; survives a restart");
  verb("resume", "Go on");
  verb("skip",
       "Leave a gap or a bad batch behind: recorded as an event, the records in it stay missing");
}

}  // namespace atl::cli
