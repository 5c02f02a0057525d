// How far mirrored partitions were compared with their sources, and what differed: a claim about
// two logs, written lazily behind the comparison. Lost or old, it only costs comparing again; a
// mismatch is written at once, because it must survive until an operator decides.
// Thin over a Store, as thread-safe as the store. Damaged values are kDataLoss naming the key.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/types.h"
#include "base/uuid.h"
#include "checkpoint/store.h"

namespace atl::checkpoint {

struct VerifiedRecord {
  LinkName link;
  TopicId topic;  // Here.
  PartitionId partition;
  Offset verified_to = kNoOffset;  // kNoOffset: nothing yet.
  LeaderEpoch epoch = kNoEpoch;    // Of the last batch below it.
  WallTime time{};
  Offset mismatch_first = kNoOffset;  // The batch that differs; kNoOffset: none.
  Offset mismatch_end = kNoOffset;
  std::string reason;  // What differs, for people.
  friend bool operator==(const VerifiedRecord&, const VerifiedRecord&) = default;
};

class VerifyTable {
 public:
  explicit VerifyTable(Store& store) : store_(store) {}

  static void StagePut(WriteBatch& batch, const VerifiedRecord& record);
  static void StageDelete(WriteBatch& batch, const LinkName& link, const TopicId& topic,
                          PartitionId partition);
  // By topic id and partition; `damaged` as in TopicTable.
  StatusOr<std::vector<VerifiedRecord>> List(const LinkName& link,
                                             std::vector<Status>* damaged = nullptr);

 private:
  Store& store_;
};

}  // namespace atl::checkpoint
