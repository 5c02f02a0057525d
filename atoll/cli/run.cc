#include "atoll/cli/run.h"

#include <CLI/CLI.hpp>
#include <iostream>

#include "atoll/cli/api.h"
#include "atoll/cli/command.h"
#include "atoll/cli/terminal.h"
#include "base/clock.h"

namespace atl::cli {
namespace {

constexpr Duration kLookEvery = std::chrono::seconds(2);
// Clears the screen and goes to its corner.
constexpr const char* kRedraw = "\x1b[H\x1b[2J";

}  // namespace

int Run(CLI::App& app, Session& session, int argc, const char* const* argv) {
  const bool terminal = OutputIsTerminal();
  app.parse(argc, argv);
  while (session.watch && std::cout.good()) {
    std::cout << std::flush;
    Pause(kLookEvery);
    if (terminal) std::cout << kRedraw;
    app.parse(argc, argv);
  }
  return session.exit_code;
}

void AddWatchOption(CLI::App& verb, Session& session) {
  // The first look is one of many: on a terminal it begins on a clear screen, for a program every
  // look is one line.
  verb.add_flag_callback(
      "-w,--watch",
      [&session] {
        if (!session.watch && OutputIsTerminal()) std::cout << kRedraw;
        if (!OutputIsTerminal()) session.output = "json";
        session.watch = true;
      },
      "Look every 2 s: redraws a terminal, else a JSON document per line");
}

}  // namespace atl::cli
