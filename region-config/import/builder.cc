#include "region-config/import/builder.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/file_mode.h"
#include "region-config/schema.h"
#include "region-config/topic_filter.h"
#include "region-config/yaml_tree.h"

namespace atl::config {
namespace {

constexpr std::string_view kMeta = ".*+?()[]{}|^$\\";

std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::vector<std::string> SplitAt(std::string_view text, char mark) {
  std::vector<std::string> parts;
  for (size_t start = 0; start <= text.size();) {
    const size_t end = std::min(text.find(mark, start), text.size());
    const std::string_view part = Trim(text.substr(start, end - start));
    if (!part.empty()) parts.emplace_back(part);
    start = end + 1;
  }
  return parts;
}

// "a,b|c" as three; alternatives within parentheses or brackets stay what they are.
std::vector<std::string> SplitPatterns(std::string_view text) {
  std::vector<std::string> patterns;
  for (const std::string& part : SplitAt(text, ',')) {
    const bool grouped = part.find_first_of("([") != std::string::npos;
    if (grouped) {
      patterns.push_back(part);
      continue;
    }
    for (std::string& one : SplitAt(part, '|')) patterns.push_back(std::move(one));
  }
  return patterns;
}

// A regular expression that is only letters, with `\.` for a dot; nothing if it is more.
std::optional<std::string> AsLiteral(std::string_view pattern) {
  std::string literal;
  for (size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '\\' && i + 1 < pattern.size() && kMeta.find(pattern[i + 1]) != kMeta.npos) {
      literal += pattern[++i];
      continue;
    }
    if (kMeta.find(pattern[i]) != std::string_view::npos) return std::nullopt;
    literal += pattern[i];
  }
  return literal;
}

// The simplest rule that means the same as the regular expression.
std::string RegexRule(std::string_view word, const std::string& pattern) {
  if (pattern == ".*") return fmt::format("{{{}: \"*\", match: glob}}", word);
  if (const auto literal = AsLiteral(pattern))
    return fmt::format("{{{}: {}, match: literal}}", word, Quote(*literal));
  if (pattern.ends_with(".*")) {
    if (const auto prefix = AsLiteral(pattern.substr(0, pattern.size() - 2)))
      return fmt::format("{{{}: {}, match: prefix}}", word, Quote(*prefix));
  }
  return fmt::format("{{{}: {}, match: regex}}", word, Quote(pattern));
}

// What an import may ask of the world: nothing. A variable would be put in by its value.
Environment NoVariables() {
  return {PosixFileSystem(), [](const std::string&) { return std::optional<std::string>(); },
          FileMode};
}

std::string NameOf(std::string_view text) {
  std::string name;
  for (const char c : text) {
    const bool upper = c >= 'A' && c <= 'Z';
    const bool good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    name += upper ? static_cast<char>(c - 'A' + 'a') : good ? c : '-';
  }
  while (!name.empty() && name.front() == '-') name.erase(0, 1);
  while (!name.empty() && name.back() == '-') name.pop_back();
  return name;
}

}  // namespace

LinkBuilder::LinkBuilder(const Position& start, std::vector<std::string>& notes,
                         std::vector<Problem>& problems)
    : start_(start), notes_(notes), problems_(problems), link_(DefaultLink()) {
  Put("spec.source.kind", "kafka", start_);
}

void LinkBuilder::Put(std::string_view path, const std::string& yaml, const Position& position) {
  const Environment environment = NoVariables();
  std::vector<Problem> problems;
  ReadContext context{environment, problems};
  const std::vector<YamlNode> value = ParseYaml(position.file, yaml, problems);
  for (const Field<Link>& field : LinkFields()) {
    if (field.path == path && value.size() == 1)
      field.read(FieldReader(context, value[0], std::string(path)), link_);
  }
  for (Problem& problem : problems) {
    problem.position = position;
    problems_.push_back(std::move(problem));
  }
}

void LinkBuilder::PutNames(const std::string& source, const std::string& link_name,
                           const Position& position) {
  const std::string region = NameOf(source);
  const std::string name = link_name.empty() ? "from-" + region : NameOf(link_name);
  if (region != source)
    Note(position, source,
         fmt::format("the region is called `{}` here: names have small letters, "
                     "digits and `-`",
                     region));
  if (!link_name.empty() && name != link_name)
    Note(position, link_name,
         fmt::format("the link is called `{}` here: names have small letters, "
                     "digits and `-`",
                     name));
  Put("spec.source.region", Quote(region), position);
  Put("metadata.name", Quote(name), position);
}

void LinkBuilder::PutBootstrap(std::string_view servers, const Position& position) {
  if (servers.find("${") != std::string_view::npos)
    return Refuse(
        position, "bootstrap servers",
        fmt::format("`{}` is filled in by another program; write the addresses", servers));
  std::string list;
  for (const std::string& server : SplitAt(servers, ','))
    list += (list.empty() ? "" : ", ") + Quote(server);
  Put("spec.source.bootstrapServers", "[" + list + "]", position);
}

void LinkBuilder::PutRegexRules(std::string_view path, std::string_view includes,
                                std::string_view excludes,
                                const std::vector<std::string>& more_excludes,
                                const Position& position) {
  std::vector<std::string> rules = more_excludes;
  // Names that begin with `__` are left out here anyway.
  for (const std::string& pattern : SplitPatterns(excludes))
    if (pattern != "__.*") rules.push_back(RegexRule("exclude", pattern));
  for (const std::string& pattern : SplitPatterns(includes))
    rules.push_back(RegexRule("include", pattern));
  Put(path, fmt::format("[{}]", fmt::join(rules, ", ")), position);
}

void LinkBuilder::PutFilters(std::string_view path, const std::vector<Filter>& filters,
                             const Position& position) {
  std::vector<std::string> rules;
  for (const std::string_view type : {"EXCLUDE", "INCLUDE"}) {
    const std::string_view word = type == "EXCLUDE" ? "exclude" : "include";
    for (const Filter& filter : filters) {
      if (filter.filter_type != type) continue;
      const bool prefix = filter.pattern_type.starts_with("PREFIX");
      const std::string_view match = filter.name == "*" ? "glob" : prefix ? "prefix" : "literal";
      rules.push_back(fmt::format("{{{}: {}, match: {}}}", word, Quote(filter.name), match));
    }
  }
  for (const Filter& filter : filters) {
    const bool known =
        filter.pattern_type == "LITERAL" || filter.pattern_type.starts_with("PREFIX");
    if (!known || (filter.filter_type != "INCLUDE" && filter.filter_type != "EXCLUDE"))
      Refuse(position, path,
             fmt::format("a filter of type `{}` with pattern type `{}` is not known here",
                         filter.filter_type, filter.pattern_type));
  }
  Put(path, fmt::format("[{}]", fmt::join(rules, ", ")), position);
}

void LinkBuilder::Refuse(const Position& position, std::string_view key, std::string message) {
  problems_.push_back({position, std::string(key), std::move(message)});
}

void LinkBuilder::Note(const Position& position, std::string_view key, std::string_view text) {
  std::string note = fmt::format("line {}: {}: {}", position.line, key, text);
  if (std::find(notes_.begin(), notes_.end(), note) == notes_.end())
    notes_.push_back(std::move(note));
}

}  // namespace atl::config
