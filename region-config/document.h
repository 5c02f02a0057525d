// Reads one document by its table of fields: unknown keys, required fields, defaults, positions.
// A template because Region and Link are read alike; only load.cc and schema.cc include it.
#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.h"
#include "region-config/reader.h"
#include "region-config/schema.h"
#include "region-config/validate.h"

namespace atl::config {

// The keys that may stand in the section `prefix` ("" or "spec."), in the table's order.
template <class Document>
std::vector<std::string_view> KeysIn(std::span<const Field<Document>> fields,
                                     std::string_view prefix) {
  std::vector<std::string_view> keys;
  for (const Field<Document>& field : fields) {
    if (!field.path.starts_with(prefix)) continue;
    const std::string_view rest = field.path.substr(prefix.size());
    const std::string_view key = rest.substr(0, rest.find('.'));
    if (keys.empty() || keys.back() != key) keys.push_back(key);
  }
  return keys;
}

template <class Document>
bool IsField(std::span<const Field<Document>> fields, std::string_view path) {
  return std::any_of(fields.begin(), fields.end(),
                     [path](const Field<Document>& field) { return field.path == path; });
}

// Refuses what is no section and no field, at every level.
template <class Document>
void CheckKeys(ReadContext& context, const YamlNode& section, const std::string& path,
               std::span<const Field<Document>> fields) {
  const std::string prefix = path.empty() ? "" : path + ".";
  const std::vector<std::string_view> known = KeysIn(fields, prefix);
  if (!FieldReader(context, section, path).OnlyKeys(known) && section.kind != YamlNode::Kind::kMap)
    return;
  for (const YamlNode::Entry& entry : section.entries) {
    const std::string below = prefix + entry.key;
    const bool is_known = std::find(known.begin(), known.end(), entry.key) != known.end();
    if (is_known && !IsField(fields, below)) CheckKeys(context, entry.value, below, fields);
  }
}

// Where a dotted path leads in a document.
struct Found {
  const YamlNode* value = nullptr;  // None: not written.
  Position position;                // Of the value, or of the last section above that is there.
  bool blocked = false;             // A section above is no map; that has been refused already.
};
Found FindPath(const YamlNode& root, std::string_view path);

template <class Document>
void ReadDefault(const Environment& environment, const Field<Document>& field, Document& out) {
  if (field.default_value.empty()) return;
  std::vector<Problem> problems;
  ReadContext context{environment, problems};
  const std::vector<YamlNode> value = ParseYaml("default", field.default_value, problems);
  CHECK(value.size() == 1, "default of {}", field.path);
  field.read(FieldReader(context, value[0], std::string(field.path)), out);
  CHECK(problems.empty(), "default of {}: {}", field.path, ToString(problems));
}

template <class Document>
Located<Document> ReadDocument(ReadContext& context, const YamlNode& root,
                               std::span<const Field<Document>> fields) {
  Located<Document> document;
  document.start = root.position;
  CheckKeys(context, root, "", fields);
  for (const Field<Document>& field : fields) {
    ReadDefault(context.environment, field, document.value);
    const Found found = FindPath(root, field.path);
    if (found.value != nullptr) {
      document.fields.emplace(field.path, found.position);
      field.read(FieldReader(context, *found.value, std::string(field.path)), document.value);
    } else if (field.presence == Presence::kRequired && !found.blocked) {
      context.problems.push_back({found.position, std::string(field.path),
                                  "is required (" + std::string(field.type) + ")"});
    }
  }
  return document;
}

}  // namespace atl::config
