// What reading a configuration may ask of the world: files and environment variables. A port, so
// that tests decide both.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/file.h"
#include "base/status.h"

namespace atl::config {

struct Environment {
  FileSystem& files;
  std::function<std::optional<std::string>(const std::string& name)> variable;
  // The permission bits of a file (0600), for secrets.
  std::function<StatusOr<uint32_t>(const std::string& path)> file_mode;
};

// The process's own.
Environment SystemEnvironment();

}  // namespace atl::config
