#include "region-config/write.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>

namespace atl::config {
namespace {

struct Unit {
  std::string_view name;
  int64_t factor;
};
constexpr std::array kLengths = {Unit{"d", 86'400'000'000'000}, Unit{"h", 3'600'000'000'000},
                                 Unit{"m", 60'000'000'000}, Unit{"s", 1'000'000'000},
                                 Unit{"ms", 1'000'000}};
constexpr std::array kSizes = {Unit{"TiB", int64_t{1} << 40}, Unit{"GiB", int64_t{1} << 30},
                               Unit{"MiB", int64_t{1} << 20}, Unit{"KiB", int64_t{1} << 10}};

std::string WriteQuantity(int64_t value, std::span<const Unit> units, std::string_view smallest) {
  for (const Unit& unit : units) {
    if (value != 0 && value % unit.factor == 0)
      return fmt::format("{}{}", value / unit.factor, unit.name);
  }
  return fmt::format("{}{}", value, smallest);
}

std::string_view MatchName(TopicMatch match) {
  switch (match) {
    case TopicMatch::kLiteral:
      return "literal";
    case TopicMatch::kPrefix:
      return "prefix";
    case TopicMatch::kGlob:
      return "glob";
    case TopicMatch::kRegex:
      return "regex";
  }
  return "glob";
}

}  // namespace

std::string Quote(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "\"";
}

std::string WriteText(std::string_view text) { return text.empty() ? "" : Quote(text); }

std::string WriteName(std::string_view name) {
  constexpr std::array<std::string_view, 8> kTyped = {"true", "false", "yes",  "no",
                                                      "on",   "off",   "null", "n"};
  const bool letter = !name.empty() && name[0] >= 'a' && name[0] <= 'z';
  const bool typed = std::find(kTyped.begin(), kTyped.end(), name) != kTyped.end();
  return letter && !typed ? std::string(name) : WriteText(name);
}

std::string WriteBoolean(bool value) { return value ? "true" : "false"; }

std::string WriteLength(Duration length) {
  if (length == Duration::zero()) return "0s";
  return WriteQuantity(length.count(), kLengths, "ns");
}

std::string WriteSize(ByteCount size) { return WriteQuantity(size.value(), kSizes, "B"); }

std::string WriteTime(Timestamp time) { return FormatTime(FromTimestamp(time)); }

std::string WriteEndpoint(const Endpoint& endpoint) {
  return endpoint.host.empty() ? "" : WriteText(endpoint.ToString());
}

std::string WriteEndpoints(const std::vector<Endpoint>& endpoints) {
  if (endpoints.empty()) return "";
  std::vector<std::string> items;
  for (const Endpoint& endpoint : endpoints) items.push_back(WriteEndpoint(endpoint));
  return fmt::format("[{}]", fmt::join(items, ", "));
}

std::string WriteRules(const std::vector<TopicRule>& rules) {
  if (rules.empty()) return "";
  std::vector<std::string> items;
  for (const TopicRule& rule : rules) {
    items.push_back(fmt::format("{{{}: {}, match: {}}}",
                                rule.action == RuleAction::kInclude ? "include" : "exclude",
                                WriteText(rule.pattern), MatchName(rule.match)));
  }
  return fmt::format("[{}]", fmt::join(items, ", "));
}

std::string WriteOwnership(const std::vector<OwnershipRule>& rules) {
  if (rules.empty()) return "";
  std::vector<std::string> items;
  for (const OwnershipRule& rule : rules) {
    items.push_back(fmt::format("{{topics: {}, owner: {}}}", WriteText(rule.topics),
                                WriteName(rule.owner.value())));
  }
  return fmt::format("[{}]", fmt::join(items, ", "));
}

}  // namespace atl::config
