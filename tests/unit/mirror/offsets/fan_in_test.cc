// Fan-in over a real catalogue in memory: two sources, one topic, power cuts between any two steps.
#include "mirror/offsets/fan_in.h"

#include <fmt/format.h>

#include <map>
#include <memory>

#include "base/failpoint.h"
#include "base/memory_file.h"
#include "base/random.h"
#include "checkpoint/memory_store.h"
#include "checkpoint/partition_state_table.h"
#include "checkpoint/topic_table.h"
#include "core-broker/catalog/catalog.h"
#include "kafka/record/record_reader.h"
#include "mirror/offsets/fan_in_sink.h"
#include "mirror/ownership/gate.h"
#include "tests/unit/mirror/pull/batches.h"

#include <catch2/catch.hpp>

namespace atl::mirror {
namespace {

using test::MakeBatch;
using Unsynced = MemoryFileSystem::Unsynced;

const LinkName kEast("from-east");
const LinkName kWest("from-west");
const TopicName kAll("all");
const TopicId kEastOrders(std::array<uint8_t, 16>{1});
const TopicId kWestOrders(std::array<uint8_t, 16>{2});

// What one process has; made anew after a crash.
struct Process {
  Process(MemoryFileSystem& files, checkpoint::MemoryStore& store, ManualClock& clock)
      : topics(store),
        states(store),
        extents(store),
        shards(0, files, "/data", metrics),
        fan_in(extents),
        catalog({.data_folder = "/data", .region = RegionOrdinal(3), .defaults = {}, .seed = 1},
                {files, clock, metrics, states, gate, &fan_in}, topics, shards),
        sink(catalog, shards, fan_in) {
    files.CreateFolders("/data").IgnoreError();
    REQUIRE(fan_in.Load().ok());
    gate.NameFanIns({{kAll, {kEast, kWest}}});
    REQUIRE(catalog.Load(true).ok());
    gate.Follow(catalog);
    if (catalog.view()->Find(kAll) == nullptr) {
      broker::TopicSpec spec;
      spec.name = kAll;
      REQUIRE(catalog.Create(spec).ok());
    }
    const TopicId target = catalog.view()->Find(kAll)->id;
    sink.Flow(kEastOrders, {TopicName("orders"), target});
    sink.Flow(kWestOrders, {TopicName("orders"), target});
  }

  struct Request final : ApplyRequest {
    ApplyItem* out = nullptr;
    void Done() override { *out = std::move(items.front()); }
  };
  ApplyItem Apply(ApplyItem item) {
    ApplyItem answered;
    auto request = std::make_unique<Request>();
    request->items.push_back(std::move(item));
    request->out = &answered;
    sink.Apply(std::move(request));
    return answered;
  }
  ApplyItem Append(const std::shared_ptr<SinkPartition>& target, const Bytes& bytes) {
    ApplyItem item;
    item.target = target;
    BytesView rest(bytes);
    while (!rest.empty()) {
      item.batches.push_back(*kafka::BatchView::Parse(rest));
      rest = rest.subspan(item.batches.back().bytes().size());
    }
    return Apply(std::move(item));
  }
  ApplyItem Restart(const std::shared_ptr<SinkPartition>& target, int64_t at) {
    ApplyItem item;
    item.target = target;
    item.restart_at = Offset(at);
    return Apply(std::move(item));
  }
  std::shared_ptr<SinkPartition> East() { return *sink.Open(kEast, kEastOrders, PartitionId(0)); }
  std::shared_ptr<SinkPartition> West() { return *sink.Open(kWest, kWestOrders, PartitionId(0)); }
  std::shared_ptr<broker::Partition> Log() {
    return catalog.view()->Find(kAll)->partitions.front();
  }
  FanInSource Key(const LinkName& link) {
    return {{catalog.view()->Find(kAll)->id, PartitionId(0)},
            link,
            TopicName("orders"),
            PartitionId(0)};
  }
  Translation Translate(const LinkName& link, int64_t offset) {
    Translation answer = UnknownTranslation("no such source");
    const broker::PartitionOffsets ends = Log()->offsets();
    (void)fan_in.Look(Key(link), ends.log_start, ends.high_watermark, [&](const MappedCopy& copy) {
      answer = mirror::Translate(copy, Offset(offset));
    });
    return answer;
  }
  // offset -> value of everything that a client sees.
  std::map<int64_t, std::string> Records() {
    std::map<int64_t, std::string> records;
    const auto read = Log()->Read({.offset = Log()->offsets().log_start,
                                   .max_bytes = ByteCount(64 << 20),
                                   .whole_first_batch = true,
                                   .isolation = broker::Isolation::kReadUncommitted});
    Bytes bytes;
    for (const FileSlice& slice : read.slices) {
      const size_t at = bytes.size();
      bytes.resize(at + static_cast<size_t>(slice.length.value()));
      REQUIRE(slice.file->ReadAt(slice.position, MutableBytes(bytes).subspan(at)).ok());
    }
    BytesView rest(bytes);
    while (!rest.empty()) {
      const kafka::BatchView batch = *kafka::BatchView::Parse(rest);
      rest = rest.subspan(batch.bytes().size());
      REQUIRE(batch.CrcMatches());
      kafka::RecordReader reader = *kafka::RecordReader::Open(batch);
      kafka::Record record;
      while (*reader.Next(record)) {
        records[record.offset.value()] = std::string(AsText(*record.value));
      }
    }
    return records;
  }

