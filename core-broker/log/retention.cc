#include "core-broker/log/retention.h"

#include <algorithm>

namespace atl::broker {

size_t ExpiredSegments(std::span<const SegmentFacts> segments, const RetentionRules& rules,
                       Timestamp now, Offset high_watermark) {
  size_t by_time = 0;
  size_t by_size = 0;
  if (rules.time) {
    const auto limit = std::chrono::duration_cast<std::chrono::milliseconds>(*rules.time).count();
    for (const SegmentFacts& segment : segments) {
      const bool old =
          segment.largest >= Timestamp(0) && now.value() - segment.largest.value() > limit;
      if (!old || segment.size == ByteCount(0) || segment.end > high_watermark) break;
      ++by_time;
    }
  }
  if (rules.bytes) {
    ByteCount excess = ByteCount(0) - *rules.bytes;
    for (const SegmentFacts& segment : segments) excess += segment.size;
    for (const SegmentFacts& segment : segments) {
      const bool fits = segment.size > ByteCount(0) && segment.size <= excess;
      if (!fits || segment.end > high_watermark) break;
      excess -= segment.size;
      ++by_size;
    }
  }
  return std::max(by_time, by_size);
}

}  // namespace atl::broker
