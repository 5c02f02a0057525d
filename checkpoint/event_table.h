// Durable, queryable events: what an operator must be able to read after the fact. The newest
// kMaxEvents are kept, so that a broken source can't fill the disk. One EventTable per store: it
// hands out the ids, which rise and are not used twice (a rolled-back store may repeat lost ones).
// Thread-safe. Damaged values are kDataLoss naming the key.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/types.h"
#include "base/uuid.h"
#include "checkpoint/store.h"

namespace atl::checkpoint {

// NEVER change a value: they are on disks.
enum class EventKind : int32_t {
  kGap = 1,          // The source no longer had [first, end).
  kGeneration = 2,   // Another topic id under the same name.
  kDivergence = 3,   // Bytes disagree from `first` on.
  kHalted = 4,       // A bad batch at `first`.
  kConflict = 5,     // Two regions created the name apart.
  kRetired = 6,      // The source deleted the topic.
  kRollback = 7,     // The checkpoint claims more than the log holds: a disk was restored.
  kSkipped = 8,      // An operator skipped a bad batch or a gap at [first, end).
  kQuarantined = 9,  // [first, end) is not in the owner's history: set aside, then truncated.
  kMismatch = 20,    // Verification found another batch here than at the source at [first, end).
};
inline constexpr std::array kEventKinds{
    EventKind::kGap,         EventKind::kGeneration, EventKind::kDivergence, EventKind::kHalted,
    EventKind::kConflict,    EventKind::kRetired,    EventKind::kRollback,   EventKind::kSkipped,
    EventKind::kQuarantined, EventKind::kMismatch};
std::string_view EventKindName(EventKind kind);  // "gap", "generation", ...

struct Event {
  int64_t id = 0;  // Given by Append.
  EventKind kind = EventKind::kGap;
  WallTime time{};
  LinkName link;
  TopicName topic;
  TopicId topic_id;
  PartitionId partition{-1};  // -1: the whole topic.
  Offset first = kNoOffset;
  Offset end = kNoOffset;
  std::string cause;
  LeaderEpoch source_epoch = kNoEpoch;
  friend bool operator==(const Event&, const Event&) = default;
};

// Every field that is set must match.
struct EventFilter {
  std::optional<EventKind> kind = {};
  std::optional<LinkName> link = {};
  std::optional<TopicName> topic = {};
  std::optional<TopicId> topic_id = {};
  std::optional<PartitionId> partition = {};
  size_t limit = 100;
};

class EventTable {
 public:
  static constexpr int64_t kMaxEvents = 10'000;

  // Reads the last id.
  static StatusOr<std::unique_ptr<EventTable>> Open(Store& store);

  // Stores `event` under the next id, which it returns.
  StatusOr<int64_t> Append(Event event, Sync sync);
  // Newest first; `damaged` as in TopicTable.
  StatusOr<std::vector<Event>> List(const EventFilter& filter,
                                    std::vector<Status>* damaged = nullptr);

 private:
  EventTable(Store& store, int64_t next_id) : store_(store), next_id_(next_id) {}

  Store& store_;
  std::atomic<int64_t> next_id_;
};

}  // namespace atl::checkpoint
