#include <catch2/catch.hpp>

#include "tests/unit/core-broker/group/coordinator_world.h"

namespace atl::broker {
namespace {

checkpoint::MemoryStore::Fault FailWrites() {
  return [](checkpoint::MemoryStore::Operation operation) -> Status {
    if (operation == checkpoint::MemoryStore::Operation::kRead) return OkStatus();
    return Corrupt("the disk says no");
  };
}

TEST_CASE("An acknowledged offset is there after a crash, with all that was committed with it") {
  CoordinatorWorld world;
  REQUIRE(world.CommitOne(42) == ErrorCode::kNone);
  REQUIRE(world.Commit({world.Item(7, 1), world.Item(8, 2)}) ==
          std::vector<ErrorCode>{ErrorCode::kNone, ErrorCode::kNone});
  world.Crash();
  REQUIRE(world.Fetch() == 42);
  REQUIRE(world.Fetch(2) == 8);
  REQUIRE(world.Fetch(3) == -1);
  const auto stored = world.groups->FetchOffset(kGroup, kOrders, PartitionId(1));
  REQUIRE(stored->metadata == "meta");
  REQUIRE(stored->epoch == LeaderEpoch(257));
}

TEST_CASE("An offset is readable, announced and acknowledged only when it is durable, in order") {
  CoordinatorWorld world;
  world.shard.Hold();
  bool acknowledged = false;
  std::vector<std::string> order;
  world.groups->OnCommitted([&](std::span<const CommittedOffset>) {
    order.push_back(world.Fetch() == 42 ? "announced" : "too early");
  });
  Coordinator::Commit commit;
  commit.group = kGroup;
  commit.items = {world.Item(42)};
  world.groups->CommitOffsets(commit, [&](const Coordinator::Errors&) {
    acknowledged = true;
    order.emplace_back("acknowledged");
  });
  REQUIRE_FALSE(acknowledged);
  REQUIRE(world.Fetch() == -1);
  world.shard.Release();
  REQUIRE(order == std::vector<std::string>{"announced", "acknowledged"});
}

TEST_CASE("Commits that wait together are one write to the store, and the last one counts") {
  CoordinatorWorld world;
  int writes = 0;
  world.store.SetFault([&](checkpoint::MemoryStore::Operation operation) -> Status {
    if (operation == checkpoint::MemoryStore::Operation::kWrite) ++writes;
    return OkStatus();
  });
  world.shard.Hold();
  for (int64_t offset = 1; offset <= 100; ++offset) world.Commit({world.Item(offset)});
  world.shard.Release();
  REQUIRE(writes == 1);
  REQUIRE(world.Fetch() == 100);
  REQUIRE(world.announced.size() == 100);
}

TEST_CASE("A commit that can't be stored is refused, unread, and can be made again") {
  CoordinatorWorld world;
  REQUIRE(world.CommitOne(1) == ErrorCode::kNone);
  world.store.SetFault(FailWrites());
  REQUIRE(world.CommitOne(2) == ErrorCode::kCoordinatorNotAvailable);
  REQUIRE(world.Fetch() == 1);
  REQUIRE(world.announced.size() == 1);
  world.store.SetFault({});
  REQUIRE(world.store.Reopen().ok());
  REQUIRE(world.CommitOne(2) == ErrorCode::kNone);
  REQUIRE(world.Fetch() == 2);
}

TEST_CASE("What a commit is refused for, item by item") {
  CoordinatorWorld world;
  Coordinator::CommitItem chatty = world.Item(1);
  chatty.metadata.assign(4097, 'x');
  Coordinator::CommitItem full = world.Item(2, 1);
  full.metadata.assign(4096, 'x');
  REQUIRE(world.Commit({chatty, full, world.Item(-1, 2)}) ==
          std::vector<ErrorCode>{ErrorCode::kOffsetMetadataTooLarge, ErrorCode::kNone,
                                 ErrorCode::kInvalidRequest});
  REQUIRE(world.Fetch(1) == 2);
  REQUIRE(world.Commit({world.Item(1)}, {"m", {}}, 3, GroupId("other")).at(0) ==
          ErrorCode::kIllegalGeneration);
  const GroupId too_long(std::string(32'768, 'g'));
  REQUIRE(world.Commit({world.Item(1)}, {}, -1, too_long).at(0) == ErrorCode::kInvalidGroupId);
}

TEST_CASE("A group goes on after a crash: generation, member and assignment are as they were") {
  CoordinatorWorld world;
  const std::string member = world.MakeMember();
  world.Crash();
  REQUIRE(world.Beat(member) == ErrorCode::kNone);
  REQUIRE(world.Commit({world.Item(5)}, {member, {}}, 1).at(0) == ErrorCode::kNone);
  REQUIRE(world.groups->Describe(kGroup).members.at(0).member_assignment == Bytes(3));
  REQUIRE(world.groups->Describe(kGroup).members.at(0).client_host == "/127.0.0.1");
}

TEST_CASE("A fenced static member stays fenced after a crash") {
  CoordinatorWorld world;
  const std::string first = world.MakeMember("i1");
  const kafka::JoinGroupResponse second = world.Join("", "i1");
  REQUIRE(second.error_code == ErrorCode::kNone);
  world.Crash();
  REQUIRE(world.groups->Heartbeat({kGroup, 1, first, "i1"}) == ErrorCode::kFencedInstanceId);
  REQUIRE(world.groups->Heartbeat({kGroup, 1, second.member_id, "i1"}) == ErrorCode::kNone);
}

TEST_CASE("An assignment leaves when the group's row is durable, and not before") {
  CoordinatorWorld world;
  const kafka::JoinGroupResponse joined = world.Join();
  world.shard.Hold();
  bool answered = false;
  const auto sync = [&] {
    kafka::SyncGroupRequest request;
    request.group_id = kGroup;
    request.generation_id = 1;
    request.member_id = joined.member_id;
    world.groups->Sync(request, [&](const kafka::SyncGroupResponse&) { answered = true; });
  };
  sync();
  REQUIRE_FALSE(answered);
  sync();  // The client asks again: the group is stable by now, its row is not.
  REQUIRE_FALSE(answered);
  world.shard.Release();
  REQUIRE(answered);
}

TEST_CASE("A group whose row can't be stored sends its members to look for the coordinator") {
  CoordinatorWorld world;
  const kafka::JoinGroupResponse joined = world.Join();
  world.store.SetFault(FailWrites());
  REQUIRE(world.Sync(joined).error_code == ErrorCode::kNotCoordinator);
  REQUIRE(world.Beat(joined.member_id) == ErrorCode::kRebalanceInProgress);
  world.store.SetFault({});
  REQUIRE(world.store.Reopen().ok());
  const kafka::JoinGroupResponse again = world.Join(joined.member_id);
  REQUIRE(again.generation_id == 2);
  REQUIRE(world.Sync(again).error_code == ErrorCode::kNone);
}

TEST_CASE("One tick finds the sessions that ended, among many that are kept alive") {
  CoordinatorWorld world;
  const std::string member = world.MakeMember();
  for (int beats = 0; beats < 10; ++beats) {
    world.Advance(seconds(9));
    REQUIRE(world.Beat(member) == ErrorCode::kNone);
  }
  world.Advance(seconds(10));
  REQUIRE(world.Beat(member) == ErrorCode::kUnknownMemberId);
  REQUIRE(world.groups->Describe(kGroup).group_state == "Empty");
}

TEST_CASE("Groups are deleted with their offsets when they are empty, durably") {
  CoordinatorWorld world;
  const std::string member = world.MakeMember();
  REQUIRE(world.Commit({world.Item(5)}, {member, {}}, 1).at(0) == ErrorCode::kNone);
  Coordinator::Errors errors;
  const auto remove = [&] {
    world.groups->DeleteGroups({kGroup, GroupId("who")},
                               [&](Coordinator::Errors all) { errors = std::move(all); });
  };
  remove();
  REQUIRE(errors == Coordinator::Errors{ErrorCode::kNonEmptyGroup, ErrorCode::kGroupIdNotFound});
  world.groups->Leave(kGroup, {{member, std::nullopt}});
  world.announced.clear();
  world.store.SetFault(FailWrites());
  remove();
  REQUIRE(errors[0] == ErrorCode::kCoordinatorNotAvailable);
  REQUIRE(world.Fetch() == 5);
  world.store.SetFault({});
  REQUIRE(world.store.Reopen().ok());
  remove();
  REQUIRE(errors[0] == ErrorCode::kNone);
  REQUIRE(world.announced.size() == 1);
  REQUIRE(world.announced[0].is_tombstone());
  world.Crash();
  REQUIRE(world.groups->List({}).empty());
  REQUIRE(world.Fetch() == -1);
}

TEST_CASE("A deletion takes along what was committed just before it") {
  CoordinatorWorld world;
  REQUIRE(world.CommitOne(1) == ErrorCode::kNone);
  world.shard.Hold();
  world.Commit({world.Item(2, 1)});
  world.groups->DeleteGroups({kGroup}, [](const Coordinator::Errors&) {});
  world.shard.Release();
  REQUIRE(world.Fetch(1) == -1);
  world.Crash();
  REQUIRE(world.groups->Committed({}).empty());
}

TEST_CASE("Offsets are deleted one by one, unless members subscribe to the topic") {
  CoordinatorWorld world;
  world.Commit({world.Item(1), world.Item(2, 1)});
  ErrorCode whole = ErrorCode::kUnknownServerError;
  Coordinator::Errors errors;
  const auto remove = [&](const GroupId& group) {
    world.groups->DeleteOffsets(group, {{kOrders, PartitionId(1)}},
                                [&](ErrorCode error, Coordinator::Errors all) {
                                  whole = error;
                                  errors = std::move(all);
                                });
  };
  remove(GroupId("who"));
  REQUIRE(whole == ErrorCode::kGroupIdNotFound);
  remove(kGroup);
  REQUIRE(whole == ErrorCode::kNone);
  REQUIRE(world.Fetch(1) == -1);
  REQUIRE(world.Fetch() == 1);
  world.MakeMember();  // Its subscription can't be read, so it may be to any topic.
  remove(kGroup);
  REQUIRE(errors.at(0) == ErrorCode::kGroupSubscribedToTopic);
}

TEST_CASE(
    "Offsets expire a week after the last commit of a simple consumer, and the group with it") {
  CoordinatorWorld world;
  world.CommitOne(1);
  world.Advance(hours(24 * 7) - seconds(1));
  REQUIRE(world.Fetch() == 1);
  world.announced.clear();
  world.Advance(std::chrono::minutes(10));
  REQUIRE(world.Fetch() == -1);
  REQUIRE(world.announced.at(0).is_tombstone());
  REQUIRE(world.groups->List({}).empty());
  world.Crash();
  REQUIRE(world.groups->Committed({}).empty());
}

TEST_CASE("Offsets of a group with members do not expire; its week begins when the last one goes") {
  CoordinatorWorld world;
  const std::string member = world.MakeMember();
  world.Commit({world.Item(5)}, {member, {}}, 1);
  for (int day = 0; day < 14; ++day) {
    for (int beat = 0; beat < 10'000; ++beat) {
      world.clock.Advance(seconds(8) + std::chrono::milliseconds(640));
      world.Beat(member);
    }
    world.groups->Tick();
  }
  REQUIRE(world.Fetch() == 5);
  world.groups->Leave(kGroup, {{member, std::nullopt}});
  world.Advance(hours(24 * 7) - seconds(1));
  REQUIRE(world.Fetch() == 5);
  world.Advance(std::chrono::minutes(10));
  REQUIRE(world.Fetch() == -1);
}

TEST_CASE("An old client's own retention counts instead of the region's") {
  CoordinatorWorld world;
  Coordinator::Commit commit;
  commit.group = kGroup;
  commit.retention = hours(1);
  commit.items = {world.Item(1)};
  world.groups->CommitOffsets(commit, [](const Coordinator::Errors&) {});
  world.Crash();  // It is stored with the offset.
  world.Advance(std::chrono::minutes(50));
  REQUIRE(world.Fetch() == 1);
  world.Advance(std::chrono::minutes(20));
  REQUIRE(world.Fetch() == -1);
}

TEST_CASE("A topic that is gone takes its offsets with it, in every group") {
  CoordinatorWorld world;
  const TopicName other("other");
  world.Commit({world.Item(1), world.Item(2, 0, other)});
  world.Commit({world.Item(3)}, {}, -1, GroupId("h"));
  world.groups->ForgetTopics([](const TopicName& topic) { return topic == kOrders; });
  world.Crash();
  const auto left = world.groups->Committed({});
  REQUIRE(left.size() == 1);
  REQUIRE(left[0].topic == other);
}

TEST_CASE("Groups are listed by state in any case, simple ones with an empty protocol type") {
  CoordinatorWorld world;
  world.MakeMember();
  world.Commit({world.Item(1)}, {}, -1, GroupId("simple"));
  REQUIRE(world.groups->List({}).size() == 2);
  REQUIRE(world.groups->List({"sTABLE"}).at(0).group_id == kGroup);
  REQUIRE(world.groups->List({"Empty"}).at(0).protocol_type == "");
  REQUIRE(world.groups->List({"Dead"}).empty());
  REQUIRE(world.groups->Describe(GroupId("who")).group_state == "Dead");
}

TEST_CASE("A refused join leaves no group behind, nor does a bad group id make one") {
  CoordinatorWorld world;
  kafka::JoinGroupRequest request;
  request.session_timeout_ms = 1;
  request.group_id = GroupId(GENERATE(as<std::string>(), "g", "", std::string(32'768, 'g')));
  ErrorCode error = ErrorCode::kNone;
  world.groups->Join({}, request,
                     [&](const kafka::JoinGroupResponse& answer) { error = answer.error_code; });
  REQUIRE(error == (request.group_id == kGroup ? ErrorCode::kInvalidSessionTimeout
                                               : ErrorCode::kInvalidGroupId));
  REQUIRE(world.groups->List({}).empty());
}

}  // namespace
}  // namespace atl::broker
