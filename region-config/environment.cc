#include "region-config/environment.h"

#include <cstdlib>

#include "base/file_mode.h"

namespace atl::config {

Environment SystemEnvironment() {
  const auto variable = [](const std::string& name) -> std::optional<std::string> {
    const char* const value = std::getenv(name.c_str());
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  };
  return Environment{PosixFileSystem(), variable, FileMode};
}

}  // namespace atl::config
