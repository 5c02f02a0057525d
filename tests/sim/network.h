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

class Network {
 public:
  explicit Network(World& world) : world_(world) {}

  double loss = 0;
  double late = 0;  // Share of messages that arrive seconds after they were given up.
  Duration slowest = std::chrono::milliseconds(20);

  // `arrives` runs at the other end, or never.
  void Send(int from, int to, std::function<void()> arrives);
  void Cut(int from, int to, Duration time);
  void Heal();

 private:
  World& world_;
  std::map<std::pair<int, int>, MonotonicTime> cut_until_;
};

}  // namespace atl::sim
