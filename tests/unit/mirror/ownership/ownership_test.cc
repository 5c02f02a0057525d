#include "mirror/ownership/ownership.h"
#include "mirror/ownership/gate.h"

#include <memory>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

namespace atl::mirror {
namespace {

using kafka::ErrorCode;

const LinkName kLink("from-us-east");
TopicId Id(uint8_t n) { return TopicId(std::array<uint8_t, 16>{n}); }
constexpr RegionOrdinal kUs{1};
constexpr RegionOrdinal kEu{2};

broker::Topic LocalTopic(const char* name, uint8_t id, const char* link, bool frozen = false) {
  broker::Topic topic;
  topic.name = TopicName(name);
  topic.id = Id(id);
  topic.link = LinkName(link);
  topic.epoch = LeaderEpoch::First(topic.is_mirror() ? kUs : kEu);
  topic.owner = topic.epoch.owner();
  topic.frozen = frozen;
  return topic;
}

broker::CatalogView View(std::vector<broker::Topic> topics) {
  broker::CatalogView view;
  for (broker::Topic& topic : topics) {
    auto shared = std::make_shared<const broker::Topic>(std::move(topic));
    view.by_id[shared->id] = shared;
    if (!shared->frozen) view.by_name[shared->name] = shared;
  }
  return view;
}

SourceTopic Theirs(uint8_t id, RegionOrdinal owner = kUs) {
  return {.name = TopicName("orders"),
          .id = id == 0 ? TopicId() : Id(id),
          .leader_node = NodeId(1),
          .epoch = LeaderEpoch::First(owner)};
}

SourceTopic TheirsAt(NodeId node, LeaderEpoch epoch) {
  SourceTopic topic = Theirs(1);
  topic.leader_node = node;
  topic.epoch = epoch;
  return topic;
}

TEST_CASE("a topic is pulled only from the region that owns it") {
  const LeaderEpoch us = LeaderEpoch::First(kUs);
  REQUIRE(SourceOwns(RegionKind::kAtoll, NodeId(1), us));
  REQUIRE(SourceOwns(RegionKind::kAtoll, NodeId(1), us.Next(kUs)));
  REQUIRE_FALSE(SourceOwns(RegionKind::kAtoll, NodeId(2), us));
  REQUIRE_FALSE(SourceOwns(RegionKind::kAtoll, NodeId(1), us.Next(kEu)));
  REQUIRE_FALSE(SourceOwns(RegionKind::kAtoll, NodeId(0), LeaderEpoch(256)));
  REQUIRE_FALSE(SourceOwns(RegionKind::kAtoll, NodeId(1), kNoEpoch));
  REQUIRE(SourceOwns(RegionKind::kKafka, NodeId(7), LeaderEpoch(0)));
  REQUIRE(SourceOwns(RegionKind::kKafka, NodeId(7), kNoEpoch));
}

struct Case {
  const char* what;
  std::vector<broker::Topic> here;
  SourceTopic source;
  TopicAction action;
};

std::vector<Case> Cases() {
  return {
      {"nothing here", {}, Theirs(1), TopicAction::kCreate},
      {"another name here", {LocalTopic("other", 9, "")}, Theirs(1), TopicAction::kCreate},
      {"our mirror", {LocalTopic("orders", 1, "from-us-east")}, Theirs(1), TopicAction::kMirror},
      {"our mirror of another id",
       {LocalTopic("orders", 2, "from-us-east")},
       Theirs(1),
       TopicAction::kGeneration},
      {"created here, too", {LocalTopic("orders", 2, "")}, Theirs(1), TopicAction::kConflict},
      {"another link's", {LocalTopic("orders", 2, "other")}, Theirs(1), TopicAction::kConflict},
      {"another link's by id",
       {LocalTopic("orders", 1, "other")},
       Theirs(1),
       TopicAction::kConflict},
      {"a cloned disk",
       {LocalTopic("orders", 1, "")},
       TheirsAt(NodeId(2), LeaderEpoch::First(kEu)),
       TopicAction::kConflict},
      {"ours at a higher epoch, the old owner has not heard of it",
       {LocalTopic("orders", 1, "")},
       Theirs(1),
       TopicAction::kPromoted},
      {"ours until the source took it",
       {LocalTopic("orders", 1, "")},
       TheirsAt(NodeId(1), LeaderEpoch::First(kEu).Next(kUs)),
       TopicAction::kFollow},
      {"another link's until the source took it",
       {LocalTopic("orders", 1, "other")},
       TheirsAt(NodeId(3), LeaderEpoch::First(kUs).Next(RegionOrdinal(3))),
       TopicAction::kFollow},
      {"an epoch that nobody mints",
       {LocalTopic("orders", 1, "from-us-east")},
       TheirsAt(NodeId(1), LeaderEpoch((LeaderEpoch::kMaxCounter << 8) | 1)),
       TopicAction::kConflict},
      {"an old generation that came back",
       {LocalTopic("orders", 1, "from-us-east", true), LocalTopic("orders", 2, "from-us-east")},
       Theirs(1),
       TopicAction::kConflict},
      {"only a frozen one",
       {LocalTopic("orders", 2, "from-us-east", true)},
       Theirs(1),
       TopicAction::kCreate},
      {"the same id under another name",
       {LocalTopic("sales", 1, "from-us-east")},
       Theirs(1),
       TopicAction::kConflict},
      {"our own, mirrored there",
       {LocalTopic("orders", 1, "")},
       Theirs(1, kEu),
       TopicAction::kNotOwned},
      {"a third region's", {}, Theirs(1, RegionOrdinal(3)), TopicAction::kNotOwned},
      {"no ids, nothing here", {}, Theirs(0), TopicAction::kCreate},
      {"no ids, our mirror",
       {LocalTopic("orders", 5, "from-us-east")},
       Theirs(0),
       TopicAction::kMirror},
      {"no ids, created here", {LocalTopic("orders", 5, "")}, Theirs(0), TopicAction::kConflict},
  };
}

TEST_CASE("a source topic meets the local catalogue in one of seven ways") {
  for (const Case& c : Cases()) {
    INFO(c.what);
    const broker::CatalogView here = View(c.here);
    const TopicDecision decision = DecideTopic(here, kLink, RegionKind::kAtoll, c.source);
    REQUIRE(decision.action == c.action);
    const bool says_all = c.action == TopicAction::kCreate || c.action == TopicAction::kMirror;
    REQUIRE(decision.reason.empty() == says_all);
    const bool local = c.action != TopicAction::kCreate && c.action != TopicAction::kNotOwned;
    REQUIRE((decision.local != nullptr) == local);
  }
}

TEST_CASE("two regions that include everything of each other mirror each topic once") {
  // us-east has `a` (its own) and mirrors `b`; eu-west the other way round.
  const broker::CatalogView eu = View({LocalTopic("b", 2, "")});
  SourceTopic mirrored = Theirs(2, kEu);
  mirrored.name = TopicName("b");
  REQUIRE(DecideTopic(eu, kLink, RegionKind::kAtoll, mirrored).action == TopicAction::kNotOwned);
  SourceTopic owned = Theirs(1, kUs);
  owned.name = TopicName("a");
  REQUIRE(DecideTopic(eu, kLink, RegionKind::kAtoll, owned).action == TopicAction::kCreate);
}

struct GateRig {
  CatalogGate gate{kEu};
  GateRig() {
    HashMap<TopicId, CatalogGate::Rule> rules;
    const LeaderEpoch us = LeaderEpoch::First(kUs);
    rules[Id(1)] = {
        .name = TopicName("ours"), .link = {}, .epoch = LeaderEpoch::First(kEu), .owner = kEu};
    rules[Id(2)] = {.name = TopicName("orders"), .link = kLink, .epoch = us, .owner = kUs};
    rules[Id(3)] = {
        .name = TopicName("old"), .link = kLink, .epoch = us, .owner = kUs, .frozen = true};
    gate.Set(std::move(rules));
    gate.NameSources({{kLink, RegionName("us-east")}});
  }
};

TEST_CASE("clients write to topics of this region and to no mirror") {
  GateRig rig;
  REQUIRE(rig.gate.AdmitClient(Id(1)).error == ErrorCode::kNone);
  REQUIRE(rig.gate.AdmitClient(Id(1)).epoch == LeaderEpoch::First(kEu));
  const broker::GateAnswer refused = rig.gate.AdmitClient(Id(2));
  REQUIRE(refused.error == ErrorCode::kPolicyViolation);
  REQUIRE(
      refused.message ==
      "`orders` is a mirror of us-east (epoch 257); produce there, or see `atoll failover plan`");
  REQUIRE(rig.gate.AdmitClient(Id(3)).error == ErrorCode::kPolicyViolation);
  REQUIRE(rig.gate.AdmitClient(Id(9)).error == ErrorCode::kNotLeaderOrFollower);
}

TEST_CASE("a mirror's source is named by its link when the region is not known") {
  GateRig rig;
  rig.gate.NameSources({});
  REQUIRE(rig.gate.AdmitClient(Id(2)).message.find("`from-us-east`") != std::string::npos);
}

TEST_CASE("a link writes to its own mirrors only (S17)") {
  GateRig rig;
  REQUIRE(rig.gate.AdmitMirror(Id(2), kLink).error == ErrorCode::kNone);
  REQUIRE(rig.gate.AdmitMirror(Id(2), LinkName("other")).error != ErrorCode::kNone);
  REQUIRE(rig.gate.AdmitMirror(Id(1), kLink).error != ErrorCode::kNone);
  REQUIRE(rig.gate.AdmitMirror(Id(3), kLink).error != ErrorCode::kNone);
  REQUIRE(rig.gate.AdmitMirror(Id(9), kLink).error != ErrorCode::kNone);
}

TEST_CASE("what is promoted from a Kafka cluster stays ours, whatever the cluster says") {
  const broker::CatalogView here = View({LocalTopic("orders", 1, "")});
  const SourceTopic source = TheirsAt(NodeId(1), LeaderEpoch(70'000));
  REQUIRE(DecideTopic(here, kLink, RegionKind::kKafka, source).action == TopicAction::kPromoted);
}

TEST_CASE("a held topic admits nobody until it is released") {
  GateRig rig;
  for (const HoldKind kind :
       {HoldKind::kFenced, HoldKind::kPromoting, HoldKind::kAsking, HoldKind::kLost}) {
    rig.gate.Hold(Id(1), kind, "it is moving");
    const broker::GateAnswer refused = rig.gate.AdmitClient(Id(1));
    REQUIRE(refused.error == ErrorCode::kNotLeaderOrFollower);
    REQUIRE(refused.message == "it is moving");
  }
  rig.gate.Hold(Id(2), HoldKind::kPromoting, "it is moving");
  REQUIRE(rig.gate.AdmitMirror(Id(2), kLink).error == ErrorCode::kPolicyViolation);
  rig.gate.Release(Id(1));
  rig.gate.Release(Id(2));
  REQUIRE(rig.gate.AdmitClient(Id(1)).error == ErrorCode::kNone);
  REQUIRE(rig.gate.AdmitMirror(Id(2), kLink).error == ErrorCode::kNone);
  const auto counts = rig.gate.fenced_writes();
  REQUIRE(counts.at("fenced") == 1);
  REQUIRE(counts.at("promoting") == 1);
  REQUIRE(counts.at("mirror") == 0);
}

TEST_CASE("clients of a topic that has just moved away are told to retry, later ones not") {
  ManualClock clock;
  CatalogGate gate(kEu, clock);
  const auto set = [&gate](const LinkName& link) {
    HashMap<TopicId, CatalogGate::Rule> rules;
    rules[Id(1)] = {.name = TopicName("orders"), .link = link, .epoch = {}, .owner = kUs};
    gate.Set(std::move(rules));
  };
  set(LinkName());
  set(kLink);
  REQUIRE(gate.AdmitClient(Id(1)).error == ErrorCode::kNotLeaderOrFollower);
  clock.Advance(CatalogGate::kMoving - std::chrono::seconds(1));
  set(kLink);  // Another change of the catalogue doesn't begin it anew.
  REQUIRE(gate.AdmitClient(Id(1)).error == ErrorCode::kNotLeaderOrFollower);
  clock.Advance(std::chrono::seconds(1));
  REQUIRE(gate.AdmitClient(Id(1)).error == ErrorCode::kPolicyViolation);
}

TEST_CASE("a name that a rule gives to another region can't be created here") {
  CatalogGate gate(kEu);
  gate.SetCreationRules(RegionName("eu-west"), {{"orders-eu*", RegionName("eu-west")},
                                                {"orders-*", RegionName("us-east")}});
  REQUIRE(gate.AdmitCreate(TopicName("orders-eu1")).error == ErrorCode::kNone);
  REQUIRE(gate.AdmitCreate(TopicName("audit")).error == ErrorCode::kNone);
  const broker::GateAnswer refused = gate.AdmitCreate(TopicName("orders-us"));
  REQUIRE(refused.error == ErrorCode::kPolicyViolation);
  REQUIRE(refused.message.find("us-east") != std::string::npos);
}

TEST_CASE("nothing is believed of a record that no region can have written") {
  checkpoint::OwnershipRecord good;
  good.name = TopicName("orders");
  good.epoch = LeaderEpoch::First(kUs);
  good.owner = kUs;
  good.cut = {Offset(0)};
  good.lineage = {{good.epoch, kUs, good.cut}};
  REQUIRE(CheckRecord(good).ok());
  const auto bad = [&good](auto change) {
    checkpoint::OwnershipRecord record = good;
    change(record);
    REQUIRE_FALSE(CheckRecord(record).ok());
  };
  bad([](auto& r) { r.owner = kEu; });
  bad([](auto& r) { r.owner = RegionOrdinal(0); });
  bad([](auto& r) { r.epoch = LeaderEpoch(INT32_MAX); });
  bad([](auto& r) { r.epoch = kNoEpoch; });
  bad([](auto& r) { r.cut = {Offset(-1)}; });
  bad([](auto& r) { r.cut.resize(20'000); });
  bad([](auto& r) { r.lineage.push_back(r.lineage.back()); });
  bad([](auto& r) { r.lineage.back().epoch = r.epoch.Next(kUs); });
}

TEST_CASE("a lineage tells when the owner changed last, restarts are no change") {
  checkpoint::OwnershipRecord record;
  REQUIRE(LastMove(record) == kNoEpoch);
  const LeaderEpoch first = LeaderEpoch::First(kUs);
  record.lineage = {{first, kUs, {}}};
  REQUIRE(LastMove(record) == kNoEpoch);
  record.lineage.push_back({first.Next(kUs), kUs, {}});
  REQUIRE(LastMove(record) == kNoEpoch);
  const LeaderEpoch moved = first.Next(kUs).Next(kEu);
  REQUIRE_FALSE(KnowsLastCut(record));
  record.lineage.push_back({moved, kEu, {}});
  record.lineage.push_back({moved.Next(kEu), kEu, {}});
  REQUIRE(LastMove(record) == moved);
  REQUIRE_FALSE(KnowsLastCut(record));
  record.lineage[2].cut = {Offset(7)};
  REQUIRE(KnowsLastCut(record));
}

}  // namespace
}  // namespace atl::mirror
