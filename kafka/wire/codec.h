// Kafka's message codec. A message lists its fields once, in `Describe(auto& c, auto& m)`, and
// visitors run over the list: Writer, Reader, and the schema printer. Classic or flexible (compact
// lengths, tagged fields; KIP-482) is decided once, in the visitors' length and struct-end
// functions, never in a message. Strings and arrays are copied out of the frame, records are views
// into it, so the frame must outlive a decoded message. Fields that a version does not have keep
// their default when read and are left out when written. Pure functions, any thread.
#pragma once

#include "base/status.h"
#include "kafka/wire/reader.h"
#include "kafka/wire/writer.h"

namespace atl::kafka {

// The message's API and which half of it, "Fetch request".
template <Message M>
std::string MessageName() {
  std::string name(ApiOf<M>::kName);  // Appended to: GCC 12 warns wrongly about operator+ here.
  name += RequestMessage<M> ? " request" : " response";
  return name;
}

// `bytes` is a body without its header. Bytes behind a response are an error (kDataLoss, as is all
// damage). Behind a request they are ignored, as Kafka does and clients rely on: librdkafka sends
// three too many when it asks for the metadata of all topics. kInvalidArgument for a version
// outside the message's range.
template <Message M>
StatusOr<M> Decode(BytesView bytes, int16_t version) {
  if (!HasVersion<ApiOf<M>>(version)) {
    return InvalidArgument("{}: no version {}", MessageName<M>(), version);
  }
  Reader reader(bytes, version, IsFlexible<M>(version));
  M message{};
  reader.Struct(message);
  if (!reader.ok()) return reader.status(MessageName<M>());
  if (!RequestMessage<M> && !reader.rest().empty()) {
    return Corrupt("{} v{}: {} bytes left over", MessageName<M>(), version, reader.rest().size());
  }
  return message;
}

// Appends the body. On an error (kInvalidArgument: no such version, or a string or array longer
// than its length field can say) `out` is as before.
template <Message M>
Status EncodeInto(WireBuffer& out, const M& message, int16_t version) {
  if (!HasVersion<ApiOf<M>>(version)) {
    return InvalidArgument("{}: no version {}", MessageName<M>(), version);
  }
  const size_t written = out.written_bytes();
  const size_t chunks = out.chunk_count();
  Writer writer(out, version, IsFlexible<M>(version));
  writer.Struct(message);
  if (writer.ok()) return OkStatus();
  out.Rewind(written, chunks);
  return InvalidArgument("{} v{}: a field is too long to encode", MessageName<M>(), version);
}

}  // namespace atl::kafka
