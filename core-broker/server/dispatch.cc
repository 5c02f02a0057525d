#include "core-broker/server/dispatch.h"

#include <utility>

#include "base/logging.h"
#include "core-broker/server/handlers/api_versions.h"

namespace atl::broker {
namespace {

template <class Api>
Dispatched DecodeAndHandle(const ExchangePtr& exchange) {
  auto request = kafka::Decode<typename Api::Request>(exchange->body(), exchange->version());
  if (!request.ok()) {
    LogDebug("core-broker", "{}", StatusMessage(request.status()));
    return Dispatched::kMalformed;
  }
  Clock& clock = exchange->broker().clock;
  exchange->started = clock.Now();
  Api::kHandler(exchange, *std::move(request));
  exchange->returned = clock.Now();
  return Dispatched::kHandled;
}

// The one API whose unknown versions are answered: clients begin with it, and learn from the answer
// which version to use.
Dispatched AnswerUnknownApiVersions(Exchange& exchange) {
  exchange.started = exchange.returned = exchange.broker().clock.Now();
  const kafka::ApiRow* row = Apis::Find(kafka::ApiVersionsRequest::kApiKey);
  kafka::ApiVersion itself{row->key, row->advertised_min_version, row->max_version};
  exchange.ReplyIn(kafka::UnsupportedApiVersions({itself}), 0);
  return Dispatched::kHandled;
}

}  // namespace

void HandleApiVersions(ExchangePtr exchange, kafka::ApiVersionsRequest request) {
  AnswerApiVersions(*exchange, request, Apis::Advertised());
}

StatusOr<ExchangePtr> Admit(const Exchange::Context& context, FrameBuffer frame,
                            MonotonicTime received) {
  BytesView body = frame.bytes();
  ASSIGN_OR_RETURN(const kafka::RequestHeader header,
                   kafka::ReadRequestHeader(body, &Apis::FlexibleFrom));
  Exchange::Request request{
      .header = header, .body = body, .frame = std::move(frame), .received = received};
  return std::make_shared<Exchange>(context, std::move(request));
}

Dispatched Dispatch(const ExchangePtr& exchange) {
  const int16_t key = exchange->header().api_key;
  const kafka::ApiRow* row = Apis::Find(key);
  if (row == nullptr) return Dispatched::kUnknownApi;
  if (!row->Serves(exchange->version())) {
    const bool answered = key == kafka::ApiVersionsRequest::kApiKey;
    return answered ? AnswerUnknownApiVersions(*exchange) : Dispatched::kUnsupportedVersion;
  }
  Dispatched dispatched = Dispatched::kUnknownApi;
  Apis::Visit(key, [&]<class Api>(Api) { dispatched = DecodeAndHandle<Api>(exchange); });
  return dispatched;
}

}  // namespace atl::broker
