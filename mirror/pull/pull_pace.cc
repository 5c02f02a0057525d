#include "mirror/pull/pull_pace.h"

#include <algorithm>

namespace atl::mirror {
namespace {

constexpr double kRoundTripsPerAnswer = 32;
constexpr double kMostSecondsPerAnswer = 2;
constexpr Duration kLeastWindow = std::chrono::seconds(1);
constexpr Duration kHold = std::chrono::seconds(30);
constexpr Duration kShrinkAfter = std::chrono::seconds(10);
// Below it a connection is bound by CPUs, not by its window.
constexpr Duration kWorthwhileRoundTrip = std::chrono::milliseconds(1);
constexpr double kWorthwhileGain = 1.15;
// The first step is a big one: on a long path one connection is never the right number for many
// partitions, and each trial costs seconds.
constexpr int kFirstStep = 8;
// Partitions change their connection between answers, and TCP has to find its rate.
constexpr Duration kSettle = std::chrono::seconds(4);

}  // namespace

ByteCount FetchSize::Next(const kafka::PathSample& path, ByteCount cap) {
  const ByteCount most = std::max(kLeastFetch, std::min(cap, kMostFetch));
  if (path.goodput.has_value() && path.round_trip.has_value()) {
    const double seconds =
        std::min(kRoundTripsPerAnswer * ToSeconds(*path.round_trip), kMostSecondsPerAnswer);
    const double wanted =
        std::clamp(*path.goodput * seconds, static_cast<double>(kLeastFetch.value()),
                   static_cast<double>(kMostFetch.value()));
    const ByteCount target(static_cast<int64_t>(wanted));
    if (target < size_) size_ = target;
    if (target > size_ && filled_) size_ = std::min(target, size_ + size_);
  }
  size_ = std::min(size_, most);
  return size_;
}

int SlotPlan::Update(const Sample& sample) {
  if (sample.backlogged > 0) {
    caught_up_since_.reset();
  } else if (!caught_up_since_.has_value()) {
    caught_up_since_ = sample.now;
  }
  if (caught_up_since_.has_value() && sample.now - *caught_up_since_ >= kShrinkAfter) {
    slots_ = 1;
    rate_before_.reset();
  }
  const Duration window = std::max(kLeastWindow, 10 * sample.round_trip.value_or(Duration(0)));
  backlogged_all_along_ = backlogged_all_along_ && sample.backlogged > 0;
  const Duration elapsed = sample.now - window_start_;
  if (elapsed < window) return slots_;
  const double bytes = static_cast<double>((sample.received - window_received_).value());
  if (backlogged_all_along_) Judge(bytes / ToSeconds(elapsed), sample);
  if (!backlogged_all_along_) rate_before_.reset();
  window_start_ = sample.now;
  window_received_ = sample.received;
  backlogged_all_along_ = sample.backlogged > 0;
  return slots_;
}

void SlotPlan::Judge(double rate, const Sample& sample) {
  if (window_start_ < settled_at_) return;
  if (rate_before_.has_value() && rate < *rate_before_ * kWorthwhileGain) {
    slots_ = slots_before_;
    rate_before_.reset();
    hold_until_ = sample.now + kHold;
    return;
  }
  rate_before_.reset();
  const bool worthwhile = sample.round_trip.value_or(Duration(0)) >= kWorthwhileRoundTrip;
  const int most = std::min(sample.backlogged, kMostSlots);
  if (!worthwhile || sample.now < hold_until_ || slots_ >= most) return;
  slots_before_ = slots_;
  slots_ = std::min(slots_ == 1 ? kFirstStep : slots_ * 2, most);
  rate_before_ = rate;
  settled_at_ = sample.now + kSettle;
}

}  // namespace atl::mirror
