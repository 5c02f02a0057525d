#include <catch2/catch.hpp>

#include "tests/unit/core-broker/server/test_broker.h"

namespace atl::broker {
namespace {

using kafka::ErrorCode;

kafka::CreateTopicsRequest MakeCreate(const std::string& name, int32_t partitions,
                                      int16_t replicas) {
  kafka::CreateTopicsRequest request;
  request.topics.push_back(
      {.name = TopicName(name), .num_partitions = partitions, .replication_factor = replicas});
  return request;
}

kafka::MetadataRequest AskFor(const std::string& name, bool create) {
  kafka::MetadataRequest request;
  request.topics.emplace().push_back({.topic_id = {}, .name = TopicName(name)});
  request.allow_auto_topic_creation = create;
  return request;
}

TEST_CASE("A created topic can be used at once, and Metadata says all about it") {
  TestBroker broker;
  TestClient client(broker);
  const auto created = client.Call(MakeCreate("orders", 3, 1));
  const kafka::CreatableTopicResult& result = created->topics.at(0);
  REQUIRE(result.error_code == ErrorCode::kNone);
  REQUIRE(result.num_partitions == 3);
  REQUIRE(result.replication_factor == 1);
  REQUIRE_FALSE(result.topic_id.is_zero());
  REQUIRE(result.configs.has_value());

  const int16_t version = GENERATE(as<int16_t>(), 1, 4, 8, 9, 10, 12);
  const auto metadata = client.Call(AskFor("orders", false), version);
  REQUIRE(metadata->brokers.at(0).node_id == NodeId(1));
  REQUIRE(metadata->brokers.at(0).port == 9092);
  REQUIRE(metadata->controller_id == NodeId(1));
  const kafka::MetadataResponseTopic& topic = metadata->topics.at(0);
  REQUIRE(topic.error_code == ErrorCode::kNone);
  REQUIRE(topic.partitions.size() == 3);
  REQUIRE(topic.partitions[2].partition_index == PartitionId(2));
  REQUIRE(topic.partitions[2].leader_id == NodeId(1));
  if (version >= 7) REQUIRE(topic.partitions[2].leader_epoch == broker.gate.epoch);
  if (version >= 10) REQUIRE(topic.topic_id == result.topic_id);
}

TEST_CASE("Metadata finds a topic by its id, and lists all topics") {
  TestBroker broker;
  TestClient client(broker);
  broker.MakeTopic("a");
  broker.MakeTopic("b");
  const auto by_name = client.Call(AskFor("a", false));
  kafka::MetadataRequest by_id;
  by_id.topics.emplace().push_back({.topic_id = by_name->topics.at(0).topic_id});
  by_id.topics->push_back({.topic_id = *Uuid::Parse("AAAAAAAAAAAAAAAAAAAABQ")});
  const auto found = client.Call(by_id);
  REQUIRE(found->topics.at(0).name == TopicName("a"));
  REQUIRE(found->topics.at(1).error_code == ErrorCode::kUnknownTopicId);
  REQUIRE(client.Call(kafka::MetadataRequest{})->topics.size() == 2);
}

TEST_CASE("Metadata creates a missing topic only when client and region allow it") {
  BrokerConfig config = TestBroker::DefaultConfig();
  config.auto_create = GENERATE(true, false);
  TestBroker broker(config);
  TestClient client(broker);
  const auto refused = client.Call(AskFor("orders", false));
  REQUIRE(refused->topics.at(0).error_code == ErrorCode::kUnknownTopicOrPartition);
  const auto asked = client.Call(AskFor("orders", true));
  if (!config.auto_create) {
    REQUIRE(asked->topics.at(0).error_code == ErrorCode::kUnknownTopicOrPartition);
    return;
  }
  REQUIRE(asked->topics.at(0).error_code == ErrorCode::kNone);
  REQUIRE(asked->topics.at(0).partitions.size() == 4);
  REQUIRE(asked->topics.at(0).partitions[0].leader_id == NodeId(1));
  const auto bad = client.Call(AskFor("no spaces", true));
  REQUIRE(bad->topics.at(0).error_code == ErrorCode::kInvalidTopicException);
}

TEST_CASE("CreateTopics judges sizes as Kafka does") {
  struct Case {
    int32_t partitions;
    int16_t replicas;
    bool clamp;
    ErrorCode expected;
  };
  const Case each = GENERATE(
      Case{1, 1, false, ErrorCode::kNone}, Case{-1, -1, false, ErrorCode::kNone},
      Case{0, 1, false, ErrorCode::kInvalidPartitions},
      Case{-2, 1, false, ErrorCode::kInvalidPartitions},
      Case{1'000'000, 1, false, ErrorCode::kInvalidPartitions},
      Case{1, 0, false, ErrorCode::kInvalidReplicationFactor},
      Case{1, 3, false, ErrorCode::kInvalidReplicationFactor}, Case{1, 3, true, ErrorCode::kNone});
  BrokerConfig config = TestBroker::DefaultConfig();
  config.replication_factor_clamp = each.clamp;
  TestBroker broker(config);
  TestClient client(broker);
  const auto answer = client.Call(MakeCreate("orders", each.partitions, each.replicas));
  INFO(each.partitions << " " << each.replicas);
  REQUIRE(answer->topics.at(0).error_code == each.expected);
}

TEST_CASE("CreateTopics refuses what can't be, and does nothing when only asked to validate") {
  TestBroker broker;
  TestClient client(broker);
  broker.MakeTopic("there");
  const auto code = [&](const kafka::CreateTopicsRequest& request) {
    return client.Call(request)->topics.at(0).error_code;
  };
  REQUIRE(code(MakeCreate("there", 1, 1)) == ErrorCode::kTopicAlreadyExists);
  REQUIRE(code(MakeCreate("a b", 1, 1)) == ErrorCode::kInvalidTopicException);

  kafka::CreateTopicsRequest twice = MakeCreate("twice", 1, 1);
  twice.topics.push_back(twice.topics[0]);
  const auto answer = client.Call(twice);
  REQUIRE(answer->topics.size() == 1);
  REQUIRE(answer->topics[0].error_code == ErrorCode::kInvalidRequest);

  kafka::CreateTopicsRequest config = MakeCreate("config", 1, 1);
  config.topics[0].configs.push_back({.name = "retention.ms", .value = "soon"});
  REQUIRE(code(config) == ErrorCode::kInvalidConfig);

  kafka::CreateTopicsRequest dry = MakeCreate("dry", 2, 1);
  dry.validate_only = true;
  REQUIRE(code(dry) == ErrorCode::kNone);
  REQUIRE(broker.catalog->view()->Find(TopicName("dry")) == nullptr);

  kafka::CreateTopicsRequest assigned = MakeCreate("assigned", -1, -1);
  assigned.topics[0].assignments.push_back({PartitionId(0), {NodeId(1)}});
  REQUIRE(code(assigned) == ErrorCode::kNone);
  assigned.topics[0].name = TopicName("elsewhere");
  assigned.topics[0].assignments[0].broker_ids = {NodeId(2)};
  REQUIRE(code(assigned) == ErrorCode::kInvalidReplicaAssignment);
}

TEST_CASE("DeleteTopics works by name and by id") {
  TestBroker broker;
  TestClient client(broker);
  broker.MakeTopic("a");
  broker.MakeTopic("b");
  kafka::DeleteTopicsRequest by_name;
  by_name.topic_names = {TopicName("a"), TopicName("unknown")};
  const auto old = client.Call(by_name, 3);
  REQUIRE(old->responses.at(0).error_code == ErrorCode::kNone);
  REQUIRE(old->responses.at(1).error_code == ErrorCode::kUnknownTopicOrPartition);
  kafka::DeleteTopicsRequest by_id;
  by_id.topics.push_back(
      {.name = {}, .topic_id = broker.catalog->view()->Find(TopicName("b"))->id});
  by_id.topics.push_back({.name = {}, .topic_id = *Uuid::Parse("AAAAAAAAAAAAAAAAAAAABQ")});
  const auto answer = client.Call(by_id);
  REQUIRE(answer->responses.at(0).error_code == ErrorCode::kNone);
  REQUIRE(answer->responses.at(0).name == TopicName("b"));
  REQUIRE(answer->responses.at(1).error_code == ErrorCode::kUnknownTopicId);
  REQUIRE(broker.catalog->view()->by_name.empty());
}

TEST_CASE("CreatePartitions grows, echoes every topic, and never shrinks") {
  TestBroker broker;
  TestClient client(broker);
  broker.MakeTopic("orders", 2);
  kafka::CreatePartitionsRequest request;
  request.topics.push_back({.name = TopicName("orders"), .count = 4});
  request.topics.push_back({.name = TopicName("unknown"), .count = 4});
  const auto grown = client.Call(request);
  REQUIRE(grown->results.size() == 2);
  REQUIRE(grown->results[0].error_code == ErrorCode::kNone);
  REQUIRE(grown->results[1].error_code == ErrorCode::kUnknownTopicOrPartition);
  REQUIRE(broker.catalog->view()->Find(TopicName("orders"))->partitions.size() == 4);
  request.topics.resize(1);
  for (const int32_t count : std::vector<int32_t>{4, 1, 0, -3}) {
    request.topics[0].count = count;
    REQUIRE(client.Call(request)->results[0].error_code == ErrorCode::kInvalidPartitions);
  }
}

TEST_CASE("What a client may not change about a mirror is refused by the gate") {
  TestBroker broker;
  TestClient client(broker);
  broker.MakeTopic("orders");
  broker.gate.refusal = "`orders` is a mirror of us-west";
  kafka::CreatePartitionsRequest grow;
  grow.topics.push_back({.name = TopicName("orders"), .count = 4});
  const auto grown = client.Call(grow);
  REQUIRE(grown->results[0].error_code == ErrorCode::kPolicyViolation);
  REQUIRE(grown->results[0].error_message == broker.gate.refusal);

  kafka::IncrementalAlterConfigsRequest alter;
  alter.resources.push_back(
      {.resource_type = kafka::ConfigResourceType::kTopic, .resource_name = "orders"});
  const auto altered = client.Call(alter);
  REQUIRE(altered->responses[0].error_code == ErrorCode::kPolicyViolation);
  REQUIRE(altered->responses[0].error_message == broker.gate.refusal);

  kafka::DeleteRecordsRequest records;
  records.topics.push_back(
      {.name = TopicName("orders"), .partitions = {{PartitionId(0), Offset(0)}}});
  const auto deleted = client.Call(records);
  REQUIRE(deleted->topics[0].partitions[0].error_code == ErrorCode::kPolicyViolation);
}

TEST_CASE("DeleteRecords moves the log start up, to the high watermark at most") {
  TestBroker broker;
  const auto partition = broker.MakeTopic("orders");
  broker.MakeTopic("compacted", 1, {{"cleanup.policy", "compact"}});
  TestClient client(broker);
  const Bytes batch = MakeBatch(10);
  client.Call(MakeProduce("orders", 0, batch));
  const auto ask = [&](const std::string& topic, int64_t offset) {
    kafka::DeleteRecordsRequest request;
    request.topics.push_back(
        {.name = TopicName(topic), .partitions = {{PartitionId(0), Offset(offset)}}});
    return client.Call(request)->topics.at(0).partitions.at(0);
  };
  REQUIRE(ask("orders", 4).low_watermark == Offset(4));
  REQUIRE(partition->offsets().log_start == Offset(4));
  REQUIRE(ask("orders", 11).error_code == ErrorCode::kOffsetOutOfRange);
  REQUIRE(ask("orders", -1).low_watermark == Offset(10));
  REQUIRE(ask("unknown", 0).error_code == ErrorCode::kUnknownTopicOrPartition);
  REQUIRE(ask("compacted", 0).error_code == ErrorCode::kPolicyViolation);
}

}  // namespace
}  // namespace atl::broker
