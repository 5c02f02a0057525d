// What is merged where: the extents of all fan-in topics of this region, in memory and in the
// store. A source partition flows into one partition here, chosen once and for ever; each append
// notes the position at the source and the new extents in one batch (checkpoint/extent_table.h).
//
// Threads. One target partition's functions under "Shard" run on its storage shard (or on the
// thread that opens it, before anyone else knows it); "Any" ones on any thread, under a leaf lock.
// Invariants. What is published is durable on both sides. Of one source extents rise on both sides;
// all extents of a target together cover its log from its base on without a hole. A log that ends
// before its extents, or behind them, is settled when it is opened: the shorter one wins, the
// positions follow, the source's records are pulled again.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "base/mutex.h"
#include "checkpoint/extent_table.h"
#include "core-broker/partition/companion.h"
#include "mirror/offsets/translation.h"
#include "mirror/pull/topic_sync.h"

namespace atl::mirror {

using checkpoint::FanInSource;
using checkpoint::FanInSourceRow;
using checkpoint::FanInTarget;

// What one append takes from its source: runs of records by their place at the source, in order,
// and the position behind them.
struct FanInTaken {
  struct Run {
    Offset source;
    RecordCount length;
  };
  std::vector<Run> runs;  // One per batch that was kept.
  Offset next;
  LeaderEpoch epoch = kNoEpoch;
  std::optional<FanInSourceRow::LastBatch> last_batch;
};

class FanIn final : public broker::LogCompanion {
 public:
  explicit FanIn(checkpoint::ExtentTable& table) : table_(table) {}

  // Before any partition is opened.
  Status Load();
  // After it: forgets targets whose topics are gone.
  Status DropGone(const std::function<bool(const TopicId&)>& exists);

  // --- broker::LogCompanion ---
  StatusOr<Offset> Settle(const TopicId& topic, PartitionId partition, Offset log_end) override;
  Status Flush() override;

  // --- Any ---
  // The partition of `topic` that the source partition flows into: where it always did, else by
  // its number.
  PartitionId PartitionFor(const TopicId& topic, const LinkName& link, const TopicName& source,
                           PartitionId source_partition, int32_t partition_count) const;
  std::optional<FanInSourceRow> Position(const FanInSource& source) const;
  bool Knows(const FanInTarget& target) const;
  // Sources that flow into the target.
  std::vector<FanInSource> SourcesOf(const FanInTarget& target) const;
  // Source topics of a link that flow into topics here.
  std::vector<KnownFlow> Flows(const LinkName& link) const;
  // Calls `look` with the copy of the source, valid during the call; the log's ends are the
  // caller's. False: nothing is known of the source.
  bool Look(const FanInSource& source, Offset log_start, Offset log_end,
            const std::function<void(const MappedCopy&)>& look) const;

  // --- Shard ---
  // Makes the target and the source known, durably, before anything is appended; `log_end`: of the
  // target now. Another generation of the source's topic begins anew, what is here of the old one
  // stays without a translation.
  Status Begin(const FanInSource& source, const TopicId& source_id, Offset log_end);
  // The source's next record is at `at`: the first start, or behind a gap, which is remembered.
  Status Restart(const FanInSource& source, Offset at);
  // The position with everything that was written, published or not.
  Offset Written(const FanInSource& source) const;
  // An append that continues at `from` and ends at `to` is about to be staged: `from` must be where
  // the one before it ended, or it is refused (that one was).
  Status Stage(const FanInSource& source, Offset from, Offset to);
  // Lazily durable; in the order of the log.
  Status Note(const FanInSource& source, const FanInTaken& taken, Offset base);
  // Everything noted so far is durable and visible.
  void Publish(const FanInSource& source);
  // Both sides' retention has passed everything below these: extents that lie there are forgotten.
  Status Trim(const FanInSource& source, Offset source_start, Offset target_start);

 private:
  struct Source {
    // Published; under the lock.
    FanInSourceRow row;
    std::vector<Extent> extents;
    // The shard's own: as written, and what is not published yet.
    FanInSourceRow written;
    std::vector<Extent> unpublished;
    Offset staged;
  };
  struct Target {
    Offset base;
    std::map<FanInSource, Source> sources;
  };

  StatusOr<Target> Read(const FanInTarget& at, Offset base);
  Source* Find(const FanInSource& source) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  const Source* Find(const FanInSource& source) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  checkpoint::ExtentTable& table_;
  mutable Mutex mutex_;  // A leaf: the store is never called under it.
  std::map<FanInTarget, Target> targets_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace atl::mirror
