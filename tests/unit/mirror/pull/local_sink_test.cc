#include "mirror/pull/local_sink.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/memory_file.h"
#include "base/metrics.h"
#include "checkpoint/memory_store.h"
#include "checkpoint/partition_state_table.h"
#include "checkpoint/topic_table.h"
#include "core-broker/catalog/catalog.h"
#include "mirror/ownership/gate.h"
#include "mirror/ownership/ownership.h"
#include "mirror/pull/history_end.h"
#include "runtime/storage_shards.h"
#include "tests/unit/mirror/pull/batches.h"

#include <catch2/catch.hpp>

namespace atl::mirror {
namespace {

using test::MakeBatch;

const LinkName kLink("from-us-east");
const TopicId kTopic(std::array<uint8_t, 16>{7});

// A region with one mirrored topic of two partitions, all in memory.
struct Rig {
  Rig() {
    files.CreateFolders("/data").IgnoreError();
    REQUIRE(catalog.Load(false).ok());
    gate.Follow(catalog);
    broker::TopicSpec spec;
    spec.name = TopicName("orders");
    spec.id = kTopic;
    spec.partition_count = 2;
    spec.epoch = LeaderEpoch(257);
    spec.owner = RegionOrdinal(1);
    spec.link = kLink;
    REQUIRE(catalog.Create(spec).ok());
  }

  struct Request final : ApplyRequest {
    std::vector<ApplyItem>* out = nullptr;
    void Done() override { *out = std::move(items); }
  };
  std::vector<ApplyItem> Apply(std::vector<ApplyItem> items) {
    std::vector<ApplyItem> answered;
    auto request = std::make_unique<Request>();
    request->items = std::move(items);
    request->out = &answered;
    sink.Apply(std::move(request));
    return answered;
  }
  std::shared_ptr<SinkPartition> Open(int32_t partition) {
    return *sink.Open(kLink, kTopic, PartitionId(partition));
  }
  // Appends one batch and answers its item.
  ApplyItem Append(const std::shared_ptr<SinkPartition>& target, const Bytes& batch) {
    ApplyItem item;
    item.target = target;
    item.batches = {*kafka::BatchView::Parse(batch)};
    std::vector<ApplyItem> items;
    items.push_back(std::move(item));
    return Apply(std::move(items)).front();
  }
  ApplyItem Move(const std::shared_ptr<SinkPartition>& target, std::optional<Offset> restart_at,
                 std::optional<Offset> log_start) {
    ApplyItem item;
    item.target = target;
    item.restart_at = restart_at;
    item.log_start = log_start;
    std::vector<ApplyItem> items;
    items.push_back(std::move(item));
    return Apply(std::move(items)).front();
  }

