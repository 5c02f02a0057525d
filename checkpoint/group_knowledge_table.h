// What a link last knew of consumer groups at its source: per group, topic and partition the
// committed offset, when it was committed there and when this region learned of it. After the
// source's death, and a restart here, it is all that can be said of its groups. Written lazily: a
// crash forgets the last moments, never more. Topics are the source's names.
// Thin over a Store, as thread-safe as the store. Damaged values are kDataLoss naming the key.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/types.h"
#include "checkpoint/store.h"

namespace atl::checkpoint {

struct GroupKnowledgeRow {
  LinkName link;
  GroupId group;
  TopicName topic;
  PartitionId partition;
  Offset offset = kNoOffset;
  LeaderEpoch epoch = kNoEpoch;
  std::string metadata;
  WallTime committed{};
  WallTime known_at{};
  Offset here = kNoOffset;  // Placed here by the sync; kNoOffset: nothing.
  friend bool operator==(const GroupKnowledgeRow&, const GroupKnowledgeRow&) = default;
};

class GroupKnowledgeTable {
 public:
  explicit GroupKnowledgeTable(Store& store) : store_(store) {}

  static void StagePut(WriteBatch& batch, const GroupKnowledgeRow& row);
  static void StageDelete(WriteBatch& batch, const GroupKnowledgeRow& row);
  // By link, topic, partition and group; `damaged` as in TopicTable.
  StatusOr<std::vector<GroupKnowledgeRow>> List(std::vector<Status>* damaged = nullptr);

 private:
  Store& store_;
};

}  // namespace atl::checkpoint
