// What a mirror appends, and what its readers see of it.
#include <algorithm>

#include "tests/unit/core-broker/partition/partition_world.h"

namespace atl::broker {
namespace {

using kafka::ErrorCode;
using test::BatchSpec;
using test::Idempotent;
using test::MakeBatch;
using test::World;

Bytes At(int64_t offset, int32_t epoch, BatchSpec spec) {
  spec.options.base_offset = Offset(offset);
  spec.options.leader_epoch = LeaderEpoch(epoch);
  return MakeBatch(spec);
}

Bytes InTransaction(int64_t offset, int64_t producer, std::vector<std::string> values) {
  BatchSpec spec = Idempotent(std::move(values), 0, producer);
  spec.options.transactional = true;
  return At(offset, 5, spec);
}

Bytes MarkerAt(int64_t offset, int64_t producer, bool commit) {
  kafka::BatchBuilder::Options options;
  options.base_offset = Offset(offset);
  options.leader_epoch = LeaderEpoch(5);
  options.producer_id = ProducerId(producer);
  options.producer_epoch = ProducerEpoch(0);
  options.transactional = true;
  options.control = true;
  return kafka::BatchBuilder::ControlMarker(options, commit, Timestamp(1'000), 1);
}

ReadOutcome ReadCommitted(const World& world, int64_t from, int64_t max_bytes = 1 << 20) {
  return world.partition->Read({.offset = Offset(from),
                                .max_bytes = ByteCount(max_bytes),
                                .whole_first_batch = true,
                                .isolation = Isolation::kReadCommitted});
}

}  // namespace

TEST_CASE("A mirror keeps every byte, holes included, and its epochs", "[mirror]") {
  World world;
  world.Start();
  const std::vector<Bytes> batches{At(0, 5, {.values = {"a", "b"}}), At(7, 5, {.values = {"c"}}),
                                   At(8, 9, {.values = {"d"}})};
  const MirrorOutcome outcome = world.Mirror(batches);
  REQUIRE(outcome.status.ok());
  REQUIRE(outcome.log_end == Offset(9));
  Bytes joined;
  for (const Bytes& batch : batches) joined.insert(joined.end(), batch.begin(), batch.end());
  const ReadRequest all{.offset = Offset(0), .max_bytes = ByteCount(1 << 20)};
  REQUIRE(world.ReadBytes(world.partition->Read(all)) == joined);
  REQUIRE(world.partition->EndOfEpoch(LeaderEpoch(5)) == EpochEnd{LeaderEpoch(5), Offset(8)});
  REQUIRE(world.partition->last_epoch() == LeaderEpoch(9));
  REQUIRE(world.partition->BatchAt(Offset(4)).status().code() == StatusCode::kNotFound);
  REQUIRE(world.ReadAll(Offset(3)).front().value == "c");
  world.Restart();
  REQUIRE(world.ReadBytes(world.partition->Read(all)) == joined);
  REQUIRE(world.partition->last_epoch() == LeaderEpoch(9));
}

TEST_CASE("What does not continue the log is refused whole", "[mirror]") {
  World world;
  world.Start();
  REQUIRE(world.Mirror({At(0, 5, {.values = {"a", "b"}})}).status.ok());
  const auto refused = [&](const std::vector<Bytes>& batches) {
    const MirrorOutcome outcome = world.Mirror(batches);
    REQUIRE(outcome.status.code() == StatusCode::kFailedPrecondition);
    REQUIRE(world.partition->offsets().log_end == Offset(2));
  };
  refused({At(1, 5, {.values = {"again"}})});
  refused({At(2, 4, {.values = {"old epoch"}})});
  refused({At(2, 5, {.values = {"c"}}), At(2, 5, {.values = {"c again"}})});
  refused({At(2, 6, {.values = {"c"}}), At(3, 5, {.values = {"d"}})});
  world.gate.answer.error = ErrorCode::kNotLeaderOrFollower;
  refused({At(2, 5, {.values = {"c"}})});
}

TEST_CASE("A failed sync fails the mirror's append", "[mirror]") {
  World world;
  world.Start();
  world.files.SetFault([](MemoryFileSystem::Operation operation, const std::string&) {
    return operation == MemoryFileSystem::Operation::kSync ? Corrupt("EIO") : OkStatus();
  });
  const MirrorOutcome outcome = world.Mirror({At(0, 5, {.values = {"a"}})});
  REQUIRE(outcome.status.code() == StatusCode::kUnavailable);
  REQUIRE(world.partition->offsets().high_watermark == Offset(0));
}

TEST_CASE("A mirror begins anew where it is told, also when the power goes", "[mirror]") {
  World world;
  world.config.log.segment_bytes = ByteCount(200);
  world.Start();
  for (int i = 0; i < 10; ++i) REQUIRE(world.Mirror({At(i, 5, {.values = {"x"}})}).status.ok());
  world.OnShard([](Partition& p) { REQUIRE(p.RestartAt(Offset(500)).ok()); });
  const auto check = [&] {
    REQUIRE(world.partition->offsets().log_start == Offset(500));
    REQUIRE(world.partition->offsets().log_end == Offset(500));
    REQUIRE(world.partition->last_epoch() == kNoEpoch);
    REQUIRE(world.Values().empty());
  };
  check();
  world.Restart();
  check();
  REQUIRE(world.Mirror({At(503, 3, {.values = {"y"}})}).log_end == Offset(504));
  REQUIRE(world.Values() == std::vector<std::string>{"y"});
  SECTION("Between the decision and the deed") {
    world.files.SetFault([](MemoryFileSystem::Operation operation, const std::string&) {
      return operation == MemoryFileSystem::Operation::kRemove ? Corrupt("EIO") : OkStatus();
    });
    world.OnShard([](Partition& p) { REQUIRE_FALSE(p.RestartAt(Offset(900)).ok()); });
    world.files.SetFault({});
    world.Restart();
    REQUIRE(world.partition->offsets().log_start == Offset(900));
    REQUIRE(world.partition->offsets().log_end == Offset(900));
  }
}

TEST_CASE("read_committed sees up to the oldest open transaction and learns what was aborted",
          "[mirror]") {
  World world;
  world.Start();
  REQUIRE(world
              .Mirror({InTransaction(0, 1, {"a0"}), InTransaction(1, 2, {"b0"}),
                       At(2, 5, {.values = {"plain"}}), MarkerAt(3, 2, false)})
              .status.ok());
  REQUIRE(world.partition->offsets().last_stable == Offset(0));
  REQUIRE(ReadCommitted(world, 0).slices.empty());
  REQUIRE(ReadCommitted(world, 0).error == ErrorCode::kNone);
  REQUIRE(world.Mirror({MarkerAt(4, 1, true), InTransaction(5, 3, {"c0"})}).status.ok());
  const auto check = [&] {
    REQUIRE(world.partition->offsets().last_stable == Offset(5));
    const ReadOutcome outcome = ReadCommitted(world, 0);
    REQUIRE(outcome.aborted == std::vector<AbortedTransaction>{{ProducerId(2), Offset(1)}});
    const Bytes bytes = world.ReadBytes(outcome);
    Offset next(0);
    for (BytesView rest = bytes; !rest.empty();) {
      const auto batch = *kafka::BatchView::Parse(rest);
      next = batch.header().next_offset();
      rest = rest.subspan(batch.bytes().size());
    }
    REQUIRE(next == Offset(5));
    REQUIRE(ReadCommitted(world, 4).aborted.empty());
    REQUIRE(world.ReadAll(Offset(0)).back().value == "c0");
    const ReadRequest uncommitted{.offset = Offset(0), .max_bytes = ByteCount(1 << 20)};
    REQUIRE(world.partition->Read(uncommitted).aborted.empty());
  };
  check();
  SECTION("Rebuilt from the log") {}
  SECTION("Restored from the snapshot") {
    world.OnShard([](Partition& p) { REQUIRE(p.SaveState(checkpoint::Sync::kNow).ok()); });
  }
  world.Restart();
  check();
}

TEST_CASE("A retry of a mirrored batch is still recognised after the region takes over",
          "[mirror]") {
  World world;
  world.Start();
  REQUIRE(world.Mirror({At(0, 5, Idempotent({"a"}, 0, 77)), At(1, 5, Idempotent({"b"}, 1, 77))})
              .status.ok());
  REQUIRE(world.Append(Idempotent({"b"}, 1, 77)).base_offset == Offset(1));
  REQUIRE(world.Append(Idempotent({"c"}, 2, 77)).base_offset == Offset(2));
}

TEST_CASE("A client may not write past an open mirrored transaction of its producer", "[mirror]") {
  World world;
  world.Start();
  REQUIRE(world.Mirror({InTransaction(0, 1, {"a"})}).status.ok());
  REQUIRE(world.Append(Idempotent({"b"}, 1, 1)).error == ErrorCode::kInvalidTxnState);
  REQUIRE(world.Append(Idempotent({"b"}, 0, 2)).error == ErrorCode::kNone);
}

TEST_CASE("A client's control or transactional batch is refused", "[partition]") {
  World world;
  world.Start();
  BatchSpec spec = Idempotent({"a"}, 0);
  spec.options.transactional = true;
  REQUIRE(world.Append(spec).error == ErrorCode::kInvalidRecord);
  spec.options.control = true;
  REQUIRE(world.Append(spec).error == ErrorCode::kInvalidRecord);
  REQUIRE(world.partition->offsets().log_end == Offset(0));
}

// --- Time ---

namespace {

struct Timed {
  int64_t offset;
  int64_t timestamp;
};

// Batches of five records whose times jump about, in several segments.
std::vector<Timed> AppendTimed(World& world, kafka::Codec codec) {
  std::vector<Timed> records;
  Random random(3);
  for (int b = 0; b < 40; ++b) {
    kafka::BatchBuilder::Options options;
    options.codec = codec;
    kafka::BatchBuilder builder(options);
    for (int i = 0; i < 5; ++i) {
      const int64_t timestamp = 1'000 + b * 10 + static_cast<int64_t>(random.Below(60));
      builder.Add(Timestamp(timestamp), {}, AsBytes("some text that compresses, compresses"));
      records.push_back({static_cast<int64_t>(records.size()), timestamp});
    }
    Bytes batch = *builder.Build();
    AppendOutcome outcome;
    world.OnShard([&](Partition& p) { p.StageAppend(batch, outcome); });
    REQUIRE(outcome.error == ErrorCode::kNone);
  }
  return records;
}

}  // namespace

TEST_CASE("A look-up by time is exact to the record in every codec and any order", "[time]") {
  const auto codec = GENERATE(kafka::Codec::kNone, kafka::Codec::kGzip, kafka::Codec::kSnappy,
                              kafka::Codec::kLz4, kafka::Codec::kZstd);
  World world;
  world.config.log.segment_bytes = ByteCount(1'500);
  world.config.log.index_interval = ByteCount(150);
  world.Start();
  const std::vector<Timed> records = AppendTimed(world, codec);
  const auto check = [&](int64_t log_start) {
    for (int64_t at = 990; at < 1'470; at += 3) {
      INFO("at " << at);
      const auto expected = std::find_if(records.begin(), records.end(), [&](const Timed& r) {
        return r.offset >= log_start && r.timestamp >= at;
      });
      const auto found = world.partition->FindTimestamp(Timestamp(at), Isolation::kReadUncommitted);
      REQUIRE(found.ok());
      const bool none = expected == records.end();
      REQUIRE(found->offset.value() == (none ? -1 : expected->offset));
      REQUIRE(found->timestamp.value() == (none ? -1 : expected->timestamp));
      REQUIRE(found->epoch == (none ? kNoEpoch : LeaderEpoch(257)));
    }
    const auto youngest =
        std::max_element(records.begin() + log_start, records.end(),
                         [](const Timed& a, const Timed& b) { return a.timestamp < b.timestamp; });
    REQUIRE(world.partition->FindMaxTimestamp()->offset.value() == youngest->offset);
    REQUIRE(world.partition->FindMaxTimestamp()->timestamp.value() == youngest->timestamp);
  };
  check(0);
  world.Restart();
  check(0);
  world.OnShard([](Partition& p) { REQUIRE(p.AdvanceLogStart(Offset(73)) == ErrorCode::kNone); });
  check(73);
}

TEST_CASE("A look-up by time stops at the last stable offset for read_committed", "[time]") {
  World world;
  world.Start();
  REQUIRE(world.partition->FindMaxTimestamp()->offset == kNoOffset);
  REQUIRE(world
              .Mirror({At(0, 5, {.values = {"a"}, .timestamp = Timestamp(10)}),
                       InTransaction(1, 1, {"b"})})
              .status.ok());
  const auto find = [&](Isolation isolation) {
    return world.partition->FindTimestamp(Timestamp(500), isolation)->offset;
  };
  REQUIRE(find(Isolation::kReadUncommitted) == Offset(1));
  REQUIRE(find(Isolation::kReadCommitted) == kNoOffset);
}

}  // namespace atl::broker
