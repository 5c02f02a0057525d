// What links remember: the position of every mirrored partition, who the source was, and what an
// operator paused. A position is a claim about the target's log, written after durability; it is
// never what a mirror resumes from (the log's own end is).
// Thin over a Store, as thread-safe as the store. Damaged values are kDataLoss naming the key.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/types.h"
#include "base/uuid.h"
#include "checkpoint/store.h"

namespace atl::checkpoint {

// The states of replication.md section 3. NEVER change a value: they are on disks.
enum class MirrorState : int32_t {
  kLocating = 0,
  kMirroring = 1,
  kCaughtUp = 2,
  kPaused = 3,
  kSourceUnavailable = 4,
  kHalted = 5,
  kGap = 6,
  kDiverged = 7,
  kConflict = 8,
  kRetired = 9,
  kPromoted = 10,
};
// As users see it: "caught_up", "source_unavailable".
std::string_view MirrorStateName(MirrorState state);

struct MirrorPosition {
  LinkName link;
  TopicId topic;  // Here.
  PartitionId partition;
  Offset applied_end;             // Durable in the target's log up to here.
  Offset source_end = kNoOffset;  // As last heard; kNoOffset: never.
  LeaderEpoch source_epoch = kNoEpoch;
  TopicId source_topic;  // Zero where the source has no topic ids.
  WallTime time{};
  MirrorState state = MirrorState::kLocating;
  std::string reason;
  friend bool operator==(const MirrorPosition&, const MirrorPosition&) = default;
};

struct LinkState {
  LinkName link;
  bool paused = false;
  std::string source_cluster_id;  // As first seen; another one later is another cluster.
  friend bool operator==(const LinkState&, const LinkState&) = default;
};

// By name: a topic may be paused before the link has met it.
struct LinkTopicState {
  LinkName link;
  TopicName topic;
  bool paused = false;
  friend bool operator==(const LinkTopicState&, const LinkTopicState&) = default;
};

class MirrorTable {
 public:
  explicit MirrorTable(Store& store) : store_(store) {}

  static void StagePosition(WriteBatch& batch, const MirrorPosition& position);
  static void StageDeletePosition(WriteBatch& batch, const LinkName& link, const TopicId& topic,
                                  PartitionId partition);

  Status PutPosition(const MirrorPosition& position, Sync sync);
  StatusOr<std::optional<MirrorPosition>> Position(const LinkName& link, const TopicId& topic,
                                                   PartitionId partition);
  // By topic id and partition; `damaged` as in TopicTable.
  StatusOr<std::vector<MirrorPosition>> Positions(const LinkName& link,
                                                  std::vector<Status>* damaged = nullptr);

  Status PutLink(const LinkState& state, Sync sync);
  StatusOr<std::optional<LinkState>> Link(const LinkName& link);
  StatusOr<std::vector<LinkState>> Links(std::vector<Status>* damaged = nullptr);

  Status PutLinkTopic(const LinkTopicState& state, Sync sync);
  StatusOr<std::optional<LinkTopicState>> LinkTopic(const LinkName& link, const TopicName& topic);
  StatusOr<std::vector<LinkTopicState>> LinkTopics(const LinkName& link,
                                                   std::vector<Status>* damaged = nullptr);

 private:
  Store& store_;
};

}  // namespace atl::checkpoint
