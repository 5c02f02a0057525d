// What changes between two configurations, field by field of the table, and what each change needs.
// Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "region-config/load.h"
#include "region-config/schema.h"

namespace atl::config {

struct FieldChange {
  std::string_view path;  // The table's.
  std::string before;     // YAML on one line; empty: unset.
  std::string after;
  Change needs = Change::kLive;
};

enum class Action { kAdd, kChange, kRemove };
std::string_view ActionName(Action action);  // "add"

struct DocumentChange {
  std::string_view kind;  // "Region", "Link"
  std::string name;       // As it is before the change; of what is added, after it.
  Action action = Action::kChange;
  std::vector<FieldChange> fields;  // Of kChange; of kAdd those that are not default.
};

// The Region first, then links by name. Empty: they are the same.
std::vector<DocumentChange> Diff(const Config& before, const Config& after);

// For whoever may not take a change over: "Region us-east: spec.ordinal: 1 -> 2", one a line, of
// the changes that need `needs`.
std::vector<std::string> Describe(const std::vector<DocumentChange>& changes, Change needs);

}  // namespace atl::config
