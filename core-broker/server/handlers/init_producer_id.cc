#include "core-broker/server/handlers/init_producer_id.h"

#include <utility>

#include "core-broker/server/handlers/blocking.h"
#include "core-broker/server/handlers/status_to_error.h"

namespace atl::broker {
namespace {

using kafka::ErrorCode;

ErrorCode CheckInit(const kafka::InitProducerIdRequest& request) {
  if (request.transactional_id.has_value()) {
    return request.transactional_id->empty() ? ErrorCode::kInvalidRequest
                                             : ErrorCode::kTransactionalIdAuthorizationFailed;
  }
  // Only both or neither.
  const bool has_id = request.producer_id != kNoProducer;
  const bool has_epoch = request.producer_epoch != kNoProducerEpoch;
  return has_id == has_epoch ? ErrorCode::kNone : ErrorCode::kInvalidRequest;
}

kafka::InitProducerIdResponse AnswerInit(Broker& broker, int16_t,
                                         const kafka::InitProducerIdRequest&) {
  kafka::InitProducerIdResponse response;
  const StatusOr<ProducerId> id = broker.producer_ids.Next();
  if (!id.ok()) {
    response.error_code = ToErrorCode(id.status(), "InitProducerId");
    return response;
  }
  response.producer_id = *id;
  response.producer_epoch = ProducerEpoch(0);
  return response;
}

}  // namespace

void HandleInitProducerId(ExchangePtr exchange, kafka::InitProducerIdRequest request) {
  const ErrorCode error = CheckInit(request);
  if (error == ErrorCode::kNone) {
    return RunBlocking(std::move(exchange), std::move(request), &AnswerInit);
  }
  kafka::InitProducerIdResponse refused;
  refused.error_code = error;
  exchange->Reply(refused);
}

}  // namespace atl::broker
