// Messages as another implementation (kafka-python 3.0, which runs Kafka's own message definitions)
// encodes them: both directions must agree with it byte for byte.
#include <catch2/catch.hpp>

#include "tests/unit/kafka/wire/golden_bytes.h"

namespace atl::kafka {
namespace {

const TopicId kTopicId({0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb,
                        0xcc, 0xdd, 0xee, 0xff});

TEST_CASE("Fetch request", "[golden]") {
  FetchRequest fetch;
  fetch.cluster_id = "c";
  fetch.max_wait_ms = 500;
  fetch.min_bytes = 1;
  fetch.max_bytes = 1048576;
  fetch.isolation_level = IsolationLevel::kReadCommitted;
  fetch.session_id = 7;
  fetch.session_epoch = 3;
  fetch.rack_id = "r1";
  FetchPartition partition;
  partition.partition = PartitionId(2);
  partition.current_leader_epoch = LeaderEpoch(257);
  partition.fetch_offset = Offset(42);
  partition.last_fetched_epoch = LeaderEpoch(257);
  partition.partition_max_bytes = 65536;
  fetch.topics = {{TopicName("orders"), {partition}}};
  fetch.forgotten_topics_data = {{TopicName("old"), {PartitionId(0), PartitionId(1)}}};
  Check(fetch,
        {{4,
          "ffffffff000001f40000000100100000010000000100066f7264657273000000010000000200000000000000"
          "2a00010000"},
         {7,
          "ffffffff000001f400000001001000000100000007000000030000000100066f726465727300000001000000"
          "02000000000000002affffffffffffffff000100000000000100036f6c640000000200000000000000"
          "01"},
         {11,
          "ffffffff000001f400000001001000000100000007000000030000000100066f726465727300000001000000"
          "0200000101000000000000002affffffffffffffff000100000000000100036f6c6400000002000000"
          "000000000100027231"},
         {12,
          "ffffffff000001f4000000010010000001000000070000000302076f72646572730200000002000001010000"
          "00000000002a00000101ffffffffffffffff00010000000002046f6c64030000000000000001000372"
          "310100020263"}});
}

TEST_CASE("Fetch response", "[golden]") {
  const Bytes records = Hex("010203");
  FetchPartitionData data;
  data.partition_index = PartitionId(2);
  data.error_code = ErrorCode::kOffsetOutOfRange;
  data.high_watermark = Offset(100);
  data.last_stable_offset = Offset(90);
  data.log_start_offset = Offset(5);
  data.diverging_epoch = {LeaderEpoch(257), Offset(40)};
  data.current_leader = {NodeId(1), LeaderEpoch(513)};
  data.aborted_transactions = {{ProducerId(1000), Offset(50)}};
  data.records = RecordData(records);
  FetchResponse fetch;
  fetch.session_id = 9;
  fetch.responses = {{TopicName("orders"), {data}}};
  Check(fetch,
        {{4,
          "000000000000000100066f7264657273000000010000000200010000000000000064000000000000005a0000"
          "000100000000000003e8000000000000003200000003010203"},
         {11,
          "000000000000000000090000000100066f726465727300000001000000020001000000000000006400000000"
          "0000005a00000000000000050000000100000000000003e80000000000000032ffffffff0000000301"
          "0203"},
         {12,
          "0000000000000000000902076f7264657273020000000200010000000000000064000000000000005a000000"
          "00000000050200000000000003e8000000000000003200ffffffff0401020302000d00000101000000"
          "00000000280001090000000100000201000000"}});
}

TEST_CASE("Produce request and response", "[golden]") {
  const Bytes records = Hex("aabb");
  ProduceRequest produce;
  produce.acks = -1;
  produce.timeout_ms = 30000;
  produce.topic_data = {{TopicName("orders"), {{PartitionId(0), RecordData(records)}}}};
  Check(produce, {{3, "ffffffff000075300000000100066f7264657273000000010000000000000002aabb"},
                  {9, "00ffff0000753002076f7264657273020000000003aabb000000"}});

  PartitionProduceResponse partition;
  partition.error_code = ErrorCode::kInvalidRecord;
  partition.base_offset = kNoOffset;
  partition.log_start_offset = Offset(4);
  partition.record_errors = {{3, "no key"}};
  partition.error_message = "bad";
  ProduceResponse response;
  response.responses = {{TopicName("orders"), {partition}}};
  response.throttle_time_ms = 12;
  Check(
      response,
      {{3, "0000000100066f726465727300000001000000000057ffffffffffffffffffffffffffffffff0000000c"},
       {8,
        "0000000100066f726465727300000001000000000057ffffffffffffffffffffffffffffffff000000000000"
        "0004000000010000000300066e6f206b657900036261640000000c"},
       {9,
        "02076f726465727302000000000057ffffffffffffffffffffffffffffffff00000000000000040200000003"
        "076e6f206b6579000462616400000000000c00"}});
}

TEST_CASE("Metadata request and response", "[golden]") {
  MetadataRequest request;
  request.allow_auto_topic_creation = false;
  request.include_cluster_authorized_operations = true;
  request.include_topic_authorized_operations = true;
  Check(request, {{1, "ffffffff"}, {9, "0000010100"}});
  request.topics = {{kTopicId, std::nullopt}};
  Check(request, {{12, "0200112233445566778899aabbccddeeff0000000100"}});

  MetadataResponsePartition partition;
  partition.leader_id = NodeId(1);
  partition.leader_epoch = LeaderEpoch(257);
  partition.replica_nodes = {NodeId(1)};
  partition.isr_nodes = {NodeId(1)};
  MetadataResponseTopic topic;
  topic.name = TopicName("orders");
  topic.topic_id = kTopicId;
  topic.partitions = {partition};
  MetadataResponse response;
  response.throttle_time_ms = 1;
  response.brokers = {{NodeId(1), "127.0.0.1", 9092, std::nullopt}};
  response.cluster_id = "cid";
  response.controller_id = NodeId(1);
  response.topics = {topic};
  Check(response,
        {{0,
          "000000010000000100093132372e302e302e310000238400000001000000066f7264657273000000"
          "010000000000000000000100000001000000010000000100000001"},
         {5,
          "00000001000000010000000100093132372e302e302e3100002384ffff0003636964000000010000"
          "0001000000066f726465727300000000010000000000000000000100000001000000010000000100"
          "00000100000000"},
         {12,
          "0000000102000000010a3132372e302e302e310000238400000463696400000001020000076f7264"
          "65727300112233445566778899aabbccddeeff000200000000000000000001000001010200000001"
          "02000000010100800000000000"}});
}

TEST_CASE("ApiVersions response", "[golden]") {
  ApiVersionsResponse response;
  response.api_keys = {{0, 0, 9}, {18, 0, 4}};
  response.supported_features = {{"kraft.version", 1, 1}};
  response.finalized_features_epoch = 4;
  Check(response,
        {{0, "000000000002000000000009001200000004"},
         {3,
          "000003000000000009000012000000040000000000020014020e6b726166742e76657273696f6e0001000100"
          "01080000000000000004"}});
}

TEST_CASE("CreateTopics request and response", "[golden]") {
  CreatableTopic topic;
  topic.name = TopicName("orders");
  topic.num_partitions = -1;
  topic.replication_factor = -1;
  topic.assignments = {{PartitionId(0), {NodeId(1), NodeId(2)}}};
  topic.configs = {{"cleanup.policy", "compact"}, {"x", std::nullopt}};
  CreateTopicsRequest request;
  request.topics = {topic};
  request.validate_only = true;
  Check(request,
        {{2,
          "0000000100066f7264657273ffffffffffff000000010000000000000002000000010000000200000002000e"
          "636c65616e75702e706f6c6963790007636f6d70616374000178ffff0000ea6001"},
         {7,
          "02076f7264657273ffffffffffff020000000003000000010000000200030f636c65616e75702e706f6c6963"
          "7908636f6d706163740002780000000000ea600100"}});

  CreatableTopicResult result;
  result.name = TopicName("orders");
  result.topic_id = kTopicId;
  result.error_code = ErrorCode::kTopicAuthorizationFailed;
  result.error_message = "no";
  result.topic_config_error_code = ErrorCode::kTopicAuthorizationFailed;
  result.num_partitions = 3;
  result.replication_factor = 1;
  CreateTopicsResponse response;
  response.topics = {result};
  Check(response,
        {{4, "000000000000000100066f7264657273001d00026e6f"},
         {7,
          "0000000002076f726465727300112233445566778899aabbccddeeff001d036e6f0000000300010001000200"
          "1d00"}});
}

}  // namespace
}  // namespace atl::kafka
