// The command tree. Each file of this folder adds its nouns and verbs to the application; a verb
// leaves its exit code in Session::exit_code: 0 ok, 1 failure, 2 usage or configuration, 3 some
// targets failed, 10 unhealthy.
#pragma once

#include <string>

#include "atoll/cli/output.h"

namespace CLI {
class App;
}

namespace atl::cli {

// What all commands share: the options before the noun, and the result.
struct Session {
  std::string endpoint;            // --endpoint; empty: something else says where to go.
  std::string profile;             // --profile; empty: not said.
  Format format = Format::kTable;  // -o
  bool headers = true;             // Not with --no-headers.
  bool watch = false;              // -w, of verbs that show something.
  int exit_code = 0;
  // Whoever reads it wants sentences and progress, too.
  bool ForPeople() const { return format == Format::kTable || format == Format::kWide; }
};

void AddStatusCommand(CLI::App& app, Session& session);
void AddLinkCommands(CLI::App& app, Session& session);
void AddMirrorCommands(CLI::App& app, Session& session);
void AddTopicCommands(CLI::App& app, Session& session);
void AddGroupCommands(CLI::App& app, Session& session);
void AddTranslateCommand(CLI::App& app, Session& session);  // Of `group`.
void AddFailoverCommands(CLI::App& app, Session& session);
void AddOwnershipCommands(CLI::App& app, Session& session);
void AddQuarantineCommands(CLI::App& app, Session& session);
void AddVerifyCommand(CLI::App& app, Session& session);
void AddEventCommand(CLI::App& app, Session& session);
void AddConfigCommands(CLI::App& app, Session& session);
void AddApplyCommands(CLI::App& app, Session& session);
void AddReloadCommand(CLI::App& config, Session& session);  // Of `config`.
void AddCheckpointCommands(CLI::App& app, Session& session);
void AddDoctorCommand(CLI::App& app, Session& session);
void AddSupportBundleCommand(CLI::App& app, Session& session);
void AddProfileCommands(CLI::App& app, Session& session);
void AddCompletionCommand(CLI::App& app, Session& session);

// Adds --endpoint and --profile to a verb that talks to a region.
void AddEndpointOptions(CLI::App& verb, Session& session);
// Adds -o and --no-headers to a verb that has something to show.
void AddOutputOptions(CLI::App& verb, Session& session);
// Both.
void AddApiOptions(CLI::App& verb, Session& session);
// Adds -w to a verb that only shows something.
void AddWatchOption(CLI::App& verb, Session& session);
// Last: what the help of each command ends with.
void AddExamples(CLI::App& app);

}  // namespace atl::cli
