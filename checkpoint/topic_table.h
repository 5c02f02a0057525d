// The catalogue: every topic of this region, created here or mirrored, and the frozen earlier
// generations of a name. Thin and typed over a Store; holds no state of its own, so it is as
// thread-safe as the store. Damaged values are kDataLoss naming the key.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/types.h"
#include "base/uuid.h"
#include "checkpoint/store.h"

namespace atl::checkpoint {

struct TopicRecord {
  TopicName name;
  TopicId id;
  int32_t partition_count = 0;
  std::map<std::string, std::string> config;  // Overrides only.
  LeaderEpoch epoch = kNoEpoch;
  RegionOrdinal owner = kForeignRegion;
  LinkName link;           // The link it is mirrored by; empty: created here.
  bool frozen = false;     // An earlier generation: kept, listed, never appended to again.
  int32_t generation = 1;  // Counts the topic ids this region has seen under the name.
  WallTime created{};

  friend bool operator==(const TopicRecord&, const TopicRecord&) = default;
};

class TopicTable {
 public:
  explicit TopicTable(Store& store) : store_(store) {}

  // Into a batch, to be written together with rows of other tables.
  static void StagePut(WriteBatch& batch, const TopicRecord& topic);
  static void StageDelete(WriteBatch& batch, const TopicId& id);

  Status Put(const TopicRecord& topic, Sync sync);
  Status Write(const WriteBatch& batch, Sync sync) { return store_.Write(batch, sync); }
  Status Delete(const TopicId& id, Sync sync);
  StatusOr<std::optional<TopicRecord>> Get(const TopicId& id);
  // By topic id. With `damaged`, unreadable rows are appended there and left out; without, the
  // first one is the result.
  StatusOr<std::vector<TopicRecord>> List(std::vector<Status>* damaged = nullptr);

 private:
  Store& store_;
};

}  // namespace atl::checkpoint
