// atoll group list|describe
#include <CLI/CLI.hpp>

#include "atoll/cli/api.h"
#include "atoll/cli/command.h"
#include "atoll/cli/output.h"

namespace atl::cli {
namespace {

int RunList(const Session& session) {
  const auto groups = ApiOf(session).Get("/v1/groups");
  if (!groups.ok()) return PrintError(groups.status());
  const Table table(
      {Name(Field("GROUP", "group")), Field("STATE", "state"),
       Wide(Field("PROTOCOL TYPE", "protocolType")), Field("MEMBERS", "memberCount"),
       Field("TOPICS", "topicCount"), Field("LAG RECORDS", "lagRecords"), Age("LAG", "lagSeconds")},
      Items(*groups, "groups"));
  Show(session, Page(*groups).Add(table));
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

void ShowGroup(const Session& session, const json::value& group) {
  Page page(group);
  page.Named(Text(group, "group"));
  page.Line(fmt::format("group {}  state {}  protocol {} ({})  generation {}  leader {}\n",
                        Text(group, "group"), Text(group, "state"), Text(group, "protocol"),
                        Text(group, "protocolType"), Text(group, "generation"),
                        Text(group, "leader")));
  page.Add(
      Table({Field("MEMBER", "memberId"), Field("INSTANCE", "instanceId"),
             Field("CLIENT", "clientId"), Field("HOST", "host"), Made("PARTITIONS", Assignment)},
            Items(group, "members")));
  page.Add(Table(
      {Field("TOPIC", "topic"), Field("PARTITION", "partition"), Field("COMMITTED", "committed"),
       Field("LOG END", "logEnd"), Field("LAG RECORDS", "lagRecords"), Age("LAG", "lagSeconds"),
       Wide(Field("COMMITTED AT", "committedAt")), Field("SYNCED", "synced")},
      Items(group, "offsets")));
  Show(session, page);
}

int RunDescribe(const Session& session, const std::string& name) {
  // In the query: a group's name may hold what a path can't.
  const auto group = ApiOf(session).Get("/v1/groups?group=" + EncodeSegment(name));
  if (!group.ok()) return PrintError(group.status());
  ShowGroup(session, *group);
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
