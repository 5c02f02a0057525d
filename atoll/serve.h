// atoll serve: one region. Builds the objects in order, runs until SIGTERM or SIGINT, stops in
// reverse. No logic of its own. When it serves it prints exactly one line on stdout:
//   ready region=us-east kafka=127.0.0.1:19092 admin=127.0.0.1:19644
// and ` control=127.0.0.1:19645` behind it when there is a control listener.
// Logs go to stderr. Exit codes: 0 stopped cleanly, 1 could not start or stop, 2 bad configuration.
#pragma once

namespace CLI {
class App;
}

namespace atl {

namespace cli {
struct Session;
}

void AddServeCommand(CLI::App& app, cli::Session& session);

}  // namespace atl
