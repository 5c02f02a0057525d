#include "mirror/still_ends.h"

namespace atl::mirror {

void StillEnds::Note(const LinkName& link, std::span<const MirrorRow> rows, MonotonicTime now) {
  MutexLock lock(&mutex_);
  Ends& known = links_[link];
  Ends fresh;
  for (const MirrorRow& row : rows) {
    const std::pair key{row.topic_id, row.partition};
    const auto before = known.find(key);
    const bool still = before != known.end() && before->second.end == row.source_end;
    fresh[key] = still ? before->second : End{row.source_end, now};
  }
  known.swap(fresh);
}

Duration StillEnds::StillFor(const LinkName& link, const TopicId& topic, PartitionId partition,
                             MonotonicTime now) const {
  MutexLock lock(&mutex_);
  const auto of_link = links_.find(link);
  if (of_link == links_.end()) return Duration::zero();
  const auto found = of_link->second.find({topic, partition});
  const bool heard = found != of_link->second.end() && found->second.end.has_value();
  return heard ? now - found->second.since : Duration::zero();
}

}  // namespace atl::mirror
