// All links of a process. Built before the threads run, started after them, stopped before anything
// that links lean on. Also the metrics of links: one collector over their snapshots.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

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

  const std::vector<std::unique_ptr<Link>>& all() const { return links_; }
  Link* Find(std::string_view name) const;
  // Any thread: what the link's snapshot says.
  bool IsDiverged(const LinkName& link, const TopicId& topic, PartitionId partition) const;
  Events& events() const { return events_; }
  const Clock& clock() const { return clock_; }
  const broker::Catalog& catalog() const { return catalog_; }

 private:
  void Collect(std::vector<MetricFamily>& out) const;

  Events& events_;
  const Clock& clock_;
  const broker::Catalog& catalog_;
  std::vector<std::unique_ptr<Link>> links_;  // Constant after construction.
  std::shared_ptr<void> collector_;           // Goes first.
};

}  // namespace atl::mirror
