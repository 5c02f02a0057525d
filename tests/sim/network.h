// The simulated network between regions, and between clients and regions: messages are delayed,
// reordered, lost, or kept and delivered when nobody waits for them any more. A cut link loses one
// direction or both.
#pragma once

#include <functional>
#include <map>
#include <utility>

#include "tests/sim/world.h"

namespace atl::sim {

inline constexpr int kClients = -1;
inline constexpr int kEtcd = -2;

class Network {
 public:
  explicit Network(World& world) : world_(world) {}

  double loss = 0;
  double late = 0;  // Share of messages that arrive seconds after they were given up.
  Duration slowest = std::chrono::milliseconds(20);

  // `arrives` runs at the other end, or never.
  void Send(int from, int to, std::function<void()> arrives);
  void Cut(int from, int to, Duration time);
  // One direction takes this much longer for a while.
  void Slow(int from, int to, Duration by, Duration time);
  // Asked on arrival: how long the other end takes no notice (it is paused).
  void HoldBack(std::function<Duration(int to)> for_how_long) {
    for_how_long_ = std::move(for_how_long);
  }
  void Heal();

 private:
  World& world_;
  struct Slowness {
    Duration by{};
    MonotonicTime until{};
  };
  void Arrive(int to, std::function<void()> arrives);

  std::map<std::pair<int, int>, MonotonicTime> cut_until_;
  std::map<std::pair<int, int>, Slowness> slow_;
  std::function<Duration(int)> for_how_long_;
};

}  // namespace atl::sim
