#include "core-broker/server/handlers/list_offsets.h"

#include <algorithm>
#include <set>
#include <utility>

#include "core-broker/server/handlers/blocking.h"
#include "core-broker/server/handlers/lookup.h"
#include "core-broker/server/handlers/status_to_error.h"

namespace atl::broker {
namespace {

using kafka::ErrorCode;
using kafka::ListOffsetsPartitionResponse;

constexpr int16_t kFirstVersionWithMaxTimestamp = 7;

bool IsEnd(Timestamp asked) {
  return asked == kafka::kLatestTimestamp || asked == kafka::kEarliestTimestamp;
}

bool OnlyEnds(const kafka::ListOffsetsRequest& request) {
  for (const kafka::ListOffsetsTopic& topic : request.topics) {
    const auto is_end = [](const auto& one) { return IsEnd(one.timestamp); };
    if (!std::all_of(topic.partitions.begin(), topic.partitions.end(), is_end)) return false;
  }
  return true;
}

void AnswerEnd(const Partition& partition, Timestamp asked, Isolation isolation,
               ListOffsetsPartitionResponse& response) {
  const PartitionOffsets offsets = partition.offsets();
  if (asked == kafka::kLatestTimestamp) {
    response.offset =
        isolation == Isolation::kReadCommitted ? offsets.last_stable : offsets.high_watermark;
    response.leader_epoch = partition.last_epoch();
    return;
  }
  response.offset = offsets.log_start;
  if (offsets.log_start == offsets.log_end) return;
  const auto first = partition.BatchAt(offsets.log_start);
  if (first.ok()) response.leader_epoch = first->leader_epoch;
}

void AnswerTime(const Partition& partition, Timestamp asked, Isolation isolation,
                ListOffsetsPartitionResponse& response) {
  const StatusOr<TimestampedOffset> found = asked == kafka::kMaxTimestamp
                                                ? partition.FindMaxTimestamp()
                                                : partition.FindTimestamp(asked, isolation);
  if (!found.ok()) {
    response.error_code = ToErrorCode(found.status(), "ListOffsets");
    return;
  }
  response.offset = found->offset;
  response.timestamp = found->timestamp;
  response.leader_epoch = found->epoch;
}

void AnswerPartition(const CatalogView& view, const TopicName& topic, int16_t version,
                     Isolation isolation, const kafka::ListOffsetsPartition& asked,
                     ListOffsetsPartitionResponse& response) {
  const FoundPartition found = FindPartition(view, topic, asked.partition_index);
  if (found.partition == nullptr) {
    response.error_code = ErrorCode::kUnknownTopicOrPartition;
    return;
  }
  response.error_code =
      CheckEpoch(asked.current_leader_epoch, CurrentEpoch(*found.topic, *found.partition));
  if (response.error_code != ErrorCode::kNone) return;
  if (IsEnd(asked.timestamp)) {
    return AnswerEnd(*found.partition, asked.timestamp, isolation, response);
  }
  const bool is_max = asked.timestamp == kafka::kMaxTimestamp;
  if (asked.timestamp < Timestamp(0) && !(is_max && version >= kFirstVersionWithMaxTimestamp)) {
    response.error_code = ErrorCode::kUnsupportedVersion;
    return;
  }
  AnswerTime(*found.partition, asked.timestamp, isolation, response);
}

kafka::ListOffsetsResponse AnswerListOffsets(Broker& broker, int16_t version,
                                             const kafka::ListOffsetsRequest& request) {
  const auto view = broker.catalog.view();
  const Isolation isolation = request.isolation_level == kafka::IsolationLevel::kReadCommitted
                                  ? Isolation::kReadCommitted
                                  : Isolation::kReadUncommitted;
  kafka::ListOffsetsResponse response;
  for (const kafka::ListOffsetsTopic& topic : request.topics) {
    kafka::ListOffsetsTopicResponse& answer = response.topics.emplace_back();
    answer.name = topic.name;
    std::set<PartitionId> seen;
    for (const kafka::ListOffsetsPartition& asked : topic.partitions) {
      ListOffsetsPartitionResponse& partition = answer.partitions.emplace_back();
      partition.partition_index = asked.partition_index;
      if (!seen.insert(asked.partition_index).second) {
        partition.error_code = ErrorCode::kInvalidRequest;  // Asked twice, as Kafka says.
        continue;
      }
      AnswerPartition(*view, topic.name, version, isolation, asked, partition);
    }
  }
  return response;
}

}  // namespace

void HandleListOffsets(ExchangePtr exchange, kafka::ListOffsetsRequest request) {
  if (!OnlyEnds(request)) {
    return RunBlocking(std::move(exchange), std::move(request), &AnswerListOffsets);
  }
  exchange->Reply(AnswerListOffsets(exchange->broker(), exchange->version(), request));
}

}  // namespace atl::broker
