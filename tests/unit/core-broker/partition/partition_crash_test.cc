// Power cuts at every failpoint of append, roll, save, trim and start: what was acknowledged is
// there, what is there is whole, and nothing is there twice (S1, S2, S15).
#include <algorithm>
#include <set>

#include "tests/unit/core-broker/partition/partition_world.h"

namespace atl::broker {
namespace {

using kafka::ErrorCode;
using test::Idempotent;
using test::MakeBatch;
using test::World;
using Unsynced = MemoryFileSystem::Unsynced;

struct Victim {
  World* world = nullptr;
  Unsynced unsynced = Unsynced::kLost;
  bool crashed = false;
};
Victim victim;

// The power goes at the failpoint; what the process still does afterwards reaches no disk.
Status CutPower(const Failpoint& failpoint) {
  victim.crashed = true;
  victim.world->Crash(victim.unsynced);
  victim.world->store.SetFault(
      [](checkpoint::MemoryStore::Operation) { return Unavailable("the power is off"); });
  return Unavailable("power cut at {}", failpoint.name());
}

struct ArmedFailpoint {
  ArmedFailpoint(World& world, const std::string& order, Unsynced unsynced) {
    victim = {&world, unsynced, false};
    Failpoint::SetAbortHook(&CutPower);
    REQUIRE(Failpoint::Configure(order).ok());
  }
  ~ArmedFailpoint() {
    REQUIRE(Failpoint::Configure("").ok());
    Failpoint::SetAbortHook(nullptr);
  }
};

const std::vector<std::string> kClientPoints = {
    "append.accepted", "append.epoch_checked",     "append.written",
    "append.fsynced",  "append.epoch_rechecked",   "append.index_written",
    "roll.old_sealed", "roll.new_created",         "roll.dir_synced",
    "state.saved",     "retention.start_advanced", "retention.unlinked"};

struct Told {
  std::vector<std::string> acknowledged;  // By offset, in order.
  std::set<std::string> doubtful;
  Offset log_start{0};  // The last one that was promised.
  Offset log_start_doubtful{0};
};

// Appends of one idempotent producer in turns of three, with saves and DeleteRecords between.
void Work(World& world, Told& told) {
  for (int turn = 0; turn < 12 && !victim.crashed; ++turn) {
    std::vector<AppendOutcome> outcomes(3);
    std::vector<Bytes> batches;
    std::vector<std::string> values;
    for (int i = 0; i < 3; ++i) {
      const int number = turn * 3 + i;
      values.push_back(fmt::format("value-{:04}", number));
      batches.push_back(MakeBatch(Idempotent({values.back()}, number)));
    }
    world.Hold();
    for (size_t i = 0; i < 3; ++i) {
      world.OnShard([&, i](Partition& p) { p.StageAppend(batches[i], outcomes[i]); });
    }
    world.Release();
    for (size_t i = 0; i < 3; ++i) {
      if (outcomes[i].error == ErrorCode::kNone) {
        REQUIRE(outcomes[i].base_offset.value() == int64_t(told.acknowledged.size()));
        told.acknowledged.push_back(values[i]);
      } else {
        told.doubtful.insert(values[i]);
      }
    }
    if (victim.crashed || turn % 4 != 3) continue;
    world.OnShard([&](Partition& p) {
      const Offset start(turn * 2);
      told.log_start_doubtful = start;
      if (p.AdvanceLogStart(start) == ErrorCode::kNone) told.log_start = start;
      if (!victim.crashed) p.SaveState(checkpoint::Sync::kLazy).IgnoreError();
    });
  }
}

void CheckAfterCrash(World& world, const Told& told) {
  const PartitionOffsets offsets = world.partition->offsets();
  REQUIRE(offsets.log_start >= told.log_start);
  REQUIRE(offsets.log_start <= told.log_start_doubtful);
  const std::vector<test::StoredRecord> records = world.ReadAll();
  Offset next = offsets.log_start;
  for (const test::StoredRecord& record : records) {
    REQUIRE(record.offset == next);
    const auto at = static_cast<size_t>(next.value());
    const bool known = at < told.acknowledged.size() ? record.value == told.acknowledged[at]
                                                     : told.doubtful.contains(record.value);
    REQUIRE(known);
    next = next + RecordCount(1);
  }
  REQUIRE(next >= Offset(static_cast<int64_t>(told.acknowledged.size())));
  REQUIRE(next == offsets.high_watermark);
  // The producer goes on where the log ends: retried, not doubled.
  const auto end = static_cast<int32_t>(next.value());
  if (end > 0) {
    const std::string last = fmt::format("value-{:04}", end - 1);
    REQUIRE(world.Append(Idempotent({last}, end - 1)).base_offset == Offset(end - 1));
  }
  REQUIRE(world.Append(Idempotent({"more"}, end)).base_offset == next);
}

// One run that crashes at the nth hit; false when it came through without one.
bool CrashRun(const std::string& point, int nth, Unsynced unsynced) {
  World world(static_cast<uint64_t>(nth) * 31 + static_cast<uint64_t>(unsynced));
  world.config.log.segment_bytes = ByteCount(900);
  world.config.log.index_interval = ByteCount(100);
  world.Start();
  Told told;
  {
    const ArmedFailpoint armed(world, fmt::format("{}=abort#{}", point, nth), unsynced);
    Work(world, told);
  }
  if (!victim.crashed) return false;
  world.store.SetFault({});
  world.partition.reset();
  world.Start();
  CheckAfterCrash(world, told);
  return true;
}

}  // namespace

TEST_CASE("A power cut at any hit of any failpoint keeps what was acknowledged", "[crash]") {
  const auto unsynced = GENERATE(Unsynced::kLost, Unsynced::kKept, Unsynced::kTorn);
  for (const std::string& point : kClientPoints) {
    int crossed = 0;
    for (int nth = 1; CrashRun(point, nth, unsynced); ++nth) {
      INFO(point << "#" << nth << " unsynced " << static_cast<int>(unsynced));
      crossed = nth;
    }
    INFO(point);
    REQUIRE(crossed > 0);
  }
}

TEST_CASE("A power cut during the start changes nothing that was acknowledged", "[crash]") {
  for (const char* point :
       {"start.segments_scanned", "start.tail_cut", "start.index_rebuilt", "start.epochs_loaded"}) {
    INFO(point);
    World world(7);
    world.config.log.segment_bytes = ByteCount(900);
    world.Start();
    Told told;
    victim = {};
    Work(world, told);
    world.partition.reset();
    world.Crash(Unsynced::kLost);
    // A torn write behind the end, and an index that is gone.
    for (const std::string& name : world.Files()) {
      if (name.ends_with(".index")) REQUIRE(world.files.Remove(JoinPath(world.folder, name)).ok());
    }
    const auto file = *world.files.Open(world.LastLog(), OpenMode::kReadWrite);
    const Bytes garbage(40, std::byte{0x5A});
    const BytesView piece = garbage;
    REQUIRE(file->WriteAt(FilePosition(file->Size()->value()), {&piece, 1}).ok());
    REQUIRE(file->Sync().ok());
    {
      const ArmedFailpoint armed(world, fmt::format("{}=abort", point), Unsynced::kTorn);
      REQUIRE_FALSE(world.TryStart().ok());
      REQUIRE(victim.crashed);
    }
    world.store.SetFault({});
    world.Start();
    CheckAfterCrash(world, told);
  }
}

TEST_CASE("Random power cuts, one after the other, never lose or double a record", "[crash]") {
  const auto seed = GENERATE(range(1, 13));
  INFO("seed " << seed);
  World world(static_cast<uint64_t>(seed));
  world.config.log.segment_bytes = ByteCount(700);
  world.config.log.index_interval = ByteCount(50);
  world.Start();
  Random random(static_cast<uint64_t>(seed) + 1000);
  std::vector<std::string> acknowledged;
  for (int round = 0; round < 15; ++round) {
    const auto appends = static_cast<int>(random.Below(12));
    const auto failing = static_cast<int>(random.Below(14));
    for (int i = 0; i < appends; ++i) {
      if (i == failing) {
        world.files.SetFault([](MemoryFileSystem::Operation operation, const std::string&) {
          return operation == MemoryFileSystem::Operation::kSync ? Corrupt("EIO") : OkStatus();
        });
      }
      const auto number = static_cast<int32_t>(acknowledged.size());
      const std::string value = fmt::format("value-{}", number);
      const AppendOutcome outcome = world.Append(Idempotent({value}, number));
      if (outcome.error != ErrorCode::kNone) break;
      REQUIRE(outcome.base_offset == Offset(number));
      acknowledged.push_back(value);
    }
    world.files.SetFault({});
    if (random.OneIn(3)) {
      world.OnShard([](Partition& p) { p.SaveState(checkpoint::Sync::kLazy).IgnoreError(); });
    }
    const std::array kinds{Unsynced::kLost, Unsynced::kKept, Unsynced::kTorn};
    world.Restart(kinds[random.Below(3)]);
    const std::vector<std::string> values = world.Values();
    REQUIRE(values.size() >= acknowledged.size());
    REQUIRE(values.size() <= acknowledged.size() + 1);  // The doubtful one may have made it.
    REQUIRE(std::equal(acknowledged.begin(), acknowledged.end(), values.begin()));
    acknowledged = values;
  }
}

}  // namespace atl::broker
