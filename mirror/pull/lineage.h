// What a topic's lineage says about one partition's log: from where on it is not in the owner's
// history, also where the owner has deleted records since and its log tells no more. Pure.
#pragma once

#include <span>
#include <vector>

#include "base/types.h"
#include "checkpoint/ownership_table.h"
#include "mirror/pull/sink.h"

namespace atl::mirror {

// One owner's epoch and the offset of the partition at which it begins.
struct Stint {
  LeaderEpoch epoch;
  RegionOrdinal owner;
  Offset cut;  // kNoOffset: nobody told.
  friend bool operator==(const Stint&, const Stint&) = default;
};

// Who owns what a mirror mirrors.
struct Ownership {
  LeaderEpoch source_epoch = kNoEpoch;  // The source's present one.
  LeaderEpoch moved_at = kNoEpoch;      // The last one at which the owner changed (LastMove).
  std::vector<Stint> stints;            // The oldest first; none: nobody will ever tell.
  friend bool operator==(const Ownership&, const Ownership&) = default;
};
Ownership OwnershipOf(const checkpoint::OwnershipRecord& record, PartitionId partition,
                      LeaderEpoch source_epoch);

// What another owner's log says of ours.
struct Parting {
  Offset at;   // It goes another way from here on.
  Offset end;  // Where our last epoch ends there; kNoOffset: it has none of our epochs.
};

// A record of an epoch is in the history below the cut at which the next owner began, and nowhere
// if its epoch was minted behind another owner's back.
struct Fork {
  Offset known = kNoOffset;    // From here on the log is not in the history; kNoOffset: all is.
  Offset doubted = kNoOffset;  // From here on nobody told a cut; kNoOffset: no doubt.
};
// Asked when the owner has changed since the log's last epoch.
Fork ForkOf(std::span<const Stint> stints, const SinkEnd& log);

}  // namespace atl::mirror
