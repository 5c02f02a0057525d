// One field of a peer's message, checked: range, length, form. Pure functions; the error says which
// field and what is wrong with it, kInvalidArgument.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "base/types.h"
#include "base/uuid.h"

namespace atl::mirror {

inline constexpr size_t kMaxControlText = 4096;           // Reasons, software.
inline constexpr size_t kMaxControlString = 32767;        // Kafka's strings: groups, metadata.
inline constexpr int32_t kMaxControlPartitions = 10'000;  // Per topic, as in the catalogue.
inline constexpr Duration kMaxControlDeadline = std::chrono::hours(1);

StatusOr<Uuid> ReadId(std::string_view field, std::string_view bytes);
// Text for people: UTF-8 without control characters, at most kMaxControlText.
StatusOr<std::string> ReadText(std::string_view field, const std::string& value);
// A string of Kafka's protocol: any bytes.
StatusOr<std::string> ReadString(std::string_view field, const std::string& value);
// The name of a region or link: [a-z0-9-], at most 63. Empty only if `optional`.
StatusOr<std::string> ReadName(std::string_view field, const std::string& value, bool optional);
StatusOr<TopicName> ReadTopic(std::string_view field, const std::string& value);
StatusOr<PartitionId> ReadPartition(std::string_view field, int32_t value);
// kNoOffset or more.
StatusOr<Offset> ReadOffset(std::string_view field, int64_t value);
// kNoEpoch or more.
StatusOr<LeaderEpoch> ReadEpoch(std::string_view field, int32_t value);
// From `least` (0: a foreign cluster may stand there) to 250.
StatusOr<RegionOrdinal> ReadOrdinal(std::string_view field, int32_t value, int32_t least);
StatusOr<WallTime> ReadTime(std::string_view field, int64_t nanoseconds);

// One offset per partition.
template <class Numbers>
StatusOr<std::vector<Offset>> ReadOffsets(std::string_view field, const Numbers& values) {
  if (values.size() > kMaxControlPartitions)
    return InvalidArgument("{}: {} offsets, at most {}", field, values.size(),
                           kMaxControlPartitions);
  std::vector<Offset> offsets;
  offsets.reserve(static_cast<size_t>(values.size()));
  for (const int64_t value : values) {
    ASSIGN_OR_RETURN(const Offset offset, ReadOffset(field, value));
    offsets.push_back(offset);
  }
  return offsets;
}

// Every message of a repeated field by `read`; an error names the row.
template <class Row, class Messages>
StatusOr<std::vector<Row>> ReadRows(
    std::string_view field, const Messages& messages,
    StatusOr<Row> (*read)(const typename Messages::value_type& message)) {
  std::vector<Row> rows;
  rows.reserve(static_cast<size_t>(messages.size()));
  for (const auto& message : messages) {
    StatusOr<Row> row = read(message);
    if (!row.ok()) {
      return InvalidArgument("{}[{}].{}", field, rows.size(), StatusMessage(row.status()));
    }
    rows.push_back(*std::move(row));
  }
  return rows;
}

}  // namespace atl::mirror
