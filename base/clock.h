// Time, as a port: production reads the system's clocks, tests and the simulator turn a ManualClock
// by hand. tests/tidy refuses now() anywhere else.
#pragma once

#include <chrono>
#include <string>

#include "base/types.h"

namespace atl {

using Duration = std::chrono::nanoseconds;
// Monotonic: for deadlines, leases, ages. Never jumps.
using MonotonicTime = std::chrono::time_point<std::chrono::steady_clock, Duration>;
// The calendar's: for record timestamps, events and people. May jump either way.
using WallTime = std::chrono::time_point<std::chrono::system_clock, Duration>;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual MonotonicTime Now() const = 0;
  virtual WallTime WallNow() const = 0;
};

// Thread-safe, lives for ever.
Clock& SystemClock();

// Turned by hand. Not thread-safe.
class ManualClock final : public Clock {
 public:
  MonotonicTime Now() const override { return now_; }
  WallTime WallNow() const override { return wall_; }
  void Advance(Duration by) {
    now_ += by;
    wall_ += by;
  }
  void JumpWall(Duration by) { wall_ += by; }

 private:
  MonotonicTime now_{std::chrono::hours(1)};
  WallTime wall_{std::chrono::hours(24 * 365 * 50)};
};

Timestamp ToTimestamp(WallTime time);
WallTime FromTimestamp(Timestamp timestamp);
double ToSeconds(Duration duration);
// RFC 3339 in UTC with milliseconds: 2026-11-24T08:45:41.000Z
std::string FormatTime(WallTime time);

}  // namespace atl
