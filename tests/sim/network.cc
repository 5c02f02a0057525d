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
  if (const auto slow = slow_.find({from, to});
      slow != slow_.end() && world_.clock.Now() < slow->second.until) {
    delay += slow->second.by;
  }
  world_.At(delay, [this, to, arrives = std::move(arrives)] { Arrive(to, arrives); });
}

void Network::Arrive(int to, std::function<void()> arrives) {
  const Duration held = for_how_long_ ? for_how_long_(to) : Duration::zero();
  if (held == Duration::zero()) return arrives();
  world_.At(held, [this, to, arrives = std::move(arrives)] { Arrive(to, arrives); });
}

void Network::Slow(int from, int to, Duration by, Duration time) {
  slow_[{from, to}] = {by, world_.clock.Now() + time};
}

void Network::Cut(int from, int to, Duration time) {
  world_.Note("the link from {} to {} is cut for {:.1f} s", from, to, ToSeconds(time));
  MonotonicTime& until = cut_until_[{from, to}];
  until = std::max(until, world_.clock.Now() + time);
}

void Network::Heal() {
  cut_until_.clear();
  slow_.clear();
  loss = late = 0;
  slowest = std::chrono::milliseconds(5);
}

}  // namespace atl::sim
