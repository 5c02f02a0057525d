// Decides which of a source's topics a link mirrors: ordered rules, the first match wins, no match
// is no. Internal topics (`__*`) are mirrored only if a literal rule includes them. Immutable after
// construction, so it is read from any thread.
// Patterns: literal; prefix; glob with `*` (any run, also empty) and `?` (one character); regex, an
// ECMAScript regular expression that must match the whole name. Regular expressions run on
// libstdc++'s breadth-first executor (std::regex::__polynomial), whose time is polynomial for every
// pattern; back-references don't exist there, and patterns that would unfold to a large automaton
// are refused (CheckPattern), so no pattern can hang a link or exhaust its stack.
#pragma once

#include <regex>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "base/types.h"
#include "region-config/link.h"

namespace atl::config {

inline constexpr size_t kMaxPatternBytes = 256;

// `*`: any run, also empty; `?`: one character.
bool GlobMatches(std::string_view pattern, std::string_view name);

// What is wrong with a pattern, as a sentence for its writer.
Status CheckPattern(TopicMatch match, std::string_view pattern);

class TopicFilter {
 public:
  // The rules have passed CheckPattern.
  explicit TopicFilter(const std::vector<TopicRule>& rules);
  bool Mirrors(const TopicName& topic) const;

 private:
  struct Rule {
    TopicRule rule;
    std::regex regex;  // Of kRegex.
  };
  static bool Matches(const Rule& rule, std::string_view name);

  std::vector<Rule> rules_;
};

}  // namespace atl::config
