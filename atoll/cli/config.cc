// atoll config validate|example|explain, atoll checkpoint inspect: what works without a running
// region.
#include <CLI/CLI.hpp>
#include <iostream>

#include "atoll/cli/command.h"
#include "atoll/cli/output.h"
#include "checkpoint/inspect.h"
#include "region-config/load.h"
#include "region-config/schema.h"

namespace atl::cli {
namespace {

int RunValidate(const Session& session, const std::vector<std::string>& paths) {
  const config::LoadResult result = config::Load(paths, config::SystemEnvironment());
  if (session.json()) {
    json::array problems;
    for (const auto& problem : result.problems) {
      problems.push_back(json::object{{"file", problem.position.file},
                                      {"line", problem.position.line},
                                      {"column", problem.position.column},
                                      {"path", problem.path},
                                      {"message", problem.message}});
    }
    PrintJson(json::object{{"valid", result.config.has_value()}, {"problems", problems}});
  } else if (result.config) {
    std::cout << fmt::format("ok: region {} with {} link(s)\n", result.config->region.name.value(),
                             result.config->links.size());
  } else {
    std::cerr << config::ToString(result.problems);
  }
  return result.config ? 0 : 2;
}

}  // namespace

void AddConfigCommands(CLI::App& app, Session& session) {
  CLI::App* noun = app.add_subcommand("config", "Check and write configuration files");
  noun->require_subcommand(1);
  auto paths = std::make_shared<std::vector<std::string>>();
  CLI::App* validate =
      noun->add_subcommand("validate", "Every mistake in the files at once (exit 2 if any)");
  validate->add_option("paths", *paths, "Files or folders")->required();
  validate->add_option("-o,--output", session.output, "table or json")
      ->check(CLI::IsMember({"table", "json"}));
  validate->callback([&session, paths] { session.exit_code = RunValidate(session, *paths); });
  noun->add_subcommand("example", "A commented file that works as it stands")->callback([] {
    std::cout << config::ExampleYaml();
  });
  noun->add_subcommand("explain", "Every key: type, default, meaning")->callback([] {
    std::cout << config::Explain();
  });
}

void AddCheckpointCommands(CLI::App& app, Session& session) {
  CLI::App* noun = app.add_subcommand("checkpoint", "The store of everything that is not a log");
  noun->require_subcommand(1);
  auto folder = std::make_shared<std::string>();
  CLI::App* inspect =
      noun->add_subcommand("inspect", "Print every key and value; also beside a running region");
  inspect->add_option("dir", *folder, "A region's dataDir, or the store's folder")->required();
  inspect->callback([&session, folder] {
    const Status status = checkpoint::Inspect(*folder, std::cout);
    session.exit_code = status.ok() ? 0 : PrintError(status);
  });
}

}  // namespace atl::cli
