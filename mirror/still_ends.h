// For how long the ends of a Kafka cluster's partitions have not moved, as our links hear them: a
// planned move from there has nobody to fence and needs producers that were stopped.
// Thread-safe, a leaf lock.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <utility>

#include "base/clock.h"
#include "base/mutex.h"
#include "mirror/watch/lag.h"

namespace atl::mirror {

class StillEnds {
 public:
  // The mirrors of one link, now; those that it does not name any more are forgotten.
  void Note(const LinkName& link, std::span<const MirrorRow> rows, MonotonicTime now);
  // 0: never heard, or heard to move just now.
  Duration StillFor(const LinkName& link, const TopicId& topic, PartitionId partition,
                    MonotonicTime now) const;

 private:
  struct End {
    std::optional<Offset> end;
    MonotonicTime since{};
  };
  using Ends = std::map<std::pair<TopicId, PartitionId>, End>;

  mutable Mutex mutex_;
  std::map<LinkName, Ends> links_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace atl::mirror
