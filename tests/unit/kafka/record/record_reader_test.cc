#include "kafka/record/record_reader.h"

#include <string>

#include "base/varint.h"
#include "tests/unit/kafka/record/batches.h"

#include <catch2/catch.hpp>

namespace atl::kafka {
namespace {

std::optional<std::string> Text(const std::optional<BytesView>& bytes) {
  if (!bytes) return std::nullopt;
  return std::string(AsText(*bytes));
}

// Three records as kafka-python 3.0 writes them: headers, a null key, a null value, a time that
// goes back, with each codec (snappy in xerial's framing).
struct Golden {
  Codec codec;
  std::string_view hex;
};
const Golden kGolden[] = {
    {Codec::kNone,
     "0000000000000000000000d90000000002d59a0c1b0000000000020000018bcfe56800000001"
     "8bcfe56805000001000000000700020000002900000003a401000000046b31840176616c7565"
     "2d61616161616161616161616161616161616161616161616161616161616161616161616161"
     "61616161616161616161616161616161616161616161610402680278026e019201000a020184"
     "0176616c75652d61616161616161616161616161616161616161616161616161616161616161"
     "61616161616161616161616161616161616161616161616161616161610010000104046b3301"
     "00"},
    {Codec::kGzip,
     "0000000000000000000000720000000002821863f10001000000020000018bcfe56800000001"
     "8bcfe568050000010000000007000200000029000000031f8b0800615a056b02ff5bc2c8c0c0"
     "c0926dd8c2589698539aaa9b48016061ca60aa60ca639cc4c8c0c5c4480d13190418185958b2"
     "8d191900f368a24da8000000"},
    {Codec::kSnappy,
     "00000000000000000000007b000000000299d9b6540002000000020000018bcfe56800000001"
     "8bcfe5680500000100000000070002000000290000000382534e415050590000000001000000"
     "0100000036a80140a401000000046b31840176616c75652d61ea0100340402680278026e0192"
     "01000a0201fe52000152240010000104046b330100"},
    {Codec::kLz4,
     "00000000000000000000007b0000000002e69e2bae0003000000020000018bcfe56800000001"
     "8bcfe5680500000100000000070002000000290000000304224d186840a800000000000000b7"
     "33000000ff02a401000000046b31840176616c75652d61010028ef0402680278026e01920100"
     "0a0201520031a00010000104046b33010000000000"},
    {Codec::kZstd,
     "00000000000000000000006d0000000002348cc4690004000000020000018bcfe56800000001"
     "8bcfe5680500000100000000070002000000290000000328b52ffd20a89d01009402a4010000"
     "00046b31840176616c75652d610402680278026e019201000a02010010000104046b33010002"
     "00510554850496"}};

TEST_CASE("Batches of another implementation are read with every codec", "[record_reader]") {
  const Golden& golden = GENERATE(from_range(std::begin(kGolden), std::end(kGolden)));
  const Bytes bytes = FromHex(golden.hex);
  const StatusOr<BatchView> batch = BatchView::Parse(bytes);
  REQUIRE(batch.ok());
  REQUIRE(batch->header().codec() == golden.codec);
  REQUIRE(batch->CrcMatches());
  REQUIRE(batch->header().producer_id == ProducerId::Mint(RegionOrdinal(1), 7));
  REQUIRE(batch->header().last_sequence() == Sequence(43));

  const std::string value = fmt::format("value-{:a>60}", "");
  StatusOr<RecordReader> reader = RecordReader::Open(*batch);
  REQUIRE(reader.ok());
  Record record;
  REQUIRE(*reader->Next(record));
  REQUIRE(record.offset == Offset(0));
  REQUIRE(record.timestamp == Timestamp(1'700'000'000'000));
  REQUIRE(Text(record.key) == "k1");
  REQUIRE(Text(record.value) == value);
  REQUIRE(record.headers.size() == 2);
  REQUIRE(record.headers[0].key == "h");
  REQUIRE(Text(record.headers[0].value) == "x");
  REQUIRE_FALSE(record.headers[1].value.has_value());
  REQUIRE(*reader->Next(record));
  REQUIRE(record.timestamp == Timestamp(1'700'000'000'005));
  REQUIRE_FALSE(record.key.has_value());
  REQUIRE(record.headers.empty());
  REQUIRE(*reader->Next(record));
  REQUIRE(record.offset == Offset(2));
  REQUIRE(record.timestamp == Timestamp(1'699'999'999'999));
  REQUIRE_FALSE(record.value.has_value());
  REQUIRE_FALSE(*reader->Next(record));
}

TEST_CASE("The builder writes what another implementation writes", "[batch_builder]") {
  BatchBuilder::Options options;
  options.leader_epoch = LeaderEpoch(0);
  options.producer_id = ProducerId::Mint(RegionOrdinal(1), 7);
  options.producer_epoch = ProducerEpoch(2);
  options.base_sequence = Sequence(41);
  BatchBuilder builder(options);
  const std::string value = fmt::format("value-{:a>60}", "");
  builder.Add(Timestamp(1'700'000'000'000), AsBytes("k1"), AsBytes(value),
              {{"h", "x"}, {"n", std::nullopt}});
  builder.Add(Timestamp(1'700'000'000'005), std::nullopt, AsBytes(value));
  builder.Add(Timestamp(1'699'999'999'999), AsBytes("k3"), std::nullopt);
  REQUIRE(builder.record_count() == 3);
  REQUIRE(*builder.Build() == FromHex(kGolden[0].hex));
}

TEST_CASE("Built batches are read back with every codec", "[record_reader]") {
  const Codec codec = GENERATE(from_range(std::begin(kAllCodecs), std::end(kAllCodecs)));
  BatchBuilder::Options options;
  options.codec = codec;
  options.base_offset = Offset(500);
  const Bytes bytes = BuildBatch(options, 1000);
  StatusOr<RecordReader> reader = RecordReader::Open(*BatchView::Parse(bytes));
  REQUIRE(reader.ok());
  Record record;
  for (int i = 0; i < 1000; ++i) {
    REQUIRE(*reader->Next(record));
    REQUIRE(record.offset == Offset(500 + i));
    REQUIRE(Text(record.value) == fmt::format("value-{}", i));
  }
  REQUIRE_FALSE(*reader->Next(record));
}

TEST_CASE("Holes that compaction left keep their offsets", "[record_reader]") {
  BatchBuilder::Options options;
  options.base_offset = Offset(10);
  BatchBuilder builder(options);
  builder.Add(Timestamp(1), AsBytes("a"), AsBytes("1"), {}, 2);
  builder.Add(Timestamp(1), AsBytes("b"), AsBytes("2"), {}, 5);
  const Bytes bytes = *builder.Build(9);
  const StatusOr<BatchView> batch = BatchView::Parse(bytes);
  REQUIRE(batch->header().next_offset() == Offset(20));
  StatusOr<RecordReader> reader = RecordReader::Open(*batch);
  Record record;
  REQUIRE(*reader->Next(record));
  REQUIRE(record.offset == Offset(12));
  REQUIRE(*reader->Next(record));
  REQUIRE(record.offset == Offset(15));
  REQUIRE_FALSE(*reader->Next(record));
}

TEST_CASE("A batch that compaction emptied has no records, whatever its codec", "[record_reader]") {
  BatchBuilder::Options options;
  Bytes bytes = *BatchBuilder(options).Build(4);
  bytes[22] = static_cast<std::byte>(Codec::kLz4);
  StatusOr<RecordReader> reader = RecordReader::Open(*BatchView::Parse(bytes));
  REQUIRE(reader.ok());
  Record record;
  REQUIRE_FALSE(*reader->Next(record));
}

TEST_CASE("Log-append time is every record's time", "[record_reader]") {
  Bytes bytes = BuildBatch({}, 2);
  StampLogAppendTime(bytes, Timestamp(1'800'000'000'000));
  StatusOr<RecordReader> reader = RecordReader::Open(*BatchView::Parse(bytes));
  Record record;
  REQUIRE(*reader->Next(record));
  REQUIRE(record.timestamp == Timestamp(1'800'000'000'000));
}

// Reads a batch of `count` records whose records' bytes are these; returns the first error.
Status ReadAll(const Bytes& records, int32_t count) {
  Bytes bytes = BuildBatch({}, 1);
  bytes.resize(kBatchHeaderBytes);
  bytes.insert(bytes.end(), records.begin(), records.end());
  StoreBig(bytes.data() + kBatchLengthOffset,
           static_cast<int32_t>(bytes.size() - kBatchOverheadBytes));
  StoreBig(bytes.data() + 57, count);
  ASSIGN_OR_RETURN(const BatchView batch, BatchView::Parse(bytes));
  ASSIGN_OR_RETURN(RecordReader reader, RecordReader::Open(batch));
  Record record;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, reader.Next(record));
    if (!more) return OkStatus();
  }
}

