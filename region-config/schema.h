// The documents, as one table of fields per kind. The table drives reading (with defaults and
// required fields), writing, differences between configurations, `atoll config
// example|explain|schema` and docs/configuration.md: what is not in it can't be written in YAML,
// and what is in it is documented. Constant data.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "region-config/link.h"
#include "region-config/reader.h"
#include "region-config/region.h"

namespace atl::config {

enum class Presence { kRequired, kOptional };
// What a changed value needs: nothing (a reload takes it over), a restart, or it can't be changed
// at all because the data in dataDir belongs to it.
enum class Change { kLive, kRestart, kNever };

template <class Document>
struct Field {
  std::string_view path;  // "spec.storage.segmentBytes"
  std::string_view type;  // For people, and for the JSON Schema: "size", "fsync | os".
  Presence presence;
  std::string_view default_value;  // YAML, read like a written one; empty: stays unset.
  std::string_view example;        // YAML for the example document.
  Change change;
  std::string_view doc;
  void (*read)(const FieldReader& in, Document& out);
  std::string (*write)(const Document& document);  // YAML on one line; empty: unset.
};

std::span<const Field<Region>> RegionFields();
std::span<const Field<Link>> LinkFields();

// A fully commented Region and Link that load as they stand.
std::string ExampleYaml();
// The fields that `key` names: a whole path ("spec.storage.retention"), a section ("spec.storage"),
// or the last words of one ("retention"); all when it is empty. With path, type, default, what a
// change needs, and meaning. Nothing: no field has such a name.
std::optional<std::string> Explain(std::string_view key = {});
// For the message about a key that is none: the nearest one.
std::optional<std::string_view> NearestKey(std::string_view key);
// A JSON Schema (draft 2020-12) of one document, Region or Link. Whatever it refuses the loader
// refuses too; what it can't say (names that clash, ports, patterns) only the loader checks.
std::string JsonSchema();
// docs/configuration.md.
std::string ReferencePage();
// A document that loads as this link; fields that have their default are left out.
std::string ToYaml(const Link& link);

}  // namespace atl::config
