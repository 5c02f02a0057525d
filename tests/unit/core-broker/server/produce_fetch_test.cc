#include <catch2/catch.hpp>

#include "tests/unit/core-broker/server/test_broker.h"

namespace atl::broker {
namespace {

using kafka::ErrorCode;

TEST_CASE("What was produced is fetched at the offset that was answered, byte for byte") {
  TestBroker broker;
  broker.MakeTopic("orders");
  TestClient client(broker);
  const int16_t produce_version = GENERATE(as<int16_t>(), 3, 7, 8, 9);
  const int16_t fetch_version = GENERATE(as<int16_t>(), 4, 7, 11, 12);

  const Bytes batch = MakeBatch(3);
  for (int64_t expected : {0, 3}) {
    const auto answer = client.Call(MakeProduce("orders", 0, batch), produce_version);
    REQUIRE(First(answer.message).error_code == ErrorCode::kNone);
    REQUIRE(First(answer.message).base_offset == Offset(expected));
    if (produce_version >= 5) REQUIRE(First(answer.message).log_start_offset == Offset(0));
  }
  const auto fetched = client.Call(MakeFetch("orders", 0, 3), fetch_version);
  const kafka::FetchPartitionData& data = First(fetched.message);
  REQUIRE(data.error_code == ErrorCode::kNone);
  REQUIRE(data.high_watermark == Offset(6));
  REQUIRE(data.last_stable_offset == Offset(6));
  REQUIRE_FALSE(data.aborted_transactions.has_value());
  const auto view = kafka::BatchView::Parse(data.records.view());
  REQUIRE(view.ok());
  REQUIRE(view->header().base_offset == Offset(3));
  REQUIRE(view->header().leader_epoch == broker.gate.epoch);
  REQUIRE(view->CrcMatches());
  // From byte 21 on nothing was touched.
  REQUIRE(std::ranges::equal(view->bytes().subspan(kafka::kBatchCrcStart),
                             BytesView(batch).subspan(kafka::kBatchCrcStart)));
}

TEST_CASE("An offset inside a batch gives the whole batch") {
  TestBroker broker;
  broker.MakeTopic("orders");
  TestClient client(broker);
  const Bytes batch = MakeBatch(10);
  client.Call(MakeProduce("orders", 0, batch));
  const auto fetched = client.Call(MakeFetch("orders", 0, 7));
  REQUIRE(First(fetched.message).records.view().size() == batch.size());
}

struct BadProduce {
  const char* what;
  ErrorCode expected;
  std::function<void(Bytes&)> spoil;
};

TEST_CASE("A batch that breaks a rule is refused with Kafka's error and nothing is stored") {
  const std::vector<BadProduce> cases = {
      {"a flipped bit", ErrorCode::kCorruptMessage, [](Bytes& b) { b.back() ^= std::byte{1}; }},
      {"a length beyond the data", ErrorCode::kCorruptMessage,
       [](Bytes& b) { StoreBig<int32_t>(b.data() + kafka::kBatchLengthOffset, 1 << 20); }},
      {"two batches", ErrorCode::kInvalidRecord,
       [](Bytes& b) {
         const Bytes copy = b;
         b.insert(b.end(), copy.begin(), copy.end());
       }},
      {"nothing at all", ErrorCode::kInvalidRecord, [](Bytes& b) { b.clear(); }},
      {"a control batch", ErrorCode::kInvalidRecord,
       [](Bytes& b) {
         kafka::BatchBuilder::Options options;
         options.producer_id = ProducerId(5);
         options.producer_epoch = ProducerEpoch(0);
         b = kafka::BatchBuilder::ControlMarker(options, true, Timestamp(1), 0);
       }},
      {"a transactional batch", ErrorCode::kInvalidTxnState,
       [](Bytes& b) {
         b = MakeBatch(1, {.producer_id = ProducerId(5),
                           .producer_epoch = ProducerEpoch(0),
                           .base_sequence = Sequence(0),
                           .transactional = true});
       }},
  };
  TestBroker broker;
  const auto partition = broker.MakeTopic("orders");
  TestClient client(broker);
  for (const BadProduce& bad : cases) {
    INFO(bad.what);
    Bytes batch = MakeBatch(2);
    bad.spoil(batch);
    const auto answer = client.Call(MakeProduce("orders", 0, batch));
    REQUIRE(First(answer.message).error_code == bad.expected);
    REQUIRE(First(answer.message).base_offset == kNoOffset);
    REQUIRE(First(answer.message).error_message.has_value());
    REQUIRE(partition->offsets().log_end == Offset(0));
  }
}

TEST_CASE("Produce answers each partition for itself") {
  TestBroker broker;
  broker.MakeTopic("orders", 2);
  TestClient client(broker);
  const Bytes batch = MakeBatch(1);
  kafka::ProduceRequest request = MakeProduce("orders", 0, batch);
  request.topic_data[0].partition_data.push_back(
      {.index = PartitionId(7), .records = kafka::RecordData(batch)});
  request.topic_data.push_back({.name = TopicName("unknown"), .partition_data = {}});
  request.topic_data[1].partition_data.push_back(
      {.index = PartitionId(0), .records = kafka::RecordData(batch)});
  const auto answer = client.Call(request);
  const auto& topics = answer->responses;
  REQUIRE(topics[0].partition_responses[0].error_code == ErrorCode::kNone);
  REQUIRE(topics[0].partition_responses[1].error_code == ErrorCode::kUnknownTopicOrPartition);
  REQUIRE(topics[1].partition_responses[0].error_code == ErrorCode::kUnknownTopicOrPartition);
}

TEST_CASE("acks=0 gets no answer, and a broken connection on an error") {
  TestBroker broker;
  const auto partition = broker.MakeTopic("orders");
  TestClient client(broker);
  Bytes batch = MakeBatch(1);
  const ExchangePtr good = client.Send(MakeProduce("orders", 0, batch, 0), 9);
  REQUIRE(good->answer() == Answer::kNothing);
  REQUIRE(partition->offsets().log_end == Offset(1));
  batch.back() ^= std::byte{1};
  const ExchangePtr bad = client.Send(MakeProduce("orders", 0, batch, 0), 9);
  REQUIRE(bad->answer() == Answer::kBreak);
  REQUIRE(bad->error() == ErrorCode::kCorruptMessage);
}

TEST_CASE("acks outside -1, 0 and 1, and transactional ids, void the whole request") {
  TestBroker broker;
  broker.MakeTopic("orders");
  TestClient client(broker);
  const Bytes batch = MakeBatch(1);
  const auto acks = client.Call(MakeProduce("orders", 0, batch, 2));
  REQUIRE(First(acks.message).error_code == ErrorCode::kInvalidRequiredAcks);
  kafka::ProduceRequest transactional = MakeProduce("orders", 0, batch);
  transactional.transactional_id = "t";
  const auto refused = client.Call(transactional);
  REQUIRE(First(refused.message).error_code == ErrorCode::kTransactionalIdAuthorizationFailed);
}

TEST_CASE("acks=1 is answered after the write, acks=all only after a good sync") {
  TestBroker broker;
  const auto partition = broker.MakeTopic("orders");
  TestClient client(broker);
  broker.files.SetFault([](MemoryFileSystem::Operation operation, const std::string& path) {
    const bool log_sync = operation == MemoryFileSystem::Operation::kSync && path.ends_with(".log");
    return log_sync ? Corrupt("{}: I/O error", path) : OkStatus();
  });
  const Bytes batch = MakeBatch(1);
  const int16_t acks = GENERATE(as<int16_t>(), 1, -1);
  const auto answer = client.Call(MakeProduce("orders", 0, batch, acks));
  const ErrorCode expected = acks == 1 ? ErrorCode::kNone : ErrorCode::kKafkaStorageError;
  REQUIRE(First(answer.message).error_code == expected);
  REQUIRE(partition->offsets().high_watermark == Offset(0));
  REQUIRE_FALSE(partition->offline_reason().empty());
  // Offline: refused from now on, and retriable.
  const auto next = client.Call(MakeProduce("orders", 0, batch, acks));
  REQUIRE(First(next.message).error_code == ErrorCode::kKafkaStorageError);
}

TEST_CASE("A mirror refuses produce with the gate's own words") {
  TestBroker broker;
  broker.MakeTopic("orders");
  broker.gate.refusal = "`orders` is a mirror of us-west; produce there";
  TestClient client(broker);
  const Bytes batch = MakeBatch(1);
  const auto answer = client.Call(MakeProduce("orders", 0, batch));
  REQUIRE(First(answer.message).error_code == ErrorCode::kPolicyViolation);
  REQUIRE(First(answer.message).error_message == broker.gate.refusal);
}

TEST_CASE("A retried idempotent batch is answered with its first offset") {
  TestBroker broker;
  const auto partition = broker.MakeTopic("orders");
  TestClient client(broker);
  const Bytes batch = MakeBatch(2, {.producer_id = ProducerId(9),
                                    .producer_epoch = ProducerEpoch(0),
                                    .base_sequence = Sequence(0)});
  for (int i = 0; i < 2; ++i) {
    const auto answer = client.Call(MakeProduce("orders", 0, batch));
    REQUIRE(First(answer.message).error_code == ErrorCode::kNone);
    REQUIRE(First(answer.message).base_offset == Offset(0));
  }
  REQUIRE(partition->offsets().log_end == Offset(2));
  const Bytes skipped = MakeBatch(1, {.producer_id = ProducerId(9),
                                      .producer_epoch = ProducerEpoch(0),
                                      .base_sequence = Sequence(7)});
  const auto answer = client.Call(MakeProduce("orders", 0, skipped));
  REQUIRE(First(answer.message).error_code == ErrorCode::kOutOfOrderSequenceNumber);
}

TEST_CASE("Requests that share a turn of a shard each get their own offset") {
  TestBroker broker;
  broker.MakeTopic("orders");
  TestClient client(broker);
  const Bytes batch = MakeBatch(1);
  broker.shards.Hold();
  std::vector<ExchangePtr> sent;
  for (int i = 0; i < 5; ++i) sent.push_back(client.Send(MakeProduce("orders", 0, batch), 9));
  REQUIRE(client.answers == 0);
  broker.shards.Release();
  broker.Poll();
  for (int i = 0; i < 5; ++i) {
    const auto answer = client.Take<kafka::ProduceResponse>(sent[static_cast<size_t>(i)], 9);
    REQUIRE(First(answer.message).base_offset == Offset(i));
  }
}

}  // namespace
}  // namespace atl::broker
