#include "mirror/ownership/owners.h"

#include <memory>

#include "base/memory_file.h"
#include "checkpoint/memory_store.h"
#include "kafka/record/batch_builder.h"

#include <catch2/catch.hpp>

namespace atl::mirror {
namespace {

constexpr RegionOrdinal kUs{1};
constexpr RegionOrdinal kEu{2};
const RegionName kEuName("eu-west");
const LinkName kFromEu("from-eu-west");

// us-east, as a process that can be restarted on its store and files.
class World {
 public:
  explicit World(bool linked = true) {
    if (linked) {
      config::Link link = config::DefaultLink();
      link.name = kFromEu;
      link.source.region = kEuName;
      link.topics = {{config::RuleAction::kInclude, config::TopicMatch::kGlob, "*"}};
      links.push_back(link);
    }
    REQUIRE(files.CreateFolders("/data").ok());
    Boot(false);
  }
  void Boot(bool unclean) {
    owners.reset();
    catalog.reset();
    gate = std::make_unique<CatalogGate>(kUs, clock);
    const broker::PartitionContext context{files, clock, metrics, states, *gate};
    broker::Catalog::Options options;
    options.data_folder = "/data";
    options.region = kUs;
    catalog = std::make_unique<broker::Catalog>(options, context, topics, shards);
    owners = std::make_unique<Owners>(Owners::Room{.catalog = *catalog,
                                                   .table = table,
                                                   .gate = *gate,
                                                   .clock = clock,
                                                   .metrics = metrics,
                                                   .region = RegionName("us-east"),
                                                   .ordinal = kUs,
                                                   .links = links});
    gate->Follow(*catalog);
    const auto kept = owners->Load();
    REQUIRE(kept.ok());
    REQUIRE(catalog->Load(unclean, *kept).ok());
    owners->Start(unclean);
  }
  TopicId Create(const char* name = "orders", int partitions = 2) {
    broker::TopicSpec spec;
    spec.name = TopicName(name);
    spec.partition_count = partitions;
    const auto outcome = catalog->Create(spec);
    REQUIRE(outcome.ok());
    return outcome.topic->id;
  }
  kafka::ErrorCode Admits(const TopicId& id) const { return gate->AdmitClient(id).error; }
  bool Accepts(const TopicId& id) const { return Admits(id) == kafka::ErrorCode::kNone; }
  // One record through the shard, as a client's.
  void Append(const TopicId& id, size_t partition) {
    kafka::BatchBuilder builder({});
    builder.Add(Timestamp(1), {}, AsBytes("x"));
    Bytes batch = *builder.Build();
    broker::AppendOutcome outcome;
    class Job final : public runtime::ShardJob {
     public:
      Job(std::shared_ptr<broker::Partition> to, Bytes& bytes, broker::AppendOutcome& out)
          : to_(std::move(to)), bytes_(bytes), out_(out) {}
      void Run(runtime::ShardTurn& turn) override {
        turn.Touch(to_);
        to_->StageAppend(bytes_, out_);
      }
      void Complete() override {}

     private:
      const std::shared_ptr<broker::Partition> to_;
      Bytes& bytes_;
      broker::AppendOutcome& out_;
    };
    const auto& to = catalog->view()->Find(id)->partitions[partition];
    shards.Post(catalog->ShardOf(*to), std::make_unique<Job>(to, batch, outcome));
    REQUIRE(outcome.error == kafka::ErrorCode::kNone);
  }
  // eu-west took the topic over, `steps` after what is known here.
  Owners::Record Taken(const TopicId& id, int32_t steps = 1) const {
    Owners::Record record = *owners->Find(id);
    record.epoch = record.epoch.Next(kEu, steps);
    record.owner = kEu;
    record.owner_name = kEuName;
    record.cut = {Offset(1), Offset(0)};
    record.lineage.push_back({record.epoch, kEu, record.cut});
    return record;
  }
  std::vector<TopicId> Hear(const Owners::Record& record) {
    const std::array records = {record};
    return owners->Merge(kEuName, records);
  }
  FenceRequest Fence(const TopicId& id) const {
    FenceRequest request;
    request.attempt = attempt;
    request.deadline = std::chrono::seconds(10);
    request.topics = {{id, owners->Find(id)->epoch}};
    return request;
  }

