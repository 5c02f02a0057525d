// Ids for fetch sessions: unique in a broker's life, positive, and starting anywhere, so that a
// client that comes back after a restart does not hit somebody else's session. Thread-safe.
#pragma once

#include <atomic>
#include <cstdint>

namespace atl::broker {

class FetchSessionIds {
 public:
  explicit FetchSessionIds(uint64_t seed) : next_(static_cast<uint32_t>(seed)) {}

  int32_t Next() {
    while (true) {
      const uint32_t id = next_.fetch_add(1, std::memory_order_relaxed) & 0x7FFF'FFFF;
      if (id != 0) return static_cast<int32_t>(id);
    }
  }

 private:
  std::atomic<uint32_t> next_;
};

}  // namespace atl::broker
