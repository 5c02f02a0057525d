// What a mirrored partition says about itself: state, lag and events, as plain values. The state
// machine (pull/partition_mirror) fills them; events.h stores them, lag.h shows them, the API and
// metrics print them. Unknown is always "nothing", never 0 (S21).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/types.h"
#include "base/uuid.h"
#include "checkpoint/event_table.h"
#include "checkpoint/mirror_table.h"

namespace atl::mirror {

using checkpoint::MirrorState;
using checkpoint::MirrorStateName;
inline constexpr int kMirrorStateCount = static_cast<int>(MirrorState::kPromoted) + 1;

struct MirrorKey {
  LinkName link;
  TopicName topic;
  TopicId topic_id;
  PartitionId partition;
};

// A durable, queryable event (checkpoint/event_table).
struct MirrorEvent {
  using Kind = checkpoint::EventKind;
  Kind kind;
  Offset first;  // Range of offsets concerned: [first, end). kNoOffset: none, or not known.
  Offset end;
  LeaderEpoch epoch = kNoEpoch;
  std::string cause;  // For people: what was found, where, and what to do next.
};

// A group's committed offset that pointed beyond a cut and was moved to it.
struct GroupClamp {
  GroupId group;
  TopicName topic;  // Here.
  PartitionId partition;
  Offset was = kNoOffset;
  Offset now = kNoOffset;
};

// What of our log was kept apart (mirror/ownership/quarantine), and whose offsets moved for it.
struct SetAside {
  std::string id;
  Offset first;
  int64_t records = 0;
  std::vector<GroupClamp> groups = {};
};

// Lag, honest: nothing is ever 0 unless we are caught up and in contact.
struct MirrorLag {
  std::optional<int64_t> records;  // Nothing: unknown, the source was never heard.
  std::optional<int64_t> bytes;    // Estimated from the bytes per offset seen last.
  std::optional<double> seconds;
};

struct MirrorStatus {
  MirrorState state = MirrorState::kLocating;
  std::string reason;             // For people; empty where the state says all.
  WallTime since;                 // When the state was entered.
  Offset source_end = kNoOffset;  // High watermark as last heard.
  Offset source_start = kNoOffset;
  Offset applied_end = kNoOffset;  // Durable here.
  std::optional<WallTime> last_contact;
  MirrorLag lag;
};

}  // namespace atl::mirror
