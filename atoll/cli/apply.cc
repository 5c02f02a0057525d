// atoll apply, atoll diff, atoll config reload: configuration kept in git meets a running region.
// Which documents change, and whether they may, the region decides; here they are read, sent and
// shown.
#include <CLI/CLI.hpp>
#include <iostream>
#include <iterator>

#include "atoll/cli/api.h"
#include "atoll/cli/command.h"
#include "atoll/cli/output.h"
#include "region-config/load.h"

namespace atl::cli {
namespace {

constexpr int kDiffers = 1;
constexpr int kDiffFailed = 2;

struct Arguments {
  std::vector<std::string> paths;
  bool prune = false;
  bool dry_run = false;
};

// The texts as they stand; `-` is standard input. A path that can't be read is a problem.
config::Sources ReadDocuments(const std::vector<std::string>& paths) {
  config::Sources all;
  for (const std::string& path : paths) {
    if (path == "-") {
      all.files.push_back({"stdin", std::string(std::istreambuf_iterator<char>(std::cin), {})});
      continue;
    }
    config::Sources read = config::ReadSources({path}, config::SystemEnvironment());
    std::ranges::move(read.files, std::back_inserter(all.files));
    std::ranges::move(read.problems, std::back_inserter(all.problems));
  }
  return all;
}

StatusOr<json::value> Send(const Session& session, const Arguments& arguments, bool dry_run) {
  const config::Sources sources = ReadDocuments(arguments.paths);
  if (!sources.problems.empty()) {
    std::string lines = config::ToString(sources.problems);
    lines.pop_back();
    return InvalidArgument("{}", lines);
  }
  json::array documents;
  for (const config::SourceFile& file : sources.files)
    documents.push_back(json::object{{"file", file.path}, {"text", file.text}});
  const json::object body{{"documents", std::move(documents)}, {"prune", arguments.prune}};
  return ApiOf(session).Post(dry_run ? "/v1/config:apply?dry_run=true" : "/v1/config:apply", body);
}

std::string_view Sign(const std::string& action) {
  return action == "add" ? "+" : action == "remove" ? "-" : "~";
}

std::string FieldLine(const json::value& field, const std::string& action) {
  const auto value = [&field](std::string_view key) {
    const std::string text = Text(field, key);
    return text == "-" ? std::string("(unset)") : text;
  };
  const std::string before = value("before");
  const std::string after = value("after");
  if (action == "add") return fmt::format("    {}: {}\n", Text(field, "path"), after);
  const bool restart = Text(field, "needs") == "restart";
  return fmt::format("    {}: {} -> {}{}\n", Text(field, "path"), before, after,
                     restart ? "  (needs a restart)" : "");
}

// Documents that differ, each with its fields.
Page ChangesPage(const json::value& answer) {
  Page page(answer);
  for (const json::value& change : Items(answer, "changes")) {
    const std::string action = Text(change, "action");
    const std::string name = Text(change, "name");
    page.Named(name);
    page.Line(fmt::format("{} {} {}\n", Sign(action), Text(change, "kind"), name));
    for (const json::value& field : Items(change, "fields")) page.Line(FieldLine(field, action));
  }
  return page;
}

// On stderr: it is not the answer, but it is to be known.
void PrintRestartNeeded(const json::value& answer) {
  const json::array& lines = Items(answer, "restartNeeded");
  if (lines.empty()) return;
  std::cerr << "not in force until the region is restarted:\n";
  for (const json::value& line : lines)
    std::cerr << "  " << std::string_view(line.as_string()) << "\n";
}

std::string Summary(const json::value& answer) {
  int added = 0;
  int changed = 0;
  int removed = 0;
  for (const json::value& change : Items(answer, "changes")) {
    const std::string action = Text(change, "action");
    (action == "add" ? added : action == "remove" ? removed : changed) += 1;
  }
  if (added + changed + removed == 0) return "nothing to change";
  return fmt::format("{} added, {} changed, {} removed", added, changed, removed);
}

int ShowDone(const Session& session, const json::value& answer, std::string_view done) {
  Page page = ChangesPage(answer);
  page.Line(fmt::format("region {}: {}{}\n", Text(answer, "region"), Summary(answer), done));
  Show(session, page);
  if (session.ForPeople()) PrintRestartNeeded(answer);
  return 0;
}

int RunApply(const Session& session, const Arguments& arguments) {
  const auto answer = Send(session, arguments, arguments.dry_run);
  if (!answer.ok()) return PrintError(answer.status());
  return ShowDone(session, *answer, arguments.dry_run ? " (dry run, nothing was done)" : "");
}

int RunDiff(const Session& session, const Arguments& arguments) {
  const auto answer = Send(session, arguments, true);
  if (!answer.ok()) {
    (void)PrintError(answer.status());
    return kDiffFailed;
  }
  Show(session, ChangesPage(*answer));
  if (session.ForPeople()) PrintRestartNeeded(*answer);
  return Items(*answer, "changes").empty() ? 0 : kDiffers;
}

int RunReload(const Session& session) {
  const auto answer = ApiOf(session).Post("/-/reload", json::object());
  return answer.ok() ? ShowDone(session, *answer, "") : PrintError(answer.status());
}

CLI::App* AddVerb(CLI::App& app, Session& session, const char* verb, const char* help,
                  const std::shared_ptr<Arguments>& arguments) {
  CLI::App* command = app.add_subcommand(verb, help);
  AddApiOptions(*command, session);
  command
      ->add_option("-f,--filename", arguments->paths,
                   "A YAML file, a folder of them, or - for standard input; may be repeated")
      ->required();
  command->add_flag("--prune", arguments->prune, "Remove links that are not among the documents");
  return command;
}

}  // namespace

void AddApplyCommands(CLI::App& app, Session& session) {
  auto arguments = std::make_shared<Arguments>();
  CLI::App* apply =
      AddVerb(app, session, "apply", "Make the running region's configuration be as in the files",
              arguments);
  apply->add_flag("--dry-run", arguments->dry_run, "Only say what would change");
  apply->callback([&session, arguments] { session.exit_code = RunApply(session, *arguments); });
  CLI::App* diff =
      AddVerb(app, session, "diff",
              "What apply would change (exit 0: nothing, 1: something, 2: error)", arguments);
  diff->callback([&session, arguments] { session.exit_code = RunDiff(session, *arguments); });
}

void AddReloadCommand(CLI::App& config, Session& session) {
  CLI::App* reload =
      config.add_subcommand("reload", "Let the region read its files again, as SIGHUP does");
  AddApiOptions(*reload, session);
  reload->callback([&session] { session.exit_code = RunReload(session); });
}

}  // namespace atl::cli
