// The planned and forced moves that this region carried out, or is in the midst of: what was meant,
// how far it is, and the report. Written before each step that can't be repeated, so that a restart
// knows where to go on. The newest kMostKept are kept.
// Thin over a Store, as thread-safe as the store. Damaged values are kDataLoss naming the key.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/types.h"
#include "base/uuid.h"
#include "checkpoint/store.h"

namespace atl::checkpoint {

// NEVER change a value of these: they are on disks.
enum class FailoverMode : int32_t { kPromote = 0, kFailover = 1 };
enum class FailoverOutcome : int32_t { kRunning = 0, kDone = 1, kRolledBack = 2, kFailed = 3 };
// The step that comes next (replication.md section 6).
enum class FailoverStep : int32_t {
  kFence = 1,
  kDrain = 2,
  kGroups = 3,
  kRelease = 4,
  kMint = 5,
  kTell = 6,
  kAbort = 7,
  kPlaceGroups = 8,
  kServe = 9,
  kOver = 10,
  kLift = 11,  // The way back.
};
std::string_view FailoverModeName(FailoverMode mode);           // "promote"
std::string_view FailoverOutcomeName(FailoverOutcome outcome);  // "rolled_back"
std::string_view FailoverStepName(FailoverStep step);           // "place_groups"

struct FailoverPartition {
  Offset cut = kNoOffset;         // Where the new epoch begins.
  Offset source_end = kNoOffset;  // The old owner's end: as it said when fenced, or as last heard.
  // Records of the old owner that the new epoch does not have: those that are known of, and an
  // upper bound. Unknown: a forced move, after which the old owner has not told its count yet.
  std::optional<int64_t> lost_known;
  std::optional<int64_t> lost_at_most;
  std::optional<int64_t> quarantined;  // Told by the old owner after its return.
  RegionName drained_from;  // Before the mint, from a region that was ahead; empty: none.
  int64_t drained = 0;      // Offsets from there.
  friend bool operator==(const FailoverPartition&, const FailoverPartition&) = default;
};

struct FailoverTopic {
  TopicId id;
  TopicName name;
  LeaderEpoch old_epoch = kNoEpoch;
  LeaderEpoch new_epoch = kNoEpoch;
  std::vector<FailoverPartition> partitions;
  friend bool operator==(const FailoverTopic&, const FailoverTopic&) = default;
};

struct FailoverGroup {
  GroupId group;
  TopicName topic;
  PartitionId partition;
  Offset committed_at_source = kNoOffset;  // As last known, at `known_at`.
  WallTime known_at{};
  Offset resumes_at = kNoOffset;   // kNoOffset: nothing is placed here, its reset policy decides.
  std::optional<int64_t> rereads;  // Records that it reads again.
  std::optional<int64_t> skipped;  // Records below its position that are lost.
  friend bool operator==(const FailoverGroup&, const FailoverGroup&) = default;
};

struct FailoverRecord {
  int64_t id = 0;  // Given by Create.
  Uuid attempt;
  FailoverMode mode = FailoverMode::kPromote;
  LinkName link;
  RegionName source;
  RegionName target;
  std::string plan_hash;
  FailoverStep step = FailoverStep::kFence;
  FailoverOutcome outcome = FailoverOutcome::kRunning;
  std::string reason;
  WallTime started{};
  WallTime finished{};
  Duration unavailable{};  // From the fence (forced: the start) to the first possible write.
  int32_t aborted_transactions = 0;
  std::vector<FailoverTopic> topics;
  std::vector<FailoverGroup> groups;
  friend bool operator==(const FailoverRecord&, const FailoverRecord&) = default;
};

class FailoverTable {
 public:
  static constexpr int64_t kMostKept = 1000;

  explicit FailoverTable(Store& store) : store_(store) {}

  static void StagePut(WriteBatch& batch, const FailoverRecord& record);
  // Durable under the next id, which is returned. One caller at a time.
  StatusOr<int64_t> Create(FailoverRecord record);
  Status Put(const FailoverRecord& record, Sync sync);
  StatusOr<std::optional<FailoverRecord>> Get(int64_t id);
  // Newest first; `damaged` as in TopicTable.
  StatusOr<std::vector<FailoverRecord>> List(std::vector<Status>* damaged = nullptr);

 private:
  Store& store_;
};

}  // namespace atl::checkpoint
