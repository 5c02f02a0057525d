#include "kafka/record/batch_validate.h"

#include <limits>

#include "base/random.h"
#include "tests/unit/kafka/record/batches.h"

#include <catch2/catch.hpp>

namespace atl::kafka {
namespace {

constexpr int64_t kNow = 1'700'000'000'000;

// Changes a field under the CRC and mends it: what a client did on purpose.
template <class T>
Bytes With(Bytes batch, size_t at, T value) {
  StoreBig(batch.data() + at, value);
  MendCrc(batch);
  return batch;
}
Bytes WithAttributes(int16_t bits) { return With(BuildBatch({}, 2), 21, bits); }

Bytes Twice(const Bytes& batch) {
  Bytes two = batch;
  two.insert(two.end(), batch.begin(), batch.end());
  return two;
}

Bytes Flipped(Bytes batch, size_t at) {
  batch[at] ^= std::byte{0x80};
  return batch;
}

BatchBuilder::Options Packed(Codec codec) {
  BatchBuilder::Options options;
  options.codec = codec;
  return options;
}

BatchBuilder::Options Idempotent(int32_t sequence) {
  BatchBuilder::Options options;
  options.producer_id = ProducerId(5);
  options.producer_epoch = ProducerEpoch(0);
  options.base_sequence = Sequence(sequence);
  return options;
}

struct Row {
  std::string what;
  Bytes records;
  ErrorCode error;
  std::string message;  // Part of the verdict's.
  int16_t api_version = 9;
};

std::vector<Row> Rows() {
  constexpr auto kNone = ErrorCode::kNone;
  constexpr auto kInvalid = ErrorCode::kInvalidRecord;
  constexpr auto kCorrupt = ErrorCode::kCorruptMessage;
  constexpr auto kCompression = ErrorCode::kUnsupportedCompressionType;
  const Bytes good = BuildBatch({}, 2);
  return {
      {"a plain batch", good, kNone, ""},
      {"an idempotent batch", BuildBatch(Idempotent(0), 2), kNone, ""},
      {"a transactional batch", WithAttributes(0x10), kNone, ""},
      {"gzip", BuildBatch(Packed(Codec::kGzip), 2), kNone, ""},
      {"snappy", BuildBatch(Packed(Codec::kSnappy), 2), kNone, ""},
      {"lz4", BuildBatch(Packed(Codec::kLz4), 2), kNone, ""},
      {"zstd since v7", BuildBatch(Packed(Codec::kZstd), 2), kNone, "", 7},
      {"zstd before v7", BuildBatch(Packed(Codec::kZstd), 2), kCompression, "ZStandard", 6},
      {"an unknown codec", WithAttributes(5), kCompression, "type id 5"},
      {"nothing", Bytes(), kInvalid, "at least one record batch"},
      {"part of a header", Bytes(good.begin(), good.begin() + 60), kInvalid, "60 bytes"},
      {"two batches", Twice(good), kInvalid, "exactly one record batch"},
      {"a batch cut short", Bytes(good.begin(), good.end() - 1), kCorrupt, "Batch length"},
      {"a length below the header's", With(good, 8, int32_t{48}), kCorrupt, "Batch length 48"},
      {"a negative length", With(good, 8, int32_t{-1}), kCorrupt, "Batch length -1"},
      {"a flipped bit in a value", Flipped(good, good.size() - 2), kCorrupt, "corrupt"},
      {"a flipped bit in the count", Flipped(good, 57), kCorrupt, "corrupt"},
      {"a base offset", With(good, 0, int64_t{3}), kInvalid, "baseOffset"},
      {"a base offset below zero", With(good, 0, int64_t{-1}), kInvalid, "base offset -1"},
      {"no records", *BatchBuilder({}).Build(0), kInvalid, "count for record batch: 0"},
      {"a negative count", With(good, 57, int32_t{-1}), kInvalid, "record count -1"},
      {"a count above the offsets", With(good, 57, int32_t{3}), kInvalid, "Inconsistent"},
      {"a count below the offsets", With(good, 23, int32_t{2}), kInvalid, "Inconsistent"},
      {"the largest last offset delta", With(good, 23, std::numeric_limits<int32_t>::max()),
       kInvalid, "Inconsistent"},
      {"a control batch", WithAttributes(0x20), kInvalid, "control records"},
      {"a producer without a sequence", BuildBatch(Idempotent(-1), 2), kInvalid,
       "sequence number -1"},
      {"log-append time set by a client", WithAttributes(0x08), ErrorCode::kInvalidTimestamp,
       "LogAppendTime"},
  };
}

TEST_CASE("Each rule for a client's batch has its error and names the value", "[validate]") {
  for (const Row& row : Rows()) {
    ProduceRules rules;
    rules.api_version = row.api_version;
    const Verdict verdict = ValidateProduced(row.records, rules);
    INFO(row.what << ": " << verdict.message);
    REQUIRE(verdict.error == row.error);
    REQUIRE(verdict.message.find(row.message) != std::string::npos);
    REQUIRE(verdict.ok() == verdict.message.empty());
  }
}

TEST_CASE("Another magic is refused by its name", "[validate]") {
  Bytes batch = BuildBatch({}, 1);
  batch[kBatchMagicOffset] = std::byte{1};
  const Verdict verdict = ValidateProduced(batch, ProduceRules());
  REQUIRE(verdict.error == ErrorCode::kInvalidRecord);
  REQUIRE(verdict.message.find("magic version 2, not 1") != std::string::npos);
}

TEST_CASE("A batch of the largest size passes, one byte more does not", "[validate]") {
  const Bytes batch = BuildBatch({}, 4);
  ProduceRules rules;
  rules.max_message_bytes = ByteCount(std::ssize(batch));
  REQUIRE(ValidateProduced(batch, rules).ok());
  rules.max_message_bytes = ByteCount(std::ssize(batch) - 1);
  REQUIRE(ValidateProduced(batch, rules).error == ErrorCode::kMessageTooLarge);
}

TEST_CASE("A compacted topic wants a key in every record, in every codec", "[validate]") {
  const Codec codec = GENERATE(from_range(std::begin(kAllCodecs), std::end(kAllCodecs)));
  ProduceRules rules;
  rules.needs_keys = true;
  BatchBuilder builder(Packed(codec));
  builder.Add(Timestamp(1), AsBytes("k"), AsBytes("v"));
  builder.Add(Timestamp(1), AsBytes(""), AsBytes("v"));
  REQUIRE(ValidateProduced(*builder.Build(), rules).ok());
  builder.Add(Timestamp(1), std::nullopt, AsBytes("v"));
  const Verdict verdict = ValidateProduced(*builder.Build(), rules);
  REQUIRE(verdict.error == ErrorCode::kInvalidRecord);
  REQUIRE(verdict.record_index == 2);
  rules.needs_keys = false;
  REQUIRE(ValidateProduced(*builder.Build(), rules).ok());
}

TEST_CASE("A batch that has to be opened and cannot be is refused", "[validate]") {
  ProduceRules rules;
  Bytes batch = BuildBatch(Packed(Codec::kZstd), 50);
  batch[kBatchHeaderBytes] ^= std::byte{0xFF};
  MendCrc(batch);
  // Unopened it passes: nothing asks what is inside.
  REQUIRE(ValidateProduced(batch, rules).ok());
  rules.needs_keys = true;
  REQUIRE(ValidateProduced(batch, rules).error == ErrorCode::kInvalidRecord);
}

Verdict CheckTimes(const std::vector<int64_t>& times, ProduceRules rules) {
  BatchBuilder builder({});
  for (const int64_t time : times) builder.Add(Timestamp(time), std::nullopt, AsBytes("v"));
  rules.now = Timestamp(kNow);
  return ValidateProduced(*builder.Build(), rules);
}

TEST_CASE("Times outside the topic's bounds are refused", "[validate]") {
  ProduceRules rules;
  rules.before_max_ms = 1000;
  rules.after_max_ms = 50;
  REQUIRE(CheckTimes({kNow, kNow - 1000, kNow + 50}, rules).ok());
  REQUIRE(CheckTimes({-1, kNow}, rules).ok());  // A record without a time.
  REQUIRE(CheckTimes({kNow, kNow + 51}, rules).error == ErrorCode::kInvalidTimestamp);
  REQUIRE(CheckTimes({kNow - 1001}, rules).error == ErrorCode::kInvalidTimestamp);
  const Verdict middle = CheckTimes({kNow, kNow - 1001, kNow}, rules);
  REQUIRE(middle.error == ErrorCode::kInvalidTimestamp);
  REQUIRE(middle.record_index == 1);
  rules.timestamp_type = TimestampType::kLogAppendTime;  // The client's time does not count.
  REQUIRE(CheckTimes({kNow - 1001}, rules).ok());
}

TEST_CASE("Bounds so wide that they pass the numbers' end hold everything", "[validate]") {
  ProduceRules rules;
  rules.before_max_ms = std::numeric_limits<int64_t>::max();
  rules.after_max_ms = std::numeric_limits<int64_t>::max();
  REQUIRE(CheckTimes({0, kNow * 1000}, rules).ok());
  REQUIRE(CheckTimes({0, kNow * 1000}, ProduceRules()).ok());
}

TEST_CASE("Damaged batches never pass and never crash", "[validate]") {
  const Codec codec = GENERATE(from_range(std::begin(kAllCodecs), std::end(kAllCodecs)));
  const Bytes good = BuildBatch(Packed(codec), 20);
  ProduceRules rules;
  rules.needs_keys = true;
  Random random(11);
  for (int i = 0; i < 500; ++i) {
    Bytes batch = good;
    const size_t at = random.Below(batch.size());
    batch[at] = static_cast<std::byte>(random.Next());
    const bool covered = at >= kBatchCrcOffset && batch != good;
    const Verdict verdict = ValidateProduced(batch, rules);
    if (covered) REQUIRE(verdict.error == ErrorCode::kCorruptMessage);
    MendCrc(batch);
    ValidateProduced(batch, rules);  // Only that it comes back.
  }
}

void CheckMirrored(const Bytes& bytes, std::string_view reason) {
  const StatusOr<BatchView> batch = BatchView::Parse(bytes);
  REQUIRE(batch.ok());
  const Status status = ValidateMirrored(*batch);
  INFO(StatusMessage(status));
  if (reason.empty()) {
    REQUIRE(status == OkStatus());
    return;
  }
  REQUIRE(status.code() == StatusCode::kDataLoss);
  REQUIRE(StatusMessage(status).find(reason) != std::string_view::npos);
  REQUIRE(StatusMessage(status).find("offset 40") != std::string_view::npos);
}

TEST_CASE("A source's batch must be undamaged, and nothing else is judged", "[validate]") {
  BatchBuilder::Options options;
  options.base_offset = Offset(40);
  const Bytes good = BuildBatch(options, 3);
  CheckMirrored(good, "");
  CheckMirrored(BatchBuilder::ControlMarker(options, true, Timestamp(1), 0), "");
  CheckMirrored(*BatchBuilder(options).Build(7), "");  // Emptied by compaction.
  CheckMirrored(With(good, 23, int32_t{90}), "");      // Thinned out by compaction.
  CheckMirrored(With(good, 21, int16_t{0x08}), "");    // Log-append time.
  CheckMirrored(With(good, 21, int16_t{0x44}), "");    // Delete horizon, zstd: not opened.
  CheckMirrored(Flipped(good, 70), "crc mismatch");
  CheckMirrored(With(good, 21, int16_t{6}), "codec 6");
  CheckMirrored(With(good, 57, int32_t{4}), "record count 4 above last offset delta 2");
  const Bytes many = With(With(good, 23, int32_t{1 << 20}), 57, int32_t{1 << 20});
  CheckMirrored(many, "record count 1048576 in");
}

}  // namespace
}  // namespace atl::kafka
