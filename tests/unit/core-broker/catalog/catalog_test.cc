#include "core-broker/catalog/catalog.h"

#include <algorithm>

#include "base/failpoint.h"
#include "base/memory_file.h"
#include "checkpoint/memory_store.h"
#include "tests/unit/core-broker/partition/partition_world.h"

namespace atl::broker {
namespace {

using kafka::ErrorCode;
using Unsynced = MemoryFileSystem::Unsynced;

constexpr RegionOrdinal kRegion{3};

// A region's catalogue over files and a store that crash.
struct Region {
  Region() {
    gate_epoch(LeaderEpoch::First(kRegion));
    Start(false);
  }
  void Start(bool unclean) {
    catalog.reset();
    REQUIRE(files.CreateFolders("/data").ok());
    shards = std::make_unique<runtime::StorageShards>(0, files, "/data", metrics);
    Catalog::Options options{.data_folder = "/data",
                             .region = kRegion,
                             .defaults = TopicConfig({{"segment.bytes", "400"}}, {}),
                             .seed = ++seed};
    catalog = std::make_unique<Catalog>(
        std::move(options), PartitionContext{files, clock, metrics, states, gate}, table, *shards);
    REQUIRE(catalog->Load(unclean).ok());
  }
  void Crash() {
    files.Crash(Unsynced::kLost);
    store.Crash();
    Start(true);
  }
  std::shared_ptr<const Topic> Create(const char* name, int32_t partitions = 2,
                                      std::map<std::string, std::string> config = {}) {
    TopicSpec spec{.name = TopicName(name), .id = {}, .config = {}, .owner = {}, .link = {}};
    spec.partition_count = partitions;
    spec.config = std::move(config);
    const CatalogOutcome outcome = catalog->Create(spec);
    INFO(outcome.message);
    REQUIRE(outcome.ok());
    return outcome.topic;
  }
  AppendOutcome Append(const std::shared_ptr<Partition>& partition, const std::string& value) {
    Bytes batch = test::MakeBatch({.values = {value}, .timestamp = ToTimestamp(clock.WallNow())});
    AppendOutcome outcome;
    const auto stage = [&](Partition& p) { p.StageAppend(batch, outcome); };
    shards->Post(catalog->ShardOf(*partition),
                 std::make_unique<test::WorkJob<decltype(stage)>>(partition, stage));
    return outcome;
  }
  void gate_epoch(LeaderEpoch epoch) { gate.answer.epoch = epoch; }
  std::shared_ptr<const Topic> Find(const char* name) const {
    return catalog->view()->Find(TopicName(name));
  }

