// Hands out producer ids from blocks that checkpoint/region_table made durable before the first id
// of them leaves; after a crash the rest of a block is never used. What the logs show wins over a
// store that was lost or rolled back: a new producer never gets the id of one that wrote (S15).
// The region's ordinal is in the high bits (base/types.h). Used on the blocking shard only: no
// lock.
#pragma once

#include <functional>
#include <utility>

#include "base/status.h"
#include "base/types.h"

namespace atl::checkpoint {
class RegionTable;
}

namespace atl::broker {

class ProducerIds {
 public:
  // `at_least`: below it no counter may be handed out, whatever the table says; asked once a block.
  ProducerIds(checkpoint::RegionTable& table, RegionOrdinal region,
              std::function<int64_t()> at_least)
      : table_(table), region_(region), at_least_(std::move(at_least)) {}
  StatusOr<ProducerId> Next();

 private:
  checkpoint::RegionTable& table_;
  const RegionOrdinal region_;
  const std::function<int64_t()> at_least_;
  int64_t next_ = 0;
  int64_t block_end_ = 0;  // Invariant: next_ <= block_end_.
};

}  // namespace atl::broker
