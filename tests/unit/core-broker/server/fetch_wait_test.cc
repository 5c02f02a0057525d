#include <catch2/catch.hpp>

#include "tests/unit/core-broker/server/test_broker.h"

namespace atl::broker {
namespace {

using kafka::ErrorCode;
using kafka::FetchResponse;

void Append(TestClient& client, const std::string& topic, int32_t partition, int count = 1,
            size_t value_bytes = 10) {
  const Bytes batch = MakeBatch(count, {}, 1000, value_bytes);
  const auto answer = client.Call(MakeProduce(topic, partition, batch));
  REQUIRE(First(answer.message).error_code == ErrorCode::kNone);
}

TEST_CASE("A fetch at the end waits, and is answered by the next append") {
  TestBroker broker;
  broker.MakeTopic("orders");
  TestClient consumer(broker);
  TestClient producer(broker);
  kafka::FetchRequest request = MakeFetch("orders", 0, 0);
  const bool session = GENERATE(false, true);
  if (session) request.session_epoch = 0;

  const ExchangePtr waiting = consumer.Send(request, 12);
  REQUIRE(waiting->answer() == Answer::kPending);
  REQUIRE(waiting->deadline() == broker.clock.Now() + std::chrono::milliseconds(500));
  Append(producer, "orders", 0);
  const auto fetched = consumer.Take<FetchResponse>(waiting, 12);
  REQUIRE(First(fetched.message).high_watermark == Offset(1));
  REQUIRE(First(fetched.message).records.total_bytes() > 0);
  REQUIRE((fetched->session_id != 0) == session);
}

TEST_CASE("A fetch that waits in vain is answered at its deadline, without records") {
  TestBroker broker;
  broker.MakeTopic("orders");
  TestClient consumer(broker);
  const ExchangePtr waiting = consumer.Send(MakeFetch("orders", 0, 0), 12);
  REQUIRE(waiting->parked() != nullptr);
  waiting->parked()->OnDeadline();
  const auto fetched = consumer.Take<FetchResponse>(waiting, 12);
  REQUIRE(First(fetched.message).error_code == ErrorCode::kNone);
  REQUIRE(First(fetched.message).records.empty());
  REQUIRE_FALSE(First(fetched.message).records.is_null());
}

TEST_CASE("min_bytes holds an answer back until enough has come") {
  TestBroker broker;
  broker.MakeTopic("orders");
  TestClient consumer(broker);
  TestClient producer(broker);
  const size_t one = MakeBatch(1).size();
  kafka::FetchRequest request = MakeFetch("orders", 0, 0);
  request.min_bytes = static_cast<int32_t>(3 * one);
  const ExchangePtr waiting = consumer.Send(request, 12);
  for (int i = 0; i < 3; ++i) {
    REQUIRE(waiting->answer() == Answer::kPending);
    Append(producer, "orders", 0);
  }
  const auto fetched = consumer.Take<FetchResponse>(waiting, 12);
  REQUIRE(First(fetched.message).records.total_bytes() == 3 * one);
}

TEST_CASE("Errors of a partition answer at once") {
  TestBroker broker;
  broker.MakeTopic("orders");
  TestClient consumer(broker);
  Append(consumer, "orders", 0);
  const LeaderEpoch epoch = broker.gate.epoch;
  const auto check = [&](kafka::FetchRequest request, ErrorCode expected) {
    const auto fetched = consumer.Call(request);
    REQUIRE(First(fetched.message).error_code == expected);
    REQUIRE(First(fetched.message).records.empty());
  };
  check(MakeFetch("unknown", 0, 0), ErrorCode::kUnknownTopicOrPartition);
  check(MakeFetch("orders", 5, 0), ErrorCode::kUnknownTopicOrPartition);
  check(MakeFetch("orders", 0, 2), ErrorCode::kOffsetOutOfRange);
  kafka::FetchRequest fenced = MakeFetch("orders", 0, 0);
  fenced.topics[0].partitions[0].current_leader_epoch = LeaderEpoch(epoch.value() - 1);
  check(fenced, ErrorCode::kFencedLeaderEpoch);
  kafka::FetchRequest ahead = MakeFetch("orders", 0, 0);
  ahead.topics[0].partitions[0].current_leader_epoch = LeaderEpoch(epoch.value() + 1);
  check(ahead, ErrorCode::kUnknownLeaderEpoch);
  kafka::FetchRequest right = MakeFetch("orders", 0, 0);
  right.topics[0].partitions[0].current_leader_epoch = epoch;
  const auto fetched = consumer.Call(right);
  REQUIRE(First(fetched.message).error_code == ErrorCode::kNone);
}

TEST_CASE("A fetcher whose log diverges is told where, not given records") {
  TestBroker broker;
  broker.MakeTopic("orders");
  TestClient consumer(broker);
  const LeaderEpoch first = broker.gate.epoch;
  Append(consumer, "orders", 0);
  broker.gate.epoch = first.Next(RegionOrdinal(1));
  Append(consumer, "orders", 0, 5);
  const auto fetch = [&](int64_t offset, LeaderEpoch last_fetched) {
    kafka::FetchRequest request = MakeFetch("orders", 0, offset);
    request.topics[0].partitions[0].last_fetched_epoch = last_fetched;
    return consumer.Call(request);
  };
  // Its first epoch went on to 3; ours ended at 1.
  const auto diverging = fetch(3, first);
  const kafka::FetchPartitionData& data = First(diverging.message);
  REQUIRE(data.error_code == ErrorCode::kNone);
  REQUIRE(data.diverging_epoch.has_value());
  REQUIRE(data.diverging_epoch->epoch == first);
  REQUIRE(data.diverging_epoch->end_offset == Offset(1));
  REQUIRE(data.records.empty());
  // One that goes on where ours does is served; an epoch that we never heard of is not.
  REQUIRE(First(fetch(1, first).message).records.total_bytes() > 0);
  REQUIRE(First(fetch(1, LeaderEpoch(9999)).message).error_code == ErrorCode::kOffsetOutOfRange);
}

TEST_CASE("The first batch comes whole even above every limit, and alone") {
  TestBroker broker;
  broker.MakeTopic("orders", 2);
  TestClient consumer(broker);
  Append(consumer, "orders", 0, 1, 5000);
  Append(consumer, "orders", 1, 1, 5000);
  kafka::FetchRequest request = MakeFetch("orders", 0, 0);
  request.max_bytes = 1;
  request.topics[0].partitions[0].partition_max_bytes = 1;
  request.topics[0].partitions.push_back(request.topics[0].partitions[0]);
  request.topics[0].partitions[1].partition = PartitionId(1);
  const auto fetched = consumer.Call(request);
  REQUIRE(fetched->responses[0].partitions[0].records.total_bytes() > 5000);
  REQUIRE(fetched->responses[0].partitions[1].records.total_bytes() == 0);
  REQUIRE(fetched->responses[0].partitions[1].high_watermark == Offset(1));
}

kafka::FetchRequest Incremental(int32_t id, int32_t epoch) {
  kafka::FetchRequest request;
  request.max_wait_ms = 500;
  request.min_bytes = 1;
  request.session_id = id;
  request.session_epoch = epoch;
  return request;
}

// A session over `partitions` empty partitions of "orders", answered at its deadline.
int32_t OpenSession(TestClient& consumer, int32_t partitions) {
  kafka::FetchRequest request = MakeFetch("orders", 0, 0);
  request.session_epoch = 0;
  for (int32_t i = 1; i < partitions; ++i) {
    request.topics[0].partitions.push_back(request.topics[0].partitions[0]);
    request.topics[0].partitions.back().partition = PartitionId(i);
  }
  const ExchangePtr first = consumer.Send(request, 12);
  if (first->answer() == Answer::kPending) first->parked()->OnDeadline();
  const auto answer = consumer.Take<FetchResponse>(first, 12);
  REQUIRE(answer->session_id > 0);
  REQUIRE(std::ssize(answer->responses[0].partitions) == partitions);
  return answer->session_id;
}

TEST_CASE("An incremental fetch names only what changed, and waits when nothing did") {
  TestBroker broker;
  broker.MakeTopic("orders", 50);
  TestClient consumer(broker);
  TestClient producer(broker);
  const int32_t id = OpenSession(consumer, 50);

  const ExchangePtr waiting = consumer.Send(Incremental(id, 1), 12);
  REQUIRE(waiting->answer() == Answer::kPending);
  Append(producer, "orders", 17);
  const auto changed = consumer.Take<FetchResponse>(waiting, 12);
  REQUIRE(changed->session_id == id);
  REQUIRE(changed->responses.size() == 1);
  REQUIRE(changed->responses[0].partitions.size() == 1);
  REQUIRE(First(changed.message).partition_index == PartitionId(17));

  // The fetcher moves on; nothing else has changed.
  kafka::FetchRequest moved = MakeFetch("orders", 17, 1);
  moved.session_id = id;
  moved.session_epoch = 2;
  const ExchangePtr idle = consumer.Send(moved, 12);
  REQUIRE(idle->answer() == Answer::kPending);
  idle->parked()->OnDeadline();
  REQUIRE(consumer.Take<FetchResponse>(idle, 12)->responses.empty());
}

TEST_CASE("Data that was not taken is offered again") {
  TestBroker broker;
  broker.MakeTopic("orders");
  TestClient consumer(broker);
  Append(consumer, "orders", 0);
  const int32_t id = OpenSession(consumer, 1);
  const auto again = consumer.Call(Incremental(id, 1));
  REQUIRE(First(again.message).records.total_bytes() > 0);
}

TEST_CASE("Sessions follow their epochs") {
  TestBroker broker;
  broker.MakeTopic("orders");
  TestClient consumer(broker);
  const int32_t id = OpenSession(consumer, 1);
  REQUIRE(consumer.Call(Incremental(id, 5))->error_code == ErrorCode::kInvalidFetchSessionEpoch);
  REQUIRE(consumer.Call(Incremental(id + 1, 1))->error_code == ErrorCode::kFetchSessionIdNotFound);
  // Another connection does not have it.
  TestClient stranger(broker);
  REQUIRE(stranger.Call(Incremental(id, 1))->error_code == ErrorCode::kFetchSessionIdNotFound);
  // Closed by a final epoch, which is answered as a plain fetch.
  kafka::FetchRequest last = MakeFetch("orders", 0, 0);
  last.session_id = id;
  last.session_epoch = -1;
  last.max_wait_ms = 0;
  REQUIRE(consumer.Call(last)->session_id == 0);
  REQUIRE(consumer.Call(Incremental(id, 1))->error_code == ErrorCode::kFetchSessionIdNotFound);
  REQUIRE(FetchSessions::NextEpoch(INT32_MAX) == 1);
}

TEST_CASE("A forgotten partition is silent, an added one speaks") {
  TestBroker broker;
  broker.MakeTopic("orders", 2);
  TestClient consumer(broker);
  TestClient producer(broker);
  const int32_t id = OpenSession(consumer, 1);
  Append(producer, "orders", 0);
  kafka::FetchRequest change = MakeFetch("orders", 1, 0);
  change.session_id = id;
  change.session_epoch = 1;
  change.forgotten_topics_data.push_back(
      {.topic = TopicName("orders"), .partitions = {PartitionId(0)}});
  const ExchangePtr waiting = consumer.Send(change, 12);
  REQUIRE(waiting->answer() == Answer::kPending);
  Append(producer, "orders", 1);
  const auto answer = consumer.Take<FetchResponse>(waiting, 12);
  REQUIRE(answer->responses[0].partitions.size() == 1);
  REQUIRE(First(answer.message).partition_index == PartitionId(1));
}

TEST_CASE("A hot partition can't starve the others") {
  TestBroker broker;
  broker.MakeTopic("orders", 3);
  TestClient consumer(broker);
  const int32_t id = OpenSession(consumer, 3);
  for (int32_t partition = 0; partition < 3; ++partition) {
    Append(consumer, "orders", partition, 1, 5000);
  }
  std::set<int32_t> served;
  for (int32_t epoch = 1; epoch <= 3; ++epoch) {
    kafka::FetchRequest request = Incremental(id, epoch);
    request.max_bytes = 100;
    const auto answer = consumer.Call(request);
    REQUIRE(answer->responses[0].partitions.size() == 1);
    served.insert(First(answer.message).partition_index.value());
  }
  REQUIRE(served.size() == 3);
}

TEST_CASE("A topic deleted under a waiting fetch answers it") {
  TestBroker broker;
  broker.MakeTopic("orders");
  TestClient consumer(broker);
  const ExchangePtr waiting = consumer.Send(MakeFetch("orders", 0, 0), 12);
  REQUIRE(waiting->answer() == Answer::kPending);
  REQUIRE(broker.catalog->Delete(broker.catalog->view()->Find(TopicName("orders"))->id).ok());
  broker.Poll();
  if (waiting->answer() == Answer::kPending) waiting->parked()->OnDeadline();
  const auto answer = consumer.Take<FetchResponse>(waiting, 12);
  REQUIRE(First(answer.message).error_code == ErrorCode::kUnknownTopicOrPartition);
}

TEST_CASE("A waiting fetch whose connection ends is forgotten") {
  TestBroker broker;
  const auto partition = broker.MakeTopic("orders");
  TestClient producer(broker);
  {
    TestClient consumer(broker);
    const ExchangePtr waiting = consumer.Send(MakeFetch("orders", 0, 0), 12);
    waiting->Detach();
  }
  Append(producer, "orders", 0);
  REQUIRE(partition->offsets().high_watermark == Offset(1));
}

}  // namespace
}  // namespace atl::broker
