// The entry point: files or folders in, a checked configuration or every problem out. Reads only.
// Call it before threads start (it reads environment variables). Never throws: yaml-cpp's
// exceptions end in yaml_tree.cc. Bad input of any kind is a Problem.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "region-config/environment.h"
#include "region-config/link.h"
#include "region-config/problem.h"
#include "region-config/region.h"

namespace atl::config {

struct Config {
  Region region;
  std::vector<Link> links;  // In the order of the files.
};

struct LoadResult {
  std::optional<Config> config;   // There if and only if there are no problems.
  std::vector<Problem> problems;  // By file, line and column.
};

// Each path is a file or a folder, of which all *.yaml and *.yml are read (not below it). A file
// has at most kMaxFileBytes and any number of documents.
LoadResult Load(const std::vector<std::string>& paths, const Environment& environment);

// The same for a text that is already in memory; `file` names it in problems.
LoadResult LoadText(const std::string& file, std::string_view text, const Environment& environment);

inline constexpr int64_t kMaxFileBytes = 1024 * 1024;

}  // namespace atl::config
