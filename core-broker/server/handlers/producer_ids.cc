#include "core-broker/server/handlers/producer_ids.h"

#include "checkpoint/region_table.h"

namespace atl::broker {

StatusOr<ProducerId> ProducerIds::Next() {
  if (next_ == block_end_) {
    ASSIGN_OR_RETURN(next_, table_.AllocateProducerIds(at_least_()));
    block_end_ = next_ + checkpoint::RegionTable::kProducerIdBlock;
  }
  return ProducerId::Mint(region_, next_++);
}

}  // namespace atl::broker
