// atoll mirror list|describe|pause|resume|skip
#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>
#include <optional>

#include "atoll/cli/api.h"
#include "atoll/cli/command.h"
#include "atoll/cli/output.h"

namespace atl::cli {
namespace {

// One topic of a link, summed up over its partitions: the worst state, the largest lag; null where
// a partition's is not known.
struct TopicSum {
  std::string state;
  int64_t partitions = 0;
  std::optional<int64_t> lag_records = 0;
  std::optional<int64_t> lag_bytes = 0;
  std::optional<double> lag_seconds = 0;
};

void Sum(TopicSum& sum, const json::value& partition) {
  ++sum.partitions;
  const std::string state = Text(partition, "state");
  if (sum.state.empty() || sum.state == "caught_up" ||
      (sum.state == "mirroring" && state != "caught_up")) {
    sum.state = state;
  }
  const auto add = [&partition](std::optional<int64_t>& total, std::string_view key) {
    const auto more = NumberOf<int64_t>(partition, key);
    total = total && more ? std::optional(*total + *more) : std::nullopt;
  };
  add(sum.lag_records, "lagRecords");
  add(sum.lag_bytes, "lagBytes");
  const auto seconds = NumberOf(partition, "lagSeconds");
  sum.lag_seconds = sum.lag_seconds && seconds ? std::optional(std::max(*sum.lag_seconds, *seconds))
                                               : std::nullopt;
}

json::array TopicRows(const json::array& partitions) {
  std::map<std::pair<std::string, std::string>, TopicSum> sums;
  for (const auto& partition : partitions) {
    Sum(sums[{Text(partition, "link"), Text(partition, "topic")}], partition);
  }
  json::array rows;
  for (const auto& [key, sum] : sums) {
    json::object row{{"link", key.first}, {"topic", key.second}, {"state", sum.state}};
    row["partitions"] = sum.partitions;
    if (sum.lag_records) row["lagRecords"] = *sum.lag_records;
    if (sum.lag_bytes) row["lagBytes"] = *sum.lag_bytes;
    if (sum.lag_seconds) row["lagSeconds"] = *sum.lag_seconds;
    rows.push_back(std::move(row));
  }
  return rows;
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
  const auto partitions = Partitions(ApiOf(session), link, "");
  if (!partitions.ok()) return PrintError(partitions.status());
  const Table table(
      {Field("LINK", "link"), Name(Field("TOPIC", "topic")), Field("PARTITIONS", "partitions"),
       Field("STATE", "state"), Field("LAG(records)", "lagRecords"),
       Wide(Field("LAG(bytes)", "lagBytes")), Age("LAG(age)", "lagSeconds")},
      TopicRows(*partitions));
  Show(session, Page(json::object{{"partitions", *partitions}}).Add(table));
  return 0;
}

int RunDescribe(const Session& session, const std::string& topic, const std::string& link) {
  const auto partitions = Partitions(ApiOf(session), link, topic);
  if (!partitions.ok()) return PrintError(partitions.status());
  if (partitions->empty()) {
    return PrintError(
        NotFound("no link mirrors {}\n  `atoll mirror list` shows what is mirrored", topic));
  }
  const Table table(
      {Field("LINK", "link"), Name(Field("TOPIC", "topic")), Name(Field("PARTITION", "partition")),
       Field("STATE", "state"), Field("SOURCE END", "sourceEnd"),
       Field("APPLIED END", "appliedEnd"), Wide(Field("VERIFIED TO", "verifiedTo")),
       Field("LAG(records)", "lagRecords"), Field("LAG(bytes)", "lagBytes"),
       Age("LAG(age)", "lagSeconds"), Field("LAST CONTACT", "lastContact"),
       Wide(Field("SINCE", "since")), Field("REASON", "reason")},
      *partitions);
  Show(session, Page(json::object{{"partitions", *partitions}}).Add(table));
  return 0;
}

struct VerbOptions {
  std::string link;
  std::vector<std::string> topics;
};

int RunVerb(const Session& session, const VerbOptions& options, const std::string& verb) {
  json::array topics;
  for (const auto& topic : options.topics) topics.emplace_back(topic);
  const auto answer =
      ApiOf(session).Post("/v1/links/" + EncodeSegment(options.link) + "/mirrors:" + verb,
                          json::object{{"topics", topics}});
  if (!answer.ok()) return PrintError(answer.status());
  const json::array& results = Items(*answer, "results");
  const auto good = [](const json::value& result) { return IsTrue(result, "ok"); };
  const auto outcome = [good](const json::value& result) {
    return good(result) ? std::string("ok") : Text(result, "message");
  };
  Show(session,
       Page(*answer).Add(Table({Name(Field("TOPIC", "topic")), Made("RESULT", outcome)}, results)));
  return std::ranges::all_of(results, good) ? 0 : 3;
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
