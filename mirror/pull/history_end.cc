#include "mirror/pull/history_end.h"

#include <algorithm>
#include <optional>

#include "mirror/ownership/ownership.h"
#include "mirror/pull/lineage.h"

namespace atl::mirror {

Offset EndInHistory(const Owners& owners, const broker::Topic& topic, PartitionId partition) {
  const broker::Partition& log = *topic.partitions[static_cast<size_t>(partition.value())];
  // First: a cut and new batches after it make the end that is read next too low, never too high.
  const LeaderEpoch last = log.last_epoch();
  const broker::PartitionOffsets offsets = log.offsets();
  // As nearly always: the owner's own batches are here, or a Kafka cluster's, which moves nowhere.
  if (last == kNoEpoch || last >= topic.epoch || topic.owner == kForeignRegion) {
    return offsets.high_watermark;
  }
  const std::optional<Owners::Record> record = owners.Find(topic.id);
  const bool moved = record && (LastMove(*record) > last ||
                                (record->epoch > last && record->epoch.owner() != last.owner()));
  if (!moved) return offsets.high_watermark;
  SinkEnd end{.log_start = offsets.log_start,
              .log_end = offsets.high_watermark,
              .durable_end = offsets.high_watermark,
              .last_epoch = last,
              .last_batch = {}};
  for (const broker::EpochStart& start : log.epochs()) {
    end.epochs.push_back({start.epoch, start.start});
  }
  const Fork fork = ForkOf(OwnershipOf(*record, partition, record->epoch).stints, end);
  Offset shared = offsets.high_watermark;
  if (fork.known != kNoOffset) shared = std::min(shared, fork.known);
  if (fork.doubted != kNoOffset && !KnowsLastCut(*record)) shared = std::min(shared, fork.doubted);
  return shared;
}

bool IsDrained(const broker::Catalog& catalog, const Owners& owners,
               const checkpoint::FailoverRecord& record) {
  const auto view = catalog.view();
  for (const auto& topic : record.topics) {
    const auto local = view->Find(topic.id);
    if (local == nullptr || local->partitions.size() < topic.partitions.size()) return false;
    for (size_t i = 0; i < topic.partitions.size(); ++i) {
      const Offset end = topic.partitions[i].source_end;
      const PartitionId partition(static_cast<int32_t>(i));
      if (end != kNoOffset && EndInHistory(owners, *local, partition) < end) return false;
    }
  }
  return true;
}

}  // namespace atl::mirror