TEST_CASE("Records whose lengths lie are damage", "[record_reader]") {
  // Length, attributes, timestamp delta, offset delta, key, value, header count.
  REQUIRE(ReadAll(FromHex("0e00000000000000"), 1).code() == StatusCode::kDataLoss);  // Left over.
  REQUIRE(ReadAll(FromHex("0c000000010100"), 1) == OkStatus());  // Null key and value.
  const std::string hex = GENERATE(values<std::string>({
      "",                          // No record at all.
      "0c0000000101",              // Shorter than it says.
      "0e00000001010000",          // A byte behind the headers.
      "0c000002010100",            // Offset delta above the batch's last.
      "0c000001010100",            // Offset delta below zero.
      "0c000000030100",            // Key length -2.
      "0c000000020100",            // Key above the rest.
      "0c000000010101",            // Header count -1.
      "0c000000010102",            // A header that is not there.
      "1000000001010201ff",        // Header with a null key.
      "01",                        // Length -1.
      "00",                        // Empty record.
      "ffffffffff7f",              // No varint.
      "0c0000000101000c00000001",  // Cut in the second record.
  }));
  INFO(hex);
  REQUIRE(ReadAll(FromHex(hex), hex.size() > 20 ? 2 : 1).code() == StatusCode::kDataLoss);
}

