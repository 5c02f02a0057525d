#include "mirror/offsets/group_book.h"

#include <algorithm>
#include <utility>

namespace atl::mirror {

using broker::PlaceOutcome;

std::string_view GroupSyncStateName(GroupSyncState state) {
  switch (state) {
    case GroupSyncState::kPlaced:
      return "placed";
    case GroupSyncState::kHeld:
      return "held";
    case GroupSyncState::kConflict:
      return "conflict";
    case GroupSyncState::kUntranslatable:
      break;
  }
  return "untranslatable";
}

void GroupBook::Restore(const checkpoint::GroupKnowledgeRow& row) {
  const Key key{row.link, row.topic, row.partition, row.group};
  Entry& entry = entries_[key];
  entry.commit = {.group = row.group,
                  .topic = row.topic,
                  .partition = row.partition,
                  .offset = row.offset,
                  .epoch = row.epoch,
                  .metadata = row.metadata,
                  .committed = row.committed};
  entry.known_at = row.known_at;
  entry.version = ++last_version_;
  entry.reason = "not looked at since the start";
  if (row.here != kNoOffset) entry.here = row.here;
  due_.insert(key);
}

void GroupBook::OnCommits(const LinkName& link, std::span<const GroupCommit> commits,
                          WallTime now) {
  for (const GroupCommit& commit : commits) Take(link, commit, now);
}

void GroupBook::Take(const LinkName& link, const GroupCommit& commit, WallTime now) {
  const Key key{link, commit.topic, commit.partition, commit.group};
  const auto known = entries_.find(key);
  if (commit.offset == kNoOffset) {
    if (known == entries_.end()) return;
    if (!known->second.here) return Forget(key);
  }
  Entry& entry = known == entries_.end() ? entries_[key] : known->second;
  entry.snapshot = snapshots_[link];
  entry.known_at = now;
  unsaved_.insert(key);
  const bool same = entry.version > 0 && entry.commit.offset == commit.offset &&
                    entry.commit.epoch == commit.epoch && entry.commit.metadata == commit.metadata;
  if (same && entry.state == GroupSyncState::kPlaced) return;
  entry.commit = commit;
  Hold(key, entry);
}

void GroupBook::Hold(const Key& key, Entry& entry) {
  entry.version = ++last_version_;
  entry.state = GroupSyncState::kHeld;
  entry.reason.clear();
  due_.insert(key);
}

void GroupBook::OnClamped(const GroupId& group, const TopicName& topic, PartitionId partition,
                          Offset cut) {
  const auto sources = sources_.find({group, topic, partition});
  if (sources == sources_.end()) return;
  for (const Key& key : sources->second) {
    Entry& entry = entries_.at(key);
    if (!entry.here || *entry.here <= cut) continue;
    entry.here = cut;
    unsaved_.insert(key);
    Hold(key, entry);
  }
}

void GroupBook::OnSnapshotBegin(const LinkName& link) { snapshots_[link] = ++last_version_; }

void GroupBook::OnSnapshotEnd(const LinkName& link) {
  const uint64_t snapshot = snapshots_[link];
  if (snapshot == 0) return;
  std::vector<GroupCommit> gone;
  for (const auto& [key, entry] : entries_) {
    if (key.link != link || entry.snapshot == snapshot) continue;
    gone.push_back(entry.commit);
    gone.back().offset = kNoOffset;
  }
  for (const GroupCommit& commit : gone) Take(link, commit, commit.committed);
  snapshots_[link] = 0;
}

void GroupBook::Forget(const Key& key) {
  const auto found = entries_.find(key);
  if (found == entries_.end()) return;
  const Target target{key.group, found->second.local_topic, found->second.local_partition};
  if (const auto sources = sources_.find(target); sources != sources_.end()) {
    sources->second.erase(key);
    if (sources->second.empty()) sources_.erase(sources);
  }
  entries_.erase(found);
  due_.erase(key);
  unsaved_.insert(key);
}

void GroupBook::Settle(const Key& key, GroupSyncState state, std::string reason) {
  Entry& entry = entries_.at(key);
  entry.state = state;
  entry.reason = std::move(reason);
  if (state != GroupSyncState::kHeld) due_.erase(key);
}

// Where the entry's partition flows now; false: nowhere.
bool GroupBook::Locate(const Key& key, const TranslatedOffset& translated) {
  Entry& entry = entries_.at(key);
  const Target before{key.group, entry.local_topic, entry.local_partition};
  const Target after{key.group, translated.topic, translated.partition};
  if (before != after) {
    if (const auto sources = sources_.find(before); sources != sources_.end()) {
      sources->second.erase(key);
      if (sources->second.empty()) sources_.erase(sources);
    }
    entry.local_topic = translated.topic;
    entry.local_partition = translated.partition;
  }
  if (translated.topic.empty()) return false;
  sources_[after].insert(key);
  return true;
}

std::vector<Placement> GroupBook::Due(const TranslateOffset& translate, bool all) {
  std::vector<Key> look;
  if (all) {
    for (const auto& [key, entry] : entries_) {
      if (entry.state != GroupSyncState::kPlaced) look.push_back(key);
    }
  } else {
    look.assign(due_.begin(), due_.end());
  }
  std::set<Target> targets;
  // Of one source partition a great many groups may wait for the same records.
  const Key* waits = nullptr;
  Offset reached = kNoOffset;
  for (const Key& key : look) {
    const Entry& entry = entries_.at(key);
    const bool same = waits != nullptr && waits->link == key.link && waits->topic == key.topic &&
                      waits->partition == key.partition;
    if (same && entry.state == GroupSyncState::kHeld && entry.commit.offset > reached &&
        !entry.local_topic.empty()) {
      continue;
    }
    const TranslatedOffset translated =
        translate(key.link, key.topic, key.partition, entry.commit.offset, entry.commit.epoch);
    if (!Locate(key, translated)) {
      if (translated.ours || entry.commit.offset == kNoOffset) {
        Forget(key);
        continue;
      }
      Settle(key, GroupSyncState::kHeld, "the topic is not mirrored here yet");
      due_.erase(key);  // Looked at now and then.
      continue;
    }
    if (translated.translation.answer == Translation::Answer::kNotMirroredYet) {
      waits = &key;
      reached = translated.translation.reached;
    }
    targets.insert({key.group, translated.topic, translated.partition});
  }
  std::vector<Placement> due;
  for (const Target& target : targets) {
    if (std::optional<Placement> placement = Judge(target, translate)) {
      due.push_back(*std::move(placement));
    }
  }
  return due;
}

std::optional<Placement> GroupBook::Judge(const Target& target, const TranslateOffset& translate) {
  Placement placement;
  placement.item.group = target.group;
  placement.item.topic = target.topic;
  placement.item.partition = target.partition;
  placement.item.synced = true;
  const Entry* least = nullptr;
  bool blocked = false;
  bool mapped = false;
  std::vector<Key> gone;
  const std::set<Key> keys = sources_.at(target);
  for (const Key& key : keys) {
    const Entry& entry = entries_.at(key);
    if (entry.commit.offset == kNoOffset) {
      gone.push_back(key);
      continue;
    }
    const TranslatedOffset translated =
        translate(key.link, key.topic, key.partition, entry.commit.offset, entry.commit.epoch);
    const Translation& translation = translated.translation;
    switch (translation.answer) {
      case Translation::Answer::kExact:
        if (least == nullptr || translation.target < placement.item.offset) {
          least = &entry;
          placement.item.offset = translation.target;
          mapped = translated.mapped;
        }
        placement.parts.push_back({key.link, key.topic, key.partition, entry.version});
        break;
      case Translation::Answer::kNotMirroredYet:
        Settle(key, GroupSyncState::kHeld, Explain(translation));
        break;
      default:
        Settle(key, GroupSyncState::kUntranslatable, Explain(translation));
        blocked = true;
    }
  }
  if (gone.size() < keys.size()) {
    for (const Key& key : gone) Forget(key);  // Others still flow here.
  }
  if (blocked) {
    for (const Placement::Part& part : placement.parts) {
      Settle({part.link, part.topic, part.partition, target.group}, GroupSyncState::kUntranslatable,
             "another source partition of the same target can't be translated");
    }
    return std::nullopt;
  }
  if (least != nullptr) {
    placement.item.epoch = mapped ? kNoEpoch : least->commit.epoch;
    placement.item.metadata = least->commit.metadata;
    placement.item.committed = least->commit.committed;
    return placement;
  }
  if (gone.size() < keys.size()) return std::nullopt;
  // All that flows here is gone at its source: so is what was placed for it.
  for (const Key& key : gone) {
    placement.parts.push_back({key.link, key.topic, key.partition, entries_.at(key).version});
  }
  return placement;
}

void GroupBook::OnPlaced(const Placement& placement, PlaceOutcome outcome) {
  for (const Placement::Part& part : placement.parts) {
    const Key key{part.link, part.topic, part.partition, placement.item.group};
    const auto found = entries_.find(key);
    if (found == entries_.end() || found->second.version != part.version) continue;
    Entry& entry = found->second;
    if (placement.item.is_tombstone()) {
      if (outcome != PlaceOutcome::kGroupActive)
        Forget(key);
      else
        Settle(key, GroupSyncState::kConflict, "the group has members here");
      continue;
    }
    switch (outcome) {
      case PlaceOutcome::kPlaced:
        entry.here = placement.item.offset;
        Settle(key, GroupSyncState::kPlaced, {});
        break;
      case PlaceOutcome::kGroupActive:
        Settle(key, GroupSyncState::kConflict, "the group has members here");
        break;
      case PlaceOutcome::kNotNewer:
        Settle(key, GroupSyncState::kConflict,
               "the offset stored here is ahead; it never moves back by itself");
        break;
    }
    unsaved_.insert(key);
  }
}

std::vector<GroupKnowledge> GroupBook::Knowledge(const LinkName& link,
                                                 std::span<const TopicName> topics) const {
  std::vector<GroupKnowledge> rows;
  for (const auto& [key, entry] : entries_) {
    const bool wanted =
        key.link == link &&
        (topics.empty() || std::find(topics.begin(), topics.end(), key.topic) != topics.end());
    if (!wanted || entry.commit.offset == kNoOffset) continue;
    rows.push_back({.group = key.group,
                    .topic = key.topic,
                    .partition = key.partition,
                    .committed_at_source = entry.commit.offset,
                    .committed = entry.commit.committed,
                    .known_at = entry.known_at,
                    .local_topic = entry.local_topic,
                    .local_partition = entry.local_partition,
                    .here = entry.here,
                    .state = entry.state,
                    .reason = entry.reason});
  }
  return rows;
}

GroupBook::Counts GroupBook::Count(const LinkName& link) const {
  Counts counts;
  std::map<GroupId, GroupSyncState> worst;
  for (const auto& [key, entry] : entries_) {
    if (key.link != link || entry.commit.offset == kNoOffset) continue;
    const auto [place, is_new] = worst.emplace(key.group, entry.state);
    if (!is_new) place->second = std::max(place->second, entry.state);
    std::optional<WallTime>& since = counts.held_since[key.group];
    if (entry.state == GroupSyncState::kHeld)
      since = std::min(since.value_or(entry.known_at), entry.known_at);
  }
  for (const auto& [group, state] : worst) ++counts.groups[state];
  return counts;
}

std::vector<checkpoint::GroupKnowledgeRow> GroupBook::TakeUnsaved() {
  std::vector<checkpoint::GroupKnowledgeRow> rows;
  for (const Key& key : unsaved_) {
    checkpoint::GroupKnowledgeRow& row = rows.emplace_back();
    row.link = key.link;
    row.group = key.group;
    row.topic = key.topic;
    row.partition = key.partition;
    const auto found = entries_.find(key);
    if (found == entries_.end()) continue;  // kNoOffset: to be deleted.
    const Entry& entry = found->second;
    row.offset = entry.commit.offset;
    row.epoch = entry.commit.epoch;
    row.metadata = entry.commit.metadata;
    row.committed = entry.commit.committed;
    row.known_at = entry.known_at;
    row.here = entry.here.value_or(kNoOffset);
  }
  unsaved_.clear();
  return rows;
}

}  // namespace atl::mirror
