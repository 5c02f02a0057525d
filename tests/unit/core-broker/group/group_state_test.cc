#include <catch2/catch.hpp>

#include "tests/unit/core-broker/group/group_world.h"

namespace atl::broker {
namespace {

TEST_CASE("Members gather, the leader assigns, followers wait for it, and the row is stored") {
  GroupWorld world;
  const Ticket first = world.JoinNew("m1");
  REQUIRE(world.Joined(first).generation == 1);
  REQUIRE(world.Joined(first).leader == "new-1");
  REQUIRE(world.Joined(first).protocol == "range");
  const Ticket second = world.JoinNew("m2");
  REQUIRE_FALSE(world.Answered(second));  // The first one has not come back yet.
  REQUIRE(world.Beat("new-1") == ErrorCode::kRebalanceInProgress);
  const Ticket again = world.Join(GroupWorld::MakeJoin("new-1", "m1"));
  REQUIRE(world.Joined(again).members.size() == 2);
  REQUIRE(world.Joined(again).members[1].metadata == Text("m2"));
  REQUIRE(world.Joined(second).members.empty());  // A follower needs not know.
  REQUIRE(world.Joined(second).generation == 2);

  const Ticket follower = world.Sync("new-2");
  REQUIRE_FALSE(world.Answered(follower));
  REQUIRE(world.Beat("new-2") == ErrorCode::kNone);
  const Ticket leader = world.Sync("new-1", {{"new-1", Text("a1")}, {"new-2", Text("a2")}});
  REQUIRE(world.Synced(leader).assignment == Text("a1"));
  REQUIRE(world.Synced(follower).assignment == Text("a2"));
  REQUIRE(world.stored == 1);
  REQUIRE(world.group.phase() == GroupPhase::kStable);
  const Ticket retry = world.Sync("new-2");
  REQUIRE(world.Synced(retry).assignment == Text("a2"));
}

TEST_CASE("The first rebalance waits for others, longer while more of them come") {
  GroupWorld world(seconds(3));
  const Ticket first = world.JoinNew();
  world.Advance(seconds(2));
  const Ticket second = world.JoinNew();
  world.Advance(seconds(1));  // Somebody came meanwhile: another three seconds.
  REQUIRE_FALSE(world.Answered(first));
  world.Advance(milliseconds(2999));
  REQUIRE_FALSE(world.Answered(second));
  world.Advance(milliseconds(1));
  REQUIRE(world.Joined(first).generation == 1);
  REQUIRE(world.Joined(second).generation == 1);
}

TEST_CASE("The first rebalance waits no longer than its members allow, however many come") {
  GroupWorld world(seconds(3));
  JoinEvent impatient = GroupWorld::MakeJoin("");
  impatient.rebalance_timeout = seconds(8);
  const Ticket first = world.Join(impatient);
  for (int second = 1; second < 8; ++second) {
    world.Advance(seconds(1));
    REQUIRE_FALSE(world.Answered(first));
    world.Join(impatient);
  }
  world.Advance(seconds(1));
  REQUIRE(world.Joined(first).members.size() == 8);
}

TEST_CASE("A dynamic member is told its id first, and holds its place until the session ends") {
  GroupWorld world;
  JoinEvent event = GroupWorld::MakeJoin("");
  event.needs_member_id = true;
  const Ticket asked = world.Join(event);
  REQUIRE(world.Joined(asked).error == ErrorCode::kMemberIdRequired);
  REQUIRE(world.Joined(asked).member_id == "new-1");
  REQUIRE(world.group.phase() == GroupPhase::kEmpty);
  const bool in_time = GENERATE(true, false);
  world.Advance(in_time ? Duration(seconds(9)) : Duration(seconds(10)));
  event.member.member_id = "new-1";
  const Ticket joined = world.Join(event);
  REQUIRE(world.Joined(joined).error == (in_time ? ErrorCode::kNone : ErrorCode::kUnknownMemberId));
}

TEST_CASE("A rebalance waits for a member that knows its id and has not joined yet") {
  GroupWorld world;
  world.JoinNew();
  JoinEvent event = GroupWorld::MakeJoin("");
  event.needs_member_id = true;
  const std::string pending = world.Joined(world.Join(event)).member_id;
  const Ticket third = world.JoinNew();
  const Ticket first = world.Join(GroupWorld::MakeJoin("new-1"));
  REQUIRE_FALSE(world.Answered(third));
  SECTION("it leaves") { REQUIRE(world.Leave({pending, std::nullopt}) == ErrorCode::kNone); }
  SECTION("it joins") {
    event.member.member_id = pending;
    world.Join(event);
  }
  SECTION("it never comes") { world.Advance(seconds(10)); }
  REQUIRE(world.Answered(third));
  REQUIRE(world.Joined(first).generation == 2);
}

TEST_CASE("What a join is refused for, and that it leaves nothing behind") {
  GroupWorld world;
  JoinEvent event = GroupWorld::MakeJoin("");
  ErrorCode expected = ErrorCode::kNone;
  SECTION("a session that is too short") {
    event.session_timeout = milliseconds(5999);
    expected = ErrorCode::kInvalidSessionTimeout;
  }
  SECTION("a session that is too long") {
    event.session_timeout = std::chrono::minutes(30) + milliseconds(1);
    expected = ErrorCode::kInvalidSessionTimeout;
  }
  SECTION("no protocol type") {
    event.protocol_type = "";
    expected = ErrorCode::kInconsistentGroupProtocol;
  }
  SECTION("no protocol") {
    event.protocols.clear();
    expected = ErrorCode::kInconsistentGroupProtocol;
  }
  SECTION("a member id that nobody was given") {
    event.member.member_id = "who";
    expected = ErrorCode::kUnknownMemberId;
  }
  SECTION("a static member with an id and no slot") {
    event.member = {"who", "i"};
    expected = ErrorCode::kUnknownMemberId;
  }
  REQUIRE(world.Joined(world.Join(event)).error == expected);
  REQUIRE(world.group.is_blank());
}

TEST_CASE("A member with another protocol type, or without a common protocol, is refused") {
  GroupWorld world;
  world.MakeStable();
  JoinEvent connect = GroupWorld::MakeJoin("");
  connect.protocol_type = "connect";
  REQUIRE(world.Joined(world.Join(connect)).error == ErrorCode::kInconsistentGroupProtocol);
  JoinEvent sticky = GroupWorld::MakeJoin("");
  sticky.protocols = {{"sticky", {}}};
  REQUIRE(world.Joined(world.Join(sticky)).error == ErrorCode::kInconsistentGroupProtocol);
  REQUIRE(world.group.phase() == GroupPhase::kStable);
}

TEST_CASE("A full group takes no more members, and keeps those it has") {
  GroupWorld world;
  world.limits.max_members = 2;
  world.MakeStable();
  REQUIRE(world.Joined(world.JoinNew()).error == ErrorCode::kGroupMaxSizeReached);
  const Ticket known = world.Join(GroupWorld::MakeJoin("new-2"));
  REQUIRE(world.Joined(known).error == ErrorCode::kNone);
}

TEST_CASE("Any protocol type works: a group of workers is not a group of consumers") {
  GroupWorld world;
  JoinEvent event = GroupWorld::MakeJoin("");
  event.protocol_type = GENERATE(as<std::string>(), "connect", "sr");
  event.protocols = {{"v1", Text("worker")}};
  const Ticket joined = world.Join(event);
  REQUIRE(world.Joined(joined).protocol_type == event.protocol_type);
  REQUIRE(world.Joined(joined).protocol == "v1");
}

TEST_CASE("The protocol is what most members want of what all of them know") {
  GroupWorld world;
  const auto with = [](const std::string& id, std::vector<std::string> names) {
    JoinEvent event = GroupWorld::MakeJoin(id);
    event.protocols.clear();
    for (const std::string& name : names) event.protocols.push_back({name, Text(name)});
    return event;
  };
  world.Join(with("", {"range", "sticky", "roundrobin"}));
  const Ticket second = world.Join(with("", {"sticky", "range"}));
  const Ticket third = world.Join(with("", {"sticky", "range", "other"}));
  const Ticket first = world.Join(with("new-1", {"range", "sticky", "roundrobin"}));
  REQUIRE(world.Joined(second).protocol == "sticky");
  REQUIRE(world.Joined(third).protocol == "sticky");
  REQUIRE(world.Joined(first).members.at(0).metadata == Text("sticky"));
}

TEST_CASE("A follower that comes back unchanged gets the generation that runs") {
  GroupWorld world;
  world.MakeStable();
  const Ticket same = world.Join(GroupWorld::MakeJoin("new-2"));
  REQUIRE(world.Joined(same).generation == 2);
  REQUIRE(world.group.phase() == GroupPhase::kStable);
}

TEST_CASE("What makes a stable group rebalance") {
  GroupWorld world;
  world.MakeStable();
  SECTION("the leader joins again") { world.Join(GroupWorld::MakeJoin("new-1")); }
  SECTION("a follower wants something else") {
    world.Join(GroupWorld::MakeJoin("new-2", "changed"));
  }
  SECTION("a new member") { world.JoinNew(); }
  SECTION("a member leaves") { REQUIRE(world.Leave({"new-2", std::nullopt}) == ErrorCode::kNone); }
  SECTION("a member falls silent") {
    world.Advance(seconds(9));
    REQUIRE(world.Beat("new-1") == ErrorCode::kNone);
    world.Advance(seconds(1));
    REQUIRE(world.group.members().size() == 1);
  }
  REQUIRE(world.group.phase() == GroupPhase::kPreparingRebalance);
  REQUIRE(world.Beat("new-1") == ErrorCode::kRebalanceInProgress);
  const Ticket sync = world.Sync("new-1");
  REQUIRE(world.Synced(sync).error == ErrorCode::kRebalanceInProgress);
}

TEST_CASE("A follower's lost join answer is told again while the leader assigns") {
  GroupWorld world;
  world.JoinNew();
  world.JoinNew();
  world.Join(GroupWorld::MakeJoin("new-1"));
  const Ticket again = world.Join(GroupWorld::MakeJoin("new-2"));
  REQUIRE(world.Joined(again).generation == 2);
  const Ticket leader = world.Join(GroupWorld::MakeJoin("new-1"));
  REQUIRE(world.Joined(leader).members.size() == 2);
  REQUIRE(world.group.phase() == GroupPhase::kCompletingRebalance);
}

TEST_CASE("A join during the assignment sends the waiting followers back") {
  GroupWorld world;
  world.JoinNew();
  world.JoinNew();
  world.Join(GroupWorld::MakeJoin("new-1"));
  const Ticket waiting = world.Sync("new-2");
  world.JoinNew();
  REQUIRE(world.Synced(waiting).error == ErrorCode::kRebalanceInProgress);
  REQUIRE(world.group.phase() == GroupPhase::kPreparingRebalance);
}

TEST_CASE("Who does not rejoin within the rebalance timeout is out, the others go on") {
  GroupWorld world;
  world.MakeStable();
  const Ticket third = world.JoinNew();
  for (int beats = 0; beats < 6; ++beats) {
    world.Advance(seconds(9));
    world.Beat("new-1");
    world.Beat("new-2");
  }
  REQUIRE_FALSE(world.Answered(third));
  world.Advance(seconds(6));
  REQUIRE(world.Joined(third).generation == 3);
  REQUIRE(world.Joined(third).leader == world.Joined(third).member_id);
  REQUIRE(world.group.members().size() == 1);
  REQUIRE(world.Beat("new-1") == ErrorCode::kUnknownMemberId);
}

TEST_CASE("Who does not come for its assignment in time is out") {
  GroupWorld world;
  world.JoinNew();
  world.JoinNew();
  world.Join(GroupWorld::MakeJoin("new-1"));
  world.Sync("new-1", {{"new-1", Text("a")}});
  for (int beats = 0; beats < 6; ++beats) {
    world.Advance(seconds(9));
    world.Beat("new-1");
    world.Beat("new-2");
  }
  REQUIRE(world.group.members().size() == 2);
  world.Advance(seconds(6));
  REQUIRE(world.group.members().size() == 1);
  REQUIRE(world.group.phase() == GroupPhase::kPreparingRebalance);
}

TEST_CASE("A new member whose client gave up does not hold a place for ever") {
  GroupWorld world;
  world.MakeStable();
  JoinEvent patient = GroupWorld::MakeJoin("");
  patient.rebalance_timeout = std::chrono::hours(1);
  const Ticket lost = world.Join(patient);
  for (int beats = 0; beats < 33; ++beats) {
    world.Advance(seconds(9));
    world.Beat("new-1");
    world.Beat("new-2");
  }
  REQUIRE_FALSE(world.Answered(lost));
  world.Advance(seconds(5));
  REQUIRE(world.Joined(lost).error == ErrorCode::kUnknownMemberId);
}

TEST_CASE("The last member's leaving empties the group: a generation more, no protocol, stored") {
  GroupWorld world;
  world.MakeStable();
  world.Leave({"new-1", std::nullopt});
  world.Join(GroupWorld::MakeJoin("new-2"));
  world.Leave({"new-2", std::nullopt});
  REQUIRE(world.group.phase() == GroupPhase::kEmpty);
  REQUIRE(world.group.generation() == 4);
  REQUIRE(world.stored == 1);
  REQUIRE(world.group.protocol_type() == "consumer");
  REQUIRE(world.Leave({"new-2", std::nullopt}) == ErrorCode::kUnknownMemberId);
}

TEST_CASE("Requests of another generation or of strangers are refused") {
  GroupWorld world;
  world.MakeStable();
  REQUIRE(world.group.Heartbeat({"new-1", {}}, 1, world.at) == ErrorCode::kIllegalGeneration);
  REQUIRE(world.group.Heartbeat({"who", {}}, 2, world.at) == ErrorCode::kUnknownMemberId);
  SyncEvent sync;
  sync.member.member_id = "new-1";
  sync.generation = 1;
  REQUIRE(world.Synced(world.Sync(sync)).error == ErrorCode::kIllegalGeneration);
  sync.generation = 2;
  sync.protocol = "sticky";
  REQUIRE(world.Synced(world.Sync(sync)).error == ErrorCode::kInconsistentGroupProtocol);
  sync.protocol = "range";
  sync.protocol_type = "connect";
  REQUIRE(world.Synced(world.Sync(sync)).error == ErrorCode::kInconsistentGroupProtocol);
}

TEST_CASE("Who may commit, by phase") {
  GroupWorld world;
  const auto admit = [&](const std::string& id, int32_t generation) {
    return world.group.AdmitCommit({id, std::nullopt}, generation, world.at);
  };
  REQUIRE(admit("", -1) == ErrorCode::kNone);  // Empty: a simple consumer, an operator.
  REQUIRE(admit("new-1", 2) == ErrorCode::kUnknownMemberId);
  world.MakeStable();
  REQUIRE(admit("", -1) == ErrorCode::kUnknownMemberId);
  REQUIRE(admit("new-2", 1) == ErrorCode::kIllegalGeneration);
  REQUIRE(admit("who", 2) == ErrorCode::kUnknownMemberId);
  REQUIRE(admit("new-2", 2) == ErrorCode::kNone);
  world.JoinNew();
  REQUIRE(admit("new-2", 2) == ErrorCode::kNone);  // Its last words before it rejoins.
  world.Join(GroupWorld::MakeJoin("new-1"));
  world.Join(GroupWorld::MakeJoin("new-2"));
  REQUIRE(world.group.phase() == GroupPhase::kCompletingRebalance);
  REQUIRE(admit("new-2", 3) == ErrorCode::kRebalanceInProgress);
}

TEST_CASE("A commit is a sign of life") {
  GroupWorld world;
  world.MakeStable();
  world.Advance(seconds(9));
  REQUIRE(world.group.AdmitCommit({"new-1", {}}, 2, world.at) == ErrorCode::kNone);
  world.Advance(seconds(9));
  REQUIRE(world.group.members().contains("new-1"));
  REQUIRE_FALSE(world.group.members().contains("new-2"));
}

TEST_CASE("Only an empty group can be killed, and a dead one answers that it is not there") {
  GroupWorld world;
  world.MakeStable();
  REQUIRE_FALSE(world.group.Kill());
  world.Leave({"new-1", std::nullopt});
  world.Leave({"new-2", std::nullopt});
  REQUIRE(world.group.Kill());
  REQUIRE(world.Joined(world.JoinNew()).error == ErrorCode::kCoordinatorNotAvailable);
  REQUIRE(world.Beat("new-1") == ErrorCode::kCoordinatorNotAvailable);
  REQUIRE(world.group.AdmitCommit({}, -1, world.at) == ErrorCode::kCoordinatorNotAvailable);
  world.group.Revive();
  REQUIRE(world.group.phase() == GroupPhase::kEmpty);
}

TEST_CASE("A group whose row could not be stored comes together again") {
  GroupWorld world;
  world.MakeStable();
  Effects effects;
  world.group.StoreFailed(world.at, effects);
  REQUIRE(world.group.phase() == GroupPhase::kPreparingRebalance);
  REQUIRE(world.Beat("new-1") == ErrorCode::kRebalanceInProgress);
}

TEST_CASE("A restored group goes on without a rebalance; who does not show up is out") {
  GroupWorld world;
  world.MakeStable();
  const checkpoint::GroupRecord record = world.group.ToRecord();
  GroupState restored(record, world.limits, world.at);
  REQUIRE(restored.ToRecord() == record);
  REQUIRE(restored.phase() == GroupPhase::kStable);
  REQUIRE(restored.Heartbeat({"new-1", {}}, 2, world.at) == ErrorCode::kNone);
  Instant later = world.at;
  later.now += seconds(9);
  REQUIRE(restored.Heartbeat({"new-1", {}}, 2, later) == ErrorCode::kNone);
  REQUIRE(restored.next_due() == world.at.now + seconds(10));
  later.now += seconds(1);
  Effects effects;
  restored.OnTime(later, effects);
  REQUIRE(restored.members().size() == 1);
  REQUIRE(restored.phase() == GroupPhase::kPreparingRebalance);
}

TEST_CASE("Topics that members subscribe to are known; what can't be read may be any") {
  GroupWorld world;
  JoinEvent event = GroupWorld::MakeJoin("");
  event.protocols = {{"range", Subscription({"orders", "payments"})}};
  const Ticket first = world.Join(event);
  REQUIRE(world.Answered(first));
  REQUIRE(world.group.SubscribesTo(TopicName("payments")));
  REQUIRE_FALSE(world.group.SubscribesTo(TopicName("audit")));
  event.protocols = {{"range", Text("???")}};
  world.Join(event);
  REQUIRE(world.group.SubscribesTo(TopicName("audit")));
}

}  // namespace
}  // namespace atl::broker