TEST_CASE("Missing and surplus records are damage", "[record_reader]") {
  const Bytes one = FromHex("0c000000010100");
  REQUIRE(ReadAll(one, 1).ok());
  REQUIRE(ReadAll(one, 2).code() == StatusCode::kDataLoss);
  REQUIRE(ReadAll(one, 0).code() == StatusCode::kDataLoss);
}

TEST_CASE("A batch that unpacks to more than the limit is not opened", "[record_reader]") {
  BatchBuilder::Options options;
  options.codec = Codec::kZstd;
  const Bytes bytes = BuildBatch(options, 1000);
  REQUIRE(RecordReader::Open(*BatchView::Parse(bytes), ByteCount(1000)).status().code() ==
          StatusCode::kDataLoss);
}

TEST_CASE("Control markers say what became of the transaction", "[record_reader]") {
  const bool commit = GENERATE(false, true);
  BatchBuilder::Options options;
  options.base_offset = Offset(7);
  options.producer_id = ProducerId(5);
  options.producer_epoch = ProducerEpoch(1);
  const Bytes bytes = BatchBuilder::ControlMarker(options, commit, Timestamp(9), 3);
  const StatusOr<BatchView> batch = BatchView::Parse(bytes);
  REQUIRE(batch->CrcMatches());
  REQUIRE(batch->header().is_control());
  REQUIRE(batch->header().is_transactional());
  REQUIRE(batch->header().base_sequence == kNoSequence);
  REQUIRE(batch->header().record_count == 1);
  REQUIRE(*ReadControlType(*batch) == (commit ? ControlType::kCommit : ControlType::kAbort));
}

TEST_CASE("Other control records and emptied control batches are kept unread", "[record_reader]") {
  BatchBuilder::Options options;
  options.control = true;
  BatchBuilder builder(options);
  REQUIRE(*ReadControlType(*BatchView::Parse(*builder.Build(0))) == ControlType::kOther);
  builder.Add(Timestamp(1), AsBytes(std::string_view("\0\0\0\2", 4)), std::nullopt);
  REQUIRE(*ReadControlType(*BatchView::Parse(*builder.Build())) == ControlType::kOther);
  BatchBuilder short_key(options);
  short_key.Add(Timestamp(1), AsBytes("abc"), std::nullopt);
  REQUIRE(ReadControlType(*BatchView::Parse(*short_key.Build())).status().code() ==
          StatusCode::kDataLoss);
  REQUIRE(ReadControlType(*BatchView::Parse(BuildBatch({}, 1))).status().code() ==
          StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace atl::kafka
