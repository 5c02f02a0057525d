// What a partition remembers besides its log, so that recovery scans only the tail. All of it is a
// claim that the log checks. The state is small and rewritten every few seconds; the snapshots are
// larger, opaque to this folder, and rows of their own, so that the one does not rewrite the other.
// Thin over a Store, as thread-safe as the store. Damaged values are kDataLoss naming the key.
#pragma once

#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/types.h"
#include "base/uuid.h"
#include "checkpoint/store.h"

namespace atl::checkpoint {

struct EpochStart {
  LeaderEpoch epoch;
  Offset start;
  friend bool operator==(const EpochStart&, const EpochStart&) = default;
};

struct PartitionState {
  TopicId topic;
  PartitionId partition;
  Offset log_start;
  Offset recovery_point;           // Everything below is durable and indexed.
  std::vector<EpochStart> epochs;  // Rising in both.
  // Decided, maybe not yet done: the log ends here, whatever its files still hold. kNoOffset: no.
  Offset truncate_to = kNoOffset;
  friend bool operator==(const PartitionState&, const PartitionState&) = default;
};

// Bytes of the owner's own format, true of the log up to `offset` (exclusive).
struct PartitionSnapshot {
  Offset offset;
  Bytes bytes;
  friend bool operator==(const PartitionSnapshot&, const PartitionSnapshot&) = default;
};

class PartitionStateTable {
 public:
  explicit PartitionStateTable(Store& store) : store_(store) {}

  static void StagePut(WriteBatch& batch, const PartitionState& state);
  static void StageProducers(WriteBatch& batch, const TopicId& topic, PartitionId partition,
                             const PartitionSnapshot& snapshot);
  // Aborted and open transactions.
  static void StageTransactions(WriteBatch& batch, const TopicId& topic, PartitionId partition,
                                const PartitionSnapshot& snapshot);
  // The state and both snapshots.
  static void StageDelete(WriteBatch& batch, const TopicId& topic, PartitionId partition);

  // Rows made by the Stage functions, durable together or not at all.
  Status Write(const WriteBatch& batch, Sync sync) { return store_.Write(batch, sync); }
  Status Put(const PartitionState& state, Sync sync);
  StatusOr<std::optional<PartitionState>> Get(const TopicId& topic, PartitionId partition);
  StatusOr<std::optional<PartitionSnapshot>> Producers(const TopicId& topic, PartitionId partition);
  StatusOr<std::optional<PartitionSnapshot>> Transactions(const TopicId& topic,
                                                          PartitionId partition);
  // By topic id and partition; `damaged` as in TopicTable.
  StatusOr<std::vector<PartitionState>> List(std::vector<Status>* damaged = nullptr);

 private:
  Store& store_;
};

}  // namespace atl::checkpoint
