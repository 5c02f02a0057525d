// Hash maps (abseil's), with look-up by std::string_view for string and Name keys.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>

#include <string>
#include <string_view>

#include "base/types.h"

namespace atl {

struct TextHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  template <class Tag>
  size_t operator()(const Name<Tag>& name) const {
    return std::hash<std::string_view>{}(name.value());
  }
};
struct TextEqual {
  using is_transparent = void;
  static std::string_view View(std::string_view text) { return text; }
  template <class Tag>
  static std::string_view View(const Name<Tag>& name) {
    return name.value();
  }
  bool operator()(const auto& a, const auto& b) const { return View(a) == View(b); }
};

template <class K, class V>
using TextMap = absl::flat_hash_map<K, V, TextHash, TextEqual>;
template <class K>
using TextSet = absl::flat_hash_set<K, TextHash, TextEqual>;
// Keys with a std::hash. Iteration order is not stable: sort before anything that a user or the
// simulator sees.
template <class K, class V>
using HashMap = absl::flat_hash_map<K, V, std::hash<K>>;
template <class K>
using HashSet = absl::flat_hash_set<K, std::hash<K>>;

}  // namespace atl
