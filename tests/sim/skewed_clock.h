// A machine's monotonic clock that runs faster or slower than true time.
#pragma once

#include "base/clock.h"

namespace atl::sim {

class SkewedClock final : public Clock {
 public:
  // `truth` outlives this.
  explicit SkewedClock(const Clock& truth) : truth_(truth), start_(truth.Now()) {}

  // Of its time per true time; before anybody has looked at it.
  void SetRate(int per_mille) { per_mille_ = per_mille; }

  MonotonicTime Now() const override {
    return start_ + (truth_.Now() - start_) * per_mille_ / kWhole;
  }
  WallTime WallNow() const override { return truth_.WallNow(); }
  // How long this clock takes for so much.
  Duration ToTrue(Duration here) const { return here * kWhole / per_mille_; }

 private:
  static constexpr int kWhole = 1000;

  const Clock& truth_;
  const MonotonicTime start_;
  int per_mille_ = kWhole;
};

}  // namespace atl::sim
