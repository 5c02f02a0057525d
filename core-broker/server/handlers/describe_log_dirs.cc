#include "core-broker/server/handlers/describe_log_dirs.h"

#include <utility>

#include "core-broker/server/handlers/blocking.h"
#include "core-broker/server/handlers/lookup.h"

namespace atl::broker {
namespace {

void AddPartition(const Partition& partition, kafka::DescribeLogDirsTopic& answer) {
  answer.partitions.push_back({.partition_index = partition.identity().partition,
                               .partition_size = partition.size_bytes().value()});
}

void AddAll(const CatalogView& view, kafka::DescribeLogDirsResult& result) {
  for (const auto& [name, topic] : view.by_name) {
    kafka::DescribeLogDirsTopic& answer = result.topics.emplace_back();
    answer.name = name;
    for (const auto& partition : topic->partitions) AddPartition(*partition, answer);
  }
}

void AddAsked(const CatalogView& view, const std::vector<kafka::DescribableLogDirTopic>& topics,
              kafka::DescribeLogDirsResult& result) {
  for (const kafka::DescribableLogDirTopic& asked : topics) {
    kafka::DescribeLogDirsTopic answer;
    answer.name = asked.topic;
    for (const PartitionId index : asked.partitions) {
      const FoundPartition found = FindPartition(view, asked.topic, index);
      if (found.partition != nullptr) AddPartition(*found.partition, answer);
    }
    // A partition that is not here has no log folder, which is no error.
    if (!answer.partitions.empty()) result.topics.push_back(std::move(answer));
  }
}

kafka::DescribeLogDirsResponse AnswerLogDirs(Broker& broker, int16_t,
                                             const kafka::DescribeLogDirsRequest& request) {
  kafka::DescribeLogDirsResponse response;
  kafka::DescribeLogDirsResult& result = response.results.emplace_back();
  result.log_dir = broker.config.data_folder;
  const auto space = broker.files.SpaceAt(broker.config.data_folder);
  if (space.ok()) {
    result.total_bytes = space->total.value();
    result.usable_bytes = space->free.value();
  }
  const auto view = broker.catalog.view();
  if (request.topics.has_value()) {
    AddAsked(*view, *request.topics, result);
  } else {
    AddAll(*view, result);
  }
  return response;
}

}  // namespace

void HandleDescribeLogDirs(ExchangePtr exchange, kafka::DescribeLogDirsRequest request) {
  RunBlocking(std::move(exchange), std::move(request), &AnswerLogDirs);
}

}  // namespace atl::broker
