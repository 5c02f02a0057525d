// Pieces that the texts made of the table share (example, explanation, reference page, JSON
// Schema). Only region-config/*.cc include it.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "region-config/schema.h"

namespace atl::config {

inline std::vector<std::string_view> SplitPath(std::string_view path) {
  std::vector<std::string_view> parts;
  for (size_t start = 0; start <= path.size();) {
    const size_t end = std::min(path.find('.', start), path.size());
    parts.push_back(path.substr(start, end - start));
    start = end + 1;
  }
  return parts;
}

template <class Document>
std::string_view ChangeText(const Field<Document>& field) {
  switch (field.change) {
    case Change::kLive:
      return "live";
    case Change::kRestart:
      return "restart";
    case Change::kNever:
      return "never";
  }
  return "never";
}

template <class Document>
std::string Terms(const Field<Document>& field) {
  std::string terms(field.type);
  terms += field.presence == Presence::kRequired ? ", required" : "";
  if (!field.default_value.empty()) terms += fmt::format(", default {}", field.default_value);
  if (field.change == Change::kNever) terms += ", fixed for the life of the data";
  if (field.change == Change::kRestart) terms += ", a change needs a restart";
  return terms;
}

template <class Document>
bool StaysUnset(const Field<Document>& field) {
  return field.presence == Presence::kOptional && field.default_value.empty();
}

}  // namespace atl::config
