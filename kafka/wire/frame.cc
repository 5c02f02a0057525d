#include "kafka/wire/frame.h"

#include <limits>
#include <utility>

namespace atl::kafka {
namespace {

template <class T>
bool Take(BytesView& in, T& value) {
  if (in.size() < sizeof(T)) return false;
  value = LoadBig<T>(in.data());
  in = in.subspan(sizeof(T));
  return true;
}

// Headers have no tagged fields that anybody uses; they are only stepped over.
bool SkipTags(BytesView& in) {
  uint32_t count = 0;
  if (!ReadUnsignedVarint(in, count) || count > kMaxTags) return false;
  for (uint32_t i = 0; i < count; ++i) {
    uint32_t tag = 0;
    uint32_t size = 0;
    if (!ReadUnsignedVarint(in, tag) || !ReadUnsignedVarint(in, size) || size > in.size()) {
      return false;
    }
    in = in.subspan(size);
  }
  return true;
}

}  // namespace

StatusOr<RequestHeader> ReadRequestHeader(BytesView& frame, FlexibleFromFunction flexible_from) {
  RequestHeader header;
  int32_t correlation_id = 0;
  int16_t client_id_length = 0;
  if (!Take(frame, header.api_key) || !Take(frame, header.api_version) ||
      !Take(frame, correlation_id) || !Take(frame, client_id_length)) {
    return Corrupt("request header: ends too early");
  }
  header.correlation_id = CorrelationId(correlation_id);
  // The client id keeps the classic encoding even in the flexible header (KIP-482).
  if (client_id_length < -1 || client_id_length > std::ssize(frame)) {
    return Corrupt("request header: client id of {} bytes, {} left", client_id_length,
                   frame.size());
  }
  if (client_id_length >= 0) {
    const auto length = static_cast<size_t>(client_id_length);
    header.client_id = AsText(frame.first(length));
    frame = frame.subspan(length);
  }
  if (header.api_version >= flexible_from(header.api_key) && !SkipTags(frame)) {
    return Corrupt("request header: bad tagged fields");
  }
  return header;
}

StatusOr<CorrelationId> PeekCorrelationId(BytesView frame) {
  int32_t correlation_id = 0;
  if (!Take(frame, correlation_id)) return Corrupt("response header: ends too early");
  return CorrelationId(correlation_id);
}

Status SkipResponseHeader(BytesView& frame, bool tagged) {
  int32_t correlation_id = 0;
  if (!Take(frame, correlation_id)) return Corrupt("response header: ends too early");
  if (tagged && !SkipTags(frame)) return Corrupt("response header: bad tagged fields");
  return OkStatus();
}

ApiVersionsResponse UnsupportedApiVersions(std::vector<ApiVersion> api_keys) {
  ApiVersionsResponse response;
  response.error_code = ErrorCode::kUnsupportedVersion;
  response.api_keys = std::move(api_keys);
  return response;
}

namespace internal {

size_t BeginRequest(WireBuffer& out, const RequestHeader& header, bool tagged) {
  const size_t length_at = out.written_bytes();
  out.Extend(kFrameLengthBytes);
  StoreBig(out.Extend(2), header.api_key);
  StoreBig(out.Extend(2), header.api_version);
  StoreBig(out.Extend(4), header.correlation_id.value());
  // Ours to choose, and short; a longer one than the field can say is cut.
  constexpr size_t kLongest = std::numeric_limits<int16_t>::max();
  const std::string_view client_id = header.client_id.value_or("").substr(0, kLongest);
  StoreBig(out.Extend(2), header.client_id ? static_cast<int16_t>(client_id.size()) : int16_t{-1});
  out.Append(AsBytes(client_id));
  if (tagged) *out.Extend(1) = std::byte{0};
  return length_at;
}

size_t BeginResponse(WireBuffer& out, CorrelationId correlation_id, bool tagged) {
  const size_t length_at = out.written_bytes();
  out.Extend(kFrameLengthBytes);
  StoreBig(out.Extend(4), correlation_id.value());
  if (tagged) *out.Extend(1) = std::byte{0};
  return length_at;
}

Status EndFrame(WireBuffer& out, size_t length_at, size_t total_before) {
  const size_t length = out.total_bytes() - total_before - kFrameLengthBytes;
  if (length > std::numeric_limits<int32_t>::max()) {
    return InvalidArgument("a frame of {} bytes", length);
  }
  out.PatchInt32(length_at, static_cast<int32_t>(length));
  return OkStatus();
}

}  // namespace internal
}  // namespace atl::kafka
