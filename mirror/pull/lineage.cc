#include "mirror/pull/lineage.h"

#include <algorithm>
#include <iterator>

#include "mirror/ownership/ownership.h"

namespace atl::mirror {

Ownership OwnershipOf(const checkpoint::OwnershipRecord& record, PartitionId partition,
                      LeaderEpoch source_epoch) {
  Ownership ownership{.source_epoch = source_epoch, .moved_at = LastMove(record), .stints = {}};
  const auto index = static_cast<size_t>(partition.value());
  for (const checkpoint::LineageEntry& stint : record.lineage) {
    const Offset cut = index < stint.cut.size() ? stint.cut[index] : kNoOffset;
    ownership.stints.push_back({stint.epoch, stint.owner, cut});
  }
  return ownership;
}

Fork ForkOf(std::span<const Stint> stints, const SinkEnd& log) {
  Fork fork;
  bool told = false;  // Of a later owner than the last epoch's.
  for (size_t i = 0; i < log.epochs.size(); ++i) {
    const auto [epoch, start] = log.epochs[i];
    const Offset end = i + 1 < log.epochs.size() ? log.epochs[i + 1].start : log.log_end;
    const auto later = std::ranges::upper_bound(stints, epoch, {}, &Stint::epoch);
    RegionOrdinal owner = epoch.owner();
    if (later != stints.begin()) owner = std::prev(later)->owner;
    // A Kafka cluster's epochs name no owner; a topic that came from one begins with them.
    if (!stints.empty() && later == stints.begin() && later->owner == kForeignRegion) {
      owner = kForeignRegion;
    }
    if (owner != kForeignRegion && owner != epoch.owner()) {
      fork.known = start;
      return fork;
    }
    // An owner's restarts raise its epoch, too, but part nothing.
    const auto next = std::find_if(later, stints.end(),
                                   [owner](const Stint& stint) { return stint.owner != owner; });
    told = next != stints.end();
    if (!told) continue;
    if (next->cut == kNoOffset) {
      if (fork.doubted == kNoOffset) fork.doubted = start;
    } else if (std::max(start, next->cut) < end) {
      fork.known = std::max(start, next->cut);
      return fork;
    }
  }
  if (!told) fork.doubted = log.log_start;
  return fork;
}

}  // namespace atl::mirror
