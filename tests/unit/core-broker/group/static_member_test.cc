// KIP-345: members with a name of their own.
#include <catch2/catch.hpp>

#include "tests/unit/core-broker/group/group_world.h"

namespace atl::broker {
namespace {

// Two static members, generation 2, Stable; "new-1" of instance i1 leads.
void MakeStaticGroup(GroupWorld& world) {
  world.JoinStatic("i1");
  const Ticket second = world.JoinStatic("i2");
  world.JoinStatic("i1", "new-1");
  REQUIRE(world.Joined(second).generation == 2);
  world.Sync("new-2");
  world.Sync("new-1", {{"new-1", Text("a1")}, {"new-2", Text("a2")}});
  world.stored = 0;
}

TEST_CASE("A static member comes back under a new id, without a rebalance, to its assignment") {
  GroupWorld world;
  MakeStaticGroup(world);
  const Ticket back = world.JoinStatic("i2");
  const JoinAnswer& answer = world.Joined(back);
  REQUIRE(answer.error == ErrorCode::kNone);
  REQUIRE(answer.generation == 2);
  REQUIRE(answer.leader == "new-1");
  REQUIRE(world.group.phase() == GroupPhase::kStable);
  REQUIRE(world.stored == 1);  // The new id must outlive a crash: the old one stays fenced.
  REQUIRE(world.Synced(world.Sync(answer.member_id)).assignment == Text("a2"));
  REQUIRE(world.group.Heartbeat({"new-2", "i2"}, 2, world.at) == ErrorCode::kFencedInstanceId);
  REQUIRE(world.group.Heartbeat({"new-2", {}}, 2, world.at) == ErrorCode::kUnknownMemberId);
  REQUIRE(world.group.AdmitCommit({"new-2", "i2"}, 2, world.at) == ErrorCode::kFencedInstanceId);
}

TEST_CASE("A static leader that comes back is told the old leader's id, so it assigns nothing") {
  GroupWorld world;
  MakeStaticGroup(world);
  const JoinAnswer& answer = world.Joined(world.JoinStatic("i1"));
  REQUIRE(answer.leader == "new-1");
  REQUIRE(answer.member_id != "new-1");
  REQUIRE(answer.members.empty());
  REQUIRE(world.group.leader() == answer.member_id);
  REQUIRE(world.group.phase() == GroupPhase::kStable);
}

TEST_CASE("A static member that comes back with another wish makes the group rebalance") {
  GroupWorld world;
  MakeStaticGroup(world);
  world.JoinStatic("i2", "", "changed");
  REQUIRE(world.group.phase() == GroupPhase::kPreparingRebalance);
}

TEST_CASE("A duplicate of a waiting static member takes its place, the first one is fenced") {
  GroupWorld world;
  MakeStaticGroup(world);
  SECTION("in a join") {
    world.JoinNew();
    const Ticket first = world.JoinStatic("i2", "new-2");
    REQUIRE_FALSE(world.Answered(first));
    world.JoinStatic("i2");
    REQUIRE(world.Joined(first).error == ErrorCode::kFencedInstanceId);
  }
  SECTION("in a sync") {
    world.JoinStatic("i1", "new-1");
    world.JoinStatic("i2", "new-2");
    const Ticket first = world.Sync("new-2");
    REQUIRE_FALSE(world.Answered(first));
    world.JoinStatic("i2");
    REQUIRE(world.Synced(first).error == ErrorCode::kFencedInstanceId);
  }
  REQUIRE(world.group.members().size() >= 2);
}

TEST_CASE("A static member keeps its place through a rebalance that it missed") {
  GroupWorld world;
  MakeStaticGroup(world);
  JoinEvent event = GroupWorld::MakeJoin("", "m3");
  event.rebalance_timeout = seconds(8);
  world.JoinStatic("i1", "new-1");
  const Ticket third = world.Join(event);
  world.Advance(seconds(9));
  world.Beat("new-2");
  for (int beats = 0; beats < 6; ++beats) {
    world.Advance(seconds(9));
    world.Beat("new-2");
  }
  REQUIRE(world.Joined(third).generation == 3);
  REQUIRE(world.group.members().size() == 3);
  REQUIRE(world.Joined(third).members.empty());
}

TEST_CASE("A static member that falls silent is out after its session, as any other") {
  GroupWorld world;
  MakeStaticGroup(world);
  world.Advance(seconds(9));
  world.Beat("new-1");
  world.Advance(seconds(1));
  REQUIRE(world.group.members().size() == 1);
  const Ticket back = world.JoinStatic("i2", "new-2");
  REQUIRE(world.Joined(back).error == ErrorCode::kUnknownMemberId);
}

TEST_CASE("A static member may be sent away by its name alone") {
  GroupWorld world;
  MakeStaticGroup(world);
  REQUIRE(world.Leave({"", "who"}) == ErrorCode::kUnknownMemberId);
  REQUIRE(world.Leave({"new-1", "i2"}) == ErrorCode::kFencedInstanceId);
  REQUIRE(world.Leave({"", "i2"}) == ErrorCode::kNone);
  REQUIRE(world.group.members().size() == 1);
  REQUIRE(world.group.phase() == GroupPhase::kPreparingRebalance);
}

TEST_CASE("When only static members are left and none comes, the rebalance goes on waiting") {
  GroupWorld world;
  MakeStaticGroup(world);
  const Ticket third = world.JoinNew();
  REQUIRE(world.Leave({world.group.members().rbegin()->first, std::nullopt}) == ErrorCode::kNone);
  REQUIRE(world.Joined(third).error == ErrorCode::kUnknownMemberId);
  for (int beats = 0; beats < 8; ++beats) {
    world.Advance(seconds(9));
    world.Beat("new-1");
    world.Beat("new-2");
  }
  REQUIRE(world.group.phase() == GroupPhase::kPreparingRebalance);
  REQUIRE(world.group.members().size() == 2);
  const Ticket first = world.JoinStatic("i1", "new-1");
  const Ticket second = world.JoinStatic("i2", "new-2");
  REQUIRE(world.Joined(first).generation == 3);
  REQUIRE(world.Joined(second).generation == 3);
}

TEST_CASE("A restored group knows its static members by name") {
  GroupWorld world;
  MakeStaticGroup(world);
  GroupState restored(world.group.ToRecord(), world.limits, world.at);
  JoinEvent event = GroupWorld::MakeJoin("");
  event.member.instance_id = "i2";
  event.fresh_member_id = "fresh";
  event.ticket = 99;
  Effects effects;
  restored.Join(event, world.at, effects);
  REQUIRE(effects.joins.size() == 1);
  REQUIRE(effects.joins[0].generation == 2);
  REQUIRE(restored.phase() == GroupPhase::kStable);
}

}  // namespace
}  // namespace atl::broker
