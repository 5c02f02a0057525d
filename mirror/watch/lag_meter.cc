#include "mirror/watch/lag_meter.h"

#include <algorithm>
#include <cmath>

#include "mirror/watch/lag.h"

namespace atl::mirror {

namespace {

// What is behind or not known is never 0, also when the clocks say so.
constexpr double kLeast = 0.001;

}  // namespace

void LagMeter::OnContact(Offset source_end, MonotonicTime asked, WallTime wall) {
  source_end_ = source_end;
  contact_ = asked;
  lost_ = false;
  contact_wall_ = wall;
  if (caught_up()) caught_up_at_ = asked;
}

void LagMeter::OnNewestApplied(Timestamp newest) {
  if (newest >= Timestamp(0)) newest_applied_ = newest;
}

void LagMeter::OnPulled(ByteCount bytes, RecordCount offsets) {
  if (offsets <= RecordCount(0)) return;
  bytes_per_offset_ = static_cast<double>(bytes.value()) / static_cast<double>(offsets.value());
}

void LagMeter::OnPosition(Offset applied_end) {
  const bool was_behind = !caught_up();
  applied_end_ = applied_end;
  // Only a contact proves that there is no more: catching up with an old end counts from then.
  if (was_behind && caught_up()) caught_up_at_ = std::max(caught_up_at_, contact_);
}

bool LagMeter::Silent(MonotonicTime now) const { return !contact_ || now - *contact_ > kHeartbeat; }

std::optional<double> LagMeter::Age(std::optional<Timestamp> oldest_waiting, MonotonicTime now,
                                    WallTime wall) const {
  // The oldest missing record is no older than either bound; what is not plausible bounds nothing.
  std::optional<double> age;
  if (caught_up_at_) age = ToSeconds(now - *caught_up_at_);
  const Timestamp oldest = oldest_waiting.value_or(newest_applied_);
  const WallTime at = FromTimestamp(oldest);
  if (oldest >= Timestamp(0) && at < wall) {
    const double by_timestamp = ToSeconds(wall - at);
    age = age ? std::min(*age, by_timestamp) : by_timestamp;
  }
  return age;
}

MirrorLag LagMeter::Lag(std::optional<Timestamp> oldest_waiting, MonotonicTime now,
                        WallTime wall) const {
  MirrorLag lag;
  if (source_end_ == kNoOffset || applied_end_ == kNoOffset || !contact_) return lag;
  if (caught_up()) {
    lag.records = 0;
    lag.bytes = 0;
    lag.seconds = lost_ || Silent(now) ? std::max(ToSeconds(now - *contact_), kLeast) : 0.0;
    return lag;
  }
  lag.records = (source_end_ - applied_end_).value();
  if (bytes_per_offset_ > 0) {
    lag.bytes = std::llround(bytes_per_offset_ * static_cast<double>(*lag.records));
  }
  lag.seconds = Age(oldest_waiting, now, wall);
  if (lag.seconds) lag.seconds = std::max(*lag.seconds, kLeast);
  return lag;
}

}  // namespace atl::mirror
