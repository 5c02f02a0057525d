// Which segments retention takes: the oldest ones, whole, as Kafka chooses them
// (UnifiedLog.deleteOldSegments). Pure.
#pragma once

#include <optional>
#include <span>

#include "base/clock.h"
#include "base/types.h"

namespace atl::broker {

struct SegmentFacts {
  Offset end;  // Exclusive: the next one's base.
  ByteCount size;
  Timestamp largest = kNoTimestamp;  // kNoTimestamp: no record has one; never too old.
};

struct RetentionRules {
  std::optional<Duration> time;    // Nothing: for ever.
  std::optional<ByteCount> bytes;  // Nothing: any size.
};

// How many segments, from the oldest, are past the rules and wholly below `high_watermark`. A
// timestamp in the future keeps a segment, as in Kafka; the size rule still bounds it.
size_t ExpiredSegments(std::span<const SegmentFacts> segments, const RetentionRules& rules,
                       Timestamp now, Offset high_watermark);

}  // namespace atl::broker
