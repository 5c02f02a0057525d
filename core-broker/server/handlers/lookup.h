// What several handlers ask of the catalogue: the partition behind a name and an index, its leader
// epoch, and whether a client's idea of that epoch is right. Any thread.
#pragma once

#include <memory>

#include "core-broker/catalog/catalog.h"
#include "kafka/wire/error_code.h"

namespace atl::broker {

struct FoundPartition {
  std::shared_ptr<const Topic> topic;    // Null: unknown topic.
  std::shared_ptr<Partition> partition;  // Null: unknown topic or partition.
};
FoundPartition FindPartition(const CatalogView& view, const TopicName& topic, PartitionId index);

// The epoch that clients see. A mirror's is never below any epoch in the batches it holds, or
// consumers would take what they read for diverged.
LeaderEpoch CurrentEpoch(const Topic& topic, const Partition& partition);

// KIP-320: a client that names an older epoch is fenced, one that names a newer one is told to ask
// again. kNoEpoch is not judged.
kafka::ErrorCode CheckEpoch(LeaderEpoch asked, LeaderEpoch current);

}  // namespace atl::broker
