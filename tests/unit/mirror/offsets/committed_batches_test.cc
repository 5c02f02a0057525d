#include "mirror/offsets/committed_batches.h"

#include <fmt/format.h>

#include "kafka/record/batch_builder.h"
#include "kafka/record/batch_validate.h"
#include "kafka/record/record_reader.h"

#include <catch2/catch.hpp>

namespace atl::mirror {
namespace {

using kafka::BatchBuilder;
using kafka::BatchView;

struct Spec {
  int64_t base = 0;
  int count = 1;
  int64_t producer = -1;
  bool transactional = false;
  kafka::Codec codec = kafka::Codec::kNone;
};

BatchBuilder::Options OptionsOf(const Spec& spec) {
  BatchBuilder::Options options;
  options.base_offset = Offset(spec.base);
  options.leader_epoch = LeaderEpoch(257);
  options.codec = spec.codec;
  options.producer_id = ProducerId(spec.producer);
  options.transactional = spec.transactional;
  if (spec.producer >= 0) {
    options.producer_epoch = ProducerEpoch(1);
    options.base_sequence = Sequence(7);
  }
  return options;
}

Bytes Data(const Spec& spec) {
  BatchBuilder builder(OptionsOf(spec));
  for (int i = 0; i < spec.count; ++i) {
    const std::string value = fmt::format("v{}", spec.base + i);
    builder.Add(Timestamp(1000 + i), std::nullopt, AsBytes(value));
  }
  return *builder.Build();
}

Bytes Marker(int64_t base, int64_t producer, bool commit) {
  BatchBuilder::Options options = OptionsOf({.base = base, .producer = producer});
  options.transactional = true;
  options.control = true;
  options.base_sequence = kNoSequence;
  return BatchBuilder::ControlMarker(options, commit, Timestamp(1), 0);
}

struct Taken {
  std::vector<Bytes> owned;
  StatusOr<CommittedBatches> out = Unavailable("not taken");
};

void Take(Taken& taken, std::vector<Bytes> source, std::vector<SourceAborted> aborted,
          int64_t start = 0) {
  taken.owned = std::move(source);
  std::vector<BatchView> views;
  for (const Bytes& batch : taken.owned) views.push_back(*BatchView::Parse(batch));
  taken.out = TakeCommitted(views, aborted, Offset(start));
}

std::vector<std::string> Values(const CommittedBatches& committed) {
  std::vector<std::string> values;
  for (const MutableBytes bytes : committed.batches) {
    const BatchView batch = *BatchView::Parse(bytes);
    REQUIRE(batch.CrcMatches());
    REQUIRE(kafka::ValidateMirrored(batch).ok());
    REQUIRE_FALSE(batch.header().has_producer());
    REQUIRE_FALSE(batch.header().is_transactional());
    REQUIRE(batch.header().base_sequence == kNoSequence);
    kafka::RecordReader reader = *kafka::RecordReader::Open(batch);
    kafka::Record record;
    while (*reader.Next(record)) values.emplace_back(AsText(*record.value));
  }
  return values;
}

using Words = std::vector<std::string>;

TEST_CASE("Committed data is taken, markers and aborted data are not", "[fanin]") {
  Taken taken;
  Take(taken,
       {Data({.base = 0, .count = 2}), Data({.base = 2, .producer = 9, .transactional = true}),
        Data({.base = 3, .producer = 8, .transactional = true}), Marker(4, 9, false),
        Data({.base = 5, .producer = 9, .transactional = true}), Marker(6, 8, true),
        Marker(7, 9, true)},
       {{ProducerId(9), Offset(2)}});
  REQUIRE(taken.out.ok());
  REQUIRE(Values(*taken.out) == Words{"v0", "v1", "v3", "v5"});
  REQUIRE(taken.out->taken.next == Offset(8));
  REQUIRE(taken.out->taken.epoch == LeaderEpoch(257));
  REQUIRE(taken.out->taken.last_batch->base_offset == Offset(7));
  const auto& runs = taken.out->taken.runs;
  REQUIRE(runs.size() == 3);
  REQUIRE(runs[0].source == Offset(0));
  REQUIRE(runs[0].length == RecordCount(2));
  REQUIRE(runs[2].source == Offset(5));
}

TEST_CASE("A transaction that was aborted before the answer begins counts as well", "[fanin]") {
  Taken taken;
  Take(taken,
       {Data({.base = 10, .producer = 9, .transactional = true}),
        Data({.base = 11, .producer = 9, .transactional = false}), Marker(12, 9, false)},
       {{ProducerId(9), Offset(3)}});
  // Only batches of the transaction are aborted.
  REQUIRE(Values(*taken.out) == Words{"v11"});
}

TEST_CASE("An answer without data moves the position only", "[fanin]") {
  Taken taken;
  Take(taken, {Marker(4, 9, true)}, {});
  REQUIRE(taken.out->batches.empty());
  REQUIRE(taken.out->taken.next == Offset(5));
}

TEST_CASE("Compressed batches stay compressed", "[fanin]") {
  Taken taken;
  Take(taken, {Data({.base = 0, .count = 50, .producer = 3, .codec = kafka::Codec::kLz4})}, {});
  REQUIRE(BatchView::Parse(taken.out->batches[0])->header().codec() == kafka::Codec::kLz4);
  REQUIRE(Values(*taken.out).size() == 50);
}

TEST_CASE("Of a batch that begins before the start the rest is taken", "[fanin]") {
  const auto codec = GENERATE(kafka::Codec::kNone, kafka::Codec::kZstd);
  Taken taken;
  Take(taken, {Data({.base = 10, .count = 5, .codec = codec}), Data({.base = 15})}, {}, 13);
  REQUIRE(Values(*taken.out) == Words{"v13", "v14", "v15"});
  REQUIRE(taken.out->taken.runs[0].source == Offset(13));
  REQUIRE(taken.out->taken.runs[0].length == RecordCount(2));
  REQUIRE(taken.out->taken.next == Offset(16));
}

TEST_CASE("A marker that can't be read is an error, not data", "[fanin]") {
  BatchBuilder::Options options = OptionsOf({.base = 4, .producer = 9});
  options.control = true;
  options.transactional = true;
  BatchBuilder builder(options);
  builder.Add(Timestamp(1), AsBytes("?"), AsBytes("?"));
  Taken taken;
  Take(taken, {*builder.Build()}, {});
  REQUIRE(taken.out.status().code() == StatusCode::kDataLoss);
}

}  // namespace
}  // namespace atl::mirror
