// Frames and headers: a frame is an int32 length (not counting itself), a header and a body.
// Request headers: v1 = key, version, correlation id, client id; v2 = v1 and tagged fields, for
// flexible versions. (v0, without a client id, belonged to ControlledShutdown v0 alone, which
// Kafka 4 removed; it is not read.) Response headers: v0 = correlation id; v1 = v0 and tagged
// fields. Functions that take a `frame` get it without the length. Pure functions, any thread;
// damage is kDataLoss.
#pragma once

#include "base/types.h"
#include "kafka/wire/codec.h"
#include "kafka/wire/schema/api_versions.h"

namespace atl::kafka {

inline constexpr size_t kFrameLengthBytes = 4;

struct RequestHeader {
  int16_t api_key = 0;
  int16_t api_version = 0;
  CorrelationId correlation_id;
  std::optional<std::string_view> client_id;  // A view into the frame.
};

// The first version of an API whose header is flexible; kNeverFlexible for an unknown key.
// ApiTable<...>::FlexibleFrom is one.
using FlexibleFromFunction = int16_t (*)(int16_t api_key);

// Takes the header off the front of `frame`; what is left is the body.
StatusOr<RequestHeader> ReadRequestHeader(BytesView& frame, FlexibleFromFunction flexible_from);
// The correlation id of a response, to find out which request it answers.
StatusOr<CorrelationId> PeekCorrelationId(BytesView frame);
// Takes a response header off the front of `frame`.
Status SkipResponseHeader(BytesView& frame, bool tagged);

// The two exceptions of the protocol to "the body's version decides" are here and in
// UnsupportedApiVersions below. First: an ApiVersions response always has header v0, since its
// reader does not know yet what the broker can do (KIP-511).
template <ResponseMessage M>
constexpr bool HasTaggedHeader(int16_t version) {
  return IsFlexible<M>(version) && ApiOf<M>::kApiKey != ApiVersionsRequest::kApiKey;
}

// Second: an ApiVersions request of an unknown version is answered all the same, in v0, with
// UNSUPPORTED_VERSION and the list. Encode it with version 0.
ApiVersionsResponse UnsupportedApiVersions(std::vector<ApiVersion> api_keys);

namespace internal {
// Room for the length, and the header. Returns where the length lies.
size_t BeginRequest(WireBuffer& out, const RequestHeader& header, bool tagged);
size_t BeginResponse(WireBuffer& out, CorrelationId correlation_id, bool tagged);
// Writes the length; a frame above 2 GiB is kInvalidArgument.
Status EndFrame(WireBuffer& out, size_t length_at, size_t total_before);

template <Message M>
Status EncodeBody(WireBuffer& out, size_t length_at, size_t total_before, size_t chunks_before,
                  const M& body, int16_t version) {
  Status status = EncodeInto(out, body, version);
  if (status.ok()) status = EndFrame(out, length_at, total_before);
  if (!status.ok()) out.Rewind(length_at, chunks_before);
  return status;
}
}  // namespace internal

// Appends a whole frame to `out`; on an error (see EncodeInto) `out` is as before. Several frames
// may go into one buffer.
template <RequestMessage R>
Status EncodeRequest(WireBuffer& out, CorrelationId correlation_id,
                     std::optional<std::string_view> client_id, int16_t version, const R& body) {
  const size_t total_before = out.total_bytes();
  const size_t chunks_before = out.chunk_count();
  const RequestHeader header{R::kApiKey, version, correlation_id, client_id};
  const size_t length_at = internal::BeginRequest(out, header, IsFlexible<R>(version));
  return internal::EncodeBody(out, length_at, total_before, chunks_before, body, version);
}

template <ResponseMessage M>
Status EncodeResponse(WireBuffer& out, CorrelationId correlation_id, int16_t version,
                      const M& body) {
  const size_t total_before = out.total_bytes();
  const size_t chunks_before = out.chunk_count();
  const size_t length_at =
      internal::BeginResponse(out, correlation_id, HasTaggedHeader<M>(version));
  return internal::EncodeBody(out, length_at, total_before, chunks_before, body, version);
}

// A whole response, header included. Records are views into `frame`.
template <ResponseMessage M>
StatusOr<M> DecodeResponse(BytesView frame, int16_t version) {
  RETURN_IF_ERROR(SkipResponseHeader(frame, HasTaggedHeader<M>(version)));
  return Decode<M>(frame, version);
}

}  // namespace atl::kafka
