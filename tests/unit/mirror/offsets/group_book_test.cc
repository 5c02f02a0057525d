#include "mirror/offsets/group_book.h"

#include <fmt/format.h>

#include <catch2/catch.hpp>

namespace atl::mirror {
namespace {

using broker::PlaceOutcome;

const LinkName kLink("from-east");

WallTime At(int seconds) { return WallTime(std::chrono::seconds(1000 + seconds)); }

GroupCommit Commit(const char* group, int64_t offset, const char* topic = "orders",
                   int partition = 0) {
  GroupCommit commit;
  commit.group = GroupId(group);
  commit.topic = TopicName(topic);
  commit.partition = PartitionId(partition);
  commit.offset = Offset(offset);
  commit.epoch = LeaderEpoch(257);
  commit.metadata = std::string("m");
  commit.committed = At(-1);
  return commit;
}

// A region whose copies the test moves by hand, and whose coordinator takes what it is given.
struct World {
  GroupBook book;
  std::map<std::pair<TopicName, PartitionId>, IdentityCopy> copies;
  std::map<TopicName, TopicName> flows;  // Fan-in: where a topic goes, at the same offsets + 100.
  bool ours = false;

  World() { SetEnd(100); }
  void SetEnd(int64_t end, const char* topic = "orders", int partition = 0) {
    IdentityCopy& copy = copies[{TopicName(topic), PartitionId(partition)}];
    copy.applied_end = Offset(end);
  }

  TranslateOffset translate() {
    return [this](const LinkName&, const TopicName& topic, PartitionId partition, Offset offset,
                  LeaderEpoch) {
      TranslatedOffset out;
      const auto copy = copies.find({topic, partition});
      if (copy == copies.end() || ours) {
        out.ours = ours;
        out.translation = UnknownTranslation("not here");
        return out;
      }
      const auto flow = flows.find(topic);
      out.topic = flow == flows.end() ? topic : flow->second;
      out.partition = partition;
      out.mapped = flow != flows.end();
      out.translation = Translate(copy->second, offset);
      if (out.mapped && out.translation.exact()) {
        out.translation.target = out.translation.target + RecordCount(100);
      }
      return out;
    };
  }

