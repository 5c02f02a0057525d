#include "mirror/pull/topic_sync.h"

#include "base/memory_file.h"
#include "checkpoint/memory_store.h"
#include "checkpoint/partition_state_table.h"
#include "checkpoint/topic_table.h"
#include "runtime/task_group.h"

#include <catch2/catch.hpp>

namespace atl::mirror {
namespace {

// A source that is what the test says.
class DescribedSource final : public Source {
 public:
  ClusterAtSource cluster;
  TopicConfigs configs;

  bool gone = false;

  runtime::awaitable<StatusOr<ClusterAtSource>> Describe() override {
    if (gone) co_return Unavailable("the source does not answer");
    co_return cluster;
  }
  runtime::awaitable<StatusOr<TopicConfigs>> Configs(std::vector<TopicName> topics) override {
    TopicConfigs found;
    for (const TopicName& topic : topics) {
      if (configs.contains(topic)) found[topic] = configs[topic];
    }
    co_return found;
  }
  runtime::awaitable<StatusOr<std::unique_ptr<SourceChannel>>> Open(NodeId) override {
    co_return Unimplemented("not asked by topic sync");
  }
};

TopicId Id(int n) {
  std::array<uint8_t, 16> bytes{};
  bytes[15] = static_cast<uint8_t>(n);
  return Uuid(bytes);
}

// Region 2 with an empty catalogue; its source is region 1.
class World {
 public:
  explicit World(config::SourceKind kind = config::SourceKind::kAtoll) {
    link = config::DefaultLink();
    link.name = LinkName("from-east");
    link.source.kind = kind;
    link.sync_topic_configs = true;
    link.topics.clear();
    link.topics.push_back({config::RuleAction::kExclude, config::TopicMatch::kPrefix, "tmp."});
    link.topics.push_back({config::RuleAction::kInclude, config::TopicMatch::kGlob, "*"});
    broker::Catalog::Options options;
    options.data_folder = "/data";
    options.region = RegionOrdinal(2);
    const broker::PartitionContext context{files, clock, metrics, states, gate};
    REQUIRE(files.CreateFolders("/data").ok());
    catalog = std::make_unique<broker::Catalog>(options, context, topics, shards);
    REQUIRE(catalog->Load(false).ok());
    owners = std::make_unique<Owners>(Owners::Room{.catalog = *catalog,
                                                   .table = ownership,
                                                   .gate = catalog_gate,
                                                   .clock = clock,
                                                   .metrics = metrics,
                                                   .region = RegionName("west"),
                                                   .ordinal = RegionOrdinal(2),
                                                   .links = {link}});
    event_table = *checkpoint::EventTable::Open(store);
    events = std::make_unique<Events>(*event_table, metrics);
    source.cluster.cluster_id = "east";
    source.cluster.nodes = {NodeId(1)};
  }

  TopicAtSource& Offer(const std::string& name, const TopicId& id, int partitions,
                       LeaderEpoch epoch = LeaderEpoch::First(RegionOrdinal(1))) {
    TopicAtSource& topic = source.cluster.topics.emplace_back();
    topic.name = TopicName(name);
    topic.id = id;
    topic.partitions.assign(static_cast<size_t>(partitions), {NodeId(1), epoch});
    return topic;
  }
  Status Sync() {
    if (sync == nullptr) Restart();
    Status status = InternalError("did not end");
    const auto run = [](TopicSync& of, Status& out) -> runtime::awaitable<void> {
      out = co_await of.Sync();
    };
    runtime::TaskGroup group(reactor, "test");
    group.Spawn(run(*sync, status));
    for (int i = 0; i < 1000 && group.size() > 0; ++i) {
      reactor.context().restart();
      reactor.context().poll();
    }
    REQUIRE(group.size() == 0);
    return status;
  }
  void Restart(const std::string& known_cluster = "") {
    const TopicSync::Room room{reactor, blocking, clock, source, *catalog, *owners, *events};
    sync = std::make_unique<TopicSync>(room, link, "west", known_cluster);
  }
  std::shared_ptr<const broker::Topic> Local(const std::string& name) const {
    return catalog->view()->Find(TopicName(name));
  }
  SyncedTopic::State State(const std::string& name) const {
    return sync->topics().at(TopicName(name)).state;
  }
  size_t EventCount(checkpoint::EventKind kind) {
    checkpoint::EventFilter filter;
    filter.kind = kind;
    return events->List(filter)->size();
  }

