// Which copy of a source partition this region has, and what an offset of either side is on the
// other: gathers what translation.h needs from the catalogue (ends of the log), the owners
// (how far it is their history), the durable events (gaps, divergences), the links' configuration
// (names) and the fan-in extents.
//
// Any thread; looks under leaf locks only. The first call after a new event reads the events
// again, from the store: not for reactors.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "base/types.h"
#include "core-broker/catalog/catalog.h"
#include "mirror/offsets/fan_in.h"
#include "mirror/offsets/group_book.h"
#include "mirror/offsets/translation.h"
#include "mirror/ownership/owners.h"
#include "mirror/watch/events.h"
#include "region-config/link.h"
#include "region-config/topic_filter.h"

namespace atl::mirror {

// An offset of a copy here, at one of its sources.
struct SourceOffset {
  TopicName topic;
  PartitionId partition;
  Translation translation;
};

class LocalCopies {
 public:
  // Is this mirror in state diverged now? (Events tell where, not whether it still is.)
  using IsDiverged =
      std::function<bool(const LinkName& link, const TopicId& topic, PartitionId partition)>;
  // All outlive this.
  LocalCopies(const broker::Catalog& catalog, const Owners& owners, Events& events,
              const FanIn& fan_in, std::vector<config::Link> links, IsDiverged is_diverged);
  // After a reload.
  void SetLinks(std::vector<config::Link> links);

  // The link's source partition -> here. Topics by the source's names.
  // `epoch`: of the record before the offset, where somebody said it; a copy that ends it earlier
  // is of another history.
  TranslatedOffset Translate(const LinkName& link, const TopicName& topic, PartitionId partition,
                             Offset offset, LeaderEpoch epoch = kNoEpoch) const;
  // Here -> at the link's sources: one of a mirror, several where the link's topics or partitions
  // flow into one. Topics by their names here. None: the link has no such copy here.
  std::vector<SourceOffset> TranslateBack(const LinkName& link, const TopicName& topic,
                                          PartitionId partition, Offset offset) const;

 private:
  struct Known {
    std::vector<OffsetRange> gaps;
    std::optional<Offset> diverged_from;
  };
  using Book = std::map<std::pair<TopicId, PartitionId>, Known>;

  std::shared_ptr<const config::Link> Find(const LinkName& link) const;
  std::shared_ptr<const Book> Recorded() const;
  StatusOr<Book> ReadEvents() const;
  Translation TranslateMirror(const config::Link& link, const broker::Topic& topic,
                              PartitionId partition, Offset offset, LeaderEpoch epoch) const;

  const broker::Catalog& catalog_;
  const Owners& owners_;
  Events& events_;
  const FanIn& fan_in_;
  const IsDiverged is_diverged_;
  mutable Mutex mutex_;  // A leaf.
  std::map<LinkName, std::shared_ptr<const config::Link>> links_ ABSL_GUARDED_BY(mutex_);
  mutable uint64_t version_ ABSL_GUARDED_BY(mutex_) = 0;
  mutable std::shared_ptr<const Book> book_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace atl::mirror
