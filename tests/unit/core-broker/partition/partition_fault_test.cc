// Disks that fail while the process lives, and files that are not what they were.
#include <fmt/core.h>

#include "tests/unit/core-broker/partition/partition_world.h"

namespace atl::broker {
namespace {

using kafka::ErrorCode;
using test::Idempotent;
using test::World;
using Operation = MemoryFileSystem::Operation;

std::string LogFile(const World& world, int64_t base) {
  return JoinPath(world.folder, SegmentFileName(Offset(base), SegmentFileKind::kLog));
}

void FailNext(World& world, Operation which) {
  auto done = std::make_shared<bool>(false);
  world.files.SetFault([=](Operation operation, const std::string& path) {
    if (*done || operation != which || !path.ends_with(".log")) return OkStatus();
    *done = true;
    return Corrupt("{}: Input/output error", path);
  });
}

Status Reopen(World& world) {
  Status status;
  world.OnShard([&](Partition& p) { status = p.Reopen(); });
  return status;
}

void Overwrite(World& world, const std::string& path, int64_t at, std::string_view text) {
  const auto file = *world.files.Open(path, OpenMode::kReadWrite);
  const BytesView piece = AsBytes(text);
  REQUIRE(file->WriteAt(FilePosition(at), {&piece, 1}).ok());
  REQUIRE(file->Sync().ok());
}

}  // namespace

TEST_CASE("After a failed sync nothing is acknowledged, reads go on, and reopening recovers",
          "[fault]") {
  World world;
  world.Start();
  world.Append(Idempotent({"a"}, 0));
  const auto which = GENERATE(Operation::kSync, Operation::kWrite);
  FailNext(world, which);
  const AppendOutcome failed = world.Append(Idempotent({"b"}, 1));
  REQUIRE(failed.error == ErrorCode::kKafkaStorageError);
  REQUIRE(failed.base_offset == kNoOffset);
  REQUIRE(world.partition->offline_reason().find("Input/output error") != std::string::npos);
  REQUIRE(world.partition->offsets().high_watermark == Offset(1));
  REQUIRE(world.Append(Idempotent({"b"}, 1)).error == ErrorCode::kKafkaStorageError);
  REQUIRE(world.Values() == std::vector<std::string>{"a"});
  REQUIRE(Reopen(world).ok());
  REQUIRE(world.partition->offline_reason().empty());
  const AppendOutcome retried = world.Append(Idempotent({"b"}, 1));
  REQUIRE(retried.error == ErrorCode::kNone);
  REQUIRE(retried.base_offset == Offset(1));
  REQUIRE(world.Values() == std::vector<std::string>{"a", "b"});
  world.Restart();
  REQUIRE(world.Values() == std::vector<std::string>{"a", "b"});
}

TEST_CASE("Every outcome of a turn whose sync failed is an error, retries in it included",
          "[fault]") {
  World world;
  world.Start();
  std::vector<AppendOutcome> outcomes(3);
  std::vector<Bytes> batches{MakeBatch(Idempotent({"a"}, 0)), MakeBatch(Idempotent({"a"}, 0)),
                             MakeBatch(test::BatchSpec{.values = {"b"}})};
  FailNext(world, Operation::kSync);
  world.Hold();
  for (size_t i = 0; i < 3; ++i) {
    world.OnShard([&, i](Partition& p) { p.StageAppend(batches[i], outcomes[i]); });
  }
  world.Release();
  for (const AppendOutcome& outcome : outcomes) {
    REQUIRE(outcome.error == ErrorCode::kKafkaStorageError);
  }
  REQUIRE(Reopen(world).ok());
  REQUIRE(world.Append(Idempotent({"a"}, 0)).error == ErrorCode::kNone);
}

TEST_CASE("A full disk stops appends and not reads, and the partition comes back by itself",
          "[fault]") {
  World world;
  world.Start();
  world.Append({"a"});
  world.files.SetCapacity(ByteCount(world.partition->size_bytes().value() + 20));
  const AppendOutcome failed = world.Append({"bbbbbbbbbbbbbbbbbbbbbbbb"});
  REQUIRE(failed.error == ErrorCode::kKafkaStorageError);
  REQUIRE(world.partition->offline_reason().starts_with("no space left"));
  REQUIRE(world.Values() == std::vector<std::string>{"a"});
  const auto tick = [&] {
    world.clock.Advance(std::chrono::minutes(1));
    world.OnShard([](Partition& p) { p.Tick(true, true); });
  };
  tick();
  REQUIRE_FALSE(world.partition->offline_reason().empty());
  world.files.SetCapacity(ByteCount(1 << 30));
  tick();
  REQUIRE(world.partition->offline_reason().empty());
  REQUIRE(world.Append({"b"}).base_offset == Offset(1));
  REQUIRE(world.Values() == std::vector<std::string>{"a", "b"});
}

TEST_CASE("A failpoint that gives an errno fails the step it stands for", "[fault]") {
  World world;
  world.Start();
  world.Append({"a"});
  const std::string point = GENERATE("append.written", "append.fsynced");
  REQUIRE(Failpoint::Configure(point + "=errno:EIO").ok());
  const AppendOutcome failed = world.Append({"b"});
  REQUIRE(Failpoint::Configure("").ok());
  REQUIRE(failed.error == ErrorCode::kKafkaStorageError);
  REQUIRE(world.partition->offsets().high_watermark == Offset(1));
  REQUIRE(Reopen(world).ok());
  REQUIRE(world.partition->offsets().high_watermark == Offset(2));  // It had been written.
}

TEST_CASE("Acknowledged records that are gone keep the partition offline", "[fault]") {
  World world;
  world.Start();
  for (const char* value : {"a", "b", "c"}) world.Append({value});
  FailNext(world, Operation::kSync);
  world.Append({"d"});
  const auto file = *world.files.Open(LogFile(world, 0), OpenMode::kReadWrite);
  REQUIRE(file->Truncate(FilePosition(100)).ok());
  REQUIRE(Reopen(world).code() == StatusCode::kDataLoss);
  REQUIRE_FALSE(world.partition->offline_reason().empty());
  REQUIRE(world.Append({"x"}).error == ErrorCode::kKafkaStorageError);
}

TEST_CASE("Damage below the recovery point refuses to open and changes nothing", "[recovery]") {
  World world;
  world.config.log.index_interval = ByteCount(1 << 20);  // The walk begins at byte 0.
  world.Start();
  for (int i = 0; i < 20; ++i) world.Append({fmt::format("value-{}", i)});
  world.OnShard([](Partition& p) { REQUIRE(p.SaveState(checkpoint::Sync::kNow).ok()); });
  world.partition.reset();
  const Bytes before = *ReadWholeFile(world.files, LogFile(world, 0), ByteCount(1 << 20));
  world.files.FlipBit(LogFile(world, 0), FilePosition(16), 3);  // The first batch's magic.
  REQUIRE(world.TryStart().status().code() == StatusCode::kDataLoss);
  Bytes after = *ReadWholeFile(world.files, LogFile(world, 0), ByteCount(1 << 20));
  REQUIRE(after.size() == before.size());
  world.files.FlipBit(LogFile(world, 0), FilePosition(16), 3);
  world.Start();
  REQUIRE(world.Values().size() == 20);
}

TEST_CASE("A torn tail is cut; a damaged one is cut and kept beside", "[recovery]") {
  World world;
  world.Start();
  for (const char* value : {"a", "b", "c"}) world.Append({value});
  world.partition.reset();
  const int64_t size = (*world.files.Open(LogFile(world, 0), OpenMode::kRead))->Size()->value();
  const std::string aside =
      JoinPath(world.folder, CutFileName(Offset(0), FilePosition(size / 3 * 2)));
  SECTION("Half a batch") {
    const auto file = *world.files.Open(LogFile(world, 0), OpenMode::kReadWrite);
    REQUIRE(file->Truncate(FilePosition(size - 5)).ok());
    world.Start();
    REQUIRE(world.Values() == std::vector<std::string>{"a", "b"});
    REQUIRE_FALSE(*world.files.Exists(aside));
  }
  SECTION("Zeros behind the end") {
    Overwrite(world, LogFile(world, 0), size, std::string(500, '\0'));
    world.Start();
    REQUIRE(world.Values() == std::vector<std::string>{"a", "b", "c"});
    REQUIRE(world.Files().size() == 1);
  }
  SECTION("A flipped bit") {
    world.files.FlipBit(LogFile(world, 0), FilePosition(size - 3), 1);
    world.Start();
    REQUIRE(world.Values() == std::vector<std::string>{"a", "b"});
    REQUIRE(ReadWholeFile(world.files, aside, ByteCount(1000))->size() == size_t(size / 3));
  }
  REQUIRE(world.Append({"next"}).error == ErrorCode::kNone);
}

TEST_CASE("A damaged segment that others follow is an error that names both", "[recovery]") {
  World world;
  world.config.log.segment_bytes = ByteCount(300);
  world.Start();
  for (int i = 0; i < 12; ++i) world.Append({fmt::format("value-{}", i)});
  world.partition.reset();
  world.store.Rollback({});  // Else a roll's recovery point says that it needs no look.
  world.files.FlipBit(LogFile(world, 0), FilePosition(100), 1);
  const Status status = world.TryStart().status();
  REQUIRE(status.code() == StatusCode::kDataLoss);
  REQUIRE(StatusMessage(status).find("00000000000000000000.log") != std::string_view::npos);
  REQUIRE(StatusMessage(status).find("follows") != std::string_view::npos);
}

TEST_CASE("Segments that overlap are an error that names both", "[recovery]") {
  World world;
  world.config.log.segment_bytes = ByteCount(300);
  world.Start();
  for (int i = 0; i < 12; ++i) world.Append({fmt::format("value-{}", i)});
  world.OnShard([](Partition& p) { REQUIRE(p.SaveState(checkpoint::Sync::kNow).ok()); });
  world.partition.reset();
  const auto segments = world.Files();
  REQUIRE(world.files.Rename(JoinPath(world.folder, segments[4]), LogFile(world, 2)).ok());
  const Status status = world.TryStart().status();
  REQUIRE(status.code() == StatusCode::kDataLoss);
  REQUIRE(StatusMessage(status).find("overlaps") != std::string_view::npos);
}

TEST_CASE("A store that is gone, older or newer than the log: the log wins", "[recovery]") {
  World world;
  world.config.log.segment_bytes = ByteCount(500);
  world.Start();
  const auto append = [&](int from, int to) {
    for (int i = from; i < to; ++i) {
      REQUIRE(world.Append(Idempotent({fmt::format("value-{}", i)}, i)).error == ErrorCode::kNone);
    }
  };
  const auto save = [&] {
    world.OnShard([](Partition& p) { REQUIRE(p.SaveState(checkpoint::Sync::kNow).ok()); });
  };
  append(0, 10);
  save();
  const checkpoint::MemoryStore::Image early = world.store.Clone();
  append(10, 20);
  save();
  world.partition.reset();
  int expected = 20;
  SECTION("Gone") { world.store.Rollback({}); }
  SECTION("Older") { world.store.Rollback(early); }
  SECTION("Newer: the log lost its end") {
    const auto file = *world.files.Open(world.LastLog(), OpenMode::kReadWrite);
    REQUIRE(file->Truncate(FilePosition(file->Size()->value() - 10)).ok());
    expected = 19;
  }
  world.Start();
  REQUIRE(static_cast<int>(world.Values().size()) == expected);
  REQUIRE(world.Append(Idempotent({"again"}, expected - 1)).base_offset == Offset(expected - 1));
  append(expected, expected + 3);
}

TEST_CASE("A recovery point inside a batch is of another time: the log is scanned and wins",
          "[recovery]") {
  World world;
  world.Start();
  REQUIRE(world.Append(Idempotent({"a", "b", "c"}, 0)).error == ErrorCode::kNone);
  REQUIRE(world.Append(Idempotent({"d"}, 3)).error == ErrorCode::kNone);
  world.OnShard([](Partition& p) { REQUIRE(p.SaveState(checkpoint::Sync::kNow).ok()); });
  world.partition.reset();
  auto state = **world.states.Get(world.topic_id, PartitionId(0));
  state.recovery_point = Offset(1);
  REQUIRE(world.states.Put(state, checkpoint::Sync::kNow).ok());
  world.Start();
  REQUIRE(world.Values() == std::vector<std::string>{"a", "b", "c", "d"});
  REQUIRE(world.Append(Idempotent({"e"}, 4)).base_offset == Offset(4));
}

TEST_CASE("Segments that vanished behind the checkpoint's back are not replaced by an empty log",
          "[recovery]") {
  World world;
  world.Start();
  world.Append({"a"});
  world.OnShard([](Partition& p) { REQUIRE(p.SaveState(checkpoint::Sync::kNow).ok()); });
  world.partition.reset();
  for (const std::string& name : world.Files()) {
    REQUIRE(world.files.Remove(JoinPath(world.folder, name)).ok());
  }
  REQUIRE(world.TryStart().status().code() == StatusCode::kDataLoss);
}

TEST_CASE("Missing and damaged indexes are rebuilt, and reads are right all the same",
          "[recovery]") {
  World world;
  world.config.log.segment_bytes = ByteCount(2'000);
  world.Start();
  for (int i = 0; i < 100; ++i) world.Append({fmt::format("value-{}", i)});
  world.OnShard([](Partition& p) { REQUIRE(p.SaveState(checkpoint::Sync::kNow).ok()); });
  const std::vector<std::string> values = world.Values();
  world.partition.reset();
  const auto how = GENERATE(0, 1, 2, 3);
  for (const std::string& name : world.Files()) {
    const std::string path = JoinPath(world.folder, name);
    if (!name.ends_with("index")) continue;
    if (how == 0) REQUIRE(world.files.Remove(path).ok());
    if (how == 1) Overwrite(world, path, 0, std::string(64, '\x7F'));
    if (how == 2) world.files.FlipBit(path, FilePosition(7), 4);  // A wrong position or offset.
    if (how == 3)
      REQUIRE((*world.files.Open(path, OpenMode::kReadWrite))->Truncate(FilePosition(9)).ok());
  }
  world.Start();
  REQUIRE(world.Values() == values);
  for (int64_t offset = 0; offset < 100; offset += 7) {
    REQUIRE(world.partition->BatchAt(Offset(offset))->base_offset == Offset(offset));
  }
  REQUIRE(world.partition->FindTimestamp(Timestamp(500), Isolation::kReadUncommitted)->offset ==
          Offset(0));
}

TEST_CASE("A disk that does not answer at the start is not taken for a torn tail", "[recovery]") {
  World world;
  world.Start();
  for (const char* value : {"a", "b"}) world.Append({value});
  world.partition.reset();
  FailNext(world, Operation::kRead);
  REQUIRE_FALSE(world.TryStart().ok());
  world.files.SetFault({});
  world.Start();
  REQUIRE(world.Values() == std::vector<std::string>{"a", "b"});
}

TEST_CASE("A partition that could not be opened answers, and opens once its files are right",
          "[recovery]") {
  World world;
  world.Start();
  world.Append({"a"});
  world.partition = Partition::OpenOffline(world.context(), world.identity(), world.folder,
                                           world.config, Corrupt("not trusted"));
  REQUIRE(world.partition->Read({.offset = Offset(0), .max_bytes = ByteCount(10)}).error ==
          ErrorCode::kKafkaStorageError);
  REQUIRE(world.Append({"b"}).message == "not trusted");
  REQUIRE(world.partition->offsets().high_watermark == kNoOffset);
  world.clock.Advance(std::chrono::seconds(2));
  world.OnShard([](Partition& p) { p.Tick(false, true); });
  REQUIRE(world.Values() == std::vector<std::string>{"a"});
}

}  // namespace atl::broker
