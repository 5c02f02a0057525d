// Two regions' group syncs, joined by a wire that the test carries messages over.
#include "mirror/offsets/group_sync.h"

#include <deque>
#include <memory>

#include "base/memory_file.h"
#include "checkpoint/memory_store.h"
#include "checkpoint/partition_state_table.h"
#include "checkpoint/topic_table.h"
#include "mirror/ownership/gate.h"
#include "mirror/pull/local_sink.h"
#include "tests/unit/mirror/pull/batches.h"

#include <catch2/catch.hpp>

namespace atl::mirror {
namespace {

using broker::CommittedOffset;
using broker::PlaceMode;
using broker::PlaceOutcome;

const TopicName kOrders("orders");
const TopicId kOrdersId(std::array<uint8_t, 16>{7});
const LinkName kLink("from-east");
const RegionName kEast("east");
const RegionName kWest("west");
constexpr int32_t kTaken = 514;     // Epochs of west,
constexpr int32_t kReturned = 769;  // and of east again.

// A coordinator's offsets, without groups' life.
class FakeOffsets final : public broker::CommittedOffsets {
 public:
  void OnCommitted(Listener listener) override { listener_ = std::move(listener); }
  std::vector<CommittedOffset> Committed(const TopicPredicate& wanted) const override {
    std::vector<CommittedOffset> found;
    for (const auto& [key, offset] : stored) {
      if (!wanted || wanted(offset.topic)) found.push_back(offset);
    }
    return found;
  }
  StatusOr<std::vector<PlaceOutcome>> Place(std::span<const CommittedOffset> items,
                                            PlaceMode mode) override {
    std::vector<PlaceOutcome> outcomes;
    for (const CommittedOffset& item : items) {
      CommittedOffset& have = stored[{item.group, item.topic, item.partition}];
      if (active.contains(item.group) && mode != PlaceMode::kCut) {
        outcomes.push_back(PlaceOutcome::kGroupActive);
      } else if (mode == PlaceMode::kForward && have.offset > item.offset && !item.is_tombstone()) {
        outcomes.push_back(PlaceOutcome::kNotNewer);
      } else {
        have = item;
        outcomes.push_back(PlaceOutcome::kPlaced);
      }
    }
    return outcomes;
  }
  StatusOr<size_t> RemoveReaders(const TopicName& topic) override {
    REQUIRE(topic == kOrders);
    const size_t removed = active.size();
    active.clear();
    return removed;
  }
  std::vector<broker::GroupActivity> Activity() const override { return {}; }

  void Commit(const char* group, int64_t offset, LeaderEpoch epoch = kNoEpoch) {
    CommittedOffset commit;
    commit.group = GroupId(group);
    commit.topic = kOrders;
    commit.offset = Offset(offset);
    commit.epoch = epoch;
    commit.metadata = std::string("m");
    stored[{commit.group, kOrders, commit.partition}] = commit;
    listener_(std::span(&commit, 1));
  }
  LeaderEpoch EpochAt(const char* group) const {
    return stored.at({GroupId(group), kOrders, PartitionId(0)}).epoch;
  }
  int64_t At(const char* group) const {
    const auto found = stored.find({GroupId(group), kOrders, PartitionId(0)});
    return found == stored.end() ? -1 : found->second.offset.value();
  }

  std::map<std::tuple<GroupId, TopicName, PartitionId>, CommittedOffset> stored;
  std::set<GroupId> active;

