#include "core-broker/server/kafka_exporter_page.h"

#include <algorithm>
#include <map>

#include "base/metrics_text.h"
#include "core-broker/server/group_lag.h"

namespace atl::broker {
namespace {

// Names and help texts are kafka_exporter's.
struct TopicFamilies {
  FamilyBuilder partitions{"kafka_topic_partitions", "Number of partitions for this Topic"};
  FamilyBuilder current{"kafka_topic_partition_current_offset",
                        "Current Offset of a Broker at Topic/Partition"};
  FamilyBuilder oldest{"kafka_topic_partition_oldest_offset",
                       "Oldest Offset of a Broker at Topic/Partition"};
  FamilyBuilder leader{"kafka_topic_partition_leader", "Leader Broker ID of this Topic/Partition"};
  FamilyBuilder preferred{"kafka_topic_partition_leader_is_preferred",
                          "1 if Topic/Partition is using the Preferred Broker"};
  FamilyBuilder replicas{"kafka_topic_partition_replicas",
                         "Number of Replicas for this Topic/Partition"};
  FamilyBuilder in_sync{"kafka_topic_partition_in_sync_replica",
                        "Number of In-Sync Replicas for this Topic/Partition"};
  FamilyBuilder under_replicated{"kafka_topic_partition_under_replicated_partition",
                                 "1 if Topic/Partition is under Replicated"};

  void Add(const Topic& topic, NodeId node);
  void AppendTo(std::vector<MetricFamily>& out) &&;
};

void TopicFamilies::Add(const Topic& topic, NodeId node) {
  partitions.Add({{"topic", topic.name.value()}}, static_cast<double>(topic.partitions.size()));
  for (const auto& partition : topic.partitions) {
    const Labels labels{{"topic", topic.name.value()},
                        {"partition", std::to_string(partition->identity().partition.value())}};
    const PartitionOffsets offsets = partition->offsets();
    if (offsets.high_watermark != kNoOffset) {
      current.Add(labels, static_cast<double>(offsets.high_watermark.value()));
      oldest.Add(labels, static_cast<double>(offsets.log_start.value()));
    }
    const bool online = partition->offline_reason().empty();
    leader.Add(labels, online ? node.value() : -1);
    preferred.Add(labels, online ? 1 : 0);
    replicas.Add(labels, 1);
    in_sync.Add(labels, online ? 1 : 0);
    under_replicated.Add(labels, online ? 0 : 1);
  }
}

void TopicFamilies::AppendTo(std::vector<MetricFamily>& out) && {
  for (FamilyBuilder* family : {&partitions, &current, &oldest, &leader, &preferred, &replicas,
                                &in_sync, &under_replicated}) {
    std::move(*family).AppendTo(out);
  }
}

struct GroupFamilies {
  FamilyBuilder members{"kafka_consumergroup_members", "Amount of members in a consumer group"};
  FamilyBuilder current{"kafka_consumergroup_current_offset",
                        "Current Offset of a ConsumerGroup at Topic/Partition"};
  FamilyBuilder current_sum{"kafka_consumergroup_current_offset_sum",
                            "Current Offset of a ConsumerGroup at Topic for all partitions"};
  FamilyBuilder lag{"kafka_consumergroup_lag",
                    "Current Approximate Lag of a ConsumerGroup at Topic/Partition"};
  FamilyBuilder lag_sum{"kafka_consumergroup_lag_sum",
                        "Current Approximate Lag of a ConsumerGroup at Topic for all partitions"};

  void Add(const CatalogView& view, const GroupView& group);
  void AppendTo(std::vector<MetricFamily>& out) &&;
};

void GroupFamilies::Add(const CatalogView& view, const GroupView& group) {
  struct Sum {
    int64_t offset = 0;
    int64_t lag = 0;
  };
  const std::string& name = group.activity.group.value();
  members.Add({{"consumergroup", name}}, group.activity.member_count);
  std::map<TopicName, Sum> sums;
  for (const CommittedOffset& committed : group.offsets) {
    const std::optional<RecordCount> behind = RecordsBehind(view, committed);
    if (!behind) continue;
    const Labels labels{{"consumergroup", name},
                        {"topic", committed.topic.value()},
                        {"partition", std::to_string(committed.partition.value())}};
    current.Add(labels, static_cast<double>(committed.offset.value()));
    lag.Add(labels, static_cast<double>(behind->value()));
    Sum& sum = sums[committed.topic];
    sum.offset += committed.offset.value();
    sum.lag += behind->value();
  }
  for (const auto& [topic, sum] : sums) {
    const Labels labels{{"consumergroup", name}, {"topic", topic.value()}};
    current_sum.Add(labels, static_cast<double>(sum.offset));
    lag_sum.Add(labels, static_cast<double>(sum.lag));
  }
}

void GroupFamilies::AppendTo(std::vector<MetricFamily>& out) && {
  for (FamilyBuilder* family : {&members, &current, &current_sum, &lag, &lag_sum}) {
    std::move(*family).AppendTo(out);
  }
}

std::string KafkaExporterPage(const Broker& broker) {
  std::vector<MetricFamily> families;
  FamilyBuilder brokers("kafka_brokers", "Number of Brokers in the Kafka Cluster.");
  brokers.Add({}, 1);
  std::move(brokers).AppendTo(families);
  FamilyBuilder info("kafka_broker_info", "Information about the Kafka Broker.");
  info.Add({{"address",
             fmt::format("{}:{}", broker.config.advertised_host, broker.config.advertised_port)},
            {"id", std::to_string(broker.config.node_id.value())}},
           1);
  std::move(info).AppendTo(families);

  const auto view = broker.catalog.view();
  TopicFamilies topics;
  for (const auto& [name, topic] : view->by_name) topics.Add(*topic, broker.config.node_id);
  std::move(topics).AppendTo(families);
  GroupFamilies groups;
  for (const GroupView& group : broker.groups.Views()) groups.Add(*view, group);
  std::move(groups).AppendTo(families);
  return MetricsText(families);
}

}  // namespace

void RegisterKafkaExporterPage(Router& router, const Broker& broker) {
  router.Add("GET", "/metrics/kafka_exporter", [&broker](const HttpCall&) {
    return HttpReply{.body = KafkaExporterPage(broker),
                     .content_type = "text/plain; version=0.0.4"};
  });
}

}  // namespace atl::broker
