// The table as a JSON Schema. What a field's `type` says to people decides its schema, so a type
// that is not understood here is a mistake in the table.
#include <fmt/format.h>

#include <optional>

#include "base/check.h"
#include "region-config/document.h"
#include "region-config/schema_text.h"
#include "region-config/write.h"

namespace atl::config {
namespace {

// `${env:NAME}` may stand in every text.
constexpr std::string_view kReference = R"(\\$\\{env:[^}]+\\})";
constexpr std::string_view kName = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$";
constexpr std::string_view kHostPort = R"(^(\\[[0-9A-Fa-f:.]+\\]|[A-Za-z0-9._-]+):[0-9]{1,5}$)";
constexpr std::string_view kUrl = R"(^https?://[A-Za-z0-9._~%:\\[\\]-][A-Za-z0-9._~%:/\\[\\]-]*$)";
constexpr std::string_view kRules =
    R"("type": "array", "minItems": 1, "items": {"type": "object", "additionalProperties": false,)"
    R"( "properties": {"include": {"type": "string", "minLength": 1},)"
    R"( "exclude": {"type": "string", "minLength": 1},)"
    R"( "match": {"enum": ["literal", "prefix", "glob", "regex"]}},)"
    R"( "oneOf": [{"required": ["include"]}, {"required": ["exclude"]}]})";
constexpr std::string_view kOwnerRules =
    R"("type": "array", "minItems": 1, "items": {"type": "object", "additionalProperties": false,)"
    R"( "properties": {"topics": {"type": "string", "minLength": 1}, "owner": {"type": "string",)"
    R"( "minLength": 1}}, "required": ["topics", "owner"]})";
constexpr std::string_view kTime =
    "[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]+)?([Zz]|[+-][0-9]{2}:"
    "[0-9]{2})";

std::string Pattern(std::string_view pattern) {
  return fmt::format(R"("type": "string", "pattern": "{}|{}")", pattern, kReference);
}

// "1..250"
std::optional<std::string> RangeFragment(std::string_view type) {
  const size_t dots = type.find("..");
  if (dots == std::string_view::npos) return std::nullopt;
  return fmt::format(R"("type": "integer", "minimum": {}, "maximum": {})", type.substr(0, dots),
                     type.substr(dots + 2));
}

// "fsync | os", "earliest | latest | time"
std::optional<std::string> WordsFragment(std::string_view type) {
  std::vector<std::string> words;
  bool or_time = false;
  for (size_t start = 0; start <= type.size();) {
    const size_t bar = std::min(type.find(" | ", start), type.size());
    const std::string_view word = type.substr(start, bar - start);
    if (word == "time") {
      or_time = true;
    } else {
      words.emplace_back(word);
    }
    start = bar + 3;
  }
  if (or_time)
    return fmt::format(R"("type": "string", "pattern": "^({}|{})$")", fmt::join(words, "|"), kTime);
  for (std::string& word : words) word = Quote(word);
  return fmt::format("\"enum\": [{}]", fmt::join(words, ", "));
}

std::string Fragment(std::string_view type) {
  if (type == "true | false") return R"("type": "boolean")";
  if (type == "atoll/v1" || type == "Region" || type == "Link")
    return fmt::format("\"const\": {}", Quote(type));
  if (type == "name") return Pattern(kName);
  if (type == "duration") return R"("type": "string", "pattern": "^(0|[1-9][0-9]*)(ms|s|m|h|d)$")";
  if (type == "size")
    return R"("type": ["string", "integer"], "pattern": "^((0|[1-9][0-9]*)(B|KiB|MiB|GiB|TiB)|0)$",)"
           R"( "minimum": 0, "maximum": 0)";
  if (type == "host:port") return Pattern(kHostPort);
  if (type == "list of host:port")
    return fmt::format(R"("type": "array", "minItems": 1, "items": {{{}}})", Pattern(kHostPort));
  if (type == "path") return R"("type": "string", "minLength": 1)";
  if (type == "/path") return Pattern("^/(.*[^/])?$");
  if (type == "URL") return Pattern(kUrl);
  if (type == "text" || type == "topic name") return Pattern("^[A-Za-z0-9._-]*$");
  if (type == "list of rules") return std::string(kRules);
  if (type == "list of owner rules") return std::string(kOwnerRules);
  if (const auto range = RangeFragment(type)) return *range;
  CHECK(type.find(" | ") != std::string_view::npos, "type `{}` has no JSON Schema", type);
  return *WordsFragment(type);
}

// The value as JSON, where a tool can show it: no lists, nothing that is empty.
template <class Document>
std::string DefaultOf(const Field<Document>& field) {
  const std::string_view value = field.default_value;
  if (value.empty() || value == "\"\"" || value[0] == '[') return "";
  const bool bare = value[0] == '"' || field.type == "true | false" || RangeFragment(field.type);
  return fmt::format(", \"default\": {}", bare ? std::string(value) : Quote(value));
}

template <class Document>
class SchemaWriter {
 public:
  explicit SchemaWriter(std::span<const Field<Document>> fields) : fields_(fields) {}

  // The section `prefix` ("", "spec."), each line behind `indent`.
  std::string Section(const std::string& prefix, const std::string& indent) const {
    std::string out = "{\n" + indent + "  \"type\": \"object\",\n" + indent +
                      "  \"additionalProperties\": false,\n";
    const std::vector<std::string_view> keys = KeysIn(fields_, prefix);
    std::vector<std::string> required;
    std::vector<std::string> properties;
    for (const std::string_view key : keys) {
      const std::string path = prefix + std::string(key);
      if (IsRequired(path)) required.push_back(Quote(key));
      properties.push_back(fmt::format("{}    {}: {}", indent, Quote(key), Value(path, indent)));
    }
    if (!required.empty())
      out += fmt::format("{}  \"required\": [{}],\n", indent, fmt::join(required, ", "));
    out += fmt::format("{}  \"properties\": {{\n{}\n{}  }}\n", indent, fmt::join(properties, ",\n"),
                       indent);
    return out + indent + "}";
  }

 private:
  std::string Value(const std::string& path, const std::string& indent) const {
    for (const Field<Document>& field : fields_) {
      if (field.path != path) continue;
      return fmt::format("{{{}{}, \"description\": {}}}", Fragment(field.type), DefaultOf(field),
                         Quote(fmt::format("{} ({})", field.doc, Terms(field))));
    }
    return Section(path + ".", indent + "    ");
  }

  // A section is required when something in it is.
  bool IsRequired(const std::string& path) const {
    return std::any_of(fields_.begin(), fields_.end(), [&path](const Field<Document>& field) {
      const bool inside = field.path == path || field.path.starts_with(path + ".");
      return inside && field.presence == Presence::kRequired;
    });
  }

  const std::span<const Field<Document>> fields_;
};

}  // namespace

std::string JsonSchema() {
  return fmt::format(R"({{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "title": "A document of an Atoll configuration",
  "type": "object",
  "required": ["kind"],
  "properties": {{"kind": {{"enum": ["Region", "Link"]}}}},
  "if": {{"properties": {{"kind": {{"const": "Region"}}}}}},
  "then": {{"$ref": "#/$defs/Region"}},
  "else": {{"$ref": "#/$defs/Link"}},
  "$defs": {{
    "Region": {},
    "Link": {}
  }}
}}
)",
                     SchemaWriter<Region>(RegionFields()).Section("", "    "),
                     SchemaWriter<Link>(LinkFields()).Section("", "    "));
}

}  // namespace atl::config
