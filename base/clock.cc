#include "base/clock.h"

#include <fmt/core.h>

#include <algorithm>

namespace atl {
namespace {

using Milliseconds = std::chrono::milliseconds;

class RealClock final : public Clock {
 public:
  MonotonicTime Now() const override {
    return std::chrono::time_point_cast<Duration>(std::chrono::steady_clock::now());
  }
  WallTime WallNow() const override {
    return std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now());
  }
};

}  // namespace

Clock& SystemClock() {
  static RealClock clock;
  return clock;
}

Timestamp ToTimestamp(WallTime time) {
  return Timestamp(std::chrono::floor<Milliseconds>(time.time_since_epoch()).count());
}

WallTime FromTimestamp(Timestamp timestamp) {
  // Record timestamps come from clients and may be anything; nanoseconds reach only to 2262.
  constexpr int64_t kLimit = std::chrono::floor<Milliseconds>(Duration::max()).count();
  return WallTime(Milliseconds(std::clamp(timestamp.value(), -kLimit, kLimit)));
}

double ToSeconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

std::string FormatTime(WallTime time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss of_day(std::chrono::floor<Milliseconds>(time - day));
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     of_day.hours().count(), of_day.minutes().count(), of_day.seconds().count(),
                     of_day.subseconds().count());
}

}  // namespace atl