  ManualClock clock;
  MemoryFileSystem files;
  Metrics metrics;
  checkpoint::MemoryStore store;
  checkpoint::TopicTable topics{store};
  checkpoint::OwnershipTable table{store};
  checkpoint::PartitionStateTable states{store};
  runtime::StorageShards shards{0, files, "/data", metrics};
  std::vector<config::Link> links;
  std::unique_ptr<CatalogGate> gate;
  std::unique_ptr<broker::Catalog> catalog;
  std::unique_ptr<Owners> owners;
  const Uuid attempt{std::array<uint8_t, 16>{7}};
};

TEST_CASE("A topic that never moved has the one stint of its creation") {
  World world;
  const TopicId id = world.Create();
  const Owners::Record record = *world.owners->Find(id);
  REQUIRE(record.owner == kUs);
  REQUIRE(record.owner_name == RegionName("us-east"));
  REQUIRE(record.cut == std::vector<Offset>(2, Offset(0)));
  REQUIRE(record.lineage.size() == 1);
  REQUIRE(world.Accepts(id));
}

TEST_CASE("The higher epoch wins: a former owner stops at once and follows") {
  World world;
  const TopicId id = world.Create();
  const Owners::Record taken = world.Taken(id);
  REQUIRE(world.Hear(taken) == std::vector<TopicId>{id});
  REQUIRE_FALSE(world.Accepts(id));
  const auto topic = world.catalog->view()->Find(id);
  REQUIRE(topic->link == kFromEu);
  REQUIRE(topic->owner == kEu);
  REQUIRE(topic->epoch == taken.epoch);
  REQUIRE(world.owners->Find(id)->lineage == taken.lineage);
  REQUIRE(world.gate->AdmitMirror(id, kFromEu).error == kafka::ErrorCode::kNone);
  // The same again, older news and news of an unknown topic change nothing.
  REQUIRE(world.Hear(taken).empty());
  Owners::Record older = taken;
  older.epoch = LeaderEpoch::First(kEu);
  older.lineage.clear();
  REQUIRE(world.Hear(older).empty());
  older.topic = TopicId(std::array<uint8_t, 16>{99});
  REQUIRE(world.Hear(older).empty());
  world.Boot(true);
  REQUIRE(world.catalog->view()->Find(id)->epoch == taken.epoch);
  REQUIRE_FALSE(world.Accepts(id));
}

TEST_CASE(
    "S11 The cut of an owner that was found by its epoch is learned later, also of a restarted "
    "one") {
  World world;
  const TopicId id = world.Create();
  Owners::Record taken = world.Taken(id);
  if (GENERATE(false, true)) {
    // It stopped uncleanly since it took over: its epoch rose once more, nobody told where.
    taken.epoch = taken.epoch.Next(kEu);
    taken.cut.clear();
    taken.lineage.push_back({taken.epoch, kEu, {}});
  }
  REQUIRE(world.owners->Follow(id, taken.epoch, kFromEu).ok());
  REQUIRE(world.owners->Find(id)->epoch == taken.epoch);
  REQUIRE_FALSE(KnowsLastCut(*world.owners->Find(id)));
  REQUIRE(world.Hear(taken) == std::vector<TopicId>{id});  // Links that wait for it look.
  REQUIRE(world.owners->Find(id)->lineage == taken.lineage);
  REQUIRE(world.Hear(taken).empty());
  world.Boot(false);
  REQUIRE(world.owners->Find(id)->lineage == taken.lineage);
}

TEST_CASE("A record that no region can have written is not believed") {
  World world;
  const TopicId id = world.Create();
  Owners::Record lie = world.Taken(id);
  lie.owner = RegionOrdinal(3);
  REQUIRE(world.Hear(lie).empty());
  REQUIRE(world.Accepts(id));
}

TEST_CASE("Without a link to the new owner a topic is held, also after a restart") {
  World world(false);
  const TopicId id = world.Create();
  const Owners::Record taken = world.Taken(id);
  REQUIRE(world.Hear(taken).size() == 1);
  REQUIRE(world.gate->HeldAs(id) == HoldKind::kLost);
  REQUIRE(world.owners->Find(id)->owner == kEu);
  world.Boot(true);
  REQUIRE(world.gate->HeldAs(id) == HoldKind::kLost);
  REQUIRE(world.owners->Find(id)->epoch == taken.epoch);
  // An operator takes it back, above everything known.
  const auto adopted = world.owners->Adopt(id);
  REQUIRE(adopted.ok());
  REQUIRE(adopted->epoch > taken.epoch);
  REQUIRE(adopted->owner == kUs);
  REQUIRE(world.Accepts(id));
  REQUIRE(world.gate->AdmitClient(id).epoch == adopted->epoch);
}

TEST_CASE("A fence stops the owner and tells its ends; repeated, it answers the same") {
  World world;
  const TopicId id = world.Create();
  world.Append(id, 0);
  world.Append(id, 0);
  const FenceAnswer answer = world.owners->Fence(kEuName, world.Fence(id));
  REQUIRE(answer.topics.size() == 1);
  REQUIRE(answer.topics[0].refusal.empty());
  REQUIRE(answer.topics[0].ends == std::vector<Offset>{Offset(2), Offset(0)});
  REQUIRE(world.Admits(id) == kafka::ErrorCode::kNotLeaderOrFollower);
  const FenceAnswer again = world.owners->Fence(kEuName, world.Fence(id));
  REQUIRE(again.topics[0].ends == answer.topics[0].ends);
  FenceRequest other = world.Fence(id);
  other.attempt = Uuid(std::array<uint8_t, 16>{8});
  REQUIRE_FALSE(world.owners->Fence(kEuName, other).topics[0].refusal.empty());
}

TEST_CASE("A fence at an epoch that is not the present one is refused, for all of its topics") {
  World world;
  const TopicId id = world.Create();
  const TopicId second = world.Create("audit");
  FenceRequest request = world.Fence(id);
  request.topics.push_back({second, LeaderEpoch::First(kUs).Next(kUs)});
  const FenceAnswer answer = world.owners->Fence(kEuName, request);
  REQUIRE(answer.topics[0].refusal.empty());
  REQUIRE_FALSE(answer.topics[1].refusal.empty());
  REQUIRE(world.Accepts(id));
  REQUIRE(world.Accepts(second));
}

TEST_CASE("A fence that was not released lifts itself at its deadline") {
  World world;
  const TopicId id = world.Create();
  (void)world.owners->Fence(kEuName, world.Fence(id));
  world.clock.Advance(std::chrono::seconds(9));
  world.owners->Tick();
  REQUIRE_FALSE(world.Accepts(id));
  world.clock.Advance(std::chrono::seconds(1));
  world.owners->Tick();
  REQUIRE(world.Accepts(id));
  // Late words of the attempt are inert.
  REQUIRE_FALSE(world.owners->Release(world.attempt).ok());
  REQUIRE_FALSE(world.owners->Fence(kEuName, world.Fence(id)).topics[0].refusal.empty());
  REQUIRE(world.Accepts(id));
}

TEST_CASE("A released fence outlives deadlines and restarts, until word comes") {
  World world;
  const TopicId id = world.Create();
  (void)world.owners->Fence(kEuName, world.Fence(id));
  REQUIRE(world.owners->Release(world.attempt).ok());
  REQUIRE(world.owners->Release(world.attempt).ok());
  world.clock.Advance(std::chrono::hours(1));
  world.owners->Tick();
  REQUIRE_FALSE(world.Accepts(id));
  const LeaderEpoch epoch = world.owners->Find(id)->epoch;
  world.Boot(true);
  REQUIRE(world.gate->HeldAs(id) == HoldKind::kFenced);
  // The epoch stands: the next one is the new owner's.
  REQUIRE(world.owners->Find(id)->epoch == epoch);
  SECTION("rolled back") {
    REQUIRE(world.owners->Lift(world.attempt).ok());
    REQUIRE(world.Accepts(id));
    // S8: it has stopped uncleanly since it accepted under the old one.
    REQUIRE(world.owners->Find(id)->epoch == epoch.Next(epoch.owner()));
    REQUIRE(world.catalog->view()->Find(id)->epoch == epoch.Next(epoch.owner()));
    REQUIRE(world.owners->Lift(world.attempt).ok());
    world.Boot(false);
    REQUIRE(world.Accepts(id));
    REQUIRE(world.owners->Find(id)->epoch == epoch.Next(epoch.owner()));
  }
  SECTION("rolled back after another restart, an orderly one") {
    world.Boot(false);
    REQUIRE(world.gate->HeldAs(id) == HoldKind::kFenced);
    REQUIRE(world.owners->Lift(world.attempt).ok());
    REQUIRE(world.Accepts(id));
    REQUIRE(world.owners->Find(id)->epoch == epoch.Next(epoch.owner()));  // S8, too.
  }
  SECTION("carried out") {
    REQUIRE(world.Hear(world.Taken(id)).size() == 1);
    REQUIRE(world.catalog->view()->Find(id)->link == kFromEu);
    REQUIRE(world.owners->Lift(world.attempt).ok());
    REQUIRE_FALSE(world.Accepts(id));
  }
}

TEST_CASE("A lift that overtakes its fence makes it inert") {
  World world;
  const TopicId id = world.Create();
  REQUIRE(world.owners->Lift(world.attempt).ok());
  REQUIRE_FALSE(world.owners->Fence(kEuName, world.Fence(id)).topics[0].refusal.empty());
  REQUIRE(world.Accepts(id));
}

TEST_CASE("A region that takes a topic over mints above all, cuts at its end, then serves") {
  World world;
  const TopicId id = world.Create();
  REQUIRE(world.Hear(world.Taken(id)).size() == 1);
  const LeaderEpoch theirs = world.owners->Find(id)->epoch;
  const std::array ids = {id};
  world.owners->BeginPromotion(ids);
  REQUIRE_FALSE(world.gate->AdmitMirror(id, kFromEu).error == kafka::ErrorCode::kNone);
  const auto also = [](const std::vector<Owners::Record>& minted, checkpoint::WriteBatch& batch) {
    REQUIRE(minted.size() == 1);
    batch.Put("also", "durable");
  };
  const auto minted = world.owners->Mint(ids, kForcedSteps, kFromEu, "failover 1", also);
  REQUIRE(minted.ok());
  REQUIRE(minted->front().epoch > theirs.Next(kEu, kForcedSteps - 1));
  REQUIRE(minted->front().owner == kUs);
  REQUIRE(minted->front().cut == std::vector<Offset>(2, Offset(0)));
  REQUIRE(world.store.Get("also")->has_value());
  REQUIRE_FALSE(world.Accepts(id));
  SECTION("served") {
    REQUIRE(world.owners->Serve(ids).ok());
    REQUIRE(world.Accepts(id));
    REQUIRE(world.gate->AdmitClient(id).epoch == minted->front().epoch);
    world.Append(id, 1);
    REQUIRE(world.catalog->view()->Find(id)->partitions[1]->last_epoch() == minted->front().epoch);
  }
  SECTION("a crash before serving leaves it held, at its epoch") {
    world.Boot(true);
    REQUIRE(world.gate->HeldAs(id) == HoldKind::kPromoting);
    REQUIRE(world.owners->Find(id)->epoch == minted->front().epoch);
    REQUIRE(world.owners->Serve(ids).ok());
    REQUIRE(world.Accepts(id));
  }
}

TEST_CASE("After an unclean stop own topics wait for the other regions, for a while") {
  World world;
  const TopicId id = world.Create();
  const LeaderEpoch before = world.owners->Find(id)->epoch;
  world.Boot(true);
  REQUIRE(world.gate->HeldAs(id) == HoldKind::kAsking);
  REQUIRE(world.owners->Find(id)->epoch == before.Next(kUs));
  SECTION("until all were heard") {
    world.owners->Heard(RegionName("ap-south"));
    REQUIRE_FALSE(world.Accepts(id));
    world.owners->Heard(kEuName);
    REQUIRE(world.Accepts(id));
  }
  SECTION("not longer than it may take") {
    world.clock.Advance(Owners::kAskFor);
    world.owners->Tick();
    REQUIRE(world.Accepts(id));
  }
  SECTION("and learn that they were taken over meanwhile") {
    REQUIRE(world.Hear(world.Taken(id, kForcedSteps)).size() == 1);
    world.owners->Heard(kEuName);
    REQUIRE_FALSE(world.Accepts(id));
  }
}

TEST_CASE("A region without links has nobody to ask") {
  World world(false);
  const TopicId id = world.Create();
  world.Boot(true);
  REQUIRE(world.Accepts(id));
}

TEST_CASE("A store that was rolled back learns its own later epoch from a peer") {
  World world;
  const TopicId id = world.Create();
  Owners::Record known = *world.owners->Find(id);
  known.epoch = known.epoch.Next(kUs, 5);
  known.lineage.push_back({known.epoch, kUs, known.cut});
  REQUIRE(world.Hear(known).empty());
  REQUIRE(world.owners->Find(id)->epoch == known.epoch.Next(kUs));
  REQUIRE(world.Accepts(id));
}

}  // namespace
}  // namespace atl::mirror
