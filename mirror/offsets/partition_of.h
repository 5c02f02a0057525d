// A topic's partition by its number, which may come from another region: null when there is none.
#pragma once

#include <memory>

#include "base/types.h"
#include "core-broker/catalog/catalog.h"

namespace atl::mirror {

inline std::shared_ptr<broker::Partition> PartitionOf(const broker::Topic& topic,
                                                      PartitionId partition) {
  const bool known = partition >= PartitionId(0) &&
                     partition.value() < static_cast<int32_t>(topic.partitions.size());
  return known ? topic.partitions[static_cast<size_t>(partition.value())] : nullptr;
}

}  // namespace atl::mirror
