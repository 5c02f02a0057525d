#include "mirror/ownership/move_rules.h"

#include <algorithm>

namespace atl::mirror {

bool IsDrained(const broker::Catalog& catalog, const checkpoint::FailoverRecord& record) {
  const auto view = catalog.view();
  for (const auto& topic : record.topics) {
    const auto local = view->Find(topic.id);
    if (local == nullptr || local->partitions.size() < topic.partitions.size()) return false;
    for (size_t i = 0; i < topic.partitions.size(); ++i) {
      const Offset end = topic.partitions[i].source_end;
      if (end != kNoOffset && local->partitions[i]->offsets().high_watermark < end) return false;
    }
  }
  return true;
}

void NoteMinted(std::span<const checkpoint::OwnershipRecord> minted,
                checkpoint::FailoverRecord& record) {
  const bool planned = record.mode == checkpoint::FailoverMode::kPromote;
  for (size_t i = 0; i < minted.size(); ++i) {
    checkpoint::FailoverTopic& topic = record.topics[i];
    topic.new_epoch = minted[i].epoch;
    topic.partitions.resize(std::max(topic.partitions.size(), minted[i].cut.size()));
    for (size_t p = 0; p < minted[i].cut.size(); ++p) {
      checkpoint::FailoverPartition& partition = topic.partitions[p];
      partition.cut = minted[i].cut[p];
      if (partition.source_end != kNoOffset) {
        partition.lost_known = std::max<int64_t>(0, (partition.source_end - partition.cut).value());
      }
      if (planned) partition.lost_at_most = partition.lost_known;
    }
  }
}

}  // namespace atl::mirror
