// atoll group list|describe
#include <CLI/CLI.hpp>
#include <iostream>

#include "atoll/cli/api.h"
#include "atoll/cli/command.h"
#include "atoll/cli/output.h"

namespace atl::cli {
namespace {

int RunList(const Session& session) {
  auto groups = Api(session.endpoint).Get("/v1/groups");
  if (!groups.ok()) return PrintError(groups.status());
  if (session.json()) {
    PrintJson(*groups);
    return 0;
  }
  Table table({"GROUP", "STATE", "PROTOCOL TYPE", "MEMBERS", "TOPICS", "LAG RECORDS"});
  for (const auto& group : Items(*groups, "groups")) {
    table.Add({Text(group, "group"), Text(group, "state"), Text(group, "protocolType"),
               Text(group, "memberCount"), Text(group, "topicCount"), Text(group, "lagRecords")});
  }
  std::cout << table.ToString();
  return 0;
}

// "orders 0,1; payments 2"
std::string Assignment(const json::value& member) {
  std::string text;
  for (const auto& topic : Items(member, "assignment")) {
    if (!text.empty()) text += "; ";
    text += Text(topic, "topic") + " ";
    std::string partitions;
    for (const auto& partition : Items(topic, "partitions")) {
      partitions += (partitions.empty() ? "" : ",") + std::to_string(partition.as_int64());
    }
    text += partitions;
  }
  return text.empty() ? "-" : text;
}

void PrintGroup(const json::value& group) {
  std::cout << fmt::format("group {}  state {}  protocol {} ({})  generation {}  leader {}\n",
                           Text(group, "group"), Text(group, "state"), Text(group, "protocol"),
                           Text(group, "protocolType"), Text(group, "generation"),
                           Text(group, "leader"));
  Table members({"MEMBER", "INSTANCE", "CLIENT", "HOST", "PARTITIONS"});
  for (const auto& member : Items(group, "members")) {
    members.Add({Text(member, "memberId"), Text(member, "instanceId"), Text(member, "clientId"),
                 Text(member, "host"), Assignment(member)});
  }
  std::cout << members.ToString();
  Table offsets({"TOPIC", "PARTITION", "COMMITTED", "LOG END", "LAG RECORDS", "LAG", "COMMITTED AT",
                 "SYNCED"});
  for (const auto& offset : Items(group, "offsets")) {
    offsets.Add({Text(offset, "topic"), Text(offset, "partition"), Text(offset, "committed"),
                 Text(offset, "logEnd"), Text(offset, "lagRecords"), Seconds(offset, "lagSeconds"),
                 Text(offset, "committedAt"), Text(offset, "synced")});
  }
  std::cout << offsets.ToString();
}

int RunDescribe(const Session& session, const std::string& name) {
  // In the query: a group's name may hold what a path can't.
  auto group = Api(session.endpoint).Get("/v1/groups?group=" + EncodeSegment(name));
  if (!group.ok()) return PrintError(group.status());
  if (session.json())
    PrintJson(*group);
  else
    PrintGroup(*group);
  return 0;
}

}  // namespace

void AddGroupCommands(CLI::App& app, Session& session) {
  CLI::App* group = app.add_subcommand("group", "Consumer groups of this region");
  group->require_subcommand(1);
  CLI::App* list = group->add_subcommand("list", "All groups, a line each");
  AddApiOptions(*list, session);
  AddWatchOption(*list, session);
  list->callback([&session] { session.exit_code = RunList(session); });

  auto name = std::make_shared<std::string>();
  CLI::App* describe = group->add_subcommand("describe", "One group: members, offsets, lag");
  AddApiOptions(*describe, session);
  AddWatchOption(*describe, session);
  describe->add_option("group", *name, "Its name")->required();
  describe->callback([&session, name] { session.exit_code = RunDescribe(session, *name); });
}

}  // namespace atl::cli
