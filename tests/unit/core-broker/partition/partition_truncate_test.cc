// Cutting a log back to an earlier end: what lies above is gone from everything that remembers it,
// and a power cut on the way ends with the log as it was or as it should be, never between.
#include "tests/unit/core-broker/partition/partition_world.h"

namespace atl::broker {
namespace {

using kafka::ErrorCode;
using test::Idempotent;
using test::MakeBatch;
using test::World;
using Unsynced = MemoryFileSystem::Unsynced;

Status Truncate(World& world, Offset offset) {
  StatusOr<PartitionCut> cut = world.partition->PlanCut(offset);
  if (!cut.ok()) return cut.status();
  Status status;
  world.OnShard([&](Partition& p) { status = p.TruncateTo(*std::move(cut)); });
  return status;
}

Bytes Mirrored(int64_t base, int32_t epoch, const std::vector<std::string>& values,
               int64_t producer = -1, int32_t sequence = -1) {
  test::BatchSpec spec{.values = values};
  spec.options.base_offset = Offset(base);
  spec.options.leader_epoch = LeaderEpoch(epoch);
  if (producer >= 0) {
    spec.options.producer_id = ProducerId(producer);
    spec.options.producer_epoch = ProducerEpoch(0);
    spec.options.base_sequence = Sequence(sequence);
  }
  return MakeBatch(spec);
}

// Twenty batches of two records: epoch 257 up to offset 20, 513 from there to 40; small segments.
void Fill(World& world) {
  world.config.log.segment_bytes = ByteCount(500);
  world.config.log.index_interval = ByteCount(100);
  world.Start();
  for (int i = 0; i < 20; ++i) {
    const int32_t epoch = i < 10 ? 257 : 513;
    REQUIRE(
        world
            .Mirror({Mirrored(i * 2, epoch,
                              {fmt::format("{}", i * 2), fmt::format("{}", i * 2 + 1)}, 7, i * 2)})
            .status.ok());
  }
}

void CheckIs(World& world, int64_t end) {
  const PartitionOffsets offsets = world.partition->offsets();
  REQUIRE(offsets.log_end == Offset(end));
  REQUIRE(offsets.high_watermark == Offset(end));
  REQUIRE(offsets.durable_end == Offset(end));
  const std::vector<std::string> values = world.Values();
  REQUIRE(values.size() == static_cast<size_t>(end));
  for (size_t i = 0; i < values.size(); ++i) REQUIRE(values[i] == fmt::format("{}", i));
}

}  // namespace

TEST_CASE("a truncated log ends at the cut for readers, epochs and the next process") {
  World world;
  Fill(world);
  const int64_t end = GENERATE(2, 10, 20, 26, 38);
  REQUIRE(Truncate(world, Offset(end)).ok());
  CheckIs(world, end);
  const LeaderEpoch last(end > 20 ? 513 : 257);
  REQUIRE(world.partition->last_epoch() == last);
  REQUIRE(world.partition->EndOfEpoch(last).end == Offset(end));
  const ReadOutcome above =
      world.partition->Read({.offset = Offset(end + 1), .max_bytes = ByteCount(1000)});
  REQUIRE(above.error == ErrorCode::kOffsetOutOfRange);
  SECTION("after a power cut") {
    world.Restart();
    CheckIs(world, end);
    REQUIRE(world.partition->last_epoch() == last);
  }
  SECTION("and goes on there with another history") {
    REQUIRE(world.Mirror({Mirrored(end, 769, {"new"})}).status.ok());
    world.Restart();
    REQUIRE(world.Values().back() == "new");
    REQUIRE(world.Values().size() == static_cast<size_t>(end) + 1);
    REQUIRE(world.partition->last_epoch() == LeaderEpoch(769));
  }
}

TEST_CASE("S13: a consumer's position behind the cut is the cut, one before it stays (KIP-320)") {
  World world;
  Fill(world);
  const auto position = [&](int64_t next, int32_t epoch) {
    return world.partition->PositionOf(Offset(next), LeaderEpoch(epoch), LeaderEpoch(1025))
        .value_or(kNoOffset)
        .value();
  };
  REQUIRE(position(40, 513) == 40);
  REQUIRE(Truncate(world, Offset(26)).ok());
  REQUIRE(position(40, 513) == 26);  // Also before the new history has a record.
  REQUIRE(position(24, 513) == 24);
  REQUIRE(position(18, 257) == 18);
  REQUIRE(world.Mirror({Mirrored(26, 769, {"new"})}).status.ok());
  REQUIRE(position(40, 513) == 26);
  REQUIRE(position(27, 769) == 27);
  REQUIRE(position(40, 1025) == 27);  // The owner's, which has written nothing yet.
  REQUIRE(position(40, -1) == 40);    // A client that names none.
  REQUIRE(Truncate(world, Offset(0)).ok());
  REQUIRE(position(40, 1025) == 0);
  REQUIRE(position(40, 513) == -1);
}

TEST_CASE("a cut inside a batch takes the whole batch") {
  World world;
  Fill(world);
  REQUIRE(Truncate(world, Offset(11)).ok());
  CheckIs(world, 10);
}

TEST_CASE("a cut at or behind the end changes nothing") {
  World world;
  Fill(world);
  REQUIRE(Truncate(world, Offset(40)).ok());
  REQUIRE(Truncate(world, Offset(77)).ok());
  CheckIs(world, 40);
}

TEST_CASE("a cut in a hole ends the log before the hole") {
  World world;
  Fill(world);
  REQUIRE(world.Mirror({Mirrored(50, 513, {"x"})}).status.ok());
  REQUIRE(world.Mirror({Mirrored(60, 513, {"y"})}).status.ok());
  REQUIRE(Truncate(world, Offset(55)).ok());
  REQUIRE(world.partition->offsets().log_end == Offset(51));
  REQUIRE(Truncate(world, Offset(45)).ok());
  CheckIs(world, 40);
}

TEST_CASE(
    "a cut at the log start leaves an empty log there, one below it an empty log at the cut") {
  World world;
  Fill(world);
  world.OnShard([](Partition& p) { REQUIRE(p.AdvanceLogStart(Offset(12)) == ErrorCode::kNone); });
  const int64_t cut = GENERATE(12, 5);
  REQUIRE(Truncate(world, Offset(cut)).ok());
  for (int round = 0; round < 2; ++round) {
    REQUIRE(world.partition->offsets().log_start == Offset(cut));
    REQUIRE(world.partition->offsets().log_end == Offset(cut));
    REQUIRE(world.partition->last_epoch() == kNoEpoch);
    world.Restart();
  }
  REQUIRE(world.Mirror({Mirrored(cut, 769, {"new"})}).status.ok());
  REQUIRE(world.Values() == std::vector<std::string>{"new"});
}

TEST_CASE("S15: a new record is never taken for one that was truncated") {
  World world;
  Fill(world);
  // Whether the producers come from the checkpoint and a replay, or from a replay alone.
  const bool saved_before = GENERATE(true, false);
  if (saved_before) {
    world.Restart();
    world.OnShard([](Partition& p) { REQUIRE(p.SaveState(checkpoint::Sync::kNow).ok()); });
    REQUIRE(world.Mirror({Mirrored(40, 513, {"40", "41"}, 7, 40)}).status.ok());
  }
  const int64_t cut = saved_before ? 40 : 30;
  REQUIRE(Truncate(world, Offset(cut)).ok());
  world.gate.answer.epoch = LeaderEpoch(769);
  const bool restart = GENERATE(true, false);
  if (restart) world.Restart();
  const auto next = static_cast<int32_t>(cut);
  // What is still there is known ...
  REQUIRE(world.Append(Idempotent({"28", "29"}, next - 2)).base_offset == Offset(cut - 2));
  // ... what was truncated is not: the producer goes on behind what is there.
  const AppendOutcome ahead = world.Append(Idempotent({"a", "b"}, next + 2));
  REQUIRE(ahead.error == ErrorCode::kOutOfOrderSequenceNumber);
  const AppendOutcome fresh = world.Append(Idempotent({"a", "b"}, next));
  REQUIRE(fresh.error == ErrorCode::kNone);
  REQUIRE(fresh.base_offset == Offset(cut));
  REQUIRE(world.Values().back() == "b");
}

TEST_CASE("a producer of which nothing is left is forgotten") {
  World world;
  Fill(world);
  REQUIRE(world.Mirror({Mirrored(40, 513, {"x"}, 9, 0)}).status.ok());
  REQUIRE(Truncate(world, Offset(40)).ok());
  world.gate.answer.epoch = LeaderEpoch(769);
  const AppendOutcome again = world.Append(Idempotent({"y"}, 0, 9));
  REQUIRE(again.base_offset == Offset(40));
  REQUIRE(world.Values().back() == "y");
}

TEST_CASE("a transaction whose marker is truncated is open again") {
  World world;
  world.Start();
  const auto commit = GENERATE(true, false);
  kafka::BatchBuilder::Options options{.base_offset = Offset(0), .leader_epoch = LeaderEpoch(257)};
  options.producer_id = ProducerId(9);
  options.producer_epoch = ProducerEpoch(0);
  options.base_sequence = Sequence(0);
  options.transactional = true;
  const Bytes records = MakeBatch({.values = {"a"}, .options = options});
  options.base_offset = Offset(1);
  const Bytes marker = kafka::BatchBuilder::ControlMarker(options, commit, Timestamp(1000), 0);
  const Bytes more = Mirrored(2, 257, {"b"});
  REQUIRE(world.Mirror({records, marker, more}).status.ok());
  REQUIRE(world.partition->offsets().last_stable == Offset(3));
  REQUIRE(Truncate(world, Offset(1)).ok());
  REQUIRE(world.partition->offsets().last_stable == Offset(0));
  world.Restart();
  REQUIRE(world.partition->offsets().last_stable == Offset(0));
  const Bytes abort = kafka::BatchBuilder::ControlMarker(options, false, Timestamp(1000), 0);
  REQUIRE(world.Mirror({abort}).status.ok());
  REQUIRE(world.partition->offsets().last_stable == Offset(2));
  const ReadOutcome read = world.partition->Read({.offset = Offset(0),
                                                  .max_bytes = ByteCount(1000),
                                                  .whole_first_batch = true,
                                                  .isolation = Isolation::kReadCommitted});
  REQUIRE(read.aborted == std::vector<AbortedTransaction>{{ProducerId(9), Offset(0)}});
}

TEST_CASE("who waits for more is told of a truncation") {
  struct Listener final : PartitionListener {
    void OnProgress(uint64_t) noexcept override { ++told; }
    int told = 0;
  };
  World world;
  Fill(world);
  const auto listener = std::make_shared<Listener>();
  world.partition->Listen(listener, 1);
  REQUIRE(Truncate(world, Offset(20)).ok());
  REQUIRE(listener->told > 0);
}

TEST_CASE("a truncation waits for the appends of its own turn") {
  World world;
  Fill(world);
  StatusOr<PartitionCut> cut = world.partition->PlanCut(Offset(20));
  REQUIRE(cut.ok());
  Status status;
  MirrorOutcome appended;
  const Bytes batch = Mirrored(40, 513, {"40"});
  const kafka::BatchView view = *kafka::BatchView::Parse(batch);
  world.Hold();
  world.OnShard([&](Partition& p) {
    p.StageMirrorAppend(LinkName("from-us"), {&view, 1}, appended);
  });
  world.OnShard([&](Partition& p) { status = p.TruncateTo(*std::move(cut)); });
  world.Release();
  REQUIRE(status.code() == StatusCode::kFailedPrecondition);
  REQUIRE(appended.status.ok());
  REQUIRE(world.partition->offsets().log_end == Offset(41));
}

TEST_CASE("a disk that fails on the way takes the partition offline until the cut is done") {
  World world;
  Fill(world);
  const auto failing =
      GENERATE(MemoryFileSystem::Operation::kTruncate, MemoryFileSystem::Operation::kRemove,
               MemoryFileSystem::Operation::kSyncFolder);
  world.files.SetFault([failing](MemoryFileSystem::Operation operation, const std::string&) {
    return operation == failing ? Unavailable("EIO") : OkStatus();
  });
  REQUIRE_FALSE(Truncate(world, Offset(10)).ok());
  REQUIRE_FALSE(world.partition->offline_reason().empty());
  REQUIRE(world.partition->offsets().high_watermark == Offset(10));
  world.files.SetFault({});
  world.OnShard([](Partition& p) { REQUIRE(p.Reopen().ok()); });
  CheckIs(world, 10);
}

namespace {

struct Victim {
  World* world = nullptr;
  Unsynced unsynced = Unsynced::kLost;
  bool crashed = false;
};
Victim victim;

Status CutPower(const Failpoint& failpoint) {
  victim.crashed = true;
  victim.world->Crash(victim.unsynced);
  victim.world->store.SetFault(
      [](checkpoint::MemoryStore::Operation) { return Unavailable("the power is off"); });
  return Unavailable("power cut at {}", failpoint.name());
}

}  // namespace

TEST_CASE("a power cut at any step of a truncation ends behind the decision", "[crash]") {
  const auto unsynced = GENERATE(Unsynced::kLost, Unsynced::kKept, Unsynced::kTorn);
  const std::string point = GENERATE(as<std::string>(), "truncate.decided", "truncate.files_cut");
  const int64_t cut = GENERATE(0, 10, 22, 38);
  World world(static_cast<uint64_t>(cut) + 3);
  Fill(world);
  victim = {&world, unsynced, false};
  Failpoint::SetAbortHook(&CutPower);
  REQUIRE(Failpoint::Configure(point + "=abort").ok());
  REQUIRE_FALSE(Truncate(world, Offset(cut)).ok());
  REQUIRE(Failpoint::Configure("").ok());
  Failpoint::SetAbortHook(nullptr);
  REQUIRE(victim.crashed);
  world.store.SetFault({});
  world.partition.reset();
  world.Start();
  CheckIs(world, cut);
  world.Restart(unsynced);
  CheckIs(world, cut);
}

TEST_CASE("a power cut between any two operations of a truncation leaves one of the two logs",
          "[crash]") {
  const auto unsynced = GENERATE(Unsynced::kLost, Unsynced::kKept, Unsynced::kTorn);
  const int64_t cut = GENERATE(0, 10, 22);
  bool decided_seen = false;
  for (int nth = 1;; ++nth) {
    World world(static_cast<uint64_t>(nth) * 7 + static_cast<uint64_t>(cut));
    Fill(world);
    int count = 0;
    bool dead = false;
    world.files.SetFault([&](MemoryFileSystem::Operation operation, const std::string&) {
      const bool counts = operation != MemoryFileSystem::Operation::kRead &&
                          operation != MemoryFileSystem::Operation::kOpen;
      if (counts && ++count == nth) dead = true;
      return dead ? Unavailable("the power is off") : OkStatus();
    });
    const Status truncated = Truncate(world, Offset(cut));
    if (!dead) {
      REQUIRE(truncated.ok());
      REQUIRE(nth > 3);
      break;
    }
    world.files.SetFault({});
    world.Crash(unsynced);
    world.partition.reset();
    world.Start();
    const Offset end = world.partition->offsets().log_end;
    INFO("operation " << nth << " end " << end.value());
    REQUIRE((end == Offset(cut) || end == Offset(40)));
    CheckIs(world, end.value());
    decided_seen = decided_seen || end == Offset(cut);
  }
  REQUIRE(decided_seen);
}

}  // namespace atl::broker
