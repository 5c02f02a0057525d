#include "region-config/topic_filter.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string>
#include <utility>

#include "base/check.h"

namespace atl::config {
namespace {

constexpr auto kRegexFlags =
    std::regex::ECMAScript | std::regex::optimize | std::regex_constants::__polynomial;
// The most atoms a pattern may unfold to: `(ab){100}` is 200. Bounds the automaton and with it the
// stack that libstdc++ needs to walk it.
constexpr int64_t kMaxAtoms = 1000;

bool IsTopicChar(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '_' || c == '-';
}

// Counts how many atoms a regular expression unfolds to, without judging its grammar (that is
// std::regex's business). At least as many as there really are.
class AtomCounter {
 public:
  explicit AtomCounter(std::string_view pattern) : rest_(pattern) {}

  int64_t Count() {
    int64_t sum = 0;
    while (!rest_.empty() && rest_[0] != ')') {
      const int64_t atom = Atom();
      sum = std::min(kMaxAtoms + 1, sum + atom * Repeats());
    }
    return sum;
  }

 private:
  int64_t Atom() {
    const char first = rest_[0];
    rest_.remove_prefix(1);
    if (first == '\\' && !rest_.empty()) rest_.remove_prefix(1);
    if (first == '[') SkipClass();
    if (first != '(') return 1;
    const int64_t inside = Count() + 2;
    if (!rest_.empty()) rest_.remove_prefix(1);
    return inside;
  }
  void SkipClass() {
    while (!rest_.empty() && rest_[0] != ']') {
      rest_.remove_prefix(rest_[0] == '\\' && rest_.size() > 1 ? 2 : 1);
    }
    if (!rest_.empty()) rest_.remove_prefix(1);
  }
  // The largest number in a following {n}, {n,} or {n,m}; 1 for anything else.
  int64_t Repeats() {
    if (rest_.empty() || rest_[0] != '{') return 1;
    const size_t end = std::min(rest_.find('}'), rest_.size() - 1);
    int64_t most = 1;
    for (const char* at = rest_.data() + 1; at < rest_.data() + end;) {
      int64_t number = 0;
      const auto [next, error] = std::from_chars(at, rest_.data() + end, number);
      if (error == std::errc::result_out_of_range) number = kMaxAtoms + 1;
      most = std::max(most, std::min(number, kMaxAtoms + 1));
      at = next == at ? at + 1 : next;
    }
    rest_.remove_prefix(end + 1);
    return most;
  }

  std::string_view rest_;
};

std::optional<std::regex> Compile(std::string_view pattern) {
  try {
    return std::regex(pattern.begin(), pattern.end(), kRegexFlags);
  } catch (const std::regex_error&) {
    return std::nullopt;
  }
}

Status CheckRegex(std::string_view pattern) {
  if (AtomCounter(pattern).Count() > kMaxAtoms)
    return InvalidArgument("regex `{}` unfolds to more than {} characters; use * or +", pattern,
                           kMaxAtoms);
  if (!Compile(pattern))
    return InvalidArgument("`{}` is not a regular expression (ECMAScript, no back-references)",
                           pattern);
  return OkStatus();
}

}  // namespace

bool GlobMatches(std::string_view pattern, std::string_view name) {
  size_t p = 0;
  size_t n = 0;
  size_t star = std::string_view::npos;  // The last `*` seen ...
  size_t resume = 0;                     // ... and how much of the name it has left over.
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = n;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == name[n])) {
      ++p;
      ++n;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      n = ++resume;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

Status CheckPattern(TopicMatch match, std::string_view pattern) {
  if (pattern.size() > kMaxPatternBytes)
    return InvalidArgument("the pattern has {} bytes, more than {}", pattern.size(),
                           kMaxPatternBytes);
  if (match == TopicMatch::kRegex) return CheckRegex(pattern);
  const bool glob = match == TopicMatch::kGlob;
  for (const char c : pattern) {
    if (IsTopicChar(c) || (glob && (c == '*' || c == '?'))) continue;
    return InvalidArgument(
        "`{}` can match no topic: `{}` is not in topic names{}", pattern, c,
        glob ? ", and a glob knows only * and ?" : "; for patterns write match: glob or regex");
  }
  return OkStatus();
}

TopicFilter::TopicFilter(const std::vector<TopicRule>& rules) {
  for (const TopicRule& rule : rules) {
    Rule prepared{rule, {}};
    if (rule.match == TopicMatch::kRegex) {
      std::optional<std::regex> regex = Compile(rule.pattern);
      CHECK(regex.has_value(), "regex `{}` was not checked at load", rule.pattern);
      prepared.regex = *std::move(regex);
    }
    rules_.push_back(std::move(prepared));
  }
}

bool TopicFilter::Mirrors(const TopicName& topic) const {
  const std::string_view name = topic.value();
  const bool internal = name.starts_with("__");
  for (const Rule& rule : rules_) {
    if (internal && rule.rule.match != TopicMatch::kLiteral) continue;
    if (Matches(rule, name)) return rule.rule.action == RuleAction::kInclude;
  }
  return false;
}

bool TopicFilter::Matches(const Rule& rule, std::string_view name) {
  const std::string& pattern = rule.rule.pattern;
  switch (rule.rule.match) {
    case TopicMatch::kLiteral:
      return name == pattern;
    case TopicMatch::kPrefix:
      return name.starts_with(pattern);
    case TopicMatch::kGlob:
      return GlobMatches(pattern, name);
    case TopicMatch::kRegex:
      return std::regex_match(name.begin(), name.end(), rule.regex);
  }
  return false;
}

}  // namespace atl::config
