#include "core-broker/server/handlers/delete_topics.h"

#include <utility>

#include "core-broker/server/handlers/blocking.h"

namespace atl::broker {
namespace {

using kafka::DeletableTopicResult;
using kafka::DeleteTopicState;
using kafka::ErrorCode;

constexpr int16_t kFirstVersionWithIds = 6;

DeletableTopicResult DeleteOne(Broker& broker, const DeleteTopicState& asked) {
  DeletableTopicResult result;
  result.name = asked.name;
  result.topic_id = asked.topic_id;
  if (asked.name.has_value() && !asked.topic_id.is_zero()) {
    result.error_code = ErrorCode::kInvalidRequest;
    result.error_message = "both a name and an id are given";
    return result;
  }
  const auto view = broker.catalog.view();
  const auto topic = asked.name.has_value() ? view->Find(*asked.name) : view->Find(asked.topic_id);
  if (topic == nullptr || topic->frozen) {
    result.error_code =
        asked.name.has_value() ? ErrorCode::kUnknownTopicOrPartition : ErrorCode::kUnknownTopicId;
    return result;
  }
  result.name = topic->name;
  result.topic_id = topic->id;
  CatalogOutcome outcome = broker.catalog.Delete(topic->id);
  result.error_code = outcome.error;
  if (!outcome.message.empty()) result.error_message = std::move(outcome.message);
  return result;
}

kafka::DeleteTopicsResponse AnswerDeleteTopics(Broker& broker, int16_t version,
                                               const kafka::DeleteTopicsRequest& request) {
  kafka::DeleteTopicsResponse response;
  if (version >= kFirstVersionWithIds) {
    for (const DeleteTopicState& asked : request.topics) {
      response.responses.push_back(DeleteOne(broker, asked));
    }
    return response;
  }
  for (const TopicName& name : request.topic_names) {
    response.responses.push_back(DeleteOne(broker, {.name = name, .topic_id = {}}));
  }
  return response;
}

}  // namespace

void HandleDeleteTopics(ExchangePtr exchange, kafka::DeleteTopicsRequest request) {
  RunBlocking(std::move(exchange), std::move(request), &AnswerDeleteTopics);
}

}  // namespace atl::broker
