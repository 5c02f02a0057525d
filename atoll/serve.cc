#include "atoll/serve.h"

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <iostream>

#include "atoll/cli/command.h"
#include "atoll/cli/output.h"
#include "atoll/region_process.h"
#include "base/failpoint.h"
#include "region-config/load.h"
#include "runtime/signal.h"

namespace atl {
namespace {

int Serve(const std::vector<std::string>& paths) {
  if (const char* failpoints = std::getenv("ATOLL_FAILPOINTS"); failpoints != nullptr) {
    if (const Status armed = Failpoint::Configure(failpoints); !armed.ok()) {
      return cli::PrintError(Annotate(armed, "ATOLL_FAILPOINTS"));
    }
  }
  const config::Environment environment = config::SystemEnvironment();
  config::Sources sources = config::ReadSources(paths, environment);
  config::LoadResult loaded = config::LoadSources(sources, environment);
  if (!loaded.config) {
    std::cerr << config::ToString(loaded.problems);
    return 2;
  }
  runtime::PrepareSignals();
  auto region = RegionProcess::Start({paths, std::move(sources.files), *std::move(loaded.config)});
  if (!region.ok()) return cli::PrintError(region.status());
  std::cout << (*region)->ReadyLine() << std::endl;
  (*region)->WaitForStop();
  runtime::LetSignalsEndUs();  // Who asks twice means now; that is a crash, which recovery knows.
  const Status stopped = (*region)->Stop();
  return stopped.ok() ? 0 : cli::PrintError(stopped);
}

}  // namespace

void AddServeCommand(CLI::App& app, cli::Session& session) {
  CLI::App* serve = app.add_subcommand("serve", "Run one region: broker, links and admin API");
  auto paths = std::make_shared<std::vector<std::string>>();
  auto list_failpoints = std::make_shared<bool>(false);
  CLI::Option* config =
      serve->add_option("--config", *paths, "A YAML file or a folder of them; may be repeated");
  CLI::Option* list =
      serve->add_flag("--list-failpoints", *list_failpoints, "Print the failpoints of this build");
  config->excludes(list);
  serve->callback([&session, paths, list_failpoints] {
    if (*list_failpoints) {
      for (const std::string& name : Failpoint::Names()) std::cout << name << "\n";
      return;
    }
    if (paths->empty()) {
      session.exit_code = cli::PrintError(
          InvalidArgument("serve needs --config FILE_OR_DIR; `atoll config example` writes one"));
      return;
    }
    session.exit_code = Serve(*paths);
  });
}

}  // namespace atl