  std::vector<Placement> Due(bool all = false) { return book.Due(translate(), all); }
  // Places all that is due, with one outcome; "group@offset" each.
  std::vector<std::string> Place(PlaceOutcome outcome = PlaceOutcome::kPlaced, bool all = false) {
    std::vector<std::string> placed;
    for (const Placement& placement : Due(all)) {
      placed.push_back(
          fmt::format("{}@{}", placement.item.group.value(), placement.item.offset.value()));
      book.OnPlaced(placement, outcome);
    }
    return placed;
  }
  void Hear(std::vector<GroupCommit> commits, int seconds = 0) {
    book.OnCommits(kLink, commits, At(seconds));
  }
  void HearAll(std::vector<GroupCommit> commits) {
    book.OnSnapshotBegin(kLink);
    Hear(std::move(commits));
    book.OnSnapshotEnd(kLink);
  }
  GroupKnowledge Only() const {
    const auto rows = book.Knowledge(kLink);
    REQUIRE(rows.size() == 1);
    return rows.front();
  }
};

using Placed = std::vector<std::string>;

TEST_CASE("A commit that is mirrored is placed once, as it was", "[groups]") {
  World world;
  world.Hear({Commit("app", 42)});
  const auto due = world.Due();
  REQUIRE(due.size() == 1);
  REQUIRE(due[0].item.offset == Offset(42));
  REQUIRE(due[0].item.epoch == LeaderEpoch(257));
  REQUIRE(due[0].item.metadata == "m");
  REQUIRE(due[0].item.committed == At(-1));
  REQUIRE(due[0].item.synced);
  world.book.OnPlaced(due[0], PlaceOutcome::kPlaced);
  REQUIRE(world.Due(true).empty());
  REQUIRE(world.Only().state == GroupSyncState::kPlaced);
  REQUIRE(world.Only().here == Offset(42));
  REQUIRE_FALSE(world.book.has_held());
}

TEST_CASE("A commit ahead of the copy is held until the copy is there", "[groups][S13]") {
  World world;
  world.Hear({Commit("app", 150), Commit("other", 120)});
  REQUIRE(world.Place().empty());
  REQUIRE(world.book.Knowledge(kLink).front().state == GroupSyncState::kHeld);
  REQUIRE(world.book.Count(kLink).held_since.begin()->second == At(0));
  world.SetEnd(149);
  REQUIRE(world.Place() == Placed{"other@120"});
  world.SetEnd(150);
  REQUIRE(world.Place() == Placed{"app@150"});
  REQUIRE_FALSE(world.book.Count(kLink).held_since.begin()->second);
}

TEST_CASE("Of several commits that were held only the last is placed", "[groups]") {
  World world;
  world.Hear({Commit("app", 150)});
  REQUIRE(world.Place().empty());
  world.Hear({Commit("app", 160)});
  world.SetEnd(200);
  REQUIRE(world.Place() == Placed{"app@160"});
}

TEST_CASE("A group that is active here is left alone and shown", "[groups]") {
  World world;
  world.Hear({Commit("app", 42)});
  REQUIRE(world.Place(PlaceOutcome::kGroupActive) == Placed{"app@42"});
  REQUIRE(world.Only().state == GroupSyncState::kConflict);
  REQUIRE(world.Place().empty());
  // It may have gone meanwhile.
  REQUIRE(world.Place(PlaceOutcome::kPlaced, true) == Placed{"app@42"});
  REQUIRE(world.Only().state == GroupSyncState::kPlaced);
}

TEST_CASE("An offset that is ahead here stays and is a conflict", "[groups]") {
  World world;
  world.Hear({Commit("app", 42)});
  REQUIRE(world.Place(PlaceOutcome::kNotNewer) == Placed{"app@42"});
  REQUIRE(world.Only().state == GroupSyncState::kConflict);
  REQUIRE_FALSE(world.Only().here);
}

TEST_CASE("What can't be translated is shown with its reason, and never placed", "[groups][S5]") {
  World world;
  IdentityCopy& copy = world.copies.begin()->second;
  copy.start = Offset(10);
  copy.gaps = {{Offset(20), Offset(30)}};
  world.Hear({Commit("early", 5), Commit("gap", 25)});
  REQUIRE(world.Place().empty());
  const auto rows = world.book.Knowledge(kLink);
  REQUIRE(rows[0].reason == "before the mirrored start 10");
  REQUIRE(rows[1].reason == "in a gap: offsets 20 to 29 were lost");
  REQUIRE(world.book.Count(kLink).groups.at(GroupSyncState::kUntranslatable) == 2);
  world.Hear({Commit("early", 11)});
  REQUIRE(world.Place() == Placed{"early@11"});
}

TEST_CASE("A topic that is not here yet holds its groups until it is", "[groups]") {
  World world;
  world.Hear({Commit("app", 3, "new")});
  REQUIRE(world.Place().empty());
  REQUIRE_FALSE(world.book.has_held());  // Looked at now and then only.
  world.SetEnd(10, "new");
  REQUIRE(world.Place(PlaceOutcome::kPlaced, true) == Placed{"app@3"});
}

TEST_CASE("What the source says of a topic of ours does not count", "[groups]") {
  World world;
  world.ours = true;
  world.Hear({Commit("app", 3)});
  REQUIRE(world.Place().empty());
  REQUIRE(world.book.Knowledge(kLink).empty());
}

TEST_CASE("What a snapshot does not name is gone, here too where it was placed", "[groups]") {
  World world;
  world.HearAll({Commit("app", 42), Commit("held", 500)});
  REQUIRE(world.Place() == Placed{"app@42"});
  world.HearAll({});
  REQUIRE(world.Place() == Placed{"app@-1"});
  REQUIRE(world.book.Knowledge(kLink).empty());
  REQUIRE(world.Place(PlaceOutcome::kPlaced, true).empty());
}

TEST_CASE("A snapshot of another link removes nothing", "[groups]") {
  World world;
  world.Hear({Commit("app", 42)});
  REQUIRE(world.Place().size() == 1);
  world.book.OnSnapshotBegin(LinkName("other"));
  world.book.OnSnapshotEnd(LinkName("other"));
  REQUIRE(world.Place(PlaceOutcome::kPlaced, true).empty());
  REQUIRE(world.Only().here == Offset(42));
}

TEST_CASE("A newer commit makes the outcome of an older placement void", "[groups]") {
  World world;
  world.Hear({Commit("app", 42)});
  const auto due = world.Due();
  world.Hear({Commit("app", 50)});
  world.book.OnPlaced(due[0], PlaceOutcome::kPlaced);
  REQUIRE(world.Only().state == GroupSyncState::kHeld);
  REQUIRE(world.Place() == Placed{"app@50"});
}

TEST_CASE("Where several sources flow together the least offset is placed", "[groups][S13]") {
  World world;
  world.flows = {{TopicName("a"), TopicName("all")}, {TopicName("b"), TopicName("all")}};
  world.SetEnd(50, "a");
  world.SetEnd(50, "b");
  world.Hear({Commit("app", 30, "a"), Commit("app", 20, "b")});
  const auto due = world.Due();
  REQUIRE(due.size() == 1);
  REQUIRE(due[0].item.topic == TopicName("all"));
  REQUIRE(due[0].item.offset == Offset(120));
  REQUIRE(due[0].item.epoch == kNoEpoch);  // The source's means nothing there.
  world.book.OnPlaced(due[0], PlaceOutcome::kPlaced);
  world.Hear({Commit("app", 40, "b")});
  REQUIRE(world.Place() == Placed{"app@130"});
  // One that waits for records is not below the others.
  world.Hear({Commit("app", 60, "a")});
  REQUIRE(world.Place() == Placed{"app@140"});
  // One that can't be translated stops the group.
  world.copies[{TopicName("a"), PartitionId(0)}].start = Offset(45);
  world.Hear({Commit("app", 44, "a")});
  REQUIRE(world.Place().empty());
  REQUIRE(world.book.Count(kLink).groups.at(GroupSyncState::kUntranslatable) == 1);
}

TEST_CASE("What was known survives a restart, and is placed anew", "[groups]") {
  World world;
  world.Hear({Commit("app", 42), Commit("held", 500)}, 7);
  REQUIRE(world.Place().size() == 1);
  World after;
  for (const checkpoint::GroupKnowledgeRow& row : world.book.TakeUnsaved()) {
    after.book.Restore(row);
  }
  REQUIRE_FALSE(world.book.has_unsaved());
  const auto rows = after.book.Knowledge(kLink);
  REQUIRE(rows.size() == 2);
  REQUIRE(rows[0].committed_at_source == Offset(42));
  REQUIRE(rows[0].known_at == At(7));
  REQUIRE(rows[0].here == Offset(42));
  REQUIRE(after.Place() == Placed{"app@42"});
}

TEST_CASE("A forgotten group is deleted from the checkpoint", "[groups]") {
  World world;
  world.Hear({Commit("held", 500)});
  REQUIRE(world.book.TakeUnsaved().size() == 1);
  world.Hear({Commit("held", -1)});
  const auto rows = world.book.TakeUnsaved();
  REQUIRE(rows.size() == 1);
  REQUIRE(rows[0].offset == kNoOffset);
}

}  // namespace
}  // namespace atl::mirror
