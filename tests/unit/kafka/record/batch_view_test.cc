#include "kafka/record/batch_view.h"

#include <limits>

#include "tests/unit/kafka/record/batches.h"

#include <catch2/catch.hpp>

namespace atl::kafka {
namespace {

BatchBuilder::Options EveryField() {
  BatchBuilder::Options options;
  options.base_offset = Offset(1000);
  options.leader_epoch = LeaderEpoch(257);
  options.producer_id = ProducerId(77);
  options.producer_epoch = ProducerEpoch(3);
  options.base_sequence = Sequence(std::numeric_limits<int32_t>::max());
  options.transactional = true;
  return options;
}

TEST_CASE("A header gives back every field", "[batch_view]") {
  const Bytes batch = BuildBatch(EveryField(), 3);
  const StatusOr<BatchView> view = BatchView::Parse(batch);
  REQUIRE(view.ok());
  const BatchHeader& header = view->header();
  REQUIRE(header.base_offset == Offset(1000));
  REQUIRE(header.total_bytes() == batch.size());
  REQUIRE(header.leader_epoch == LeaderEpoch(257));
  REQUIRE(header.last_offset() == Offset(1002));
  REQUIRE(header.next_offset() == Offset(1003));
  REQUIRE(header.base_timestamp == Timestamp(1'700'000'000'000));
  REQUIRE(header.max_timestamp == Timestamp(1'700'000'000'002));
  REQUIRE(header.producer_id == ProducerId(77));
  REQUIRE(header.producer_epoch == ProducerEpoch(3));
  // The sequence wraps inside the batch: 2147483647, 0, 1.
  REQUIRE(header.last_sequence() == Sequence(1));
  REQUIRE(header.record_count == 3);
  REQUIRE(header.codec() == Codec::kNone);
  REQUIRE(header.timestamp_type() == TimestampType::kCreateTime);
  REQUIRE(header.is_transactional());
  REQUIRE_FALSE(header.is_control());
  REQUIRE(view->CrcMatches());
  REQUIRE(view->bytes().size() == batch.size());
  REQUIRE(view->records().size() == batch.size() - kBatchHeaderBytes);
}

TEST_CASE("A batch followed by others is cut at its own end", "[batch_view]") {
  Bytes two = BuildBatch({}, 1);
  const size_t first = two.size();
  const Bytes second = BuildBatch({}, 2);
  two.insert(two.end(), second.begin(), second.end());
  REQUIRE(BatchView::Parse(two)->bytes().size() == first);
}

TEST_CASE("Every prefix of a batch is a partial one, not a damaged one", "[batch_view]") {
  const Bytes batch = BuildBatch({}, 2);
  for (size_t length = 0; length < batch.size(); ++length) {
    REQUIRE(BatchView::Parse(BytesView(batch).first(length)).status().code() ==
            StatusCode::kOutOfRange);
  }
}

TEST_CASE("A header that cannot be is refused with the field named", "[batch_view]") {
  struct Row {
    size_t at;
    int64_t value;
    int width;
    std::string field;
  };
  const Row row = GENERATE(values<Row>({
      {16, 1, 1, "magic 1"},
      {8, 48, 4, "length 48"},
      {8, -1, 4, "length -1"},
      {57, -1, 4, "record count -1"},
      {23, -2, 4, "last offset delta -2"},
      {0, -1, 8, "base offset -1"},
      // The offset behind the batch would not be a number.
      {0, std::numeric_limits<int64_t>::max() - 1, 8, "base offset 9223372036854775806"},
  }));
  Bytes batch = BuildBatch({}, 2);
  if (row.width == 1) batch[row.at] = static_cast<std::byte>(row.value);
  if (row.width == 4) StoreBig(batch.data() + row.at, static_cast<int32_t>(row.value));
  if (row.width == 8) StoreBig(batch.data() + row.at, row.value);
  const Status status = BatchView::Parse(batch).status();
  INFO(StatusMessage(status));
  REQUIRE(status.code() == StatusCode::kDataLoss);
  REQUIRE(StatusMessage(status).find(row.field) != std::string_view::npos);
}

TEST_CASE("The CRC sees every bit from the attributes to the end, and none before",
          "[batch_view]") {
  const Bytes good = BuildBatch({}, 1);
  for (size_t at = 0; at < good.size(); ++at) {
    Bytes batch = good;
    batch[at] ^= std::byte{1};
    const StatusOr<BatchView> view = BatchView::Parse(batch);
    if (!view.ok()) continue;
    INFO("byte " << at);
    const bool covered = at >= kBatchCrcOffset;
    REQUIRE(view->CrcMatches() == !covered);
  }
}

TEST_CASE("Stamping offset and epoch leaves the CRC good", "[batch_view]") {
  Bytes batch = BuildBatch({}, 3);
  StampBatch(batch, Offset(123'456'789'012), LeaderEpoch(513));
  const StatusOr<BatchView> view = BatchView::Parse(batch);
  REQUIRE(view.ok());
  REQUIRE(view->header().base_offset == Offset(123'456'789'012));
  REQUIRE(view->header().leader_epoch == LeaderEpoch(513));
  REQUIRE(view->CrcMatches());
}

TEST_CASE("Stamping log-append time mends the CRC and keeps the other attributes", "[batch_view]") {
  BatchBuilder::Options options;
  options.codec = Codec::kZstd;
  Bytes batch = BuildBatch(options, 3);
  StampLogAppendTime(batch, Timestamp(1'800'000'000'000));
  const StatusOr<BatchView> view = BatchView::Parse(batch);
  REQUIRE(view.ok());
  REQUIRE(view->header().timestamp_type() == TimestampType::kLogAppendTime);
  REQUIRE(view->header().max_timestamp == Timestamp(1'800'000'000'000));
  REQUIRE(view->header().base_timestamp == Timestamp(1'700'000'000'000));
  REQUIRE(view->header().codec() == Codec::kZstd);
  REQUIRE(view->CrcMatches());
}

}  // namespace
}  // namespace atl::kafka
