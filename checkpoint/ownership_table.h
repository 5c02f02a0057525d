// The ownership record of every topic (replication.md section 2): who owns it, at which epoch, and
// the lineage that led there. An epoch is written with Sync::kNow before the first record is
// accepted under it. Merging ("higher epoch wins") is mirror/ownership's business, not this file's.
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

// NEVER change a value: they are on disks.
enum class OwnershipState : int32_t { kServing = 0, kFenced = 1, kPromoting = 2 };
std::string_view OwnershipStateName(OwnershipState state);

// One uninterrupted stint of one owner. `cut` has one offset per partition: where the epoch begins.
struct LineageEntry {
  LeaderEpoch epoch = kNoEpoch;
  RegionOrdinal owner = kForeignRegion;
  std::vector<Offset> cut;
  friend bool operator==(const LineageEntry&, const LineageEntry&) = default;
};

struct OwnershipRecord {
  TopicId topic;
  TopicName name;
  LeaderEpoch epoch = kNoEpoch;
  RegionOrdinal owner = kForeignRegion;
  RegionName owner_name;
  OwnershipState state = OwnershipState::kServing;
  std::vector<Offset> cut;            // Of the present epoch.
  std::vector<LineageEntry> lineage;  // Strictly rising epochs; the last one is the present.
  LinkName link;                      // Of the last change; empty: made here.
  std::string reason;                 // Of the last change.
  WallTime time{};                    // Of the last change.
  Uuid attempt;  // Of the planned move that fenced it for good; zero: none did.
  friend bool operator==(const OwnershipRecord&, const OwnershipRecord&) = default;
};

class OwnershipTable {
 public:
  explicit OwnershipTable(Store& store) : store_(store) {}

  static void StagePut(WriteBatch& batch, const OwnershipRecord& record);
  static void StageDelete(WriteBatch& batch, const TopicId& topic);

  Status Put(const OwnershipRecord& record, Sync sync);
  Status Write(const WriteBatch& batch, Sync sync) { return store_.Write(batch, sync); }
  StatusOr<std::optional<OwnershipRecord>> Get(const TopicId& topic);
  // By topic id; `damaged` as in TopicTable.
  StatusOr<std::vector<OwnershipRecord>> List(std::vector<Status>* damaged = nullptr);

 private:
  Store& store_;
};

}  // namespace atl::checkpoint
