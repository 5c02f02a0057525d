#include "atoll/cli/run.h"

#include <CLI/CLI.hpp>
#include <iostream>
#include <map>

#include "atoll/cli/api.h"
#include "atoll/cli/command.h"
#include "atoll/cli/terminal.h"
#include "base/clock.h"

namespace atl::cli {
namespace {

constexpr Duration kLookEvery = std::chrono::seconds(2);
// Clears the screen and goes to its corner.
constexpr const char* kRedraw = "\x1b[H\x1b[2J";

const std::map<std::string, Format>& Formats() {
  static const std::map<std::string, Format> kFormats = {{"table", Format::kTable},
                                                         {"wide", Format::kWide},
                                                         {"json", Format::kJson},
                                                         {"yaml", Format::kYaml},
                                                         {"name", Format::kName}};
  return kFormats;
}

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

void AddEndpointOptions(CLI::App& verb, Session& session) {
  verb.add_option("--endpoint", session.endpoint,
                  "Admin API of the region, such as http://10.0.0.7:9644; else ATOLL_ENDPOINT");
  verb.add_option("--profile", session.profile,
                  "The region that `atoll profile` calls so; else ATOLL_PROFILE");
}

void AddOutputOptions(CLI::App& verb, Session& session) {
  verb.add_option_function<std::string>(
          "-o,--output",
          [&session](const std::string& name) { session.format = Formats().at(name); },
          "table, wide (more columns), json, yaml, or name (for xargs)")
      ->check(CLI::IsMember(&Formats()));
  verb.add_flag_callback(
      "--no-headers", [&session] { session.headers = false; }, "Tables without their first line");
}

void AddApiOptions(CLI::App& verb, Session& session) {
  AddEndpointOptions(verb, session);
  AddOutputOptions(verb, session);
}

void AddWatchOption(CLI::App& verb, Session& session) {
  // The first look is one of many: on a terminal it begins on a clear screen, for a program every
  // look is one line unless it asks for another form. Behind -o, whose callback runs first.
  verb.add_flag_callback(
      "-w,--watch",
      [&session] {
        if (!session.watch && OutputIsTerminal()) std::cout << kRedraw;
        if (!OutputIsTerminal() && session.ForPeople()) session.format = Format::kJson;
        session.watch = true;
      },
      "Look every 2 s: redraws a terminal, else a JSON document per line");
}

}  // namespace atl::cli
