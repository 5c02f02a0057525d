// atoll group translate: where offsets of a link's source are here, and what became of its groups.
#include <CLI/CLI.hpp>
#include <algorithm>

#include "atoll/cli/api.h"
#include "atoll/cli/command.h"
#include "atoll/cli/output.h"

namespace atl::cli {
namespace {

struct TranslateOptions {
  std::string link;
  std::string group;
  std::string topic;
  int32_t partition = 0;
  int64_t offset = -1;
  bool reverse = false;
};

std::string LinkPath(const std::string& link) { return "/v1/links/" + EncodeSegment(link); }

bool IsExact(const json::value& answer) { return Text(answer, "answer") == "exact"; }

// 3: some of it is not known, as for every verb whose targets partly failed.
int ExitCode(bool all_exact) { return all_exact ? 0 : 3; }

int RunBack(const Session& session, const json::value& answer) {
  const json::array& sources = Items(answer, "sources");
  if (sources.empty()) {
    return PrintError(
        NotFound("link {} has no copy with that partition here", Text(answer, "link")));
  }
  const Table table({Name(Field("SOURCE TOPIC", "topic")), Name(Field("PARTITION", "partition")),
                     Field("OFFSET", "target"), Field("ANSWER", "explanation")},
                    sources);
  Show(session, Page(answer).Add(table));
  return ExitCode(std::ranges::all_of(sources, IsExact));
}

int RunOne(const Session& session, const TranslateOptions& options) {
  const auto answer = ApiOf(session).Get(fmt::format(
      "{}/translate?topic={}&partition={}&offset={}&reverse={}", LinkPath(options.link),
      EncodeSegment(options.topic), options.partition, options.offset, options.reverse));
  if (!answer.ok()) return PrintError(answer.status());
  if (options.reverse) return RunBack(session, *answer);
  const std::string line =
      IsExact(*answer) ? fmt::format("{} {} offset {}\n", Text(*answer, "localTopic"),
                                     Text(*answer, "localPartition"), Text(*answer, "target"))
                       : Text(*answer, "explanation") + "\n";
  Show(session, Page(*answer).Named(Text(*answer, "target")).Line(line));
  return ExitCode(IsExact(*answer));
}

int RunGroups(const Session& session, const TranslateOptions& options) {
  std::string path = LinkPath(options.link) + "/groups";
  if (!options.group.empty()) path += "?group=" + EncodeSegment(options.group);
  const auto answer = ApiOf(session).Get(path);
  if (!answer.ok()) return PrintError(answer.status());
  const json::array& groups = Items(*answer, "groups");
  if (!options.group.empty() && groups.empty()) {
    return PrintError(
        NotFound("link {} knows no group {} at its source\n  `atoll group translate "
                 "--link {}` shows all it knows",
                 options.link, options.group, options.link));
  }
  const Table table(
      {Name(Field("GROUP", "group")), Field("TOPIC", "topic"), Field("PARTITION", "partition"),
       Field("AT SOURCE", "committedAtSource"), Field("HERE", "here"), Field("STATE", "state"),
       Field("KNOWN SINCE", "knownAt"), Field("REASON", "reason")},
      groups);
  Show(session, Page(*answer).Add(table));
  return ExitCode(std::ranges::all_of(
      groups, [](const json::value& group) { return Text(group, "state") == "placed"; }));
}

int Run(const Session& session, const TranslateOptions& options) {
  const bool one = !options.topic.empty() || options.offset >= 0;
  if (!one) return RunGroups(session, options);
  if (options.topic.empty() || options.offset < 0 || !options.group.empty()) {
    return PrintError(InvalidArgument(
        "--topic, --partition and --offset translate one offset; --group shows a group's"));
  }
  return RunOne(session, options);
}

}  // namespace

void AddTranslateCommand(CLI::App& app, Session& session) {
  const auto found =
      app.get_subcommands([](const CLI::App* command) { return command->get_name() == "group"; });
  CLI::App* group = found.empty() ? nullptr : found.front();
  if (group == nullptr) {
    group = app.add_subcommand("group", "Consumer groups");
    group->require_subcommand(1);
  }
  CLI::App* verb = group->add_subcommand(
      "translate", "Where offsets of a link's source are here; its groups without --topic");
  AddApiOptions(*verb, session);
  auto options = std::make_shared<TranslateOptions>();
  verb->add_option("--link", options->link, "The link")->required();
  verb->add_option("--group", options->group, "Only this group");
  verb->add_option("--topic", options->topic, "At the source; with --reverse: here");
  verb->add_option("--partition", options->partition, "Its partition")
      ->check(CLI::NonNegativeNumber);
  verb->add_option("--offset", options->offset, "The offset")->check(CLI::NonNegativeNumber);
  verb->add_flag("--reverse", options->reverse, "From here to the source");
  verb->callback([&session, options] { session.exit_code = Run(session, *options); });
}

}  // namespace atl::cli
