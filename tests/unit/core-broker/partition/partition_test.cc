#include <algorithm>

#include "tests/unit/core-broker/partition/partition_world.h"

namespace atl::broker {
namespace {

using kafka::ErrorCode;
using test::BatchSpec;
using test::Idempotent;
using test::MakeBatch;
using test::StoredRecord;
using test::World;

class CountingListener final : public PartitionListener {
 public:
  void OnProgress(uint64_t token) noexcept override {
    ++calls;
    last_token = token;
  }
  int calls = 0;
  uint64_t last_token = 0;
};

std::vector<std::string> Numbered(int from, int to) {
  std::vector<std::string> values;
  for (int i = from; i < to; ++i) values.push_back(fmt::format("value-{}", i));
  return values;
}

}  // namespace

TEST_CASE("What is appended is read back at its offsets under the gate's epoch", "[partition]") {
  World world;
  world.Start();
  const AppendOutcome first = world.Append({"a", "b"});
  REQUIRE(first.error == ErrorCode::kNone);
  REQUIRE(first.base_offset == Offset(0));
  REQUIRE(first.log_append_time == kNoTimestamp);
  REQUIRE(world.Append({"c"}).base_offset == Offset(2));
  const LeaderEpoch epoch(257);
  REQUIRE(world.ReadAll() == std::vector<StoredRecord>{{Offset(0), "a", epoch},
                                                       {Offset(1), "b", epoch},
                                                       {Offset(2), "c", epoch}});
  const PartitionOffsets offsets = world.partition->offsets();
  REQUIRE(offsets.high_watermark == Offset(3));
  REQUIRE(offsets.durable_end == Offset(3));
  REQUIRE(offsets.last_stable == Offset(3));
  REQUIRE(world.partition->last_epoch() == epoch);
  REQUIRE(world.partition->EndOfEpoch(epoch) == EpochEnd{epoch, Offset(3)});
}

TEST_CASE("Batches of one turn leave in one write and one sync", "[partition]") {
  World world;
  world.Start();
  int writes = 0;
  int syncs = 0;
  world.files.SetFault([&](MemoryFileSystem::Operation operation, const std::string&) {
    writes += operation == MemoryFileSystem::Operation::kWrite ? 1 : 0;
    syncs += operation == MemoryFileSystem::Operation::kSync ? 1 : 0;
    return OkStatus();
  });
  std::vector<AppendOutcome> outcomes(20);
  std::vector<Bytes> batches;
  for (int i = 0; i < 20; ++i) batches.push_back(MakeBatch({.values = Numbered(i, i + 1)}));
  world.Hold();
  for (size_t i = 0; i < outcomes.size(); ++i) {
    world.OnShard([&, i](Partition& p) { p.StageAppend(batches[i], outcomes[i]); });
  }
  world.Release();
  REQUIRE(writes == 1);
  REQUIRE(syncs == 1);
  for (size_t i = 0; i < outcomes.size(); ++i) {
    REQUIRE(outcomes[i].base_offset == Offset(static_cast<int64_t>(i)));
  }
  REQUIRE(world.Values() == Numbered(0, 20));
}

TEST_CASE("Reads end at whole batches and know their bounds", "[partition]") {
  World world;
  world.config.log.segment_bytes = ByteCount(1000);
  world.Start();
  for (int i = 0; i < 100; ++i) world.Append(Numbered(i * 3, i * 3 + 3));
  const auto read = [&](int64_t offset, int64_t max_bytes, bool whole) {
    return world.partition->Read(
        {.offset = Offset(offset), .max_bytes = ByteCount(max_bytes), .whole_first_batch = whole});
  };
  REQUIRE(read(-1, 100, true).error == ErrorCode::kOffsetOutOfRange);
  REQUIRE(read(301, 100, true).error == ErrorCode::kOffsetOutOfRange);
  REQUIRE(read(300, 100, true).slices.empty());
  REQUIRE(read(7, 1, true).bytes > ByteCount(1));  // KIP-74.
  REQUIRE(read(7, 1, false).bytes == ByteCount(0));
  for (const int64_t max_bytes : {1, 100, 150, 333, 1'000, 100'000}) {
    INFO(max_bytes);
    for (const int64_t from : {0, 1, 100, 299}) {
      std::vector<std::string> values;
      for (const StoredRecord& r : world.ReadAll(Offset(from), ByteCount(max_bytes))) {
        values.push_back(r.value);
      }
      REQUIRE(values == Numbered(static_cast<int>(from), 300));
    }
  }
  REQUIRE(world.partition->BytesFrom(Offset(300)) == ByteCount(0));
  REQUIRE(world.partition->BytesFrom(Offset(0)) == world.partition->size_bytes());
  const ByteCount last = read(299, 1, true).bytes;
  REQUIRE(world.partition->BytesFrom(Offset(298)) == last);
  REQUIRE(world.partition->BatchAt(Offset(298))->base_offset == Offset(297));
  REQUIRE(world.partition->BatchAt(Offset(300)).status().code() == StatusCode::kNotFound);
}

TEST_CASE("Everything survives a clean stop and start, and nothing is scanned again",
          "[partition]") {
  World world;
  world.config.log.segment_bytes = ByteCount(2'000);
  world.Start();
  for (int i = 0; i < 60; ++i) world.Append(Idempotent(Numbered(i, i + 1), i));
  world.OnShard([](Partition& p) { REQUIRE(p.SaveState(checkpoint::Sync::kNow).ok()); });
  int reads_of_log = 0;
  world.Crash(MemoryFileSystem::Unsynced::kLost);
  world.partition.reset();
  world.files.SetFault([&](MemoryFileSystem::Operation operation, const std::string& path) {
    const bool log = path.ends_with(".log") && operation == MemoryFileSystem::Operation::kRead;
    reads_of_log += log ? 1 : 0;
    return OkStatus();
  });
  world.Start();
  // One look at each sealed segment's end; of the active one its end and its first header.
  const auto segments = std::ranges::count_if(
      world.Files(), [](const std::string& name) { return name.ends_with(".log"); });
  REQUIRE(reads_of_log <= segments - 1 + 2);
  REQUIRE(world.Values() == Numbered(0, 60));
  REQUIRE(world.Append(Idempotent(Numbered(59, 60), 59)).base_offset == Offset(59));
  REQUIRE(world.Append(Idempotent(Numbered(60, 61), 60)).base_offset == Offset(60));
}

TEST_CASE("The gate refuses before the write and again before the acknowledgement", "[partition]") {
  World world;
  world.Start();
  world.Append({"a"});
  SECTION("Before: nothing is written") {
    world.gate.answer = {
        .error = ErrorCode::kPolicyViolation, .message = "a mirror", .epoch = kNoEpoch};
    const AppendOutcome refused = world.Append({"b"});
    REQUIRE(refused.error == ErrorCode::kPolicyViolation);
    REQUIRE(refused.message == "a mirror");
    REQUIRE(world.partition->offsets().log_end == Offset(1));
  }
  SECTION("Between: the record is there, the acknowledgement is not") {
    world.files.SetFault([&](MemoryFileSystem::Operation operation, const std::string&) {
      if (operation == MemoryFileSystem::Operation::kSync) {
        world.gate.answer = {
            .error = ErrorCode::kNotLeaderOrFollower, .message = "moved", .epoch = kNoEpoch};
      }
      return OkStatus();
    });
    REQUIRE(world.Append({"b"}).error == ErrorCode::kNotLeaderOrFollower);
    REQUIRE(world.partition->offsets().high_watermark == Offset(2));
  }
  SECTION("An epoch below the log's own accepts nothing") {
    world.gate.answer = {.message = {}, .epoch = LeaderEpoch(256)};
    REQUIRE(world.Append({"b"}).error == ErrorCode::kNotLeaderOrFollower);
  }
}

TEST_CASE("A retry is answered with the original offset, within a turn and after a crash",
          "[partition]") {
  World world;
  world.Start();
  REQUIRE(world.Append(Idempotent({"a", "b"}, 0)).base_offset == Offset(0));
  world.Append({"other"});
  REQUIRE(world.Append(Idempotent({"a", "b"}, 0)).base_offset == Offset(0));
  AppendOutcome original;
  AppendOutcome retry;
  Bytes batch = MakeBatch(Idempotent({"c"}, 2));
  Bytes again = batch;
  world.Hold();
  world.OnShard([&](Partition& p) { p.StageAppend(batch, original); });
  world.OnShard([&](Partition& p) { p.StageAppend(again, retry); });
  world.Release();
  REQUIRE(original.base_offset == Offset(3));
  REQUIRE(retry.base_offset == Offset(3));
  world.Restart();
  REQUIRE(world.Append(Idempotent({"c"}, 2)).base_offset == Offset(3));
  REQUIRE(world.Append(Idempotent({"x"}, 9)).error == ErrorCode::kOutOfOrderSequenceNumber);
  REQUIRE(world.Append(Idempotent({"d"}, 3)).base_offset == Offset(4));
  REQUIRE(world.Values() == std::vector<std::string>{"a", "b", "other", "c", "d"});
}

TEST_CASE("DeleteRecords is durable before it is seen and takes whole segments", "[partition]") {
  World world;
  world.config.log.segment_bytes = ByteCount(500);
  world.Start();
  for (int i = 0; i < 50; ++i) world.Append(Numbered(i, i + 1));
  const ByteCount before = world.partition->size_bytes();
  const auto listener = std::make_shared<CountingListener>();
  world.partition->Listen(listener, 42);
  world.OnShard([](Partition& p) {
    REQUIRE(p.AdvanceLogStart(Offset(51)) == ErrorCode::kOffsetOutOfRange);
    REQUIRE(p.AdvanceLogStart(Offset(27)) == ErrorCode::kNone);
    REQUIRE(p.AdvanceLogStart(Offset(3)) == ErrorCode::kNone);  // Already gone.
  });
  REQUIRE(listener->calls == 1);
  REQUIRE(listener->last_token == 42);
  REQUIRE(world.partition->size_bytes() < before);
  world.Restart();
  REQUIRE(world.partition->offsets().log_start == Offset(27));
  REQUIRE(world.Values() == Numbered(27, 50));
  REQUIRE(world.partition->Read({.offset = Offset(26), .max_bytes = ByteCount(100)}).error ==
          ErrorCode::kOffsetOutOfRange);
  world.OnShard([](Partition& p) { REQUIRE(p.AdvanceLogStart(kNoOffset) == ErrorCode::kNone); });
  REQUIRE(world.Values().empty());
  REQUIRE(world.partition->offsets().log_start == Offset(50));
  world.Restart();
  REQUIRE(world.Append({"next"}).base_offset == Offset(50));
}

TEST_CASE("Retention by time empties an idle log, by size it keeps the newest", "[partition]") {
  World world;
  world.config.log.segment_bytes = ByteCount(500);
  const bool by_time = GENERATE(true, false);
  world.config.log.retention_time.reset();
  if (by_time) world.config.log.retention_time = std::chrono::seconds(10);
  if (!by_time) world.config.log.retention_bytes = ByteCount(1'000);
  world.Start();
  const Timestamp now = ToTimestamp(world.clock.WallNow());
  for (int i = 0; i < 50; ++i) world.Append({.values = Numbered(i, i + 1), .timestamp = now});
  world.clock.Advance(std::chrono::seconds(11));
  world.OnShard([](Partition& p) { REQUIRE(p.ApplyRetention().ok()); });
  const PartitionOffsets offsets = world.partition->offsets();
  if (by_time) {
    REQUIRE(offsets.log_start == Offset(50));
  } else {
    REQUIRE(offsets.log_start > Offset(0));
    REQUIRE(world.partition->size_bytes() >= ByteCount(1'000));
    REQUIRE(world.partition->size_bytes() < ByteCount(1'600));
  }
  world.Restart();
  REQUIRE(world.partition->offsets().log_start == offsets.log_start);
  REQUIRE(world.Append({"next"}).base_offset == Offset(50));
}

TEST_CASE("With durability os the page cache is enough for an acknowledgement", "[partition]") {
  World world;
  world.config.durability = Durability::kOs;
  world.Start();
  REQUIRE(world.Append({"a"}).error == ErrorCode::kNone);
  REQUIRE(world.partition->offsets().high_watermark == Offset(1));
  REQUIRE(world.partition->offsets().durable_end == Offset(0));
  SECTION("A saved state is a sync") {
    world.OnShard([](Partition& p) { REQUIRE(p.SaveState(checkpoint::Sync::kNow).ok()); });
    REQUIRE(world.partition->offsets().durable_end == Offset(1));
    world.Restart();
    REQUIRE(world.Values() == std::vector<std::string>{"a"});
  }
  SECTION("Changing to fsync syncs what is visible") {
    PartitionConfig config = world.config;
    config.durability = Durability::kFsync;
    world.OnShard([&](Partition& p) { p.SetConfig(config); });
    world.Restart();
    REQUIRE(world.Values() == std::vector<std::string>{"a"});
  }
  SECTION("A power cut may take it") {
    world.Restart();
    REQUIRE(world.Values().empty());
    REQUIRE(world.Append({"b"}).base_offset == Offset(0));
  }
}

TEST_CASE("Log-append time is stamped by the broker", "[partition]") {
  World world;
  world.config.timestamp_type = kafka::TimestampType::kLogAppendTime;
  world.Start();
  const Timestamp now = ToTimestamp(world.clock.WallNow());
  REQUIRE(world.Append({"a"}).log_append_time == now);
  REQUIRE(world.Values().size() == 1);  // The CRC was mended.
  REQUIRE(world.partition->BatchAt(Offset(0))->max_timestamp == now);
}

TEST_CASE("A closed partition answers, and its listeners are told", "[partition]") {
  World world;
  world.Start();
  world.Append({"a"});
  const auto listener = std::make_shared<CountingListener>();
  world.partition->Listen(listener, 1);
  world.OnShard([](Partition& p) { p.Close(); });
  REQUIRE(listener->calls == 1);
  world.partition->Unlisten(*listener);
  REQUIRE(world.Append({"b"}).error == ErrorCode::kKafkaStorageError);
  REQUIRE(listener->calls == 1);
  REQUIRE(world.partition->Read({.offset = Offset(0), .max_bytes = ByteCount(10)}).error ==
          ErrorCode::kUnknownTopicOrPartition);
}

}  // namespace atl::broker