  ManualClock clock;
  Metrics metrics;
  MemoryFileSystem files;
  checkpoint::MemoryStore store;
  checkpoint::TopicTable topics{store};
  checkpoint::PartitionStateTable states{store};
  runtime::StorageShards shards{0, files, "/data", metrics};
  CatalogGate gate{RegionOrdinal(2)};
  broker::Catalog catalog{
      {.data_folder = "/data", .region = RegionOrdinal(2), .defaults = {}, .seed = 1},
      {.files = files, .clock = clock, .metrics = metrics, .states = states, .gate = gate},
      topics,
      shards};
  LocalSink sink{catalog, shards};
};

TEST_CASE("a link opens the partitions of its own mirrors only") {
  Rig rig;
  REQUIRE(rig.sink.Open(kLink, kTopic, PartitionId(1)).ok());
  REQUIRE(rig.sink.Open(kLink, kTopic, PartitionId(2)).status().code() == StatusCode::kNotFound);
  REQUIRE(rig.sink.Open(kLink, kTopic, PartitionId(-1)).status().code() == StatusCode::kNotFound);
  REQUIRE(rig.sink.Open(kLink, TopicId(), PartitionId(0)).status().code() == StatusCode::kNotFound);
  REQUIRE(rig.sink.Open(LinkName("other"), kTopic, PartitionId(0)).status().code() ==
          StatusCode::kFailedPrecondition);
}

TEST_CASE("batches are appended verbatim and durable when they are done (S3)") {
  Rig rig;
  const auto target = rig.Open(0);
  const ApplyItem done = rig.Append(target, MakeBatch({.base = 0, .count = 3}));
  REQUIRE(done.status.ok());
  REQUIRE(done.log_end == Offset(3));
  REQUIRE(done.durable_end == Offset(3));
  // A hole of the source is a hole here.
  REQUIRE(rig.Append(target, MakeBatch({.base = 10, .count = 2, .epoch = 513})).status.ok());

  const auto end = target->End();
  REQUIRE(end->log_start == Offset(0));
  REQUIRE(end->log_end == Offset(12));
  REQUIRE(end->durable_end == Offset(12));
  REQUIRE(end->last_epoch == LeaderEpoch(513));
  REQUIRE(end->last_batch->base_offset == Offset(10));
  REQUIRE(end->last_batch->crc == test::HeaderOf({.base = 10, .count = 2, .epoch = 513}).crc);
}

// Four batches of three records, two epochs, and the cut at offset 6.
std::shared_ptr<SinkPartition> FilledTo12(Rig& rig) {
  const auto target = rig.Open(0);
  for (int64_t base = 0; base < 12; base += 3) {
    const int32_t epoch = base < 6 ? 257 : 513;
    REQUIRE(rig.Append(target, MakeBatch({.base = base, .count = 3, .epoch = epoch})).status.ok());
  }
  return target;
}

ApplyItem Cut(Rig& rig, const std::shared_ptr<SinkPartition>& target,
              std::shared_ptr<const SinkCut> cut) {
  ApplyItem item;
  item.target = target;
  item.cut = std::move(cut);
  std::vector<ApplyItem> items;
  items.push_back(std::move(item));
  return rig.Apply(std::move(items)).front();
}

TEST_CASE("a tail is read verbatim, and cut off where it was planned") {
  Rig rig;
  const auto target = FilledTo12(rig);
  REQUIRE(target->End()->epochs.size() == 2);
  REQUIRE(target->End()->epochs[1].start == Offset(6));
  const auto cut = target->PlanCut(Offset(7));  // Inside the batch of 6 to 8.
  REQUIRE(cut.ok());
  REQUIRE((*cut)->at == Offset(6));
  REQUIRE((*cut)->first == Offset(6));
  REQUIRE((*cut)->end == Offset(12));
  Bytes tail;
  REQUIRE(target
              ->ReadBatches((*cut)->first,
                            [&](const kafka::BatchView& batch) {
                              tail.insert(tail.end(), batch.bytes().begin(), batch.bytes().end());
                              return OkStatus();
                            })
              .ok());
  REQUIRE(tail == test::MakeBatches({{.base = 6, .count = 3, .epoch = 513},
                                     {.base = 9, .count = 3, .epoch = 513}}));
  const ApplyItem done = Cut(rig, target, *cut);
  REQUIRE(done.status.ok());
  REQUIRE(done.log_end == Offset(6));
  REQUIRE(target->End()->last_epoch == LeaderEpoch(257));
  REQUIRE(rig.Append(target, MakeBatch({.base = 6, .count = 1, .epoch = 770})).status.ok());
}

TEST_CASE("a log that has grown since it was set aside is not cut") {
  Rig rig;
  const auto target = FilledTo12(rig);
  const auto cut = target->PlanCut(Offset(6));
  REQUIRE(rig.Append(target, MakeBatch({.base = 12, .count = 1, .epoch = 513})).status.ok());
  REQUIRE(Cut(rig, target, *cut).status.code() == StatusCode::kFailedPrecondition);
  REQUIRE(target->End()->log_end == Offset(13));
}

TEST_CASE("a topic that is no mirror of the link (any more) is not cut") {
  Rig rig;
  const auto target = FilledTo12(rig);
  const auto cut = target->PlanCut(Offset(6));
  REQUIRE(rig.catalog.Freeze(kTopic).ok());
  REQUIRE(Cut(rig, target, *cut).status.code() == StatusCode::kFailedPrecondition);
  REQUIRE(target->End()->log_end == Offset(12));
}

TEST_CASE("an empty log has no epoch and no last batch") {
  Rig rig;
  const auto end = rig.Open(0)->End();
  REQUIRE(end->log_end == Offset(0));
  REQUIRE(end->last_epoch == kNoEpoch);
  REQUIRE_FALSE(end->last_batch);
}

TEST_CASE("what does not continue the log is refused and leaves no byte") {
  Rig rig;
  const auto target = rig.Open(0);
  REQUIRE(rig.Append(target, MakeBatch({.base = 0, .count = 3, .epoch = 513})).status.ok());
  SECTION("an offset that is taken") {
    REQUIRE(rig.Append(target, MakeBatch({.base = 2, .epoch = 513})).status.code() ==
            StatusCode::kFailedPrecondition);
  }
  SECTION("an epoch that falls") {
    REQUIRE(rig.Append(target, MakeBatch({.base = 3, .epoch = 257})).status.code() ==
            StatusCode::kFailedPrecondition);
  }
  REQUIRE(target->End()->log_end == Offset(3));
}

TEST_CASE("a request over two partitions is answered once, item by item") {
  Rig rig;
  const Bytes good = MakeBatch({.base = 0});
  const Bytes more = MakeBatch({.base = 0, .count = 2});
  std::vector<ApplyItem> items(2);
  items[0].target = rig.Open(0);
  items[0].batches = {*kafka::BatchView::Parse(good)};
  items[1].target = rig.Open(1);
  items[1].batches = {*kafka::BatchView::Parse(more)};
  const auto done = rig.Apply(std::move(items));
  REQUIRE(done.size() == 2);
  REQUIRE(done[0].log_end == Offset(1));
  REQUIRE(done[1].log_end == Offset(2));
}

TEST_CASE("a request without items is answered, too") {
  Rig rig;
  bool called = false;
  struct Empty final : ApplyRequest {
    bool* called = nullptr;
    void Done() override { *called = true; }
  };
  auto request = std::make_unique<Empty>();
  request->called = &called;
  rig.sink.Apply(std::move(request));
  REQUIRE(called);
}

TEST_CASE("a log begins anew where it is told, and follows the source's start") {
  Rig rig;
  const auto target = rig.Open(0);
  REQUIRE(rig.Append(target, MakeBatch({.base = 0, .count = 3})).status.ok());
  REQUIRE(rig.Move(target, Offset(40), {}).status.ok());
  REQUIRE(target->End()->log_start == Offset(40));
  REQUIRE(target->End()->log_end == Offset(40));
  REQUIRE(rig.Append(target, MakeBatch({.base = 40, .count = 5})).status.ok());
  REQUIRE(rig.Move(target, {}, Offset(42)).status.ok());
  REQUIRE(target->End()->log_start == Offset(42));
  REQUIRE(rig.Move(target, {}, Offset(99)).status.code() == StatusCode::kOutOfRange);
}

TEST_CASE("a frozen generation takes nothing and loses nothing (S17)") {
  Rig rig;
  const auto target = rig.Open(0);
  REQUIRE(rig.Append(target, MakeBatch({.base = 0, .count = 3})).status.ok());
  REQUIRE(rig.catalog.Freeze(kTopic).ok());
  REQUIRE_FALSE(rig.Append(target, MakeBatch({.base = 3})).status.ok());
  REQUIRE_FALSE(rig.Move(target, Offset(40), {}).status.ok());
  REQUIRE_FALSE(rig.Move(target, {}, Offset(2)).status.ok());
  REQUIRE(target->End()->log_start == Offset(0));
  REQUIRE(target->End()->log_end == Offset(3));
}

TEST_CASE("a full disk is an error, keeps what was durable, and passes") {
  Rig rig;
  const auto target = rig.Open(0);
  REQUIRE(rig.Append(target, MakeBatch({.base = 0, .count = 3})).status.ok());
  const auto space = rig.files.SpaceAt("/data");
  rig.files.SetCapacity(space->total - space->free);
  const ApplyItem failed = rig.Append(target, MakeBatch({.base = 3, .count = 3}));
  REQUIRE_FALSE(failed.status.ok());
  REQUIRE(failed.durable_end == Offset(3));
  REQUIRE_FALSE(target->End().ok());  // Offline: the mirror waits, with the reason.
  rig.files.SetCapacity(ByteCount(int64_t{1} << 40));
  for (int i = 0; i < 100 && !target->End().ok(); ++i) {
    rig.clock.Advance(std::chrono::seconds(1));
    rig.catalog.Tick();
  }
  REQUIRE(target->End()->log_end == Offset(3));
  REQUIRE(rig.Append(target, MakeBatch({.base = 3, .count = 3})).status.ok());
}

TEST_CASE("a tail that the owner does not have drains no move (S10)") {
  Rig rig;
  checkpoint::OwnershipTable table(rig.store);
  Owners owners({rig.catalog,
                 table,
                 rig.gate,
                 rig.clock,
                 rig.metrics,
                 RegionName("eu"),
                 RegionOrdinal(2),
                 {}});
  // This region owned the topic from offset 3 on, until region 1 took it back there by force.
  const auto target = rig.Open(0);
  REQUIRE(rig.Append(target, MakeBatch({.base = 0, .count = 3})).status.ok());
  REQUIRE(rig.Append(target, MakeBatch({.base = 3, .count = 5, .epoch = 514})).status.ok());
  const std::vector<Offset> cut{Offset(3), Offset(0)};
  Owners::Record taken = *owners.Find(kTopic);
  taken.epoch = LeaderEpoch(769);
  taken.cut = cut;
  taken.lineage = {{LeaderEpoch(257), RegionOrdinal(1), {Offset(0), Offset(0)}},
                   {LeaderEpoch(514), RegionOrdinal(2), cut},
                   {taken.epoch, RegionOrdinal(1), cut}};
  checkpoint::WriteBatch batch;
  checkpoint::OwnershipTable::StagePut(batch, taken);
  REQUIRE(table.Write(batch, checkpoint::Sync::kNow).ok());
  REQUIRE(owners.Load().ok());
  REQUIRE(rig.catalog.SetEpoch(kTopic, taken.epoch).ok());

  checkpoint::FailoverRecord move;
  move.topics.resize(1);
  move.topics[0].id = kTopic;
  move.topics[0].partitions.resize(2);
  move.topics[0].partitions[0].source_end = Offset(5);
  const auto end = [&] {
    return EndInHistory(owners, *rig.catalog.view()->Find(kTopic), PartitionId(0));
  };
  REQUIRE(end() == Offset(3));
  REQUIRE_FALSE(IsDrained(rig.catalog, owners, move));
  ApplyItem item;
  item.target = target;
  item.cut = *target->PlanCut(Offset(3));
  std::vector<ApplyItem> items;
  items.push_back(std::move(item));
  REQUIRE(rig.Apply(std::move(items)).front().status.ok());
  REQUIRE(end() == Offset(3));
  REQUIRE_FALSE(IsDrained(rig.catalog, owners, move));
  REQUIRE(rig.Append(target, MakeBatch({.base = 3, .count = 2, .epoch = 769})).status.ok());
  REQUIRE(end() == Offset(5));
  REQUIRE(IsDrained(rig.catalog, owners, move));
}

}  // namespace
}  // namespace atl::mirror
