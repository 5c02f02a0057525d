#include "tests/sim/control.h"

#include <chrono>

namespace atl::sim {

using std::chrono::seconds;

void Control::Start(Region& region) { SayHello(region, region.boot()); }

void Control::SayHello(Region& region, uint64_t boot) {
  if (!region.up() || region.boot() != boot) return;
  if (region.paused_for() == Duration::zero()) {
    Broadcast(region, region.process().owners.All());
  }
  world_.At(world_.Between(seconds(1), seconds(4)),
            [this, &region, boot] { SayHello(region, boot); });
}

bool Control::Connected(const Region& region, const Region& peer) const {
  const auto heard = heard_.find({region.ordinal().value(), peer.ordinal().value()});
  return heard != heard_.end() && world_.clock.Now() - heard->second < seconds(5);
}

Region* Control::Named(const RegionName& name) const {
  for (const auto& region : regions_) {
    if (region->name() == name.value()) return region.get();
  }
  return nullptr;
}

void Control::Broadcast(Region& from, const Records& records) {
  for (const auto& peer : regions_) {
    if (peer.get() == &from) continue;
    network_.Send(from.ordinal().value(), peer->ordinal().value(),
                  [this, &from, to = peer.get(), records] {
                    if (!to->up()) return;
                    const Region::Running running(*to);
                    Merge(*to, from, records);
                  });
  }
}

void Control::Merge(Region& at, const Region& from, const Records& records) {
  heard_[{at.ordinal().value(), from.ordinal().value()}] = world_.clock.Now();
  if (world_.Plants(Mutation::kKeepOwning)) return;
  mirror::Owners& owners = at.process().owners;
  const RegionName name(from.name());
  const std::vector<TopicId> moved = owners.Merge(name, records);
  if (!at.up()) return;
  owners.Heard(name);
  for (const TopicId& topic : moved) {
    world_.Note("{}: hears from {} of another owner of {}", at.name(), from.name(),
                topic.ToString());
  }
  if (!moved.empty() && moved_) moved_(at);
}

}  // namespace atl::sim
