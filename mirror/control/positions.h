// How far the mirrors of other regions are. The target says what changed since it last said
// anything (PositionNews); the source keeps what each region said (PositionBook), for the owner and
// for an operator who asks there. What was heard stays after a connection is lost, with its age,
// and is forgotten after a day.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "base/hash_map.h"
#include "base/mutex.h"
#include "mirror/control/messages.h"

namespace atl::mirror {

// Towards one source. On the control reactor.
class PositionNews {
 public:
  static constexpr size_t kRowsPerMessage = 10'000;

  // `rows`: all mirrors of that source, each partition once. Gives those that are other than what
  // was said last; a mirror that is gone is said with kNoOffset.
  std::vector<MirrorPositions> Changes(const std::vector<MirrorPositions::Row>& rows);
  // A new connection: all is said again.
  void Forget() { said_.clear(); }

 private:
  struct Said {
    MirrorPositions::Row row;
    uint64_t round = 0;  // Of the last call that still had it; 0: never said.
  };

  uint64_t round_ = 0;
  HashMap<TopicId, std::vector<Said>> said_;  // By partition.
};

// Of all targets. A leaf lock; Knows is called under it.
class PositionBook {
 public:
  static constexpr Duration kForgetAfter = std::chrono::hours(24);

  struct Row {
    TopicId topic;
    PartitionId partition;
    Offset applied_end = kNoOffset;
    LeaderEpoch epoch = kNoEpoch;
    WallTime changed{};
  };
  struct Region {
    RegionName region;
    std::optional<WallTime> lost;  // Nothing: connected.
    std::vector<Row> rows;         // By topic id and partition.
  };
  // Whether this region has that partition: what a peer says of others is dropped, so that it can't
  // fill memory.
  using Knows = std::function<bool(const TopicId& topic, PartitionId partition)>;

  PositionBook(Knows knows, const Clock& clock) : knows_(std::move(knows)), clock_(clock) {}

  // A new connection: the peer says all of it again.
  void Connected(const RegionName& region);
  void Disconnected(const RegionName& region);
  void Take(const RegionName& region, const MirrorPositions& positions);
  // Also forgets what is too old or about partitions that are gone.
  std::vector<Region> regions();

 private:
  struct Known {
    std::optional<WallTime> lost;
    std::map<std::pair<TopicId, PartitionId>, Row> rows;
  };

  const Knows knows_;
  const Clock& clock_;
  Mutex mutex_;
  std::map<RegionName, Known> regions_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace atl::mirror