  uint64_t seed = 0;
  MemoryFileSystem files;
  ManualClock clock;
  Metrics metrics;
  checkpoint::MemoryStore store;
  checkpoint::PartitionStateTable states{store};
  checkpoint::TopicTable table{store};
  test::SettableGate gate;
  std::unique_ptr<runtime::StorageShards> shards;
  std::unique_ptr<Catalog> catalog;
};

}  // namespace

TEST_CASE("A created topic survives a power cut with its id, configuration and records",
          "[catalog]") {
  Region region;
  const auto topic = region.Create("orders", 3, {{"retention.ms", "-1"}, {"x.unknown", "kept"}});
  REQUIRE(topic->epoch == LeaderEpoch::First(kRegion));
  REQUIRE(topic->owner == kRegion);
  REQUIRE_FALSE(topic->is_mirror());
  REQUIRE(region.Append(topic->partitions[1], "a").error == ErrorCode::kNone);
  region.Crash();
  const auto again = region.Find("orders");
  REQUIRE(again != nullptr);
  REQUIRE(again->id == topic->id);
  REQUIRE(again->config.Get("x.unknown") == "kept");
  REQUIRE(again->partitions.size() == 3);
  REQUIRE(again->partitions[1]->offsets().high_watermark == Offset(1));
  REQUIRE(region.catalog->view()->Find(topic->id) == again);
}

TEST_CASE("An unclean start raises the epochs of own topics before anything is appended",
          "[catalog]") {
  Region region;
  region.Create("own");
  TopicSpec mirror{.name = TopicName("theirs"), .id = {}, .config = {}, .owner = {}, .link = {}};
  mirror.epoch = LeaderEpoch(257);
  mirror.owner = RegionOrdinal(1);
  mirror.link = LinkName("from-us");
  REQUIRE(region.catalog->Create(mirror).ok());
  const LeaderEpoch first = region.Find("own")->epoch;
  region.Start(false);
  REQUIRE(region.Find("own")->epoch == first);
  region.Crash();
  REQUIRE(region.Find("own")->epoch == first.Next(kRegion));
  REQUIRE(region.Find("theirs")->epoch == LeaderEpoch(257));
  region.Start(false);  // It was durable.
  REQUIRE(region.Find("own")->epoch == first.Next(kRegion));
}

TEST_CASE("What can't be created is refused with Kafka's errors, and validation does nothing",
          "[catalog]") {
  Region region;
  region.Create("orders");
  const auto check = [&](const char* name, int32_t partitions, const char* key, const char* value,
                         ErrorCode error) {
    TopicSpec spec{.name = TopicName(name), .id = {}, .config = {}, .owner = {}, .link = {}};
    spec.partition_count = partitions;
    if (key != nullptr) spec.config[key] = value;
    INFO(name << " " << partitions);
    REQUIRE(region.catalog->CheckCreate(spec).error == error);
    if (error != ErrorCode::kNone) REQUIRE(region.catalog->Create(spec).error == error);
  };
  check("orders", 1, nullptr, nullptr, ErrorCode::kTopicAlreadyExists);
  check("a/b", 1, nullptr, nullptr, ErrorCode::kInvalidTopicException);
  check("..", 1, nullptr, nullptr, ErrorCode::kInvalidTopicException);
  check("", 1, nullptr, nullptr, ErrorCode::kInvalidTopicException);
  check(std::string(250, 'a').c_str(), 1, nullptr, nullptr, ErrorCode::kInvalidTopicException);
  check("new", 0, nullptr, nullptr, ErrorCode::kInvalidPartitions);
  check("new", 10'001, nullptr, nullptr, ErrorCode::kInvalidPartitions);
  check("new", 1, "retention.ms", "soon", ErrorCode::kInvalidConfig);
  check("new", 1, nullptr, nullptr, ErrorCode::kNone);
  REQUIRE(region.Find("new") == nullptr);
  REQUIRE(CheckTopicName(std::string(249, 'a')).empty());
}

TEST_CASE("A deleted topic is gone with its folder, also when the power goes in between",
          "[catalog]") {
  Region region;
  const auto topic = region.Create("orders");
  region.Append(topic->partitions[0], "a");
  const std::string folder = Catalog::TopicFolder("/data", topic->name, topic->id);
  const bool interrupted = GENERATE(false, true);
  if (interrupted) {
    region.files.SetFault([](MemoryFileSystem::Operation operation, const std::string&) {
      return operation == MemoryFileSystem::Operation::kRemove ? Corrupt("EIO") : OkStatus();
    });
  }
  REQUIRE(region.catalog->Delete(topic->id).ok());
  region.files.SetFault({});
  REQUIRE(region.Find("orders") == nullptr);
  REQUIRE(region.catalog->Delete(topic->id).error == ErrorCode::kUnknownTopicId);
  REQUIRE(region.Append(topic->partitions[0], "b").error == ErrorCode::kKafkaStorageError);
  REQUIRE_FALSE(*region.files.Exists(folder));
  REQUIRE(*region.files.Exists(folder + ".deleted") == interrupted);
  region.Crash();
  REQUIRE_FALSE(*region.files.Exists(folder + ".deleted"));
  REQUIRE(region.Find("orders") == nullptr);
  REQUIRE(region.Create("orders")->id != topic->id);
}

TEST_CASE("Folders that the catalogue does not know are left alone", "[catalog]") {
  Region region;
  REQUIRE(region.files.CreateFolders("/data/topics/stray.AAAA/0").ok());
  REQUIRE(region.files.SyncFolder("/data/topics/stray.AAAA").ok());
  region.Start(false);
  REQUIRE(*region.files.Exists("/data/topics/stray.AAAA/0"));
  REQUIRE(region.catalog->view()->by_id.empty());
}

TEST_CASE("When the store is lost, own topics come back from their logs, a mirror by its link",
          "[catalog]") {
  Region region;
  const auto own = region.Create("own", 3);
  const auto empty = region.Create("never.written", 1);
  region.Append(own->partitions[1], "a");
  TopicSpec mirror{.name = TopicName("theirs"), .id = {}, .config = {}, .owner = {}, .link = {}};
  mirror.id = *Uuid::Parse("AAAAAAAAAAAAAAAAAAAABQ");
  mirror.partition_count = 2;
  mirror.owner = RegionOrdinal(1);
  mirror.epoch = LeaderEpoch(257);
  mirror.link = LinkName("from-us");
  const auto theirs = region.catalog->Create(mirror).topic;
  region.gate_epoch(LeaderEpoch(257));
  region.Append(theirs->partitions[1], "b");
  region.store.Rollback({});
  region.Crash();
  const auto again = region.Find("own");
  REQUIRE(again != nullptr);
  REQUIRE(again->id == own->id);
  REQUIRE(again->partitions.size() == 3);
  REQUIRE(again->partitions[1]->offsets().high_watermark == Offset(1));
  REQUIRE(again->epoch == own->epoch.Next(kRegion));
  REQUIRE(region.Find("never.written") == nullptr);  // Nothing tells whose it was.
  REQUIRE(region.Find("theirs") == nullptr);
  mirror.partition_count = 1;
  const CatalogOutcome attached = region.catalog->Create(mirror);
  REQUIRE(attached.ok());
  REQUIRE(attached.topic->partitions.size() == 2);
  REQUIRE(attached.topic->partitions[1]->offsets().high_watermark == Offset(1));
  region.Start(false);
  REQUIRE(region.Find("own")->epoch == again->epoch);
  REQUIRE(region.Find("theirs")->partitions.size() == 2);
}

TEST_CASE("A partition that can't be trusted is offline, not missing, and not replaced",
          "[catalog]") {
  Region region;
  const auto topic = region.Create("orders");
  region.Append(topic->partitions[1], "a");
  const std::string folder = Catalog::TopicFolder("/data", topic->name, topic->id);
  REQUIRE(region.catalog->Close().ok());
  REQUIRE(region.files.Rename(JoinPath(folder, "1"), "/data/aside").ok());
  region.Start(false);
  const auto again = region.Find("orders");
  REQUIRE(again->partitions[0]->offline_reason().empty());
  REQUIRE(again->partitions[1]->offline_reason().find("missing") != std::string::npos);
  region.clock.Advance(std::chrono::minutes(1));
  region.catalog->Tick();
  REQUIRE_FALSE(*region.files.Exists(JoinPath(folder, "1")));
  REQUIRE(region.files.Rename("/data/aside", JoinPath(folder, "1")).ok());
  region.clock.Advance(std::chrono::minutes(1));
  region.catalog->Tick();
  REQUIRE(again->partitions[1]->offsets().high_watermark == Offset(1));
}

TEST_CASE("Topics grow, change their configuration and their epoch, and are frozen", "[catalog]") {
  Region region;
  const auto topic = region.Create("orders");
  int changes = 0;
  region.catalog->OnChange([&] { ++changes; });
  const TopicId id = topic->id;
  REQUIRE(region.catalog->Grow(id, 2).error == ErrorCode::kInvalidPartitions);
  REQUIRE(region.catalog->Grow(id, 4).ok());
  REQUIRE(region.Find("orders")->partitions[0] == topic->partitions[0]);
  REQUIRE(topic->partitions.size() == 2);  // A view does not change.

  REQUIRE(region.catalog->SetConfig(id, {{"retention.ms", "x"}}).error ==
          ErrorCode::kInvalidConfig);
  REQUIRE(region.catalog->SetConfig(id, {{"atoll.durability", "os"}}).ok());
  const auto partition = region.Find("orders")->partitions[0];
  region.Append(partition, "a");
  REQUIRE(partition->offsets().durable_end == Offset(0));  // The partition was told.

  REQUIRE(changes == 2);
  REQUIRE(region.catalog->Freeze(id).ok());
  REQUIRE(region.Find("orders") == nullptr);
  REQUIRE(region.catalog->view()->Find(id)->frozen);
  REQUIRE(region.Create("orders")->id != id);  // Another generation.
  REQUIRE(region.catalog->Grow(TopicId(), 3).error == ErrorCode::kUnknownTopicId);
  region.Start(false);
  const auto frozen = region.catalog->view()->Find(id);
  REQUIRE(frozen->frozen);
  REQUIRE(frozen->epoch == topic->epoch);
  REQUIRE(frozen->partitions.size() == 4);
  REQUIRE(region.table.Get(region.Find("orders")->id)->value().generation == 2);
}

TEST_CASE("A source's epoch is taken for mirrors, only upwards, and never for an own topic (S7)") {
  // Found by the simulator, seed 1017: the last batches of a link came behind a takeover.
  Region region;
  TopicSpec spec{.name = TopicName("theirs"), .id = {}, .config = {}, .owner = {}, .link = {}};
  spec.partition_count = 1;
  spec.epoch = LeaderEpoch(1'025);
  spec.owner = RegionOrdinal(1);
  spec.link = LinkName("from-us");
  const TopicId id = region.catalog->Create(spec).topic->id;
  REQUIRE(region.catalog->SetEpoch(id, LeaderEpoch(1)).error == ErrorCode::kFencedLeaderEpoch);
  REQUIRE(region.catalog->SetEpoch(id, LeaderEpoch(2'049)).ok());
  REQUIRE(region.Find("theirs")->epoch == LeaderEpoch(2'049));
  const auto own = region.Create("orders");
  REQUIRE(region.catalog->SetEpoch(own->id, LeaderEpoch(2'049)).error ==
          ErrorCode::kPolicyViolation);
  REQUIRE(region.Find("orders")->epoch == own->epoch);
}

TEST_CASE("A store that fails refuses the change and shows nothing", "[catalog]") {
  Region region;
  region.Create("orders");
  region.store.SetFault([](checkpoint::MemoryStore::Operation operation) {
    return operation == checkpoint::MemoryStore::Operation::kWrite ? Corrupt("EIO") : OkStatus();
  });
  TopicSpec spec{.name = TopicName("new"), .id = {}, .config = {}, .owner = {}, .link = {}};
  REQUIRE(region.catalog->Create(spec).error == ErrorCode::kKafkaStorageError);
  REQUIRE(region.catalog->Delete(region.Find("orders")->id).error == ErrorCode::kKafkaStorageError);
  REQUIRE(region.Find("new") == nullptr);
  REQUIRE(region.Find("orders") != nullptr);
}

TEST_CASE("The tick applies retention to own topics and leaves mirrors to their owner",
          "[catalog]") {
  Region region;
  const std::map<std::string, std::string> config{{"retention.ms", "1000"}};
  const auto own = region.Create("own", 1, config);
  TopicSpec spec{.name = TopicName("theirs"), .id = {}, .config = config, .owner = {}, .link = {}};
  spec.owner = RegionOrdinal(1);
  spec.link = LinkName("from-us");
  const auto theirs = region.catalog->Create(spec).topic;
  for (const auto& topic : {own, theirs}) region.Append(topic->partitions[0], "a");
  region.clock.Advance(std::chrono::minutes(1));
  region.catalog->Tick();
  REQUIRE(own->partitions[0]->offsets().log_start == Offset(1));
  REQUIRE(theirs->partitions[0]->offsets().log_start == Offset(0));
}

TEST_CASE("Closing saves every state, and then nothing changes any more", "[catalog]") {
  Region region;
  const auto topic = region.Create("orders");
  region.Append(topic->partitions[0], "a");
  REQUIRE(region.catalog->Close().ok());
  REQUIRE(region.states.Get(topic->id, PartitionId(0))->value().recovery_point == Offset(1));
  TopicSpec spec{.name = TopicName("new"), .id = {}, .config = {}, .owner = {}, .link = {}};
  REQUIRE(region.catalog->Create(spec).error == ErrorCode::kBrokerNotAvailable);
}

TEST_CASE("The metrics show every partition that is open", "[catalog]") {
  Region region;
  const auto topic = region.Create("orders", 1);
  region.Append(topic->partitions[0], "a");
  const std::string text = region.metrics.Text();
  const std::string labels = "{partition=\"0\",topic=\"orders\"}";
  REQUIRE(text.find("atoll_partition_high_watermark_offset" + labels + " 1") != std::string::npos);
  REQUIRE(text.find("atoll_partition_log_start_offset" + labels + " 0") != std::string::npos);
}

}  // namespace atl::broker
