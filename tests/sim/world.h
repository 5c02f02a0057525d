// The simulated world: one thread, one clock, one random stream, one queue of things that happen.
// Everything that a seed does is an event here; the same seed gives the same events, which the
// trace hash proves. A broken invariant ends the run; the last events tell how it came about.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "base/status.h"
#include "tests/sim/marks.h"
#include "tests/sim/mutation.h"

namespace atl::sim {

struct Failure {
  std::string invariant;  // "S3"
  std::string what;
};

class World {
 public:
  World(uint64_t seed, Mutation mutation)
      : random(seed), mutation_(mutation), seed_(seed), hash_(seed) {}

  Random random;
  ManualClock clock;

  uint64_t seed() const { return seed_; }
  Mutation mutation() const { return mutation_; }
  bool Plants(Mutation mutation) const { return mutation_ == mutation; }

  // Once, `delay` from now. Events of one moment run in the order in which they were made.
  void At(Duration delay, std::function<void()> what);
  // Runs the next event. False: nothing is left, or an invariant is broken.
  bool RunOne();

  // A line of the trace.
  template <class... Args>
  void Note(fmt::format_string<Args...> format, Args&&... args) {
    AddLine(fmt::format(format, std::forward<Args>(args)...));
  }
  void Fail(std::string invariant, std::string what);
  const std::optional<Failure>& failure() const { return failure_; }
  void Reach(Mark mark) { reached_[static_cast<size_t>(mark)] = true; }
  const std::array<bool, kMarkCount>& reached() const { return reached_; }

  uint64_t trace_hash() const { return hash_; }
  const std::deque<std::string>& last_lines() const { return lines_; }

  bool Chance(double p) { return random.Fraction() < p; }
  Duration Between(Duration least, Duration most) {
    return least + Duration(static_cast<int64_t>(
                       random.Below(static_cast<uint64_t>((most - least).count()) + 1)));
  }

 private:
  void AddLine(std::string line);

  const Mutation mutation_;
  const uint64_t seed_;
  std::map<std::pair<MonotonicTime, uint64_t>, std::function<void()>> queue_;
  uint64_t next_event_ = 0;
  std::deque<std::string> lines_;
  uint64_t hash_;
  std::optional<Failure> failure_;
  std::array<bool, kMarkCount> reached_{};
};

}  // namespace atl::sim
