// Connections between regions for what needs order in the simulation: the groups' commits, which
// the product sends over the control plane. A connection gives everything in order or ends; both
// ends learn of it within seconds, and it is made again.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "mirror/control/messages.h"
#include "tests/sim/network.h"
#include "tests/sim/region.h"

namespace atl::sim {

class Lines {
 public:
  Lines(World& world, Network& network, std::vector<std::unique_ptr<Region>>& regions)
      : world_(world), network_(network), regions_(regions) {}

  void Start();
  // False: there is no connection.
  bool Send(Region& from, const RegionName& to, const mirror::ControlMessage& message);

 private:
  struct Way {
    uint64_t sent = 0;
    uint64_t got = 0;
    MonotonicTime heard{};
    std::map<uint64_t, mirror::ControlMessage> early;  // Came before what was sent before them.
  };
  struct Line {
    uint64_t number = 0;  // Of this connection; later ones have higher numbers.
    bool open = false;
    uint64_t boot_of_first = 0;
    uint64_t boot_of_second = 0;
    Way ways[2];  // From the first to the second, and back.
  };
  using Ends = std::pair<int, int>;  // Ordinals, the lower one first.

  Region& At(int ordinal) { return *regions_[static_cast<size_t>(ordinal - 1)]; }
  void Tick();
  void Look(const Ends& ends, Line& line);
  void Open(const Ends& ends, uint64_t number);
  void Close(const Ends& ends, Line& line);
  void Put(const Ends& ends, int way, const mirror::ControlMessage& message);
  void Arrive(const Ends& ends, int way, uint64_t number, uint64_t sequence,
              const mirror::ControlMessage& message);

  World& world_;
  Network& network_;
  std::vector<std::unique_ptr<Region>>& regions_;
  std::map<Ends, Line> lines_;
};

}  // namespace atl::sim
