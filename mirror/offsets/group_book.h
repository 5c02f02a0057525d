// What is known of consumer groups at the sources of this region's links, and what becomes of it
// here: state + event -> what to place, as a pure structure. The shell (group_sync.h) brings
// commits, asks Due() what to place, places it and reports the outcome.
//
// Rules (replication.md section 5). A commit is placed when its translation is exact; until then it
// is held, and looked at again when the copy has reached it. A placed offset never moves back by
// itself. A group that is active here is never overwritten: a conflict, shown per group. What can't
// be translated is shown with its reason. Where several source partitions flow into one partition
// here (fan-in) the group gets the least of their translations, so that no record of any of them is
// skipped; it gets none while one of them can't be translated.
// Not thread-safe: one owner.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/types.h"
#include "checkpoint/group_knowledge_table.h"
#include "core-broker/group/committed_offset.h"
#include "mirror/control/messages.h"
#include "mirror/offsets/translation.h"

namespace atl::mirror {

enum class GroupSyncState { kPlaced, kHeld, kConflict, kUntranslatable };
std::string_view GroupSyncStateName(GroupSyncState state);

// For status and for the report of a failover.
struct GroupKnowledge {
  GroupId group;
  TopicName topic;  // At the source.
  PartitionId partition;
  Offset committed_at_source = kNoOffset;
  WallTime committed{};  // There, as far as the source says.
  WallTime known_at{};   // When this region learned of it.
  TopicName local_topic;
  PartitionId local_partition;
  std::optional<Offset> here;  // The group's offset here, when one was placed by this sync.
  GroupSyncState state = GroupSyncState::kHeld;
  std::string reason;  // Empty where the state says all.
};

// Where a source partition's records are here, and what an offset of it is there.
struct TranslatedOffset {
  TopicName topic;  // Empty: this link does not mirror that topic (yet, or any more).
  PartitionId partition;
  Translation translation;
  bool mapped = false;  // At offsets, and under epochs, of its own.
  bool ours = false;    // This region owns the topic: what the source says of it does not count.
};
using TranslateOffset =
    std::function<TranslatedOffset(const LinkName& link, const TopicName& topic,
                                   PartitionId partition, Offset offset, LeaderEpoch epoch)>;

// One offset to be placed here, made of the commits in `parts`.
struct Placement {
  broker::CommittedOffset item;
  struct Part {
    LinkName link;
    TopicName topic;
    PartitionId partition;
    uint64_t version = 0;
  };
  std::vector<Part> parts;
};

class GroupBook {
 public:
  // What the checkpoint remembers; before anything else. Known, to be placed anew.
  void Restore(const checkpoint::GroupKnowledgeRow& row);

  // Changes at the source, in their order.
  void OnCommits(const LinkName& link, std::span<const GroupCommit> commits, WallTime now);
  // The whole of what the source has: commits between the two belong to it; what they do not name
  // is gone there.
  void OnSnapshotBegin(const LinkName& link);
  void OnSnapshotEnd(const LinkName& link);

  // What is to be placed now. `all`: looks at everything again, not only at what changed or was
  // held; done now and then, since conflicts end without anyone telling.
  std::vector<Placement> Due(const TranslateOffset& translate, bool all);
  void OnPlaced(const Placement& placement, broker::PlaceOutcome outcome);
  // What was placed for the group in that partition here was moved back to `cut`: its log ends
  // there. It is due again.
  void OnClamped(const GroupId& group, const TopicName& topic, PartitionId partition, Offset cut);

  // Of one link, of all its topics when none is named (source names).
  std::vector<GroupKnowledge> Knowledge(const LinkName& link,
                                        std::span<const TopicName> topics = {}) const;
  // Groups by their worst state, and each by what it waits for.
  struct Counts {
    std::map<GroupSyncState, int64_t> groups;
    // Since when the oldest commit of a group that is not placed is known; nothing: all are.
    std::map<GroupId, std::optional<WallTime>> held_since;
  };
  Counts Count(const LinkName& link) const;
  // Changed since the last call, for the checkpoint; removed ones have kNoOffset.
  std::vector<checkpoint::GroupKnowledgeRow> TakeUnsaved();
  bool has_unsaved() const { return !unsaved_.empty(); }
  // Something waits for records, or to be placed.
  bool has_held() const { return !due_.empty(); }

 private:
  struct Key {
    LinkName link;
    TopicName topic;
    PartitionId partition;
    GroupId group;
    friend auto operator<=>(const Key&, const Key&) = default;
  };
  struct Entry {
    GroupCommit commit;
    WallTime known_at{};
    uint64_t version = 0;   // Of the commit: an outcome of an older one says nothing.
    uint64_t snapshot = 0;  // The last snapshot that named it.
    TopicName local_topic;  // As translated last.
    PartitionId local_partition;
    std::optional<Offset> here;
    GroupSyncState state = GroupSyncState::kHeld;
    std::string reason;
  };
  // What flows into one place here.
  struct Target {
    GroupId group;
    TopicName topic;
    PartitionId partition;
    friend auto operator<=>(const Target&, const Target&) = default;
  };

  void Take(const LinkName& link, const GroupCommit& commit, WallTime now);
  void Settle(const Key& key, GroupSyncState state, std::string reason);
  void Hold(const Key& key, Entry& entry);
  bool Locate(const Key& key, const TranslatedOffset& translated);
  std::optional<Placement> Judge(const Target& target, const TranslateOffset& translate);
  void Forget(const Key& key);

  std::map<Key, Entry> entries_;
  std::set<Key> due_;                        // Not placed yet.
  std::map<Target, std::set<Key>> sources_;  // What flows where.
  std::set<Key> unsaved_;
  std::map<LinkName, uint64_t> snapshots_;  // The one that is running; 0: none.
  uint64_t last_version_ = 0;
};

}  // namespace atl::mirror
