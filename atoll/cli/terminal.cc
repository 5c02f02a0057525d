#include "atoll/cli/terminal.h"

#include <unistd.h>

#include <cstdlib>
#include <string_view>

namespace atl::cli {
namespace {

std::string_view Variable(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? std::string_view() : std::string_view(value);
}

}  // namespace

bool OutputIsTerminal() { return ::isatty(STDOUT_FILENO) == 1; }

bool UseColour() {
  return OutputIsTerminal() && Variable("NO_COLOR").empty() && Variable("TERM") != "dumb";
}

}  // namespace atl::cli
