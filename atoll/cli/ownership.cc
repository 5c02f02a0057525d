// atoll ownership show|adopt
#include <CLI/CLI.hpp>

#include "atoll/cli/api.h"
#include "atoll/cli/command.h"
#include "atoll/cli/output.h"

namespace atl::cli {
namespace {

std::string Lineage(const json::value& topic) {
  std::string line;
  for (const auto& stint : Items(topic, "lineage")) {
    line += fmt::format("{}{}@{}", line.empty() ? "" : " > ", Text(stint, "owner"),
                        Text(stint, "epoch"));
  }
  return line;
}

int RunShow(const Session& session, const std::string& topic) {
  const std::string query = topic.empty() ? "" : "?topic=" + EncodeSegment(topic);
  const auto owners = ApiOf(session).Get("/v1/ownership" + query);
  if (!owners.ok()) return PrintError(owners.status());
  if (!topic.empty() && Items(*owners, "topics").empty()) {
    return PrintError(NotFound("no topic `{}` here\n  `atoll topic list` shows them", topic));
  }
  const Table table({Name(Field("TOPIC", "topic")), Field("OWNER", "owner"),
                     Field("EPOCH", "epoch"), Field("STATE", "state"), Field("LINK", "link"),
                     Made("LINEAGE", Lineage), Wide(Field("SINCE", "since")),
                     Wide(Field("TOPIC ID", "topicId")), Field("HELD BECAUSE", "held")},
                    Items(*owners, "topics"));
  Show(session, Page(*owners).Add(table));
  return 0;
}

int RunAdopt(const Session& session, const std::string& topic, bool yes) {
  if (!yes) {
    return PrintError(InvalidArgument(
        "`{}` would be accepted here at a new epoch, and what another region accepted meanwhile "
        "is set aside there: say --yes",
        topic));
  }
  const auto record =
      ApiOf(session).Post("/v1/ownership/" + EncodeSegment(topic) + ":adopt", json::object());
  if (!record.ok()) return PrintError(record.status());
  Show(session, Page(*record).Named(topic).Line(
                    fmt::format("{} is owned by {} at epoch {}\n", Text(*record, "topic"),
                                Text(*record, "owner"), Text(*record, "epoch"))));
  return 0;
}

}  // namespace

void AddOwnershipCommands(CLI::App& app, Session& session) {
  CLI::App* ownership = app.add_subcommand("ownership", "Which region owns which topic");
  ownership->require_subcommand(1);
  CLI::App* show = ownership->add_subcommand("show", "Owner, epoch and lineage of topics");
  AddApiOptions(*show, session);
  AddWatchOption(*show, session);
  auto topic = std::make_shared<std::string>();
  show->add_option("topic", *topic, "Only this one");
  show->callback([&session, topic] { session.exit_code = RunShow(session, *topic); });
  CLI::App* adopt = ownership->add_subcommand(
      "adopt", "This region owns a topic that it holds back (fenced for good, store lost)");
  AddApiOptions(*adopt, session);
  auto yes = std::make_shared<bool>(false);
  adopt->add_option("topic", *topic, "The topic")->required();
  adopt->add_flag("--yes", *yes, "It is meant");
  adopt->callback([&session, topic, yes] { session.exit_code = RunAdopt(session, *topic, *yes); });
}

}  // namespace atl::cli
