// Documents and a hand-made environment for the tests of region-config.
#pragma once

#include <map>
#include <string>

#include "base/memory_file.h"
#include "region-config/load.h"

namespace atl::config {

struct TestWorld {
  MemoryFileSystem files;
  std::map<std::string, std::string> variables;
  std::map<std::string, uint32_t> modes;

  Environment environment() {
    return Environment{files,
                       [this](const std::string& name) -> std::optional<std::string> {
                         const auto found = variables.find(name);
                         return found == variables.end() ? std::nullopt
                                                         : std::optional(found->second);
                       },
                       [this](const std::string& path) -> StatusOr<uint32_t> {
                         const auto found = modes.find(path);
                         if (found == modes.end()) return NotFound("{}: no such file", path);
                         return found->second;
                       }};
  }
};

// The smallest Region that loads. 9 lines.
inline const std::string kMinimalRegion =
    "apiVersion: atoll/v1\n"
    "kind: Region\n"
    "metadata: {name: us-east}\n"
    "spec:\n"
    "  ordinal: 1\n"
    "  dataDir: ./data\n"
    "  listeners:\n"
    "    kafka:\n"
    "      bind: 127.0.0.1:19092\n";

// The smallest Link that loads. 7 lines.
inline const std::string kMinimalLink =
    "apiVersion: atoll/v1\n"
    "kind: Link\n"
    "metadata: {name: from-eu-west}\n"
    "spec:\n"
    "  source:\n"
    "    region: eu-west\n"
    "    bootstrapServers: [127.0.0.1:29092]\n";

}  // namespace atl::config
