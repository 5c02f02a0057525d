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

// The first byte chooses among R's versions, the rest is the response's body.
template <class R>
void CheckResponse(BytesView input) {
  if (input.empty()) return;
  constexpr int kVersions = R::kMaxVersion - R::kMinVersion + 1;
  const auto version =
      static_cast<int16_t>(R::kMinVersion + static_cast<int>(input[0]) % kVersions);
  CheckStable<typename R::Response>(input.subspan(1), version);
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

void FetchResponse(BytesView input) { CheckResponse<kafka::FetchRequest>(input); }

void GroupResponse(BytesView input) {
  if (input.empty()) return;
  const BytesView rest = input.subspan(1);
  switch (static_cast<int>(input[0]) % 3) {
    case 0:
      return CheckResponse<kafka::OffsetFetchRequest>(rest);
    case 1:
      return CheckResponse<kafka::ListGroupsRequest>(rest);
    default:
      return CheckResponse<kafka::FindCoordinatorRequest>(rest);
  }
}

}  // namespace atl::fuzz
