#include "mirror/control/fields.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/utf8.h"

namespace atl::mirror {
namespace {

constexpr size_t kMaxName = 63;
constexpr size_t kMaxTopicName = 249;

bool IsNameCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
}
bool IsTopicCharacter(char c) {
  return IsNameCharacter(c) || (c >= 'A' && c <= 'Z') || c == '.' || c == '_';
}

Status TooLong(std::string_view field, size_t size, size_t most) {
  return InvalidArgument("{}: {} bytes, at most {}", field, size, most);
}

}  // namespace

StatusOr<Uuid> ReadId(std::string_view field, std::string_view bytes) {
  std::array<uint8_t, 16> id{};
  if (bytes.size() != id.size())
    return InvalidArgument("{}: an id of {} bytes instead of 16", field, bytes.size());
  std::memcpy(id.data(), bytes.data(), id.size());
  if (Uuid(id).is_zero()) return InvalidArgument("{}: an id of zeros", field);
  return Uuid(id);
}

StatusOr<std::string> ReadText(std::string_view field, const std::string& value) {
  if (value.size() > kMaxControlText) return TooLong(field, value.size(), kMaxControlText);
  if (!IsText(value)) return InvalidArgument("{}: no text in UTF-8", field);
  return value;
}

StatusOr<std::string> ReadString(std::string_view field, const std::string& value) {
  if (value.size() > kMaxControlString) return TooLong(field, value.size(), kMaxControlString);
  return value;
}

StatusOr<std::string> ReadName(std::string_view field, const std::string& value, bool optional) {
  if (value.size() > kMaxName) return TooLong(field, value.size(), kMaxName);
  if (value.empty() && !optional) return InvalidArgument("{}: is empty", field);
  if (!std::all_of(value.begin(), value.end(), IsNameCharacter))
    return InvalidArgument("{}: no name: small letters, digits and `-`", field);
  return value;
}

StatusOr<TopicName> ReadTopic(std::string_view field, const std::string& value) {
  if (value.size() > kMaxTopicName) return TooLong(field, value.size(), kMaxTopicName);
  const bool good = !value.empty() && value != "." && value != ".." &&
                    std::all_of(value.begin(), value.end(), IsTopicCharacter);
  if (!good) return InvalidArgument("{}: no topic name", field);
  return TopicName(value);
}

StatusOr<PartitionId> ReadPartition(std::string_view field, int32_t value) {
  if (value < 0 || value >= kMaxControlPartitions)
    return InvalidArgument("{}: partition {}", field, value);
  return PartitionId(value);
}

StatusOr<Offset> ReadOffset(std::string_view field, int64_t value) {
  if (value < kNoOffset.value()) return InvalidArgument("{}: offset {}", field, value);
  return Offset(value);
}

StatusOr<LeaderEpoch> ReadEpoch(std::string_view field, int32_t value) {
  if (value < kNoEpoch.value()) return InvalidArgument("{}: epoch {}", field, value);
  return LeaderEpoch(value);
}

StatusOr<RegionOrdinal> ReadOrdinal(std::string_view field, int32_t value, int32_t least) {
  if (value < least || value > kMaxRegionOrdinal)
    return InvalidArgument("{}: {} is not between {} and {}", field, value, least,
                           kMaxRegionOrdinal);
  return RegionOrdinal(value);
}

StatusOr<WallTime> ReadTime(std::string_view field, int64_t nanoseconds) {
  if (nanoseconds < 0) return InvalidArgument("{}: before 1970", field);
  return WallTime(Duration(nanoseconds));
}

}  // namespace atl::mirror
