#include "core-broker/partition/producer_state.h"

#include <catch2/catch.hpp>

namespace atl::broker {
namespace {

using kafka::ErrorCode;

constexpr MonotonicTime kNow{std::chrono::hours(100)};

struct Batch {
  int32_t first;
  int32_t count;
  int16_t epoch = 0;
  int64_t base_offset = 0;
};

kafka::BatchHeader Header(const Batch& batch) {
  kafka::BatchHeader header;
  header.base_offset = Offset(batch.base_offset);
  header.last_offset_delta = batch.count - 1;
  header.record_count = batch.count;
  header.max_timestamp = Timestamp(5'000 + batch.first % 1000);
  header.producer_id = ProducerId(7);
  header.producer_epoch = ProducerEpoch(batch.epoch);
  header.base_sequence = Sequence(batch.first);
  return header;
}

void Accept(ProducerState& state, const Batch& batch) {
  const ProducerState::Verdict verdict = state.Check(Header(batch));
  INFO(verdict.message);
  REQUIRE(verdict.error == ErrorCode::kNone);
  REQUIRE_FALSE(verdict.duplicate);
  state.Stage(Header(batch), kNow);
  state.Commit();
}

void Check(const ProducerState& state, const Batch& batch, ErrorCode error) {
  const ProducerState::Verdict verdict = state.Check(Header(batch));
  INFO(batch.first << " x " << batch.count << " epoch " << batch.epoch << ": " << verdict.message);
  REQUIRE(verdict.error == error);
  REQUIRE_FALSE(verdict.duplicate);
}

}  // namespace

TEST_CASE("A producer's batches follow each other without a hole", "[producer]") {
  ProducerState state;
  Accept(state, {0, 10});
  Accept(state, {10, 1, 0, 10});
  Check(state, {12, 1}, ErrorCode::kOutOfOrderSequenceNumber);
  Check(state, {5, 1}, ErrorCode::kOutOfOrderSequenceNumber);
  Accept(state, {11, 5, 0, 11});
}

TEST_CASE("An unknown producer may start at any sequence", "[producer]") {
  ProducerState state;
  Accept(state, {4711, 3});
  Accept(state, {4714, 3});
}

TEST_CASE("Each of the last five batches is recognised, the sixth is out of order", "[producer]") {
  ProducerState state;
  for (int32_t i = 0; i < 6; ++i) Accept(state, {i * 10, 10, 0, 100 + i * 10});
  for (int32_t i = 1; i < 6; ++i) {
    const ProducerState::Verdict verdict = state.Check(Header({i * 10, 10}));
    REQUIRE(verdict.error == ErrorCode::kNone);
    REQUIRE(verdict.duplicate);
    REQUIRE(verdict.base_offset == Offset(100 + i * 10));
    REQUIRE(verdict.timestamp == Timestamp(5'000 + i * 10));
  }
  Check(state, {0, 10}, ErrorCode::kOutOfOrderSequenceNumber);
  Check(state, {50, 9}, ErrorCode::kOutOfOrderSequenceNumber);  // Not the very batch.
}

TEST_CASE("Sequences wrap from 2147483647 to 0, also inside a batch", "[producer]") {
  ProducerState state;
  Accept(state, {INT32_MAX - 1, 2});
  Check(state, {1, 1}, ErrorCode::kOutOfOrderSequenceNumber);
  Accept(state, {0, 5});
  ProducerState inside;
  Accept(inside, {INT32_MAX - 1, 4});  // ..., 2147483647, 0, 1
  REQUIRE(inside.Check(Header({INT32_MAX - 1, 4})).duplicate);
  Accept(inside, {2, 1});
}

TEST_CASE("A lower epoch is fenced and a higher one starts at 0", "[producer]") {
  ProducerState state;
  Accept(state, {0, 10, 3});
  Check(state, {10, 1, 2}, ErrorCode::kInvalidProducerEpoch);
  Check(state, {10, 1, 4}, ErrorCode::kOutOfOrderSequenceNumber);
  Accept(state, {0, 10, 4, 10});
  REQUIRE(state.Check(Header({0, 10, 4})).base_offset == Offset(10));  // Not the old epoch's.
  Check(state, {10, 1, 3}, ErrorCode::kInvalidProducerEpoch);
}

TEST_CASE("A batch that was refused or not written leaves no trace", "[producer]") {
  ProducerState state;
  Accept(state, {0, 10});
  Check(state, {20, 1}, ErrorCode::kOutOfOrderSequenceNumber);
  state.Stage(Header({10, 5, 0, 10}), kNow);
  REQUIRE(state.Check(Header({10, 5})).duplicate);  // Staged ones count within the turn.
  Check(state, {10, 4}, ErrorCode::kOutOfOrderSequenceNumber);
  state.Discard();
  Accept(state, {10, 4, 0, 10});
}

TEST_CASE("A control batch brings its epoch and no sequence", "[producer]") {
  ProducerState state;
  Accept(state, {0, 10});
  kafka::BatchHeader marker = Header({-1, 1, 1});
  marker.attributes = kafka::kTransactionalBit | kafka::kControlBit;
  marker.base_sequence = kNoSequence;
  state.Stage(marker, kNow);
  state.Commit();
  Check(state, {10, 1, 0}, ErrorCode::kInvalidProducerEpoch);
  Check(state, {10, 1, 1}, ErrorCode::kOutOfOrderSequenceNumber);
  Accept(state, {0, 1, 1});
}

TEST_CASE("A producer is forgotten after a day and may then start anywhere", "[producer]") {
  ProducerState state;
  Accept(state, {0, 10});
  REQUIRE_FALSE(state.Expire(kNow + ProducerState::kExpiration - Duration(1)));
  REQUIRE(state.Expire(kNow + ProducerState::kExpiration));
  REQUIRE(state.size() == 0);
  Accept(state, {99, 1});
}

TEST_CASE("A snapshot restores the batches and the ages, and damage is refused", "[producer]") {
  ProducerState state;
  for (int32_t i = 0; i < 7; ++i) Accept(state, {i * 10, 10, 2, 100 + i * 10});
  const Bytes bytes = state.Encode(kNow + std::chrono::hours(20));
  const MonotonicTime later{std::chrono::hours(3)};  // Another process, another clock.
  StatusOr<ProducerState> restored = ProducerState::Decode(bytes, later);
  REQUIRE(restored.ok());
  REQUIRE(restored->Check(Header({20, 10, 2})).base_offset == Offset(120));
  Check(*restored, {10, 10, 2}, ErrorCode::kOutOfOrderSequenceNumber);
  REQUIRE_FALSE(restored->Expire(later + std::chrono::hours(3)));
  REQUIRE(restored->Expire(later + std::chrono::hours(4)));
  for (size_t length = 0; length < bytes.size(); ++length) {
    REQUIRE_FALSE(ProducerState::Decode(BytesView(bytes).first(length), later).ok());
  }
  Bytes liar = bytes;
  StoreBig<uint32_t>(&liar[1], 0xFFFFFFFF);
  REQUIRE_FALSE(ProducerState::Decode(liar, later).ok());
}

}  // namespace atl::broker
