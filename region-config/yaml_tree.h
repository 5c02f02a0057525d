// YAML text as a small tree with positions. The only place that knows yaml-cpp, whose exceptions
// end in its source. What the tree can't hold is refused here: aliases, anchors, tags, merge keys,
// keys that are no plain text, duplicate keys, nesting over kMaxDepth, text that is no UTF-8.
// Plain values without cycles; never deeper than kMaxDepth, so recursion over it is safe.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "region-config/problem.h"

namespace atl::config {

inline constexpr int kMaxDepth = 32;

struct YamlNode {
  enum class Kind { kNull, kPlain, kQuoted, kMap, kList };
  struct Entry;

  Kind kind = Kind::kNull;
  Position position;
  std::string text = {};             // Of kPlain and kQuoted.
  std::vector<Entry> entries = {};   // Of kMap, in file order, no key twice.
  std::vector<YamlNode> items = {};  // Of kList.

  const Entry* Find(std::string_view key) const;
};

struct YamlNode::Entry {
  std::string key;
  Position position;  // Of the key.
  YamlNode value;
};

// All documents of `text` that could be read; what is wrong is appended to `problems`.
std::vector<YamlNode> ParseYaml(const std::string& file, std::string_view text,
                                std::vector<Problem>& problems);

}  // namespace atl::config
