#include "core-broker/server/handlers/offset_for_leader_epoch.h"

#include "core-broker/server/handlers/lookup.h"

namespace atl::broker {
namespace {

using kafka::ErrorCode;

kafka::EpochEndOffset AnswerPartition(const CatalogView& view, const TopicName& topic,
                                      const kafka::OffsetForLeaderPartition& asked) {
  kafka::EpochEndOffset answer;
  answer.partition = asked.partition;
  const FoundPartition found = FindPartition(view, topic, asked.partition);
  if (found.partition == nullptr) {
    answer.error_code = ErrorCode::kUnknownTopicOrPartition;
    return answer;
  }
  answer.error_code =
      CheckEpoch(asked.current_leader_epoch, CurrentEpoch(*found.topic, *found.partition));
  if (answer.error_code != ErrorCode::kNone) return answer;
  const EpochEnd end = found.partition->EndOfEpoch(asked.leader_epoch);
  answer.leader_epoch = end.epoch;
  answer.end_offset = end.end;
  return answer;
}

}  // namespace

void HandleOffsetForLeaderEpoch(ExchangePtr exchange, kafka::OffsetForLeaderEpochRequest request) {
  const auto view = exchange->broker().catalog.view();
  kafka::OffsetForLeaderEpochResponse response;
  for (const kafka::OffsetForLeaderTopic& topic : request.topics) {
    auto& answer = response.topics.emplace_back();
    answer.topic = topic.topic;
    for (const kafka::OffsetForLeaderPartition& asked : topic.partitions) {
      answer.partitions.push_back(AnswerPartition(*view, topic.topic, asked));
    }
  }
  exchange->Reply(response);
}

}  // namespace atl::broker
