// Kafka's consumer protocol, as far as a broker looks into it: which topics a member subscribes to,
// and which partitions it was assigned. The bytes come from clients and may be anything, also for
// the protocol type "consumer"; what can't be read is nothing. Pure functions.
#pragma once

#include <optional>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/types.h"

namespace atl::broker {

inline constexpr std::string_view kConsumerProtocolType = "consumer";

std::optional<std::vector<TopicName>> SubscribedTopics(BytesView metadata);

struct AssignedTopic {
  TopicName topic;
  std::vector<PartitionId> partitions;
};
std::optional<std::vector<AssignedTopic>> AssignedPartitions(BytesView assignment);

}  // namespace atl::broker