  ManualClock clock;
  MemoryFileSystem files;
  Metrics metrics;
  checkpoint::MemoryStore store;
  checkpoint::TopicTable topics{store};
  checkpoint::PartitionStateTable states{store};
  checkpoint::OwnershipTable ownership{store};
  broker::OpenGate gate;
  CatalogGate catalog_gate{RegionOrdinal(2)};
  runtime::StorageShards shards{0, files, "/data", metrics};
  runtime::StorageShards blocking{0, files, "/data", metrics};
  runtime::Reactor reactor{"test"};
  std::unique_ptr<broker::Catalog> catalog;
  std::unique_ptr<Owners> owners;
  std::unique_ptr<checkpoint::EventTable> event_table;
  std::unique_ptr<Events> events;
  DescribedSource source;
  config::Link link;
  std::unique_ptr<TopicSync> sync;
};

TEST_CASE("A topic of the source becomes a mirror under the source's id", "[topic_sync]") {
  World world;
  world.Offer("orders", Id(1), 3);
  world.Offer("tmp.x", Id(2), 1);
  REQUIRE(world.Sync().ok());
  const auto local = world.Local("orders");
  REQUIRE(local != nullptr);
  REQUIRE(local->id == Id(1));
  REQUIRE(local->link == world.link.name);
  REQUIRE(local->owner == RegionOrdinal(1));
  REQUIRE(local->partitions.size() == 3);
  REQUIRE(local->epoch == LeaderEpoch::First(RegionOrdinal(1)));
  REQUIRE(world.Local("tmp.x") == nullptr);
  REQUIRE(world.sync->cluster_id() == "east");
}

TEST_CASE("What the source only mirrors is left alone", "[topic_sync]") {
  World world;
  world.Offer("ours", Id(1), 1, LeaderEpoch::First(RegionOrdinal(2)));
  REQUIRE(world.Sync().ok());
  REQUIRE(world.Local("ours") == nullptr);
  REQUIRE(world.sync->topics().empty());
}

TEST_CASE("A topic that another link mirrors by now is not this link's, also without its source",
          "[topic_sync]") {
  World world;
  world.Offer("orders", Id(1), 1);
  world.Offer("audit", Id(2), 1);
  REQUIRE(world.Sync().ok());
  REQUIRE(world.owners->Follow(Id(1), LeaderEpoch::First(RegionOrdinal(3)), LinkName("from-south"))
              .ok());
  world.source.gone = true;
  REQUIRE(!world.Sync().ok());
  REQUIRE(!world.sync->topics().contains(TopicName("orders")));
  REQUIRE(world.State("audit") == SyncedTopic::State::kMirrored);
}

TEST_CASE("A mirror follows growth, epochs and configuration", "[topic_sync]") {
  World world;
  TopicAtSource& topic = world.Offer("orders", Id(1), 1);
  auto& config = world.source.configs[TopicName("orders")];
  config = {{"retention.ms", "1000"}, {"a.key.nobody.knows", "1"}};
  REQUIRE(world.Sync().ok());
  const std::map<std::string, std::string> copied = {{"retention.ms", "1000"}};
  REQUIRE(world.Local("orders")->config.overrides() == copied);

  const LeaderEpoch epoch = LeaderEpoch::First(RegionOrdinal(1)).Next(RegionOrdinal(1));
  topic.partitions.assign(4, {NodeId(1), epoch});
  config["retention.ms"] = "2000";
  world.clock.Advance(std::chrono::minutes(1));
  REQUIRE(world.Sync().ok());
  REQUIRE(world.Local("orders")->partitions.size() == 4);
  REQUIRE(world.Local("orders")->epoch == epoch);
  REQUIRE(world.Local("orders")->config.Get("retention.ms") == "2000");
  REQUIRE(world.sync->topics().at(TopicName("orders")).applied.at("retention.ms") == "2000");
}

TEST_CASE("A configuration that this region can't take is named, the rest is copied",
          "[topic_sync]") {
  const CopiedConfig copied = CopyConfig({{"retention.ms", "1000"}, {"segment.bytes", "many"}});
  REQUIRE(copied.values.size() == 1);
  REQUIRE(copied.refused.size() == 1);
  REQUIRE(copied.refused[0].find("segment.bytes=many") == 0);
}

TEST_CASE("A recreated topic is another generation, the old copy is kept", "[topic_sync]") {
  World world;
  world.Offer("orders", Id(1), 1);
  REQUIRE(world.Sync().ok());
  world.source.cluster.topics.clear();
  world.Offer("orders", Id(2), 2);
  REQUIRE(world.Sync().ok());
  REQUIRE(world.Local("orders")->id == Id(2));
  const auto old = world.catalog->view()->Find(Id(1));
  REQUIRE(old != nullptr);
  REQUIRE(old->frozen);
  REQUIRE(world.EventCount(checkpoint::EventKind::kGeneration) == 1);
}

TEST_CASE("A name that is taken here is a conflict and nothing is touched", "[topic_sync]") {
  World world;
  broker::TopicSpec own;
  own.name = TopicName("orders");
  REQUIRE(world.catalog->Create(own).ok());
  const TopicId before = world.Local("orders")->id;
  world.Offer("orders", Id(1), 1);
  REQUIRE(world.Sync().ok());
  REQUIRE(world.Sync().ok());
  REQUIRE(world.Local("orders")->id == before);
  REQUIRE(world.State("orders") == SyncedTopic::State::kConflict);
  REQUIRE_FALSE(world.sync->topics().at(TopicName("orders")).reason.empty());
  REQUIRE(world.EventCount(checkpoint::EventKind::kConflict) == 1);
}

TEST_CASE("A source without topic ids gets stable ones", "[topic_sync]") {
  const TopicId id = DerivedTopicId("cluster", TopicName("orders"));
  REQUIRE(id == DerivedTopicId("cluster", TopicName("orders")));
  REQUIRE(id != DerivedTopicId("cluster", TopicName("order")));
  REQUIRE(DerivedTopicId("a", TopicName("bc")) != DerivedTopicId("ab", TopicName("c")));
  World world(config::SourceKind::kKafka);
  world.Offer("orders", TopicId(), 1, LeaderEpoch(0));
  REQUIRE(world.Sync().ok());
  REQUIRE(world.Local("orders")->id == DerivedTopicId("east", TopicName("orders")));
  REQUIRE(world.Local("orders")->owner == kForeignRegion);
}

TEST_CASE("A source that is not who it was is refused", "[topic_sync]") {
  World world;
  world.Offer("orders", Id(1), 1);
  const std::string id = GENERATE("west", "south");  // Ourselves, and a stranger.
  world.Restart("east");
  world.source.cluster.cluster_id = id;
  REQUIRE(world.Sync().code() == StatusCode::kFailedPrecondition);
  REQUIRE_FALSE(world.sync->refused().empty());
  REQUIRE(world.Local("orders") == nullptr);
  world.source.cluster.cluster_id = "east";
  REQUIRE(world.Sync().ok());
  REQUIRE(world.sync->refused().empty());
}

TEST_CASE("A topic is gone when the source did not name it for a while", "[topic_sync]") {
  World world;
  world.link.deletes = GENERATE(config::Deletes::kKeep, config::Deletes::kFollow);
  const bool follow = world.link.deletes == config::Deletes::kFollow;
  world.Offer("orders", Id(1), 1);
  REQUIRE(world.Sync().ok());
  world.source.cluster.topics[0].error = kafka::ErrorCode::kLeaderNotAvailable;
  for (int i = 0; i < 5; ++i) REQUIRE(world.Sync().ok());
  REQUIRE(world.State("orders") == SyncedTopic::State::kMirrored);
  world.source.cluster.topics.clear();
  for (int i = 0; i < 10; ++i) REQUIRE(world.Sync().ok());
  REQUIRE(world.State("orders") == SyncedTopic::State::kMirrored);
  world.clock.Advance(TopicSync::kAbsentFor);
  REQUIRE(world.Sync().ok());
  REQUIRE(world.EventCount(checkpoint::EventKind::kRetired) == (follow ? 1 : 0));
  REQUIRE((world.Local("orders") == nullptr) == follow);
  if (follow) return;
  REQUIRE(world.State("orders") == SyncedTopic::State::kRetired);
  // Then an operator deletes the copy.
  REQUIRE(world.catalog->Delete(Id(1)).ok());
  REQUIRE(world.Sync().ok());
  REQUIRE(world.sync->topics().empty());
}

TEST_CASE("Mirrors are known before the source answers", "[topic_sync]") {
  World world;
  world.Offer("orders", Id(1), 2);
  REQUIRE(world.Sync().ok());
  world.Restart("east");
  const SyncedTopic& known = world.sync->topics().at(TopicName("orders"));
  REQUIRE(known.id == Id(1));
  REQUIRE(known.partitions.size() == 2);
  REQUIRE_FALSE(known.heard);
}

}  // namespace
}  // namespace atl::mirror
