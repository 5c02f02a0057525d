// Runs the command that the arguments name, once or, with --watch, again and again.
#pragma once

namespace CLI {
class App;
}

namespace atl::cli {

struct Session;

// The exit code. A watched command redraws a terminal, and else writes one JSON document per line
// and look; it ends with the reader or a signal.
int Run(CLI::App& app, Session& session, int argc, const char* const* argv);

}  // namespace atl::cli
