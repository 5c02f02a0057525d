// One type list of the APIs that a broker serves. Dispatch, the ApiVersions answer, metric names
// and version checks all follow from it, so they cannot disagree. A client needs no table: the
// request struct alone carries key, versions and name (ApiRowOf).
//
//   using Apis = ApiTable<Api<ProduceRequest, &HandleProduce>, Api<FetchRequest, &HandleFetch>>;
//   const ApiRow* row = Apis::Find(header.api_key);
//   Apis::Visit(header.api_key, [&]<class A>(A) { ... Decode<typename A::Request>(...) ... });
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>

#include "kafka/wire/frame.h"

namespace atl::kafka {

struct ApiRow {
  int16_t key = 0;
  int16_t min_version = 0;
  int16_t max_version = 0;
  // What ApiVersions says; lower than min_version where clients need to see it (Produce).
  int16_t advertised_min_version = 0;
  int16_t flexible_from = 0;
  std::string_view name;

  constexpr bool Serves(int16_t version) const {
    return version >= min_version && version <= max_version;
  }
};

template <RequestMessage R>
constexpr ApiRow ApiRowOf() {
  ApiRow row{R::kApiKey,     R::kMinVersion,   R::kMaxVersion,
             R::kMinVersion, R::kFlexibleFrom, R::kName};
  if constexpr (requires { R::kAdvertisedMinVersion; }) {
    row.advertised_min_version = R::kAdvertisedMinVersion;
  }
  return row;
}

// One row of the list. What kHandler is (a function's address, as a rule) is between the list's
// author and the visitor.
template <RequestMessage R, auto kHandlerValue>
struct Api {
  using Request = R;
  using Response = typename R::Response;
  static constexpr auto kHandler = kHandlerValue;
};

template <class... Apis>
class ApiTable {
 public:
  // Sorted by key.
  static constexpr std::array<ApiRow, sizeof...(Apis)> kRows = [] {
    std::array<ApiRow, sizeof...(Apis)> rows{ApiRowOf<typename Apis::Request>()...};
    std::sort(rows.begin(), rows.end(),
              [](const ApiRow& a, const ApiRow& b) { return a.key < b.key; });
    return rows;
  }();

  // Null for a key that is not served.
  static constexpr const ApiRow* Find(int16_t key) {
    for (const ApiRow& row : kRows) {
      if (row.key == key) return &row;
    }
    return nullptr;
  }
  static constexpr bool Serves(int16_t key, int16_t version) {
    const ApiRow* row = Find(key);
    return row != nullptr && row->Serves(version);
  }
  // For ReadRequestHeader.
  static constexpr int16_t FlexibleFrom(int16_t key) {
    const ApiRow* row = Find(key);
    return row == nullptr ? kNeverFlexible : row->flexible_from;
  }

  // Calls visitor(Api<...>()) for the key's row; false when there is none.
  template <class Visitor>
  static bool Visit(int16_t key, Visitor&& visitor) {
    return ((Apis::Request::kApiKey == key ? (visitor(Apis()), true) : false) || ...);
  }

  // The rows of an ApiVersions answer.
  static std::vector<ApiVersion> Advertised() {
    std::vector<ApiVersion> versions;
    versions.reserve(kRows.size());
    for (const ApiRow& row : kRows) {
      versions.push_back({row.key, row.advertised_min_version, row.max_version});
    }
    return versions;
  }

 private:
  static constexpr bool KeysAreUnique() {
    const auto same_key = [](const ApiRow& a, const ApiRow& b) { return a.key == b.key; };
    return std::adjacent_find(kRows.begin(), kRows.end(), same_key) == kRows.end();
  }
  static constexpr bool RangesAreSound() {
    return std::all_of(kRows.begin(), kRows.end(), [](const ApiRow& row) {
      return row.key >= 0 && row.advertised_min_version >= 0 &&
             row.advertised_min_version <= row.min_version && row.min_version <= row.max_version;
    });
  }
  static_assert(KeysAreUnique(), "two rows have the same API key");
  static_assert(RangesAreSound(), "a row's version range is empty or upside down");
};

}  // namespace atl::kafka
