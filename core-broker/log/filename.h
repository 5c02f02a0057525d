// The owner of every file name in a partition's folder. Kafka's names: the 20-digit base offset of
// the segment and .log, .index or .timeindex, so that Kafka's tools find what belongs together.
// Ours besides: BASE.log.cut-POSITION, bytes that recovery took off the end of a log and could not
// explain by a torn write; kept for people, never read by Atoll. Pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/types.h"

namespace atl::broker {

enum class SegmentFileKind { kLog, kOffsetIndex, kTimeIndex, kCut };

struct SegmentFile {
  Offset base;
  SegmentFileKind kind = SegmentFileKind::kLog;
  friend bool operator==(const SegmentFile&, const SegmentFile&) = default;
};

// kCut has a name of its own.
std::string SegmentFileName(Offset base, SegmentFileKind kind);
std::string CutFileName(Offset base, FilePosition position);
// Nothing: not a file of ours.
std::optional<SegmentFile> ParseSegmentFileName(std::string_view name);

}  // namespace atl::broker
