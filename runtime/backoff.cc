#include "runtime/backoff.h"

#include <algorithm>

#include "base/check.h"

namespace atl::runtime {

Duration Backoff::Next() {
  CHECK(first_ > Duration::zero() && first_ <= most_, "backoff from {} to {} ns", first_.count(),
        most_.count());
  constexpr int kMaxDoublings = 30;
  Duration full = first_;
  for (int i = 0; i < std::min(tries_, kMaxDoublings) && full < most_; ++i) {
    full = full > most_ / 2 ? most_ : full * 2;
  }
  ++tries_;
  const int64_t half = full.count() / 2;
  const uint64_t jitter = random_.Below(static_cast<uint64_t>(full.count() - half) + 1);
  return Duration(half + static_cast<int64_t>(jitter));
}

}  // namespace atl::runtime