  Metrics metrics;
  checkpoint::TopicTable topics;
  checkpoint::PartitionStateTable states;
  checkpoint::ExtentTable extents;
  runtime::StorageShards shards;
  CatalogGate gate{RegionOrdinal(3)};
  FanIn fan_in;
  broker::Catalog catalog;
  FanInSink sink;
};

struct World {
  ManualClock clock;
  MemoryFileSystem files{1};
  checkpoint::MemoryStore store;
  std::unique_ptr<Process> process;

  World() { Start(); }
  void Start() { process = std::make_unique<Process>(files, store, clock); }
  Process* operator->() { return process.get(); }
};

TEST_CASE("Two sources get offsets of their own in one topic, exactly known", "[fanin]") {
  World world;
  const auto east = world->East();
  const auto west = world->West();
  REQUIRE(world->Append(east, MakeBatch({.base = 0, .count = 3})).status.ok());
  REQUIRE(world->Append(west, MakeBatch({.base = 0, .count = 2})).status.ok());
  const ApplyItem more = world->Append(east, MakeBatch({.base = 5, .count = 2}));
  REQUIRE(more.status.ok());
  REQUIRE(more.durable_end == Offset(7));  // In the source's numbers.
  REQUIRE(world->Log()->offsets().high_watermark == Offset(7));
  REQUIRE(world->Translate(kEast, 2).target == Offset(2));
  REQUIRE(world->Translate(kWest, 1).target == Offset(4));
  REQUIRE(world->Translate(kEast, 3).target == Offset(5));  // A hole: the next record.
  REQUIRE(world->Translate(kEast, 6).target == Offset(6));
  REQUIRE(world->Translate(kWest, 2).target == Offset(7));  // The end for the end.
  REQUIRE(world->Translate(kWest, 3).answer == Translation::Answer::kNotMirroredYet);
  const auto end = east->End();
  REQUIRE(end->log_end == Offset(7));
  REQUIRE(end->last_epoch == LeaderEpoch(257));
  REQUIRE(end->last_batch->crc == test::HeaderOf({.base = 5, .count = 2}).crc);
  // Its own epoch, not the source's.
  REQUIRE(world->Log()->last_epoch() == LeaderEpoch::First(RegionOrdinal(3)));
}

TEST_CASE("No client may write there, and no other link", "[fanin]") {
  World world;
  const TopicId target = world->catalog.view()->Find(kAll)->id;
  REQUIRE(world->gate.AdmitClient(target).error == kafka::ErrorCode::kPolicyViolation);
  REQUIRE(world->gate.AdmitMapped(target, kEast).error == kafka::ErrorCode::kNone);
  REQUIRE(world->gate.AdmitMapped(target, LinkName("other")).error != kafka::ErrorCode::kNone);
}

TEST_CASE("An append that does not continue its source is refused", "[fanin][S4]") {
  World world;
  const auto east = world->East();
  REQUIRE(world->Append(east, MakeBatch({.base = 0, .count = 3})).status.ok());
  // Another sink partition of the same source did not see it.
  const auto stale = world->East();
  REQUIRE(world->Append(stale, MakeBatch({.base = 0, .count = 3})).status.code() ==
          StatusCode::kFailedPrecondition);
  REQUIRE(stale->End()->log_end == Offset(3));
  REQUIRE(world->Append(stale, MakeBatch({.base = 3})).status.ok());
  REQUIRE(world->Records().size() == 4);
}

TEST_CASE("A start and a gap are remembered with the source", "[fanin][S5]") {
  World world;
  const auto east = world->East();
  REQUIRE(world->Restart(east, 100).status.ok());
  REQUIRE(east->End()->log_end == Offset(100));
  REQUIRE(world->Append(east, MakeBatch({.base = 100, .count = 2})).status.ok());
  REQUIRE(world->Restart(east, 110).status.ok());
  REQUIRE(world->Append(east, MakeBatch({.base = 110, .count = 1})).status.ok());
  REQUIRE(world->Translate(kEast, 99).answer == Translation::Answer::kBeforeStart);
  REQUIRE(world->Translate(kEast, 101).target == Offset(1));
  const Translation lost = world->Translate(kEast, 105);
  REQUIRE(lost.answer == Translation::Answer::kInGap);
  REQUIRE(lost.gap == OffsetRange{Offset(102), Offset(110)});
  REQUIRE(lost.next == Offset(2));
}

TEST_CASE("Another generation of the source begins anew; what is here stays", "[fanin][S17]") {
  World world;
  REQUIRE(world->Append(world->East(), MakeBatch({.base = 0, .count = 3})).status.ok());
  const TopicId reborn(std::array<uint8_t, 16>{9});
  world->sink.Flow(reborn, {TopicName("orders"), world->catalog.view()->Find(kAll)->id});
  const auto east = *world->sink.Open(kEast, reborn, PartitionId(0));
  REQUIRE(east->End()->log_end == Offset(0));
  REQUIRE(world->Append(east, MakeBatch({.base = 0, .count = 1})).status.ok());
  REQUIRE(world->Translate(kEast, 0).target == Offset(3));
  world.process.reset();
  world.Start();
  REQUIRE(world->Records().size() == 4);
}

TEST_CASE("A source partition stays where it flows when the topic grows", "[fanin]") {
  World world;
  const TopicId target = world->catalog.view()->Find(kAll)->id;
  REQUIRE(world
              ->Append(*world->sink.Open(kEast, kEastOrders, PartitionId(1)),
                       MakeBatch({.base = 0, .count = 3}))
              .status.ok());
  REQUIRE(world->catalog.Grow(target, 2).ok());
  REQUIRE(world->fan_in.PartitionFor(target, kEast, TopicName("orders"), PartitionId(1), 2) ==
          PartitionId(0));
  REQUIRE(world->fan_in.PartitionFor(target, kWest, TopicName("orders"), PartitionId(1), 2) ==
          PartitionId(1));
}

TEST_CASE("Extents that both sides' retention has passed are forgotten", "[fanin]") {
  World world;
  const auto east = world->East();
  const auto west = world->West();
  for (int i = 0; i < 4; ++i) {
    REQUIRE(world->Append(east, MakeBatch({.base = i})).status.ok());
    REQUIRE(world->Append(west, MakeBatch({.base = i})).status.ok());
  }
  REQUIRE(world->Log()->AdvanceLogStart(Offset(4)) == kafka::ErrorCode::kNone);
  ApplyItem item;
  item.target = east;
  item.log_start = Offset(1);
  REQUIRE(world->Apply(std::move(item)).status.ok());
  REQUIRE(world->Translate(kEast, 0).answer == Translation::Answer::kBeforeStart);
  REQUIRE(world->Translate(kEast, 2).target == Offset(4));
  world.process.reset();
  world.Start();
  REQUIRE(world->Translate(kEast, 2).target == Offset(4));
  REQUIRE(world->Log()->offsets().log_end == Offset(8));
}

// --- Power cuts ---

struct Victim {
  World* world = nullptr;
  Unsynced unsynced = Unsynced::kLost;
  Random random{1};
  bool crashed = false;
};
Victim victim;

Status CutPower(const Failpoint& failpoint) {
  victim.crashed = true;
  victim.world->files.Crash(victim.unsynced);
  victim.world->store.Crash(victim.random);
  victim.world->store.SetFault(
      [](checkpoint::MemoryStore::Operation) { return Unavailable("the power is off"); });
  return Unavailable("power cut at {}", failpoint.name());
}

// Pulls from both sources, whose every record is numbered, until both are whole or power goes.
void Pull(World& world, Random& random) {
  for (int round = 0; round < 40 && !victim.crashed; ++round) {
    const bool is_east = random.OneIn(2);
    const auto target = is_east ? world->East() : world->West();
    const auto end = target->End();
    if (!end.ok()) return;
    const int64_t next = end->log_end.value();
    if (next >= 30) continue;
    Bytes bytes;
    int64_t base = next;
    for (uint64_t batches = 1 + random.Below(3); batches > 0; --batches) {
      const auto count = static_cast<int>(1 + random.Below(3));
      kafka::BatchBuilder builder({.base_offset = Offset(base), .leader_epoch = LeaderEpoch(257)});
      for (int i = 0; i < count; ++i) {
        const std::string value = fmt::format("{}{}", is_east ? "e" : "w", base + i);
        builder.Add(Timestamp(1), std::nullopt, AsBytes(value));
      }
      const Bytes batch = *builder.Build();
      bytes.insert(bytes.end(), batch.begin(), batch.end());
      base += count;
      if (random.OneIn(4)) base += 2;  // A hole: removed by compaction.
    }
    (void)world->Append(target, bytes);
    if (random.OneIn(8)) (void)world->Log()->SaveState(checkpoint::Sync::kLazy);
  }
}

// Every record that is here translates to its place, none is here twice, and none is missing.
void CheckWhole(World& world) {
  const std::map<int64_t, std::string> records = world->Records();
  std::map<std::string, int64_t> places;
  for (const auto& [offset, value] : records) {
    INFO(value);
    REQUIRE(places.emplace(value, offset).second);
  }
  for (const auto& [value, offset] : places) {
    const LinkName& link = value[0] == 'e' ? kEast : kWest;
    const Translation answer = world->Translate(link, std::stoll(value.substr(1)));
    INFO(value << " at " << offset);
    REQUIRE(answer.exact());
    REQUIRE(answer.target.value() == offset);
  }
  const int64_t size = static_cast<int64_t>(records.size());
  REQUIRE(world->Log()->offsets().log_end.value() == size);
}

TEST_CASE("A power cut at any step of an append loses and doubles nothing",
          "[fanin][crash][S4][S6]") {
  const std::string point = GENERATE("append.written", "fanin.written", "fanin.noted",
                                     "append.fsynced", "fanin.flushed", "append.epoch_rechecked");
  const auto unsynced = GENERATE(Unsynced::kLost, Unsynced::kKept, Unsynced::kTorn);
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    INFO(point << " unsynced " << static_cast<int>(unsynced) << " seed " << seed);
    Random random(seed);
    World world;
    victim.world = &world;
    victim.unsynced = unsynced;
    victim.random = random.Fork();
    victim.crashed = false;
    Failpoint::SetAbortHook(&CutPower);
    REQUIRE(Failpoint::Configure(fmt::format("{}=abort#{}", point, 1 + random.Below(15))).ok());
    Pull(world, random);
    const auto visible = victim.crashed ? std::map<int64_t, std::string>() : world->Records();
    REQUIRE(Failpoint::Configure("").ok());
    Failpoint::SetAbortHook(nullptr);
    victim.crashed = false;
    world.process.reset();
    world.store.SetFault({});
    world.store.Crash();
    REQUIRE(world.store.Reopen().ok());
    world.Start();
    CheckWhole(world);
    for (const auto& [offset, value] : visible) REQUIRE(world->Records().at(offset) == value);
    Pull(world, random);
    CheckWhole(world);
  }
}

TEST_CASE("A failed write of extents takes the partition offline, and nothing is seen or lost",
          "[fanin][S4]") {
  World world;
  const auto east = world->East();
  REQUIRE(world->Append(east, MakeBatch({.base = 0, .count = 3})).status.ok());
  const std::string point = GENERATE("fanin.written", "fanin.noted", "fanin.flushed");
  REQUIRE(Failpoint::Configure(point + "=errno:EIO#1").ok());
  REQUIRE_FALSE(world->Append(east, MakeBatch({.base = 3, .count = 2})).status.ok());
  REQUIRE(Failpoint::Configure("").ok());
  REQUIRE_FALSE(east->End().ok());
  REQUIRE(world->Log()->offsets().high_watermark == Offset(3));
  REQUIRE(world->Log()->Reopen().ok());
  const auto end = east->End();
  REQUIRE(end.ok());
  const int64_t next = end->log_end.value();
  REQUIRE((next == 3 || next == 5));
  REQUIRE(world->Append(east, MakeBatch({.base = next, .count = 2})).status.ok());
  REQUIRE(world->Log()->offsets().log_end == Offset(next + 2));
  REQUIRE(world->Records().size() == static_cast<size_t>(next + 2));
  REQUIRE(world->Translate(kEast, next + 1).target == Offset(next + 1));
}

}  // namespace
}  // namespace atl::mirror
