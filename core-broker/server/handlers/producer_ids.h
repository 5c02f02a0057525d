// Hands out producer ids from blocks that checkpoint/region_table made durable before the first id
// of them leaves; after a crash the rest of a block is never used. The region's ordinal is in the
// high bits (base/types.h). Used on the blocking shard only: no lock.
#pragma once

#include "base/status.h"
#include "base/types.h"

namespace atl::checkpoint {
class RegionTable;
}

namespace atl::broker {

class ProducerIds {
 public:
  ProducerIds(checkpoint::RegionTable& table, RegionOrdinal region)
      : table_(table), region_(region) {}
  StatusOr<ProducerId> Next();

 private:
  checkpoint::RegionTable& table_;
  const RegionOrdinal region_;
  int64_t next_ = 0;
  int64_t block_end_ = 0;  // Invariant: next_ <= block_end_.
};

}  // namespace atl::broker
