// What regions say to each other about ownership in the simulation. Stands in for mirror/control's
// plane and mirror/ownership_rooms.cc: the same handlers over the same Owners, without a connection
// that would give order. Words may be lost, doubled by repetition, late by seconds and overtaken:
// harsher than the product's, where a connection's late words end with it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "mirror/control/messages.h"
#include "tests/sim/network.h"
#include "tests/sim/region.h"

namespace atl::sim {

class Control {
 public:
  using Records = std::vector<checkpoint::OwnershipRecord>;
  Control(World& world, Network& network, std::vector<std::unique_ptr<Region>>& regions)
      : world_(world), network_(network), regions_(regions) {}

  // Records of peers have changed who owns what in the region.
  void OnMoved(std::function<void(Region&)> moved) { moved_ = std::move(moved); }
  // The region says hello to the others, again and again, until its process ends.
  void Start(Region& region);
  bool Connected(const Region& region, const Region& peer) const;

  Region* Named(const RegionName& name) const;

  void Broadcast(Region& from, const Records& records);
  // At the peer, in order: what a request does there; then its answer, or the error, here. Nothing
  // comes back once the caller's process has ended.
  template <class Answer>
  void Call(Region& from, Region& to, Duration patience, std::function<Answer(Region&)> handle,
            std::function<void(StatusOr<Answer>)> answered) {
    const auto finish = from.Once<Answer>(std::move(answered));
    const int here = from.ordinal().value();
    const int there = to.ordinal().value();
    network_.Send(here, there, [=, peer = &to, network = &network_] {
      if (!peer->up()) return;
      const Region::Running running(*peer);
      Answer answer = handle(*peer);
      if (!peer->up()) return;
      network->Send(there, here, [finish, answer] { finish(answer); });
    });
    world_.At(patience,
              [finish, name = to.name()] { finish(DeadlineExceeded("{} does not answer", name)); });
  }

  void Merge(Region& at, const Region& from, const Records& records);

 private:
  void SayHello(Region& region, uint64_t boot);

  World& world_;
  Network& network_;
  std::vector<std::unique_ptr<Region>>& regions_;
  std::function<void(Region&)> moved_;
  std::map<std::pair<int, int>, MonotonicTime> heard_;  // By whom, of whom.
};

}  // namespace atl::sim
