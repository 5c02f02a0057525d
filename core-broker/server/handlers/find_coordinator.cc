#include "core-broker/server/handlers/find_coordinator.h"

namespace atl::broker {
namespace {

using kafka::CoordinatorType;
using kafka::ErrorCode;

constexpr int16_t kFirstVersionWithMany = 4;

kafka::Coordinator Find(const BrokerConfig& config, const std::string& key, CoordinatorType type) {
  kafka::Coordinator found;
  found.key = key;
  if (type == CoordinatorType::kGroup) {
    found.node_id = config.node_id;
    found.host = config.advertised_host;
    found.port = config.advertised_port;
    return found;
  }
  const bool transaction = type == CoordinatorType::kTransaction;
  found.node_id = NodeId(-1);
  found.port = -1;
  found.error_code =
      transaction ? ErrorCode::kTransactionalIdAuthorizationFailed : ErrorCode::kInvalidRequest;
  found.error_message =
      transaction ? "transactions are not served by this region" : "unknown coordinator type";
  return found;
}

}  // namespace

void HandleFindCoordinator(ExchangePtr exchange, kafka::FindCoordinatorRequest request) {
  const BrokerConfig& config = exchange->broker().config;
  kafka::FindCoordinatorResponse response;
  if (exchange->version() >= kFirstVersionWithMany) {
    for (const std::string& key : request.coordinator_keys) {
      response.coordinators.push_back(Find(config, key, request.key_type));
    }
  } else {
    kafka::Coordinator found = Find(config, request.key, request.key_type);
    response.error_code = found.error_code;
    response.error_message = std::move(found.error_message);
    response.node_id = found.node_id;
    response.host = std::move(found.host);
    response.port = found.port;
  }
  exchange->Reply(response);
}

}  // namespace atl::broker
