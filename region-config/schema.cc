#include "region-config/schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "region-config/document.h"
#include "region-config/schema_text.h"

namespace atl::config {
namespace {

constexpr size_t kTextWidth = 88;

// `text` in lines that begin with `lead` and are not much longer than kTextWidth.
std::string Wrap(std::string_view text, const std::string& lead) {
  std::string out;
  std::string line = lead;
  while (!text.empty()) {
    const size_t end = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, end);
    if (line.size() > lead.size() && line.size() + word.size() > kTextWidth) {
      line.pop_back();
      out += line + "\n";
      line = lead;
    }
    line += std::string(word) + " ";
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  line.pop_back();
  return out + line + "\n";
}

// Where the i-th part of a dotted path ends.
size_t EndOfPart(std::string_view path, size_t i) {
  size_t end = path.find('.');
  for (; i > 0; --i) end = path.find('.', end + 1);
  return end;
}

// A section of which nothing is set is no map in YAML: it stays a comment.
template <class Document>
bool IsUnset(std::span<const Field<Document>> fields, std::string_view section) {
  return std::all_of(fields.begin(), fields.end(), [section](const Field<Document>& field) {
    const bool inside = field.path.starts_with(section) && field.path[section.size()] == '.';
    return !inside || StaysUnset(field);
  });
}

template <class Document>
std::string Example(std::span<const Field<Document>> fields) {
  std::string out;
  std::vector<std::string_view> open;  // The sections that the last field stands in.
  for (const Field<Document>& field : fields) {
    std::vector<std::string_view> parts = SplitPath(field.path);
    const std::string_view key = parts.back();
    parts.pop_back();
    size_t same = 0;
    while (same < parts.size() && same < open.size() && parts[same] == open[same]) ++same;
    for (size_t i = same; i < parts.size(); ++i) {
      const std::string_view section = field.path.substr(0, EndOfPart(field.path, i));
      out += fmt::format("{}{}{}:\n", std::string(i * 2, ' '), IsUnset(fields, section) ? "# " : "",
                         parts[i]);
    }
    open = parts;
    const std::string indent(parts.size() * 2, ' ');
    out += Wrap(field.doc, indent + "# ");
    out += Wrap("(" + Terms(field) + ")", indent + "# ");
    // What is unset unless written stays so in the example, but shows its form.
    out += fmt::format("{}{}{}: {}\n", indent, StaysUnset(field) ? "# " : "", key, field.example);
  }
  return out;
}

// The whole path, a section above it, or its last words.
bool IsNamedBy(std::string_view path, std::string_view key) {
  if (key.empty() || path == key) return true;
  const bool above = path.starts_with(key) && path[key.size()] == '.';
  const bool last = path.ends_with(key) && path[path.size() - key.size() - 1] == '.';
  return above || last;
}

template <class Document>
std::string ExplainFields(std::string_view kind, std::span<const Field<Document>> fields,
                          std::string_view key) {
  std::string out;
  for (const Field<Document>& field : fields) {
    if (!IsNamedBy(field.path, key)) continue;
    out += fmt::format("\n{}\n    {}\n", field.path, Terms(field)) + Wrap(field.doc, "    ");
    if (!key.empty()) out += fmt::format("    example: {}\n", field.example);
  }
  return out.empty() ? out : fmt::format("kind {}\n", kind) + out;
}

template <class Document>
void AppendKeys(std::span<const Field<Document>> fields, std::vector<std::string_view>& out) {
  for (const Field<Document>& field : fields) {
    for (size_t dot = 0; dot != std::string_view::npos; dot = field.path.find('.', dot + 1)) {
      out.push_back(field.path.substr(dot == 0 ? 0 : dot + 1));
    }
  }
}

template <class Document>
Document Defaults(std::span<const Field<Document>> fields) {
  const Environment environment = SystemEnvironment();
  Document document;
  for (const Field<Document>& field : fields) ReadDefault(environment, field, document);
  return document;
}

}  // namespace

Region DefaultRegion() { return Defaults(RegionFields()); }
Link DefaultLink() { return Defaults(LinkFields()); }

std::string ExampleYaml() {
  return "# yaml-language-server: $schema=atoll.schema.json\n"
         "# (that file is what `atoll config schema` prints; editors check and complete with "
         "it)\n" +
         Example(RegionFields()) + "---\n" + Example(LinkFields());
}

std::optional<std::string> Explain(std::string_view key) {
  const std::string region = ExplainFields("Region", RegionFields(), key);
  const std::string link = ExplainFields("Link", LinkFields(), key);
  if (region.empty() && link.empty()) return std::nullopt;
  return region + (region.empty() || link.empty() ? "" : "\n") + link;
}

std::optional<std::string_view> NearestKey(std::string_view key) {
  std::vector<std::string_view> keys;
  AppendKeys(RegionFields(), keys);
  AppendKeys(LinkFields(), keys);
  return Nearest(key, keys);
}

std::string ToYaml(const Link& link) {
  const Link defaults = DefaultLink();
  std::string out;
  std::vector<std::string_view> open;
  for (const Field<Link>& field : LinkFields()) {
    const std::string value = field.write(link);
    if (field.presence == Presence::kOptional && value == field.write(defaults)) continue;
    std::vector<std::string_view> parts = SplitPath(field.path);
    const std::string_view key = parts.back();
    parts.pop_back();
    size_t same = 0;
    while (same < parts.size() && same < open.size() && parts[same] == open[same]) ++same;
    for (size_t i = same; i < parts.size(); ++i)
      out += fmt::format("{}{}:\n", std::string(i * 2, ' '), parts[i]);
    open = parts;
    out += fmt::format("{}{}: {}\n", std::string(parts.size() * 2, ' '), key, value);
  }
  return out;
}

}  // namespace atl::config
