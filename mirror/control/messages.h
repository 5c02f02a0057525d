// What regions say to each other over the control plane (replication.md section 2, 5, 6, 8), as
// plain values; codec.h turns them into protobuf frames and back. Everything here came from a peer
// when it was decoded: counts and sizes are limited there, meaning is checked by whoever acts on
// it. Nothing below is needed for records to flow: without a control plane regions poll.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/types.h"
#include "base/uuid.h"
#include "checkpoint/ownership_table.h"

namespace atl::mirror {

// The first message of either side. A peer that is ourselves, has our ordinal or cluster id, or is
// not who the link's configuration says, is refused with a reason and hung up on.
struct Hello {
  int32_t version = 1;  // Of the protocol: the lower one of both is spoken.
  std::string cluster_id;
  RegionName region;
  RegionOrdinal ordinal;
  uint64_t instance = 0;  // Of the process; filled by the plane. Two of one region are two copies.
  LinkName link;          // The link that dials; empty in the answer.
  std::string software;   // "atoll 0.3.0"
  std::vector<checkpoint::OwnershipRecord> topics;  // All that the region has.
};
struct Refusal {
  std::string reason;  // For people, before the connection is closed.
};

// Echoed at once: the time between is the link's RTT, and the echo says how the clocks differ.
struct Heartbeat {
  uint64_t sequence = 0;
  bool echo = false;
  std::optional<WallTime> time{};  // Of an echo, unless the peer is older than this field.
};

// What the echo of a heartbeat told.
struct RoundTrip {
  Duration rtt{};
  std::optional<Duration> clock_ahead;  // The peer's clock before ours, to half of the round trip.
};

// Records that changed; merged by "higher epoch wins".
struct OwnershipNews {
  std::vector<checkpoint::OwnershipRecord> records;
};

// A committed offset of a group, for a topic that the sender owns. kNoOffset: removed.
struct GroupCommit {
  GroupId group;
  TopicName topic;
  PartitionId partition;
  Offset offset = kNoOffset;
  LeaderEpoch epoch = kNoEpoch;
  std::string metadata;
  WallTime committed{};
};
// Changes in the order in which they became durable; numbered without holes per connection. After
// a (re)connect a snapshot comes first: what it does not name is gone.
struct GroupCommits {
  uint64_t sequence = 0;
  enum class Part : int32_t { kChange = 0, kSnapshot = 1, kSnapshotEnd = 2 };
  Part part = Part::kChange;
  std::vector<GroupCommit> commits;
};

// How far the sender's mirrors are: from a target to a source, so that an owner (and an operator
// who asks there) knows how far each region is.
struct MirrorPositions {
  struct Row {
    TopicId topic;
    PartitionId partition;
    Offset applied_end = kNoOffset;
    LeaderEpoch epoch = kNoEpoch;
  };
  std::vector<Row> rows;
};

// What the sender set aside when it became a mirror of another owner (replication.md section 6), to
// all its peers: who took a topic over completes its report with it.
struct QuarantineNews {
  struct Row {
    TopicId topic;
    PartitionId partition;
    LeaderEpoch epoch = kNoEpoch;  // Of the owner that it follows, or followed then.
    int64_t records = 0;           // 0: it follows, and had nothing that the owner lacks.
  };
  std::vector<Row> rows;
};

// --- Requests; each has exactly one answer ---

// The planned move, step 2: the owner stops accepting for these topics, syncs, and answers its
// ends. Repeating an attempt answers the same. The fence lifts itself at the deadline unless it was
// released by then; an epoch that is not the owner's present one is refused.
struct FenceRequest {
  Uuid attempt;
  Duration deadline{};  // From its arrival.
  struct Topic {
    TopicId topic;
    LeaderEpoch epoch;  // As the requester knows it.
  };
  std::vector<Topic> topics;
};
struct FenceAnswer {
  struct Topic {
    TopicId topic;
    LeaderEpoch epoch;
    std::vector<Offset> ends;  // By partition; durable, nothing will be accepted behind them.
    std::string refusal;       // Not empty: not fenced, and why.
  };
  std::vector<Topic> topics;
};
// Between steps 4 and 5: the fence becomes durable and no longer lifts itself, so that the
// requester may mint its epoch while the owner can't be heard. Refused when the fence is not there
// any more.
struct ReleaseRequest {
  Uuid attempt;
};
// The rollback of a fence, released or not. Of an unknown or ended attempt: inert.
struct LiftRequest {
  Uuid attempt;
};
// Step 4: the groups' offsets of these topics, read after the fence.
struct GroupsRequest {
  std::vector<TopicName> topics;
};
struct GroupsAnswer {
  std::vector<GroupCommit> commits;
};
// Step 6 and gossip with an acknowledgement: durable at the peer when it is answered.
struct OwnershipRequest {
  std::vector<checkpoint::OwnershipRecord> records;
};
// How far a region is with these topics (own or mirrored): who is furthest ahead?
struct EndsRequest {
  std::vector<TopicId> topics;
};
struct EndsAnswer {
  struct Topic {
    TopicId topic;
    LeaderEpoch epoch;
    std::vector<Offset> ends;  // By partition, durable.
  };
  std::vector<Topic> topics;
};
// Verification (section 8): a mirror asks the owner for digests of ranges that it has applied
// itself; [first, end) by base offset, at most kMostDigestRows. The answer has one row per row
// asked, in order and under the same topic and partition, over the part of the range that the owner
// could look at: above its log start, and within its budget of one answer (it ends early, at a
// batch). `batches` 0 with first == end: nothing of it (an unknown topic, a range it does not
// have).
inline constexpr size_t kMostDigestRows = 1024;
struct DigestsRequest {
  struct Row {
    TopicId topic;
    PartitionId partition;
    Offset first;
    Offset end;
  };
  std::vector<Row> rows;
};
struct Digests {
  struct Row {
    TopicId topic;
    PartitionId partition;
    Offset first;
    Offset end;
    uint64_t digest = 0;
    uint64_t batches = 0;
  };
  std::vector<Row> rows;
};
struct Done {};

using ControlMessage = std::variant<Hello, Refusal, Heartbeat, OwnershipNews, GroupCommits,
                                    MirrorPositions, QuarantineNews>;
using ControlRequest = std::variant<FenceRequest, ReleaseRequest, LiftRequest, GroupsRequest,
                                    OwnershipRequest, EndsRequest, DigestsRequest>;
using ControlAnswer = std::variant<FenceAnswer, GroupsAnswer, EndsAnswer, Digests, Done>;

}  // namespace atl::mirror
