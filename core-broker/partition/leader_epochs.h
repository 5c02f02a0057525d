// The epochs of a log and where each starts (KIP-101): pure. Epochs and start offsets rise
// strictly. Kept in the checkpoint, rebuilt from the batches behind the recovery point.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "base/types.h"

namespace atl::broker {

struct EpochStart {
  LeaderEpoch epoch;
  Offset start;
  friend bool operator==(const EpochStart&, const EpochStart&) = default;
};

struct EpochEnd {
  LeaderEpoch epoch = kNoEpoch;
  Offset end = kNoOffset;
  friend bool operator==(const EpochEnd&, const EpochEnd&) = default;
};

class LeaderEpochs {
 public:
  LeaderEpochs() = default;
  explicit LeaderEpochs(std::vector<EpochStart> chain) : chain_(std::move(chain)) {}

  // A batch of `epoch` begins at `offset`. No-op for the current epoch. False when the epoch is
  // lower than the last.
  bool Note(LeaderEpoch epoch, Offset offset);
  LeaderEpoch last() const { return chain_.empty() ? kNoEpoch : chain_.back().epoch; }
  // Kafka's rule (LeaderEpochFileCache.endOffsetFor): for the last epoch the log end; for another
  // the start of the next higher one, named with the largest known epoch <= asked; unknown
  // otherwise.
  EpochEnd EndOf(LeaderEpoch epoch, Offset log_end) const;
  // Where a consumer is whose next offset is `next` and whose last record was of `epoch` (KIP-320):
  // there, or where the epoch ends here if that is earlier, since then the log was cut. Nothing:
  // the epoch was never in this log, so nobody can tell where the two part. Of `current`, under
  // which nothing may have been written yet, a consumer heard by asking for the end.
  std::optional<Offset> PositionOf(Offset next, LeaderEpoch epoch, LeaderEpoch current,
                                   Offset log_end) const;
  void TruncateFrom(Offset end);      // Forgets epochs that start at or behind `end`.
  void TruncateBefore(Offset start);  // Forgets epochs that end at or before `start`; the one that
                                      // contains it starts there.
  std::span<const EpochStart> chain() const { return chain_; }

 private:
  std::vector<EpochStart> chain_;
};

}  // namespace atl::broker
