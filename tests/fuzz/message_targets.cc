#include "base/check.h"
#include "kafka/wire/api_table.h"
#include "tests/fuzz/targets.h"
#include "tests/unit/kafka/wire/all_messages.h"

namespace atl::fuzz {
namespace {

template <class M>
void CheckStable(BytesView body, int16_t version) {
  const StatusOr<M> message = kafka::Decode<M>(body, version);
  if (!message.ok()) return;
  const Bytes once = kafka::EncodeBytes(*message, version);
  const StatusOr<M> again = kafka::Decode<M>(once, version);
  CHECK(again.ok(), "{} v{}: what was encoded is not decoded", kafka::MessageName<M>(), version);
  CHECK(kafka::EncodeBytes(*again, version) == once, "{} v{}: a round trip changes the message",
        kafka::MessageName<M>(), version);
}

}  // namespace

void Request(BytesView frame) {
  using Table = kafka::AllRequests::Table;
  const StatusOr<kafka::RequestHeader> header =
      kafka::ReadRequestHeader(frame, &Table::FlexibleFrom);
  if (!header.ok()) return;
  Table::Visit(header->api_key,
               [&]<class A>(A) { CheckStable<typename A::Request>(frame, header->api_version); });
}

void FetchResponse(BytesView input) {
  if (input.empty()) return;
  constexpr int kVersions = kafka::FetchRequest::kMaxVersion - kafka::FetchRequest::kMinVersion + 1;
  const auto version = static_cast<int16_t>(kafka::FetchRequest::kMinVersion +
                                            static_cast<int>(input[0]) % kVersions);
  CheckStable<kafka::FetchResponse>(input.subspan(1), version);
}

}  // namespace atl::fuzz
