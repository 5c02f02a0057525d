// The one retry rule: exponential between two bounds, with full jitter in the upper half, so that a
// crowd spreads.
#pragma once

#include "base/clock.h"
#include "base/random.h"

namespace atl::runtime {

class Backoff {
 public:
  Backoff(Duration first, Duration most, Random random)
      : first_(first), most_(most), random_(random) {}
  // How long to wait before the next try; doubles each time.
  Duration Next();
  // After a success.
  void Reset() { tries_ = 0; }
  int tries() const { return tries_; }

 private:
  const Duration first_;
  const Duration most_;
  Random random_;
  int tries_ = 0;
};

}  // namespace atl::runtime
