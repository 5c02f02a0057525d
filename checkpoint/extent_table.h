// The durable side of fan-in topics: several source partitions flow into one partition here, at
// offsets of its own, and what became of which source offset is kept as exact runs (extents).
// A target row says from which offset on the partition's log is made by fan-in; a source row how
// far a source partition was taken, and by which last batch it can be recognised; extents where its
// records are. What one append adds is one WriteBatch: position and extents never disagree.
// Thin over a Store, as thread-safe as the store. Damaged values are kDataLoss naming the key.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/types.h"
#include "base/uuid.h"
#include "checkpoint/store.h"

namespace atl::checkpoint {

struct FanInTarget {
  TopicId topic;
  PartitionId partition;
  friend bool operator==(const FanInTarget&, const FanInTarget&) = default;
  friend auto operator<=>(const FanInTarget&, const FanInTarget&) = default;
};

struct FanInTargetRow {
  FanInTarget at;
  Offset base;  // Below it the log is not fan-in's.
  friend bool operator==(const FanInTargetRow&, const FanInTargetRow&) = default;
};

struct FanInSource {
  FanInTarget into;
  LinkName link;
  TopicName topic;
  PartitionId partition;
  friend bool operator==(const FanInSource&, const FanInSource&) = default;
  friend auto operator<=>(const FanInSource&, const FanInSource&) = default;
};

struct FanInSourceRow {
  struct Range {
    Offset first;
    Offset end;
    friend bool operator==(const Range&, const Range&) = default;
  };
  // Of the batch that ends at `next`, whether its records are here or were left out.
  struct LastBatch {
    Offset base_offset;
    int32_t last_offset_delta = 0;
    int32_t length = 0;
    uint32_t crc = 0;
    Timestamp max_timestamp = kNoTimestamp;
    friend bool operator==(const LastBatch&, const LastBatch&) = default;
  };
  FanInSource source;
  TopicId topic_id;  // The generation at the source.
  Offset start;      // The first source offset that was asked for and is kept.
  Offset next;       // Every source offset below it is here, left out for good, or in a gap.
  LeaderEpoch epoch = kNoEpoch;
  std::optional<LastBatch> last_batch;
  std::vector<Range> gaps;
  friend bool operator==(const FanInSourceRow&, const FanInSourceRow&) = default;
};

struct ExtentRow {
  FanInSource source;
  Offset from;  // At the source.
  Offset to;    // Here.
  RecordCount length;
  friend bool operator==(const ExtentRow&, const ExtentRow&) = default;
};

class ExtentTable {
 public:
  explicit ExtentTable(Store& store) : store_(store) {}

  static void StageTarget(WriteBatch& batch, const FanInTargetRow& row);
  static void StageSource(WriteBatch& batch, const FanInSourceRow& row);
  static void StageExtent(WriteBatch& batch, const ExtentRow& row);
  static void StageDeleteExtent(WriteBatch& batch, const ExtentRow& row);
  // Forgets everything about one target partition.
  Status StageDelete(WriteBatch& batch, const FanInTarget& target);

  // All rows are needed to say anything: a damaged one is the result.
  StatusOr<std::vector<FanInTargetRow>> Targets();
  StatusOr<std::vector<FanInSourceRow>> Sources(const FanInTarget& target);
  // By source and then by source offset.
  StatusOr<std::vector<ExtentRow>> Extents(const FanInTarget& target);

  // Lazily: durable with the next Flush().
  Status Write(const WriteBatch& batch) { return store_.Write(batch, Sync::kLazy); }
  // Durable when OK; free when nothing is new.
  Status Flush() { return store_.Flush(); }

 private:
  Store& store_;
};

}  // namespace atl::checkpoint