 private:
  Listener listener_;
};

// One region: an owner of `orders`, or a mirror of it.
struct Region {
  Region(RegionName name, bool owner)
      : catalog({.data_folder = "/data",
                 .region = RegionOrdinal(owner ? 1 : 2),
                 .defaults = {},
                 .seed = 1},
                {files, clock, metrics, states, gate}, topics, shards),
        own(std::move(name)),
        links(MakeLinks(owner)),
        owners(
            {catalog, ownership, gate, clock, metrics, own, RegionOrdinal(owner ? 1 : 2), links}) {
    files.CreateFolders("/data").IgnoreError();
    REQUIRE(catalog.Load(false).ok());
    gate.Follow(catalog);
    broker::TopicSpec spec;
    spec.name = kOrders;
    spec.id = kOrdersId;
    if (!owner) {
      spec.epoch = LeaderEpoch(257);
      spec.owner = RegionOrdinal(1);
      spec.link = kLink;
    }
    REQUIRE(catalog.Create(spec).ok());
    event_table = *checkpoint::EventTable::Open(store);
    events = std::make_unique<Events>(*event_table, metrics);
    copies = std::make_unique<LocalCopies>(
        catalog, owners, *events, fan_in, links,
        [](const LinkName&, const TopicId&, PartitionId) { return false; });
    Open();
  }
  static std::vector<config::Link> MakeLinks(bool owner) {
    if (owner) return {};
    config::Link link = config::DefaultLink();
    link.name = kLink;
    link.source.region = kEast;
    link.topics = {{config::RuleAction::kInclude, config::TopicMatch::kGlob, "*"}};
    link.groups.sync = true;
    link.groups.filter = {{config::RuleAction::kExclude, config::TopicMatch::kPrefix, "tmp"},
                          {config::RuleAction::kInclude, config::TopicMatch::kGlob, "*"}};
    return {link};
  }
  void Open() {
    const GroupSync::Room room{reactor,
                               blocking,
                               clock,
                               metrics,
                               catalog,
                               offsets,
                               store,
                               *copies,
                               [this](const RegionName& peer, const ControlMessage& message) {
                                 sent.emplace_back(peer, std::get<GroupCommits>(message));
                                 return reachable;
                               }};
    sync = std::make_unique<GroupSync>(room, links, 1);
    REQUIRE(sync->Restore().ok());
  }
  void Tick() {
    clock.Advance(std::chrono::seconds(2));
    sync->Tick();
  }
  // Mirrors records of `epoch` up to `end`.
  void Mirror(int64_t end, int32_t epoch = 257) {
    const auto partition = Sink();
    const int64_t have = partition->End()->log_end.value();
    const Bytes batch =
        test::MakeBatch({.base = have, .count = static_cast<int>(end - have), .epoch = epoch});
    ApplyItem item;
    item.target = partition;
    item.batches = {*kafka::BatchView::Parse(batch)};
    Apply(std::move(item));
  }
  // What a link does with a tail that the owner does not have.
  void Cut(int64_t at) {
    ApplyItem item;
    item.target = Sink();
    item.cut = *item.target->PlanCut(Offset(at));
    REQUIRE(sync->ClampTo(kOrders, PartitionId(0), Offset(at)).ok());
    Apply(std::move(item));
  }
  void StartAt(int64_t offset) {
    REQUIRE(catalog.view()->Find(kOrdersId)->partitions[0]->RestartAt(Offset(offset)).ok());
  }
  std::shared_ptr<SinkPartition> Sink() { return *sink.Open(kLink, kOrdersId, PartitionId(0)); }
  void Apply(ApplyItem item) {
    struct Request final : ApplyRequest {
      void Done() override { REQUIRE(items.front().status.ok()); }
    };
    auto request = std::make_unique<Request>();
    request->items.push_back(std::move(item));
    sink.Apply(std::move(request));
  }
  // West owned the topic from offset 50 on, until east took it back by force.
  void HearOfReturn(std::vector<Offset> cut) {
    Owners::Record record = *owners.Find(kOrdersId);
    record.epoch = LeaderEpoch(kReturned);
    record.owner = RegionOrdinal(1);
    record.owner_name = kEast;
    record.cut = std::move(cut);
    record.lineage = {{LeaderEpoch(257), RegionOrdinal(1), {Offset(0)}},
                      {LeaderEpoch(kTaken), RegionOrdinal(2), {Offset(50)}},
                      {record.epoch, record.owner, record.cut}};
    REQUIRE(owners.Merge(kEast, std::array{record}).size() == 1);
  }

