// The oracle's part about leases (S9): at any true instant at most one region may acknowledge for a
// topic, and who was succeeded acknowledges nothing any more.
#include "tests/sim/oracle.h"

namespace atl::sim {

void Oracle::CheckLeases() {
  std::map<TopicId, const Region*> holders;
  for (const auto& region : regions_) {
    if (!region->up()) continue;
    const auto view = region->process().catalog.view();
    for (const auto& [name, topic] : view->by_name) {
      if (!region->process().lease.Holds(topic->id, topic->epoch)) continue;
      const auto [other, first] = holders.emplace(topic->id, region.get());
      if (first) continue;
      world_.Fail("S9", fmt::format("{} and {} hold {} at once", other->second->name(),
                                    region->name(), name.value()));
      return;
    }
  }
}

void Oracle::OnAckLeaves(Region& region, const TopicId& topic) {
  if (!region.in_lease_mode()) return;
  const auto found = region.process().catalog.view()->Find(topic);
  const LeaderEpoch epoch = found == nullptr ? kNoEpoch : found->epoch;
  Accepted& last = accepted_[topic];
  const int number = region.ordinal().value();
  if (last.region != number && epoch <= last.epoch) {
    world_.Fail("S9", fmt::format("{}: acknowledges a record of {} under epoch {}; region {} has "
                                  "accepted under epoch {}",
                                  region.name(), topic.ToString(), epoch.value(), last.region,
                                  last.epoch.value()));
    return;
  }
  last = {number, epoch};
}

}  // namespace atl::sim
