// What the group coordinator and the links between regions exchange about committed offsets: plain
// values, and the port through which links see the coordinator. An offset of kNoOffset is a
// tombstone: what was committed there is removed (deleted by a client, expired, or gone with its
// topic). The coordinator implements the port and is thread-safe; tests of links bring their own.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/status.h"

#include "base/clock.h"
#include "base/types.h"

namespace atl::broker {

struct CommittedOffset {
  GroupId group;
  TopicName topic;
  PartitionId partition;
  Offset offset = kNoOffset;
  LeaderEpoch epoch = kNoEpoch;
  std::string metadata;
  WallTime committed{};  // When the consumer committed it, in its region.
  bool synced = false;   // Placed here for another region; false: committed here.

  bool is_tombstone() const { return offset == kNoOffset; }
  friend bool operator==(const CommittedOffset&, const CommittedOffset&) = default;
};

enum class PlaceMode {
  kForward,  // Never moves an offset back.
  kExact,    // Takes the value as it is: at a planned move the owner's word counts.
  kCut,      // Likewise, of a group with members too: the log was cut, what they had is gone.
};
enum class PlaceOutcome {
  kPlaced,       // What is stored here is the item, durably (also when it was so before).
  kGroupActive,  // The group has members here; its offsets are theirs.
  kNotNewer,     // The stored offset is ahead, or was committed here after all (for a tombstone).
};

// What a failover plan asks about a group.
struct GroupActivity {
  GroupId group;
  std::string state;  // Kafka's words: "Empty", "Stable", ...
  std::string protocol_type;
  int member_count = 0;
  bool active() const { return member_count > 0; }
};

class CommittedOffsets {
 public:
  virtual ~CommittedOffsets() = default;

  // Called after durability for every change that was made here (commit, delete, expiry), in
  // order, on the coordinator's writing thread; what was placed is not announced. Register before
  // the region serves. A listener calls nothing here that blocks.
  using Listener = std::function<void(std::span<const CommittedOffset>)>;
  virtual void OnCommitted(Listener listener) = 0;

  // Every committed offset of the topics wanted (none given: of all), placed ones too; by group,
  // topic and partition.
  using TopicPredicate = std::function<bool(const TopicName&)>;
  virtual std::vector<CommittedOffset> Committed(const TopicPredicate& wanted) const = 0;

  // Stores offsets that come from another region; the first one of a group makes the group. Blocks
  // until they are durable: for blocking shards, never for a reactor or a listener's thread. One
  // outcome per item, in their order. An error: none of them is known to be placed. A placed
  // offset is served like any other; it does not expire before the group has lived here.
  virtual StatusOr<std::vector<PlaceOutcome>> Place(std::span<const CommittedOffset> items,
                                                    PlaceMode mode) = 0;

  // The log of a topic is being cut: what members hold as their position, and have not committed
  // yet, may be gone. The members of every group that reads the topic are removed as if their
  // sessions had ended: they join again and go on at what is committed. Blocks, as Place does,
  // until every commit that came before is applied. How many members.
  virtual StatusOr<size_t> RemoveReaders(const TopicName& topic) = 0;

  // All groups, by name.
  virtual std::vector<GroupActivity> Activity() const = 0;
};

}  // namespace atl::broker
