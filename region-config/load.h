// The entry point: files or folders in, a checked configuration or every problem out. Reads only.
// Environment variables are read, which is safe with threads as nobody sets one. Never throws:
// yaml-cpp's exceptions end in yaml_tree.cc. Bad input of any kind is a Problem. Reading files and
// loading them are two steps, so that a running region can keep the texts it runs by, and check
// what they would be before it writes them.
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

// A file's text; its path is where problems are said to be.
struct SourceFile {
  std::string path;
  std::string text;
  friend bool operator==(const SourceFile&, const SourceFile&) = default;
};

struct Sources {
  std::vector<SourceFile> files;
  std::vector<Problem> problems;  // Of what could not be read.
};

// Whether a Region must be among the documents. Links alone are what `atoll apply` is given.
enum class Need { kRegion, kAnything };

// Each path is a file or a folder, of which all *.yaml and *.yml are read (not below it). A file
// has at most kMaxFileBytes and any number of documents.
Sources ReadSources(const std::vector<std::string>& paths, const Environment& environment);

// Without a Region (kAnything) the configuration's has no name.
LoadResult LoadSources(const Sources& sources, const Environment& environment,
                       Need need = Need::kRegion);

// Both.
LoadResult Load(const std::vector<std::string>& paths, const Environment& environment,
                Need need = Need::kRegion);

// The same for a text that is already in memory; `file` names it in problems.
LoadResult LoadText(const std::string& file, std::string_view text, const Environment& environment);

inline constexpr int64_t kMaxFileBytes = 1024 * 1024;

}  // namespace atl::config
