// All links of a process. Built before the threads run, started after them, stopped before anything
// that links lean on. A reload changes which there are: one thread at a time does that (the admin
// reactor's), all others look, under a leaf lock, and keep what they look at alive. A link that is
// no longer here has stopped: its snapshot stays, what is told to it has no effect.
// Also the metrics of links: one collector over their snapshots.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "mirror/link.h"

namespace atl::mirror {

class Links {
 public:
  // What `context` refers to outlives this.
  Links(const std::vector<config::Link>& links, const LinkContext& context, uint64_t seed);
  ~Links();

  // From the main thread, with the reactors running.
  void Start();
  void Stop();

  // A reload in two steps, so that whoever leans on links can follow between them. Each waits for
  // the links' own reactors.
  // Stops and forgets the links that `wanted` has not, or has otherwise.
  void StopOthers(const std::vector<config::Link>& wanted);
  // Builds and starts those of `wanted` that are not here; all are in its order then.
  void StartMissing(const std::vector<config::Link>& wanted);

  std::vector<std::shared_ptr<Link>> all() const;
  std::shared_ptr<Link> Find(std::string_view name) const;  // Null: no such link.
  // Any thread: what the link's snapshot says.
  bool IsDiverged(const LinkName& link, const TopicId& topic, PartitionId partition) const;
  Events& events() const { return events_; }
  const Clock& clock() const { return clock_; }
  const broker::Catalog& catalog() const { return catalog_; }

 private:
  void Collect(std::vector<MetricFamily>& out) const;

  const LinkContext context_;
  Random random_;  // Of whoever changes the links.
  Events& events_;
  const Clock& clock_;
  const broker::Catalog& catalog_;
  mutable Mutex mutex_;  // A leaf.
  std::vector<std::shared_ptr<Link>> links_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<void> collector_;  // Goes first.
};

}  // namespace atl::mirror
