#include "mirror/control/frame_limits.h"

#include <cstdint>
#include <optional>

namespace atl::mirror {
namespace {

constexpr uint64_t kLineageField = 8;  // Of message Ownership in control.proto.

// One field of a protobuf message; `content` only of those with a length.
struct WireField {
  uint64_t number = 0;
  bool has_length = false;
  BytesView content;
};

std::optional<uint64_t> TakeVarint(BytesView& in) {
  uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    if (in.empty()) return std::nullopt;
    const auto byte = static_cast<uint8_t>(in[0]);
    in = in.subspan(1);
    value |= static_cast<uint64_t>(byte & 0x7F) << shift;
    if ((byte & 0x80) == 0) return value;
  }
  return std::nullopt;
}

// Takes a field off the front; nothing when there is none (protobuf will say why).
std::optional<WireField> TakeField(BytesView& in) {
  const std::optional<uint64_t> tag = TakeVarint(in);
  if (!tag) return std::nullopt;
  WireField field;
  field.number = *tag >> 3;
  size_t length = 0;
  switch (*tag & 7) {
    case 0:
      return TakeVarint(in) ? std::optional(field) : std::nullopt;
    case 1:
      length = 8;
      break;
    case 2: {
      const std::optional<uint64_t> size = TakeVarint(in);
      if (!size || *size > in.size()) return std::nullopt;
      field.has_length = true;
      length = static_cast<size_t>(*size);
      break;
    }
    case 3:
    case 4:
      return field;  // Groups: their fields are walked as if they stood here.
    case 5:
      length = 4;
      break;
    default:
      return std::nullopt;
  }
  if (length > in.size()) return std::nullopt;
  field.content = in.first(length);
  in = in.subspan(length);
  return field;
}

size_t CountLineages(BytesView row) {
  size_t count = 0;
  while (const std::optional<WireField> field = TakeField(row)) {
    if (field->has_length && field->number == kLineageField) ++count;
  }
  return count;
}

}  // namespace

Status CheckFrameLimits(BytesView frame) {
  if (frame.size() > kMaxControlFrame)
    return InvalidArgument("a frame of {} bytes, at most {}", frame.size(), kMaxControlFrame);
  size_t rows = 0;
  size_t lineages = 0;
  while (const std::optional<WireField> kind = TakeField(frame)) {
    BytesView content = kind->has_length ? kind->content : BytesView();
    while (const std::optional<WireField> row = TakeField(content)) {
      if (!row->has_length) continue;
      lineages += CountLineages(row->content);
      if (++rows > kMaxControlRows)
        return InvalidArgument("a frame with more than {} rows", kMaxControlRows);
      if (lineages > kMaxControlLineages)
        return InvalidArgument("a frame with more than {} lineage entries", kMaxControlLineages);
    }
  }
  return OkStatus();
}

}  // namespace atl::mirror
