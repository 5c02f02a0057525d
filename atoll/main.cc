// The one program. Picks the command; everything else is elsewhere.
#include <CLI/CLI.hpp>
#include <exception>
#include <iostream>

#include "atoll/cli/command.h"
#include "atoll/cli/run.h"
#include "atoll/serve.h"
#include "atoll/version.h"

int main(int argc, char** argv) {
  CLI::App app("Atoll: topics mirrored between regions, byte for byte");
  app.name("atoll");
  app.set_version_flag("--version", std::string("atoll ") + atl::kVersion);
  app.require_subcommand(1);
  atl::cli::Session session;
  atl::cli::AddApiOptions(app, session);
  atl::AddServeCommand(app, session);
  atl::cli::AddStatusCommand(app, session);
  atl::cli::AddLinkCommands(app, session);
  atl::cli::AddMirrorCommands(app, session);
  atl::cli::AddTopicCommands(app, session);
  atl::cli::AddGroupCommands(app, session);
  atl::cli::AddTranslateCommand(app, session);
  atl::cli::AddFailoverCommands(app, session);
  atl::cli::AddOwnershipCommands(app, session);
  atl::cli::AddQuarantineCommands(app, session);
  atl::cli::AddVerifyCommand(app, session);
  atl::cli::AddEventCommand(app, session);
  atl::cli::AddApplyCommands(app, session);
  atl::cli::AddConfigCommands(app, session);
  atl::cli::AddCheckpointCommands(app, session);
  atl::cli::AddDoctorCommand(app, session);
  atl::cli::AddSupportBundleCommand(app, session);
  atl::cli::AddProfileCommands(app, session);
  atl::cli::AddCompletionCommand(app, session);
  atl::cli::AddExamples(app);
  try {
    return atl::cli::Run(app, session, argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return code == 0 ? 0 : 2;
  } catch (
      const std::exception& error) {  // A library's: what it met, it could not say by a status.
    std::cerr << "atoll: " << error.what() << "\n";
    return 1;
  }
}
