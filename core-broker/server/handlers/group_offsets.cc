#include "core-broker/server/handlers/group_offsets.h"

#include <utility>

#include "core-broker/server/handlers/lookup.h"
#include "core-broker/server/handlers/reply_home.h"

namespace atl::broker {
namespace {

using kafka::ErrorCode;
using Topics = std::vector<kafka::OffsetFetchTopicResult>;

constexpr int16_t kFirstVersionWithGroups = 8;  // Of OffsetFetch.

// Where an item's error goes.
struct Slot {
  size_t topic;
  size_t partition;
};

kafka::OffsetFetchPartitionResult ToResult(PartitionId partition, const StoredOffset* stored) {
  kafka::OffsetFetchPartitionResult result;
  result.partition_index = partition;
  result.metadata = "";
  if (stored == nullptr) return result;
  result.committed_offset = stored->offset;
  result.committed_leader_epoch = stored->epoch;
  result.metadata = stored->metadata;
  return result;
}

// `asked` null: everything that the group has committed.
Topics FetchGroup(const Coordinator& groups, const GroupId& group,
                  const std::optional<std::vector<kafka::OffsetFetchTopic>>& asked) {
  Topics topics;
  if (!asked) {
    for (CommittedOffset& one : groups.FetchOffsets(group)) {
      if (topics.empty() || topics.back().name != one.topic) topics.push_back({one.topic, {}});
      topics.back().partitions.push_back(
          {one.partition, one.offset, one.epoch, std::move(one.metadata), ErrorCode::kNone});
    }
    return topics;
  }
  for (const kafka::OffsetFetchTopic& topic : *asked) {
    kafka::OffsetFetchTopicResult& result = topics.emplace_back();
    result.name = topic.name;
    for (const PartitionId partition : topic.partition_indexes) {
      const auto stored = groups.FetchOffset(group, topic.name, partition);
      result.partitions.push_back(ToResult(partition, stored ? &*stored : nullptr));
    }
  }
  return topics;
}

}  // namespace

void HandleOffsetCommit(ExchangePtr exchange, kafka::OffsetCommitRequest request) {
  Coordinator::Commit commit;
  commit.group = std::move(request.group_id);
  commit.generation = request.generation_id;
  commit.member = {std::move(request.member_id), std::move(request.group_instance_id)};
  if (request.retention_time_ms >= 0) {
    commit.retention = std::chrono::milliseconds(request.retention_time_ms);
  }
  const auto view = exchange->broker().catalog.view();
  kafka::OffsetCommitResponse response;
  std::vector<Slot> slots;
  for (kafka::OffsetCommitTopic& topic : request.topics) {
    kafka::OffsetCommitTopicResult& result = response.topics.emplace_back();
    result.name = topic.name;
    for (kafka::OffsetCommitPartition& asked : topic.partitions) {
      const auto [known, partition] = FindPartition(*view, topic.name, asked.partition_index);
      result.partitions.push_back({asked.partition_index, partition == nullptr
                                                              ? ErrorCode::kUnknownTopicOrPartition
                                                              : ErrorCode::kNone});
      if (partition == nullptr) continue;
      // Of a consumer that has not heard yet that the log was cut: it goes on where the cut was, or
      // at what is committed (S13).
      const auto position = partition->PositionOf(
          asked.committed_offset, asked.committed_leader_epoch, CurrentEpoch(*known, *partition));
      if (!position) continue;
      slots.push_back({response.topics.size() - 1, result.partitions.size() - 1});
      commit.items.push_back({topic.name, asked.partition_index, *position,
                              asked.committed_leader_epoch,
                              std::move(asked.committed_metadata).value_or("")});
    }
  }
  Coordinator& groups = exchange->broker().groups;
  groups.CommitOffsets(std::move(commit), [exchange = std::move(exchange), slots = std::move(slots),
                                           response = std::move(response)](
                                              const Coordinator::Errors& errors) mutable {
    for (size_t i = 0; i < slots.size(); ++i) {
      response.topics[slots[i].topic].partitions[slots[i].partition].error_code = errors[i];
    }
    ReplyHome(exchange, std::move(response));
  });
}

void HandleOffsetFetch(ExchangePtr exchange, kafka::OffsetFetchRequest request) {
  const Coordinator& groups = exchange->broker().groups;
  kafka::OffsetFetchResponse response;
  if (exchange->version() < kFirstVersionWithGroups) {
    response.topics = FetchGroup(groups, request.group_id, request.topics);
  }
  for (const kafka::OffsetFetchGroup& group : request.groups) {
    response.groups.push_back(
        {group.group_id, FetchGroup(groups, group.group_id, group.topics), ErrorCode::kNone});
  }
  exchange->Reply(response);
}

}  // namespace atl::broker
