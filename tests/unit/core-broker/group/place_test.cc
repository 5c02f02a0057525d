// Offsets that come from another region (replication.md section 5).
#include <catch2/catch.hpp>

#include "tests/unit/core-broker/group/coordinator_world.h"

namespace atl::broker {
namespace {

TEST_CASE("A placed offset is durable, served like any other, marked, and not announced") {
  CoordinatorWorld world;
  REQUIRE(world.Place(world.Foreign(42)) == PlaceOutcome::kPlaced);
  REQUIRE(world.announced.empty());
  world.Crash();
  REQUIRE(world.Fetch() == 42);
  const auto all = world.groups->Committed({});
  REQUIRE(all.at(0).synced);
  REQUIRE(all.at(0).metadata == "theirs");
  REQUIRE(world.CommitOne(43) == ErrorCode::kNone);
  REQUIRE(world.announced.size() == 1);
  REQUIRE_FALSE(world.groups->Committed({}).at(0).synced);
}

TEST_CASE("S13 What is placed never moves back by itself; at promotion it may") {
  CoordinatorWorld world;
  const bool local = GENERATE(true, false);
  if (local)
    world.CommitOne(42);
  else
    world.Place(world.Foreign(42));
  REQUIRE(world.Place(world.Foreign(41)) == PlaceOutcome::kNotNewer);
  REQUIRE(world.Fetch() == 42);
  REQUIRE(world.Place(world.Foreign(43)) == PlaceOutcome::kPlaced);
  REQUIRE(world.Fetch() == 43);
  REQUIRE(world.Place(world.Foreign(40), PlaceMode::kExact) == PlaceOutcome::kPlaced);
  REQUIRE(world.Fetch() == 40);
}

TEST_CASE("An active group is never overwritten, and one that has gone empty may be") {
  CoordinatorWorld world;
  const std::string member = world.MakeMember();
  const PlaceMode mode = GENERATE(PlaceMode::kForward, PlaceMode::kExact);
  REQUIRE(world.Place(world.Foreign(42), mode) == PlaceOutcome::kGroupActive);
  REQUIRE(world.Fetch() == -1);
  REQUIRE(world.groups->Activity().at(0).active());
  world.groups->Leave(kGroup, {{member, std::nullopt}});
  REQUIRE(world.Place(world.Foreign(42), mode) == PlaceOutcome::kPlaced);
  REQUIRE_FALSE(world.groups->Activity().at(0).active());
}

TEST_CASE("S13 Where the log was cut a group with members is moved back, too") {
  CoordinatorWorld world;
  world.CommitOne(42);
  (void)world.MakeMember();
  REQUIRE(world.Place(world.Foreign(40), PlaceMode::kExact) == PlaceOutcome::kGroupActive);
  REQUIRE(world.Place(world.Foreign(40), PlaceMode::kCut) == PlaceOutcome::kPlaced);
  REQUIRE(world.Fetch() == 40);
  world.Crash();
  REQUIRE(world.Fetch() == 40);
}

TEST_CASE("S13 Where the log is cut its readers join again, and can't commit what they held") {
  CoordinatorWorld world;
  const std::optional<std::string> instance =
      GENERATE(std::nullopt, std::optional<std::string>("i"));
  const std::string member = world.MakeMember(instance);
  REQUIRE(world.Commit({world.Item(20)}, {member, instance}, 1).at(0) == ErrorCode::kNone);
  REQUIRE(*world.groups->RemoveReaders(TopicName("other")) == 1);  // "range" of no known topics.
  REQUIRE(world.Commit({world.Item(84)}, {member, instance}, 1).at(0) ==
          ErrorCode::kUnknownMemberId);
  REQUIRE(world.groups->Heartbeat({kGroup, 1, member, instance}) == ErrorCode::kUnknownMemberId);
  REQUIRE(world.groups->Describe(kGroup).group_state == "Empty");
  REQUIRE(world.Fetch() == 20);
  REQUIRE(*world.groups->RemoveReaders(kOrders) == 0);
  const kafka::JoinGroupResponse again = world.Join();
  REQUIRE(world.Sync(again).error_code == ErrorCode::kNone);
  const MemberClaim claim{again.member_id, {}};
  REQUIRE(world.Commit({world.Item(21)}, claim, again.generation_id).at(0) == ErrorCode::kNone);
}

TEST_CASE("S13 Members that join or wait when the log is cut are told to begin anew") {
  CoordinatorWorld world;
  const std::string first = world.MakeMember();
  std::vector<ErrorCode> told;
  const auto join = [&](const std::string& id) {
    kafka::JoinGroupRequest request = world.JoinRequest(id);
    world.groups->Join({3, "client", "/127.0.0.1"}, request,
                       [&](kafka::JoinGroupResponse answer) { told.push_back(answer.error_code); });
  };
  join("");  // Waits for the first to join again.
  REQUIRE(told.empty());
  REQUIRE(*world.groups->RemoveReaders(kOrders) == 2);
  REQUIRE(told == std::vector{ErrorCode::kUnknownMemberId});
  REQUIRE(world.groups->Describe(kGroup).group_state == "Empty");
}

TEST_CASE("Groups that don't read the topic keep their members") {
  CoordinatorWorld world;
  kafka::JoinGroupRequest request = world.JoinRequest("");
  request.protocol_type = "connect";
  std::string worker;
  world.groups->Join({3, "client", "/127.0.0.1"}, request,
                     [&](kafka::JoinGroupResponse answer) { worker = answer.member_id; });
  REQUIRE(*world.groups->RemoveReaders(kOrders) == 0);
  REQUIRE(world.groups->Describe(kGroup).members.size() == 1);
}

TEST_CASE("A tombstone removes what was placed, and what was committed here only when told to") {
  CoordinatorWorld world;
  world.Place(world.Foreign(42));
  world.Commit({world.Item(7, 1)});
  REQUIRE(world.Place(world.Foreign(-1)) == PlaceOutcome::kPlaced);
  REQUIRE(world.Fetch() == -1);
  REQUIRE(world.Place(world.Foreign(-1)) == PlaceOutcome::kPlaced);  // It is not there already.
  REQUIRE(world.Place(world.Foreign(-1, 1)) == PlaceOutcome::kNotNewer);
  REQUIRE(world.Place(world.Foreign(-1, 1), PlaceMode::kExact) == PlaceOutcome::kPlaced);
  REQUIRE(world.Fetch(1) == -1);
}

TEST_CASE("Outcomes are in the items' order, and what can't be is refused as a whole") {
  CoordinatorWorld world;
  world.CommitOne(42);
  const auto outcomes =
      world.groups->Place(std::vector{world.Foreign(1), world.Foreign(1, 1)}, PlaceMode::kForward);
  REQUIRE(*outcomes == std::vector<PlaceOutcome>{PlaceOutcome::kNotNewer, PlaceOutcome::kPlaced});
  REQUIRE(
      world.groups->Place(std::vector{world.Foreign(-2)}, PlaceMode::kForward).status().code() ==
      StatusCode::kInvalidArgument);
}

TEST_CASE("A place that can't be stored is an error, and nothing is placed") {
  CoordinatorWorld world;
  world.store.SetFault([](checkpoint::MemoryStore::Operation operation) -> Status {
    const bool read = operation == checkpoint::MemoryStore::Operation::kRead;
    return read ? OkStatus() : Corrupt("the disk says no");
  });
  REQUIRE_FALSE(world.groups->Place(std::vector{world.Foreign(1)}, PlaceMode::kForward).ok());
  REQUIRE(world.Fetch() == -1);
}

TEST_CASE("A placed offset is kept until its owner removes it, unless the group lived here") {
  CoordinatorWorld world;
  world.Place(world.Foreign(42));
  world.Advance(hours(24 * 30));
  REQUIRE(world.Fetch() == 42);
  const std::string member = world.MakeMember();
  world.groups->Leave(kGroup, {{member, std::nullopt}});
  world.Advance(hours(24 * 7) + std::chrono::minutes(10));
  REQUIRE(world.Fetch() == -1);
}

TEST_CASE("Committed offsets are given by topic, sorted by group, topic and partition") {
  CoordinatorWorld world;
  const TopicName other("other");
  world.Commit({world.Item(3, 1), world.Item(2), world.Item(9, 0, other)});
  world.Commit({world.Item(1)}, {}, -1, GroupId("a"));
  const auto orders =
      world.groups->Committed([](const TopicName& topic) { return topic == kOrders; });
  REQUIRE(orders.size() == 3);
  REQUIRE(orders[0].group == GroupId("a"));
  REQUIRE(orders[1].offset == Offset(2));
  REQUIRE(orders[2].offset == Offset(3));
}

}  // namespace
}  // namespace atl::broker
