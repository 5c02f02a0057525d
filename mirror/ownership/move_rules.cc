#include "mirror/ownership/move_rules.h"

#include <algorithm>

namespace atl::mirror {

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
