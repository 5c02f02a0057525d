#include "core-broker/server/handlers/group_admin.h"

#include <utility>

#include "core-broker/server/handlers/lookup.h"
#include "core-broker/server/handlers/reply_home.h"

namespace atl::broker {

using kafka::ErrorCode;

void HandleDescribeGroups(ExchangePtr exchange, kafka::DescribeGroupsRequest request) {
  kafka::DescribeGroupsResponse response;
  for (const GroupId& group : request.groups) {
    response.groups.push_back(exchange->broker().groups.Describe(group));
  }
  exchange->Reply(response);
}

void HandleListGroups(ExchangePtr exchange, kafka::ListGroupsRequest request) {
  kafka::ListGroupsResponse response;
  response.groups = exchange->broker().groups.List(request.states_filter);
  exchange->Reply(response);
}

void HandleDeleteGroups(ExchangePtr exchange, kafka::DeleteGroupsRequest request) {
  Coordinator& groups = exchange->broker().groups;
  const std::vector<GroupId> names = std::move(request.groups_names);
  groups.DeleteGroups(names,
                      [exchange = std::move(exchange), names](const Coordinator::Errors& errors) {
                        kafka::DeleteGroupsResponse response;
                        for (size_t i = 0; i < names.size(); ++i)
                          response.results.push_back({names[i], errors[i]});
                        ReplyHome(exchange, std::move(response));
                      });
}

void HandleOffsetDelete(ExchangePtr exchange, kafka::OffsetDeleteRequest request) {
  const auto view = exchange->broker().catalog.view();
  std::vector<Coordinator::TopicPartition> items;
  kafka::OffsetDeleteResponse response;
  for (const kafka::OffsetDeleteTopic& topic : request.topics) {
    kafka::OffsetDeleteTopicResult& result = response.topics.emplace_back();
    result.name = topic.name;
    for (const kafka::OffsetDeletePartition& asked : topic.partitions) {
      const PartitionId partition = asked.partition_index;
      const bool known = FindPartition(*view, topic.name, partition).partition != nullptr;
      result.partitions.push_back(
          {partition, known ? ErrorCode::kNone : ErrorCode::kUnknownTopicOrPartition});
      if (known) items.emplace_back(topic.name, partition);
    }
  }
  Coordinator& groups = exchange->broker().groups;
  groups.DeleteOffsets(request.group_id, items,
                       [exchange = std::move(exchange), response = std::move(response)](
                           ErrorCode whole, const Coordinator::Errors& errors) mutable {
                         response.error_code = whole;
                         if (whole != ErrorCode::kNone) response.topics.clear();
                         size_t next = 0;
                         for (kafka::OffsetDeleteTopicResult& topic : response.topics) {
                           for (kafka::OffsetDeletePartitionResult& one : topic.partitions) {
                             if (one.error_code == ErrorCode::kNone)
                               one.error_code = errors[next++];
                           }
                         }
                         ReplyHome(exchange, std::move(response));
                       });
}

}  // namespace atl::broker