  ManualClock clock;
  Metrics metrics;
  MemoryFileSystem files{1};
  checkpoint::MemoryStore store;
  checkpoint::TopicTable topics{store};
  checkpoint::PartitionStateTable states{store};
  checkpoint::ExtentTable extents{store};
  FanIn fan_in{extents};
  runtime::StorageShards shards{0, files, "/data", metrics};
  runtime::StorageShards blocking{0, files, "/data", metrics};
  runtime::Reactor reactor{"test"};
  CatalogGate gate{RegionOrdinal(2)};
  broker::Catalog catalog;
  LocalSink sink{catalog, shards};
  const RegionName own;
  const std::vector<config::Link> links;
  checkpoint::OwnershipTable ownership{store};
  Owners owners;
  std::unique_ptr<checkpoint::EventTable> event_table;
  std::unique_ptr<Events> events;
  std::unique_ptr<LocalCopies> copies;
  FakeOffsets offsets;
  std::deque<std::pair<RegionName, GroupCommits>> sent;
  bool reachable = true;
  std::unique_ptr<GroupSync> sync;
};

struct Pair {
  Region east{kEast, true};
  Region west{kWest, false};

  void Connect() {
    east.sync->OnPeerConnected(kWest);
    west.sync->OnPeerConnected(kEast);
    Carry();
  }
  // Ticks both, carries what they say, and lets it take effect.
  void Carry() {
    east.Tick();
    west.Tick();
    for (auto& [peer, message] : std::exchange(east.sent, {})) {
      west.sync->OnCommits(kEast, std::move(message));
    }
    for (auto& [peer, message] : std::exchange(west.sent, {})) {
      east.sync->OnCommits(kWest, std::move(message));
    }
    west.Tick();
  }
};

TEST_CASE("What was committed before and after a connect is placed in the mirror", "[groups]") {
  Pair pair;
  pair.west.Mirror(100);
  pair.east.offsets.Commit("early", 10);
  pair.east.Tick();
  pair.Connect();
  REQUIRE(pair.west.offsets.At("early") == 10);
  REQUIRE(pair.west.sync->Fed(kLink));
  pair.east.offsets.Commit("late", 20);
  pair.Carry();
  REQUIRE(pair.west.offsets.At("late") == 20);
  const auto stored = pair.west.offsets.stored.begin()->second;
  REQUIRE(stored.synced);
  REQUIRE(stored.metadata == "m");
}

TEST_CASE("A commit beyond what is mirrored waits for the records", "[groups][S13]") {
  Pair pair;
  pair.Connect();
  pair.east.offsets.Commit("app", 50);
  pair.Carry();
  REQUIRE(pair.west.offsets.At("app") == -1);
  pair.west.Mirror(50);
  pair.west.Tick();
  REQUIRE(pair.west.offsets.At("app") == 50);
}

TEST_CASE("A mirror sends nothing of what it only mirrors", "[groups]") {
  Pair pair;
  pair.west.Mirror(100);
  pair.Connect();
  pair.west.offsets.Commit("local", 5);
  pair.Carry();
  REQUIRE(pair.east.offsets.At("local") == -1);
}

TEST_CASE("Groups that the filter excludes are not synced", "[groups]") {
  Pair pair;
  pair.west.Mirror(100);
  pair.Connect();
  pair.east.offsets.Commit("tmp-1", 5);
  pair.Carry();
  REQUIRE(pair.west.offsets.At("tmp-1") == -1);
  REQUIRE(pair.west.sync->Knowledge(kLink).empty());
}

TEST_CASE("A lost message ends the feed until the owner connects again", "[groups]") {
  Pair pair;
  pair.west.Mirror(100);
  pair.Connect();
  pair.east.offsets.Commit("app", 5);
  pair.east.Tick();
  pair.east.sent.clear();
  pair.east.offsets.Commit("other", 6);
  pair.Carry();
  REQUIRE_FALSE(pair.west.sync->Fed(kLink));
  pair.Connect();
  REQUIRE(pair.west.sync->Fed(kLink));
  REQUIRE(pair.west.offsets.At("app") == 5);
}

TEST_CASE("A group that was deleted while the regions were apart is removed", "[groups]") {
  Pair pair;
  pair.west.Mirror(100);
  pair.east.offsets.Commit("app", 5);
  pair.Connect();
  REQUIRE(pair.west.offsets.At("app") == 5);
  pair.west.sync->OnPeerGone(kEast);
  pair.east.sync->OnPeerGone(kWest);
  pair.Carry();
  REQUIRE_FALSE(pair.west.sync->Fed(kLink));
  pair.east.offsets.stored.clear();
  pair.Connect();
  REQUIRE(pair.west.offsets.At("app") == -1);
}

TEST_CASE("A poll counts only where the control plane does not feed", "[groups]") {
  Pair pair;
  pair.west.Mirror(100);
  GroupCommit commit;
  commit.group = GroupId("app");
  commit.topic = kOrders;
  commit.offset = Offset(7);
  pair.west.sync->OnPolled(kLink, {commit});
  pair.west.Tick();
  REQUIRE(pair.west.offsets.At("app") == 7);
  pair.Connect();  // The owner has no such group.
  REQUIRE(pair.west.offsets.At("app") == -1);
  pair.west.sync->OnPolled(kLink, {commit});
  pair.west.Tick();
  REQUIRE(pair.west.offsets.At("app") == -1);
}

TEST_CASE("Knowledge outlives the source and a restart", "[groups]") {
  Pair pair;
  pair.west.Mirror(100);
  pair.east.offsets.Commit("app", 42);
  pair.Connect();
  pair.west.Tick();
  REQUIRE(pair.west.sync->HasNews(kLink));
  pair.west.sync.reset();
  pair.west.Open();
  pair.west.Tick();
  REQUIRE_FALSE(pair.west.sync->HasNews(kLink));  // What was known before says nothing of now.
  const auto rows = pair.west.sync->Knowledge(kLink, {kOrders});
  REQUIRE(rows.size() == 1);
  REQUIRE(rows[0].committed_at_source == Offset(42));
  REQUIRE(rows[0].here == Offset(42));
  REQUIRE(pair.west.sync->Knowledge(kLink, {TopicName("other")}).empty());
}

TEST_CASE("The final sync of a planned move is exact, backwards too, or says what is left",
          "[groups][S13]") {
  Pair pair;
  pair.west.Mirror(100);
  pair.east.offsets.Commit("app", 60);
  pair.Connect();
  REQUIRE(pair.west.offsets.At("app") == 60);
  pair.east.offsets.Commit("app", 30);  // The group was rewound.
  const GroupsAnswer answer = pair.east.sync->Groups({{kOrders}});
  REQUIRE(answer.commits.size() == 1);
  REQUIRE(pair.west.sync->SyncNow(kLink, answer.commits).ok());
  REQUIRE(pair.west.offsets.At("app") == 30);
  pair.east.offsets.Commit("ahead", 500);
  const Status left = pair.west.sync->SyncNow(kLink, pair.east.sync->Groups({{kOrders}}).commits);
  REQUIRE(left.code() == StatusCode::kFailedPrecondition);
  REQUIRE(std::string(StatusMessage(left)).find("ahead") != std::string::npos);
  REQUIRE_FALSE(pair.west.sync->SyncNow(LinkName("nowhere"), {}).ok());
}

TEST_CASE("No group is placed, or stays, where the copy has another history", "[groups][S13]") {
  // Found by the simulator, seed 882: of three regions two had taken the topic by force.
  Pair pair;
  pair.west.Mirror(50);
  pair.west.Mirror(100, kTaken);
  pair.east.offsets.Commit("elsewhere", 60, LeaderEpoch(257));  // West's ends that epoch at 50.
  pair.east.offsets.Commit("shared", 40, LeaderEpoch(257));
  pair.west.offsets.Commit("stale", 70, LeaderEpoch(257));
  pair.Connect();
  REQUIRE(pair.west.offsets.At("elsewhere") == -1);
  REQUIRE(pair.west.offsets.At("shared") == 40);
  REQUIRE(pair.west.sync->ClampTo(kOrders, PartitionId(0), Offset(100))->size() == 1);
  REQUIRE(pair.west.offsets.At("stale") == 50);
}

TEST_CASE("A group behind the owner's log start does not stop a planned move", "[groups][L3]") {
  // Found by the simulator, seed 1867: retention had passed a group that stood still.
  Pair pair;
  pair.west.Mirror(100);
  pair.east.offsets.Commit("slow", 40, LeaderEpoch(257));
  pair.east.offsets.Commit("gone", -1);
  pair.Connect();
  for (Region* region : {&pair.east, &pair.west}) region->StartAt(50);
  const GroupsAnswer answer = pair.east.sync->Groups({{kOrders}});
  REQUIRE(answer.commits.size() == 2);
  for (const GroupCommit& commit : answer.commits) {
    const bool slow = commit.group == GroupId("slow");
    REQUIRE(commit.offset == (slow ? Offset(50) : kNoOffset));
    REQUIRE(commit.epoch == kNoEpoch);
  }
  REQUIRE(pair.west.sync->SyncNow(kLink, answer.commits).ok());
  REQUIRE(pair.west.offsets.At("slow") == 50);
}

TEST_CASE("No group keeps an offset above the cut", "[groups][S13]") {
  Pair pair;
  pair.west.Mirror(100);
  pair.east.offsets.Commit("above", 60, LeaderEpoch(257));
  pair.east.offsets.Commit("below", 40, LeaderEpoch(257));
  pair.Connect();
  const auto clamped = pair.west.sync->ClampTo(kOrders, PartitionId(0), Offset(50));
  REQUIRE(clamped.ok());
  REQUIRE(clamped->size() == 1);
  REQUIRE((*clamped)[0].was == Offset(60));
  REQUIRE(pair.west.offsets.At("above") == 50);
  REQUIRE(pair.west.offsets.EpochAt("above") == kNoEpoch);
  REQUIRE(pair.west.offsets.At("below") == 40);
  REQUIRE(pair.west.offsets.EpochAt("below") == LeaderEpoch(257));
  // Repeated after a crash: nothing is left to do.
  REQUIRE(pair.west.sync->ClampTo(kOrders, PartitionId(0), Offset(50))->empty());
  // What its members had is gone: the log ends at the cut.
  pair.west.offsets.active.insert(GroupId("above"));
  REQUIRE(pair.west.sync->ClampTo(kOrders, PartitionId(0), Offset(45))->size() == 1);
  REQUIRE(pair.west.offsets.At("above") == 45);
  REQUIRE(pair.west.offsets.active.size() == 1);  // Where a move begins, nobody's log is cut.
  REQUIRE(pair.west.sync->OnCut(kOrders, PartitionId(0), Offset(42))->size() == 1);
  REQUIRE(pair.west.offsets.active.empty());
  REQUIRE(pair.west.offsets.At("above") == 42);
}

TEST_CASE("No group is placed in a tail that the owner does not have", "[groups][S13]") {
  Pair pair;
  pair.west.Mirror(50);
  pair.west.Mirror(60, kTaken);
  pair.west.Mirror(100, kTaken);
  SECTION("the cut is told") {
    pair.west.HearOfReturn({Offset(60)});
    pair.east.offsets.Commit("below", 60);
    pair.east.offsets.Commit("above", 80);  // Of east's own records.
    pair.Connect();
    REQUIRE(pair.west.offsets.At("below") == 60);
    REQUIRE(pair.west.offsets.At("above") == -1);
    pair.west.Cut(60);
    pair.west.Tick();
    REQUIRE(pair.west.offsets.At("above") == -1);
    pair.west.Mirror(100, kReturned);
    pair.west.Tick();
    REQUIRE(pair.west.offsets.At("above") == 80);
  }
  SECTION("the owner is known by its epoch alone") {
    pair.west.HearOfReturn({});
    pair.east.offsets.Commit("shared", 50);
    pair.east.offsets.Commit("doubted", 55);
    pair.Connect();
    REQUIRE(pair.west.offsets.At("shared") == 50);
    REQUIRE(pair.west.offsets.At("doubted") == -1);
    pair.west.HearOfReturn({Offset(60)});
    pair.west.Tick();
    REQUIRE(pair.west.offsets.At("doubted") == 55);
  }
}

TEST_CASE("What was placed and cut off is placed anew with the owner's records", "[groups][S13]") {
  Pair pair;
  pair.west.Mirror(60);
  pair.west.Mirror(100, kTaken);
  pair.east.offsets.Commit("app", 80);
  pair.Connect();
  REQUIRE(pair.west.offsets.At("app") == 80);
  pair.west.Cut(60);
  REQUIRE(pair.west.offsets.At("app") == 60);
  REQUIRE(pair.west.sync->Knowledge(kLink).front().here == Offset(60));
  pair.west.Tick();
  REQUIRE(pair.west.offsets.At("app") == 60);
  pair.west.Mirror(100, kReturned);
  pair.west.Tick();
  REQUIRE(pair.west.offsets.At("app") == 80);
}

}  // namespace
}  // namespace atl::mirror
