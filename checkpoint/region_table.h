// What the store knows of the region it belongs to: identity, the clean-shutdown marker, and the
// producer ids handed out so far. Thin over a Store; TakeCleanShutdown and AllocateProducerIds read
// and then write, so each has one caller at a time. Damaged values are kDataLoss naming the key.
#pragma once

#include <cstdint>
#include <optional>

#include "base/clock.h"
#include "base/types.h"
#include "base/uuid.h"
#include "checkpoint/store.h"

namespace atl::checkpoint {

struct RegionIdentity {
  Uuid cluster_id;
  RegionName name;
  RegionOrdinal ordinal;
  friend bool operator==(const RegionIdentity&, const RegionIdentity&) = default;
};

class RegionTable {
 public:
  static constexpr int64_t kProducerIdBlock = 1000;

  explicit RegionTable(Store& store) : store_(store) {}

  StatusOr<std::optional<RegionIdentity>> Identity();
  Status PutIdentity(const RegionIdentity& identity);  // Durable on return.

  // The last write of an orderly stop. Durable on return.
  Status PutCleanShutdown(WallTime time);
  // At start: when the last stop was orderly, its time; the marker is durably gone on return.
  StatusOr<std::optional<WallTime>> TakeCleanShutdown();

  // The first counter (see ProducerId::Mint) of kProducerIdBlock ones that nobody was ever given;
  // durable before it returns. `at_least`: above what the logs show, should the store be an old
  // one.
  StatusOr<int64_t> AllocateProducerIds(int64_t at_least = 0);

 private:
  Store& store_;
};

}  // namespace atl::checkpoint
