// The documents, as one table of fields per kind. The table drives reading (with defaults and
// required fields), `atoll config example` and `atoll config explain`: what is not in it can't be
// written in YAML, and what is in it is documented. Constant data.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "region-config/link.h"
#include "region-config/reader.h"
#include "region-config/region.h"

namespace atl::config {

enum class Presence { kRequired, kOptional };
// What a changed value needs: a restart, or it can't be changed at all because the data in dataDir
// belongs to it.
enum class Change { kRestart, kNever };

template <class Document>
struct Field {
  std::string_view path;  // "spec.storage.segmentBytes"
  std::string_view type;  // For people: "size", "fsync | os".
  Presence presence;
  std::string_view default_value;  // YAML, read like a written one; empty: stays unset.
  std::string_view example;        // YAML for the example document.
  Change change;
  std::string_view doc;
  void (*read)(const FieldReader& in, Document& out);
};

std::span<const Field<Region>> RegionFields();
std::span<const Field<Link>> LinkFields();

// A fully commented Region and Link that load as they stand.
std::string ExampleYaml();
// Every field: path, type, default, whether it is required, what a change needs, and its meaning.
std::string Explain();

}  // namespace atl::config
