#include "tests/sim/network.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace atl::sim {

using std::chrono::microseconds;
using std::chrono::seconds;

void Network::Send(int from, int to, std::function<void()> arrives) {
  const auto cut = cut_until_.find({from, to});
  if (cut != cut_until_.end() && world_.clock.Now() < cut->second) {
    world_.Reach(Mark::kCutLink);
    return;
  }
  if (world_.Chance(loss)) {
    world_.Reach(Mark::kLostMessage);
    return;
  }
  Duration delay = world_.Between(microseconds(100), slowest);
  if (world_.Chance(late)) delay += world_.Between(seconds(1), seconds(20));
  world_.At(delay, std::move(arrives));
}

void Network::Cut(int from, int to, Duration time) {
  world_.Note("the link from {} to {} is cut for {:.1f} s", from, to, ToSeconds(time));
  MonotonicTime& until = cut_until_[{from, to}];
  until = std::max(until, world_.clock.Now() + time);
}

void Network::Heal() {
  cut_until_.clear();
  loss = late = 0;
  slowest = std::chrono::milliseconds(5);
}

}  // namespace atl::sim
