#include "region-config/schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "region-config/document.h"

namespace atl::config {
namespace {

constexpr size_t kTextWidth = 88;

std::vector<std::string_view> Split(std::string_view path) {
  std::vector<std::string_view> parts;
  for (size_t start = 0; start <= path.size();) {
    const size_t end = std::min(path.find('.', start), path.size());
    parts.push_back(path.substr(start, end - start));
    start = end + 1;
  }
  return parts;
}

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

template <class Document>
std::string Terms(const Field<Document>& field) {
  std::string terms(field.type);
  terms += field.presence == Presence::kRequired ? ", required" : "";
  if (!field.default_value.empty()) terms += fmt::format(", default {}", field.default_value);
  if (field.change == Change::kNever) terms += ", fixed for the life of the data";
  return terms;
}

template <class Document>
bool StaysUnset(const Field<Document>& field) {
  return field.presence == Presence::kOptional && field.default_value.empty();
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
    std::vector<std::string_view> parts = Split(field.path);
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

template <class Document>
std::string ExplainFields(std::string_view kind, std::span<const Field<Document>> fields) {
  std::string out = fmt::format("kind {}\n", kind);
  for (const Field<Document>& field : fields)
    out += fmt::format("\n{}\n    {}\n", field.path, Terms(field)) + Wrap(field.doc, "    ");
  return out;
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

std::string ExampleYaml() { return Example(RegionFields()) + "---\n" + Example(LinkFields()); }

std::string Explain() {
  return ExplainFields("Region", RegionFields()) + "\n" + ExplainFields("Link", LinkFields());
}

}  // namespace atl::config
