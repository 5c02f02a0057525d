#include "core-broker/server/kafka_exporter_page.h"

#include <catch2/catch.hpp>

#include "tests/unit/core-broker/server/test_broker.h"

namespace atl::broker {
namespace {

void Commit(TestClient& client, const std::string& topic, int64_t offset) {
  kafka::OffsetCommitRequest request;
  request.group_id = GroupId("g");
  kafka::OffsetCommitTopic& asked = request.topics.emplace_back();
  asked.name = TopicName(topic);
  asked.partitions.push_back({PartitionId(0), Offset(offset), kNoEpoch, std::string()});
  client.Call(request);
}

std::string Page(const TestBroker& broker) {
  Router router;
  RegisterKafkaExporterPage(router, *broker.broker);
  return router.Dispatch({.method = "GET", .path = "/metrics/kafka_exporter"}).body;
}

TEST_CASE("The region is one broker with one replica of everything, under kafka_exporter's names") {
  TestBroker broker;
  TestClient client(broker);
  broker.MakeTopic("orders", 2);
  client.Call(MakeProduce("orders", 0, MakeBatch(10)));
  const std::string page = Page(broker);
  const std::string labels = "{partition=\"0\",topic=\"orders\"} ";
  for (const std::string& line :
       {std::string("kafka_brokers 1\n"),
        std::string("kafka_broker_info{address=\"127.0.0.1:9092\",id=\"1\"} 1\n"),
        std::string("kafka_topic_partitions{topic=\"orders\"} 2\n"),
        "kafka_topic_partition_current_offset" + labels + "10\n",
        "kafka_topic_partition_oldest_offset" + labels + "0\n",
        "kafka_topic_partition_leader" + labels + "1\n",
        "kafka_topic_partition_leader_is_preferred" + labels + "1\n",
        "kafka_topic_partition_replicas" + labels + "1\n",
        "kafka_topic_partition_in_sync_replica" + labels + "1\n",
        "kafka_topic_partition_under_replicated_partition" + labels + "0\n"}) {
    INFO(page);
    REQUIRE_THAT(page, Catch::Contains(line));
  }
  REQUIRE_THAT(page, !Catch::Contains("kafka_consumergroup"));
}

TEST_CASE("A group's offsets and lags are there by partition and by topic, until the topic goes") {
  TestBroker broker;
  TestClient client(broker);
  broker.MakeTopic("orders");
  client.Call(MakeProduce("orders", 0, MakeBatch(10)));
  Commit(client, "orders", 4);
  const std::string page = Page(broker);
  for (const char* line :
       {"kafka_consumergroup_members{consumergroup=\"g\"} 0\n",
        "kafka_consumergroup_current_offset{consumergroup=\"g\",partition=\"0\",topic=\"orders\"} "
        "4\n",
        "kafka_consumergroup_lag{consumergroup=\"g\",partition=\"0\",topic=\"orders\"} 6\n",
        "kafka_consumergroup_current_offset_sum{consumergroup=\"g\",topic=\"orders\"} 4\n",
        "kafka_consumergroup_lag_sum{consumergroup=\"g\",topic=\"orders\"} 6\n"}) {
    INFO(page);
    REQUIRE_THAT(page, Catch::Contains(line));
  }
  REQUIRE(broker.catalog->Delete(broker.catalog->view()->Find(TopicName("orders"))->id).ok());
  REQUIRE_THAT(Page(broker), !Catch::Contains("orders"));
}

TEST_CASE("What clients write and read is counted by topic, and goes with it") {
  TestBroker broker;
  TestClient client(broker);
  broker.MakeTopic("orders");
  const Bytes batch = MakeBatch(10);
  client.Call(MakeProduce("orders", 0, batch));
  client.Call(MakeProduce("orders", 0, batch));
  client.Call(MakeFetch("orders", 0, 10));
  const auto has = [&](const std::string& name, size_t value) {
    return broker.metrics.Text().find(fmt::format("atoll_topic_{}_total{{topic=\"orders\"}} {}\n",
                                                  name, value)) != std::string::npos;
  };
  REQUIRE(has("produced_records", 20));
  REQUIRE(has("produced_bytes", 2 * batch.size()));
  REQUIRE(has("consumed_records", 10));
  REQUIRE(has("consumed_bytes", batch.size()));
  REQUIRE(broker.catalog->Delete(broker.catalog->view()->Find(TopicName("orders"))->id).ok());
  REQUIRE_FALSE(has("produced_records", 20));
}

}  // namespace
}  // namespace atl::broker
