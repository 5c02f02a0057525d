#include <catch2/catch.hpp>

#include "core-broker/catalog/shard_work.h"
#include "kafka/record/batch_builder.h"
#include "tests/unit/core-broker/server/test_broker.h"

namespace atl::broker {
namespace {

using kafka::AlterConfigOp;
using kafka::ConfigResourceType;
using kafka::ErrorCode;

kafka::ListOffsetsPartitionResponse AskOffset(TestClient& client, int64_t timestamp,
                                              int16_t version = 7) {
  kafka::ListOffsetsRequest request;
  request.topics.push_back({.name = TopicName("orders"), .partitions = {}});
  request.topics[0].partitions.push_back(
      {.partition_index = PartitionId(0), .timestamp = Timestamp(timestamp)});
  return client.Call(request, version)->topics.at(0).partitions.at(0);
}

TEST_CASE("ListOffsets knows both ends, times exact to the record, and the newest record") {
  TestBroker broker;
  broker.MakeTopic("orders");
  TestClient client(broker);
  REQUIRE(AskOffset(client, -1).offset == Offset(0));
  const Bytes batch = MakeBatch(10, {.codec = kafka::Codec::kLz4}, 1000);
  client.Call(MakeProduce("orders", 0, batch));

  REQUIRE(AskOffset(client, -1).offset == Offset(10));
  REQUIRE(AskOffset(client, -2).offset == Offset(0));
  REQUIRE(AskOffset(client, -2).leader_epoch == broker.gate.epoch);
  const auto inside = AskOffset(client, 1004);
  REQUIRE(inside.offset == Offset(4));
  REQUIRE(inside.timestamp == Timestamp(1004));
  REQUIRE(AskOffset(client, -3).offset == Offset(9));
  const auto beyond = AskOffset(client, 5000);
  REQUIRE(beyond.error_code == ErrorCode::kNone);
  REQUIRE(beyond.offset == kNoOffset);
  REQUIRE(beyond.timestamp == kNoTimestamp);
  // Versions that do not have a question don't get an answer to it.
  REQUIRE(AskOffset(client, -3, 6).error_code == ErrorCode::kUnsupportedVersion);
  REQUIRE(AskOffset(client, -4).error_code == ErrorCode::kUnsupportedVersion);
}

TEST_CASE("OffsetForLeaderEpoch says where an epoch ends, and judges the asker's own") {
  TestBroker broker;
  broker.MakeTopic("orders");
  TestClient client(broker);
  const Bytes batch = MakeBatch(3);
  client.Call(MakeProduce("orders", 0, batch));
  const auto ask = [&](int32_t partition, LeaderEpoch current, LeaderEpoch epoch) {
    kafka::OffsetForLeaderEpochRequest request;
    request.topics.push_back(
        {.topic = TopicName("orders"), .partitions = {{PartitionId(partition), current, epoch}}});
    return client.Call(request)->topics.at(0).partitions.at(0);
  };
  const LeaderEpoch epoch = broker.gate.epoch;
  REQUIRE(ask(0, kNoEpoch, epoch).end_offset == Offset(3));
  REQUIRE(ask(0, epoch, epoch).leader_epoch == epoch);
  REQUIRE(ask(0, epoch.Next(RegionOrdinal(1)), epoch).error_code == ErrorCode::kUnknownLeaderEpoch);
  REQUIRE(ask(0, LeaderEpoch(1), epoch).error_code == ErrorCode::kFencedLeaderEpoch);
  REQUIRE(ask(9, kNoEpoch, epoch).error_code == ErrorCode::kUnknownTopicOrPartition);
}

TEST_CASE("Producer ids are unique, carry the region, and survive a crash without repeating") {
  TestBroker broker;
  TestClient client(broker);
  std::set<ProducerId> seen;
  for (int i = 0; i < 3; ++i) {
    const auto answer = client.Call(kafka::InitProducerIdRequest{});
    REQUIRE(answer->error_code == ErrorCode::kNone);
    REQUIRE(answer->producer_epoch == ProducerEpoch(0));
    REQUIRE(answer->producer_id.value() >> 40 == 1);
    REQUIRE(seen.insert(answer->producer_id).second);
  }
  broker.store.Crash();
  ProducerIds after(broker.region, RegionOrdinal(1),
                    [&] { return broker.catalog->NextProducerCounter(); });
  const auto id = after.Next();
  REQUIRE(id.ok());
  REQUIRE(seen.insert(*id).second);
}

TEST_CASE("S15: a store that was rolled back hands out no producer id that the logs know") {
  TestBroker broker;
  const auto partition = broker.MakeTopic("orders");
  kafka::BatchBuilder::Options options;
  options.base_sequence = Sequence(0);
  options.producer_epoch = ProducerEpoch(0);
  // Another region's and a foreign cluster's ids are no reason to skip any.
  for (const ProducerId id : {ProducerId::Mint(RegionOrdinal(1), 4'711),
                              ProducerId::Mint(RegionOrdinal(2), 90'000), ProducerId(70'000)}) {
    options.producer_id = id;
    kafka::BatchBuilder builder(options);
    builder.Add(Timestamp(1), {}, AsBytes("x"));
    Bytes batch = *builder.Build();
    AppendOutcome outcome;
    ShardWork work(broker.shards);
    work.Post(broker.catalog->ShardOf(*partition), [&] {
      partition->StageAppend(batch, outcome);
      (void)partition->WriteStaged();
      partition->Publish(OkStatus());
    });
    work.Wait();
    REQUIRE(outcome.error == ErrorCode::kNone);
  }
  REQUIRE(broker.catalog->NextProducerCounter() == 4'712);
  ProducerIds ids(broker.region, RegionOrdinal(1),
                  [&] { return broker.catalog->NextProducerCounter(); });
  REQUIRE(ids.Next().value() == ProducerId::Mint(RegionOrdinal(1), 4'712));
  REQUIRE(ids.Next().value() == ProducerId::Mint(RegionOrdinal(1), 4'713));
}

TEST_CASE("InitProducerId judges what a producer says of itself") {
  TestBroker broker;
  TestClient client(broker);
  kafka::InitProducerIdRequest request;
  request.transactional_id = "";
  REQUIRE(client.Call(request)->error_code == ErrorCode::kInvalidRequest);
  request.transactional_id = "t";
  REQUIRE(client.Call(request)->error_code == ErrorCode::kTransactionalIdAuthorizationFailed);
  request.transactional_id.reset();
  request.producer_id = ProducerId(5);
  REQUIRE(client.Call(request)->error_code == ErrorCode::kInvalidRequest);
  // KIP-360: the client bumps by asking again.
  request.producer_epoch = ProducerEpoch(3);
  const auto bumped = client.Call(request);
  REQUIRE(bumped->error_code == ErrorCode::kNone);
  REQUIRE(bumped->producer_id != ProducerId(5));
}

TEST_CASE("FindCoordinator names this node for groups and refuses transactions clearly") {
  TestBroker broker;
  TestClient client(broker);
  kafka::FindCoordinatorRequest request;
  request.key = "group";
  request.coordinator_keys = {"group", "other"};
  const auto old = client.Call(request, 2);
  REQUIRE(old->node_id == NodeId(1));
  REQUIRE(old->port == 9092);
  const auto many = client.Call(request, 4);
  REQUIRE(many->coordinators.size() == 2);
  REQUIRE(many->coordinators[1].key == "other");
  REQUIRE(many->coordinators[1].host == "127.0.0.1");
  request.key_type = kafka::CoordinatorType::kTransaction;
  const auto refused = client.Call(request, 4);
  REQUIRE(refused->coordinators[0].error_code == ErrorCode::kTransactionalIdAuthorizationFailed);
  REQUIRE(refused->coordinators[0].error_message.has_value());
}

const kafka::DescribeConfigsResourceResult* FindConfig(const kafka::DescribeConfigsResult& result,
                                                       const std::string& name) {
  for (const auto& config : result.configs) {
    if (config.name == name) return &config;
  }
  return nullptr;
}

kafka::DescribeConfigsResult Describe(TestClient& client, ConfigResourceType type,
                                      const std::string& name) {
  kafka::DescribeConfigsRequest request;
  request.include_synonyms = true;
  request.include_documentation = true;
  request.resources.push_back({.resource_type = type, .resource_name = name});
  return client.Call(request)->results.at(0);
}

TEST_CASE("DescribeConfigs says what holds and where it comes from") {
  TestBroker broker;
  broker.MakeTopic("orders", 1, {{"retention.ms", "60000"}, {"x.custom", "kept"}});
  TestClient client(broker);
  const auto topic = Describe(client, ConfigResourceType::kTopic, "orders");
  REQUIRE(topic.error_code == ErrorCode::kNone);
  const auto* retention = FindConfig(topic, "retention.ms");
  REQUIRE(retention != nullptr);
  REQUIRE(retention->value == "60000");
  REQUIRE(retention->config_source == kafka::ConfigSource::kDynamicTopicConfig);
  REQUIRE(retention->synonyms.size() >= 2);
  const auto* policy = FindConfig(topic, "cleanup.policy");
  REQUIRE(policy != nullptr);
  REQUIRE(policy->value == "delete");
  REQUIRE(policy->config_source == kafka::ConfigSource::kDefaultConfig);
  REQUIRE(policy->documentation.has_value());
  REQUIRE(FindConfig(topic, "x.custom") != nullptr);

  const auto node = Describe(client, ConfigResourceType::kBroker, "1");
  REQUIRE(FindConfig(node, "default.replication.factor") != nullptr);
  REQUIRE(Describe(client, ConfigResourceType::kBroker, "2").error_code ==
          ErrorCode::kInvalidRequest);
  REQUIRE(Describe(client, ConfigResourceType::kTopic, "unknown").error_code ==
          ErrorCode::kUnknownTopicOrPartition);
  REQUIRE(Describe(client, ConfigResourceType::kBrokerLogger, "1").error_code ==
          ErrorCode::kInvalidRequest);
}

kafka::AlterConfigsResourceResponse Alter(TestClient& client, AlterConfigOp operation,
                                          const std::string& name,
                                          std::optional<std::string> value) {
  kafka::IncrementalAlterConfigsRequest request;
  request.resources.push_back(
      {.resource_type = ConfigResourceType::kTopic, .resource_name = "orders"});
  request.resources[0].configs.push_back(
      {.name = name, .config_operation = operation, .value = std::move(value)});
  return client.Call(request)->responses.at(0);
}

TEST_CASE("IncrementalAlterConfigs sets, deletes, appends and subtracts") {
  TestBroker broker;
  broker.MakeTopic("orders");
  TestClient client(broker);
  const auto holds = [&](const std::string& name) {
    return broker.catalog->view()->Find(TopicName("orders"))->config.Get(name);
  };
  REQUIRE(Alter(client, AlterConfigOp::kSet, "retention.ms", "5").error_code == ErrorCode::kNone);
  REQUIRE(holds("retention.ms") == "5");
  REQUIRE(Alter(client, AlterConfigOp::kAppend, "cleanup.policy", "compact").error_code ==
          ErrorCode::kNone);
  REQUIRE(holds("cleanup.policy") == "delete,compact");
  REQUIRE(Alter(client, AlterConfigOp::kSubtract, "cleanup.policy", "delete").error_code ==
          ErrorCode::kNone);
  REQUIRE(holds("cleanup.policy") == "compact");
  REQUIRE(holds("retention.ms") == "5");
  REQUIRE(Alter(client, AlterConfigOp::kDelete, "retention.ms", {}).error_code == ErrorCode::kNone);
  REQUIRE(holds("retention.ms") == "604800000");

  REQUIRE(Alter(client, AlterConfigOp::kAppend, "retention.ms", "5").error_code ==
          ErrorCode::kInvalidConfig);
  REQUIRE(Alter(client, AlterConfigOp::kSet, "retention.ms", "soon").error_code ==
          ErrorCode::kInvalidConfig);
  REQUIRE(Alter(client, AlterConfigOp::kSet, "retention.ms", {}).error_code ==
          ErrorCode::kInvalidRequest);
  REQUIRE(Alter(client, AlterConfigOp{9}, "retention.ms", "5").error_code ==
          ErrorCode::kInvalidRequest);
}

TEST_CASE("AlterConfigs replaces everything") {
  TestBroker broker;
  broker.MakeTopic("orders", 1, {{"retention.ms", "60000"}});
  TestClient client(broker);
  kafka::AlterConfigsRequest request;
  request.resources.push_back(
      {.resource_type = ConfigResourceType::kTopic, .resource_name = "orders"});
  request.resources[0].configs.push_back({.name = "segment.bytes", .value = "1048576"});
  request.validate_only = true;
  REQUIRE(client.Call(request)->responses.at(0).error_code == ErrorCode::kNone);
  const auto overrides = [&] {
    return broker.catalog->view()->Find(TopicName("orders"))->config.overrides();
  };
  REQUIRE(overrides().contains("retention.ms"));
  request.validate_only = false;
  REQUIRE(client.Call(request)->responses.at(0).error_code == ErrorCode::kNone);
  REQUIRE_FALSE(overrides().contains("retention.ms"));
  REQUIRE(overrides().at("segment.bytes") == "1048576");
  request.resources[0].resource_type = ConfigResourceType::kBroker;
  REQUIRE(client.Call(request)->responses.at(0).error_code == ErrorCode::kInvalidRequest);
}

TEST_CASE("DescribeCluster and DescribeLogDirs describe the one node") {
  TestBroker broker;
  broker.MakeTopic("orders", 2);
  TestClient client(broker);
  const Bytes batch = MakeBatch(3);
  client.Call(MakeProduce("orders", 0, batch));
  const auto cluster = client.Call(kafka::DescribeClusterRequest{});
  REQUIRE(cluster->cluster_id == "AAAAAAAAAAAAAAAAAAAAAQ");
  REQUIRE(cluster->brokers.at(0).host == "127.0.0.1");
  const auto all = client.Call(kafka::DescribeLogDirsRequest{});
  REQUIRE(all->results.at(0).topics.at(0).partitions.size() == 2);
  REQUIRE(all->results[0].topics[0].partitions[0].partition_size ==
          static_cast<int64_t>(batch.size()));
  kafka::DescribeLogDirsRequest some;
  some.topics.emplace().push_back({TopicName("orders"), {PartitionId(1), PartitionId(9)}});
  REQUIRE(client.Call(some)->results[0].topics.at(0).partitions.size() == 1);
}

}  // namespace
}  // namespace atl::broker
