// How much to ask for at a time, and over how many connections: two small rules, pure.
//
// An answer's size follows what was measured on its connection: large enough that the pause of a
// round trip between answers hardly counts, small enough that no answer takes longer than seconds.
// A broker's stock send buffer (100 KiB) caps a connection at that per round trip; then only more
// connections help, and they are added as long as each step pays.
#pragma once

#include <optional>

#include "base/clock.h"
#include "base/types.h"
#include "kafka/client/connection.h"

namespace atl::mirror {

inline constexpr ByteCount kLeastFetch{int64_t{1} << 20};
inline constexpr ByteCount kMostFetch{int64_t{48} << 20};
inline constexpr int kMostSlots = 64;

class FetchSize {
 public:
  // Of the next answer; `cap` is the connection's share of the link's budget.
  ByteCount Next(const kafka::PathSample& path, ByteCount cap);
  // The last answer's size: only a full one says that a larger one would have been filled.
  void OnAnswer(ByteCount received) { filled_ = received.value() * 2 >= size_.value(); }

 private:
  ByteCount size_ = kLeastFetch;
  bool filled_ = false;
};

class SlotPlan {
 public:
  struct Sample {
    MonotonicTime now;
    ByteCount received{0};  // By all connections since the start; only rises.
    int backlogged = 0;     // Partitions that have more at the source than one answer brings.
    std::optional<Duration> round_trip;
  };
  // How many connections there should be now; looks once per window.
  int Update(const Sample& sample);
  int slots() const { return slots_; }

 private:
  void Judge(double rate, const Sample& sample);

  int slots_ = 1;
  int slots_before_ = 1;  // The step on trial started from it.
  MonotonicTime window_start_{};
  ByteCount window_received_{0};
  bool backlogged_all_along_ = false;
  std::optional<double> rate_before_;  // Set while a step is on trial.
  MonotonicTime settled_at_{};         // Windows that began before it are not judged.
  MonotonicTime hold_until_{};         // After a step that did not pay.
  std::optional<MonotonicTime> caught_up_since_;
};

}  // namespace atl::mirror
