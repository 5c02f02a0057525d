// Consumer groups over the wire: what each API says in its versions. The rules behind are tested in
// unit/core-broker/group.
#include <catch2/catch.hpp>

#include "core-broker/server/group_lag.h"
#include "core-broker/server/group_routes.h"
#include "tests/unit/core-broker/server/test_broker.h"

namespace atl::broker {
namespace {

using kafka::ErrorCode;

const GroupId kGroup("g");

kafka::JoinGroupRequest MakeJoin(const std::string& member_id = "") {
  kafka::JoinGroupRequest request;
  request.group_id = kGroup;
  request.session_timeout_ms = 10'000;
  request.rebalance_timeout_ms = 60'000;
  request.member_id = member_id;
  request.protocol_type = "consumer";
  request.protocols = {{"range", Bytes(2)}};
  return request;
}

kafka::OffsetCommitRequest MakeCommit(const std::string& topic, int32_t partition, int64_t offset,
                                      LeaderEpoch epoch = kNoEpoch) {
  kafka::OffsetCommitRequest request;
  request.group_id = kGroup;
  kafka::OffsetCommitTopic& asked = request.topics.emplace_back();
  asked.name = TopicName(topic);
  asked.partitions.push_back(
      {PartitionId(partition), Offset(offset), epoch, std::optional<std::string>("m")});
  return request;
}

// One member in a stable group, at the lowest or the highest versions.
std::string MakeMember(TestClient& client, bool newest) {
  const int16_t join_version = newest ? 7 : 0;
  kafka::JoinGroupRequest join = MakeJoin();
  if (newest) {
    const auto told = client.Call(join, join_version);
    REQUIRE(told->error_code == ErrorCode::kMemberIdRequired);
    join.member_id = told->member_id;
  }
  const auto joined = client.Call(join, join_version);
  REQUIRE(joined->error_code == ErrorCode::kNone);
  REQUIRE(joined->generation_id == 1);
  REQUIRE(joined->protocol_name == "range");
  REQUIRE(joined->members.size() == 1);
  if (newest) REQUIRE(joined->protocol_type == "consumer");
  kafka::SyncGroupRequest sync;
  sync.group_id = kGroup;
  sync.generation_id = 1;
  sync.member_id = joined->member_id;
  sync.assignments = {{joined->member_id, Bytes(3)}};
  const auto synced = client.Call(sync, newest ? int16_t{5} : int16_t{0});
  REQUIRE(synced->error_code == ErrorCode::kNone);
  REQUIRE(synced->assignment == Bytes(3));
  return joined->member_id;
}

TEST_CASE("A member lives its life in the oldest and the newest versions") {
  TestBroker broker;
  TestClient client(broker);
  broker.MakeTopic("orders");
  const bool newest = GENERATE(false, true);
  const auto version = [&](int16_t oldest, int16_t latest) { return newest ? latest : oldest; };
  const std::string member = MakeMember(client, newest);
  kafka::HeartbeatRequest beat{kGroup, 1, member, std::nullopt};
  REQUIRE(client.Call(beat, version(0, 4))->error_code == ErrorCode::kNone);
  beat.generation_id = 7;
  REQUIRE(client.Call(beat, version(0, 4))->error_code == ErrorCode::kIllegalGeneration);
  kafka::OffsetCommitRequest commit = MakeCommit("orders", 0, 42);
  commit.generation_id = 1;
  commit.member_id = member;
  const auto committed = client.Call(commit, version(2, 8));
  REQUIRE(committed->topics.at(0).partitions.at(0).error_code == ErrorCode::kNone);
  kafka::LeaveGroupRequest leave;
  leave.group_id = kGroup;
  leave.member_id = member;
  leave.members = {{member, std::nullopt}, {"who", std::nullopt}};
  const auto left = client.Call(leave, version(0, 4));
  REQUIRE(left->error_code == ErrorCode::kNone);
  if (newest) {
    REQUIRE(left->members.at(0).error_code == ErrorCode::kNone);
    REQUIRE(left->members.at(1).error_code == ErrorCode::kUnknownMemberId);
  }
  REQUIRE(client.Call(beat, version(0, 4))->error_code == ErrorCode::kUnknownMemberId);
}

TEST_CASE("Offsets come back by partition, all at once, and for many groups") {
  TestBroker broker;
  TestClient client(broker);
  broker.MakeTopic("orders", 2);
  client.Call(MakeProduce("orders", 1, MakeBatch(42)));
  const LeaderEpoch epoch = broker.catalog->view()->Find(TopicName("orders"))->epoch;
  client.Call(MakeCommit("orders", 1, 42, epoch));
  kafka::OffsetFetchRequest fetch;
  fetch.group_id = kGroup;
  auto& topics = fetch.topics.emplace();
  topics.push_back({TopicName("orders"), {PartitionId(0), PartitionId(1)}});
  topics.push_back({TopicName("unknown"), {PartitionId(0)}});
  const int16_t version = GENERATE(as<int16_t>(), 1, 2, 5, 6, 7);
  const auto some = client.Call(fetch, version);
  REQUIRE(some->topics.at(0).partitions.at(0).committed_offset == kNoOffset);
  REQUIRE(some->topics[0].partitions.at(1).committed_offset == Offset(42));
  REQUIRE(some->topics[0].partitions[1].metadata == "m");
  REQUIRE(some->topics.at(1).partitions.at(0).committed_offset == kNoOffset);
  REQUIRE(some->topics[1].partitions[0].error_code == ErrorCode::kNone);
  fetch.topics.reset();
  if (version >= 2) REQUIRE(client.Call(fetch, version)->topics.at(0).partitions.size() == 1);

  kafka::OffsetFetchRequest many;
  many.groups = {{kGroup, std::nullopt}, {GroupId("unknown"), std::nullopt}};
  many.require_stable = true;
  const auto all = client.Call(many, 8);
  REQUIRE(all->groups.at(0).topics.at(0).partitions.at(0).committed_leader_epoch == epoch);
  REQUIRE(all->groups.at(1).topics.empty());
  REQUIRE(all->groups[1].error_code == ErrorCode::kNone);
}

TEST_CASE("A commit to a partition that is not there is refused, the others are taken") {
  TestBroker broker;
  TestClient client(broker);
  broker.MakeTopic("orders");
  kafka::OffsetCommitRequest commit = MakeCommit("orders", 1, 7);
  commit.topics.push_back(MakeCommit("orders", 0, 8).topics[0]);
  commit.topics.push_back(MakeCommit("unknown", 0, 9).topics[0]);
  const auto answer = client.Call(commit);
  REQUIRE(answer->topics.at(0).partitions.at(0).error_code == ErrorCode::kUnknownTopicOrPartition);
  REQUIRE(answer->topics.at(1).partitions.at(0).error_code == ErrorCode::kNone);
  REQUIRE(answer->topics.at(2).partitions.at(0).error_code == ErrorCode::kUnknownTopicOrPartition);
}

TEST_CASE(
    "S13: a commit of what was cut off since is one of the cut; without an epoch it is taken") {
  TestBroker broker;
  TestClient client(broker);
  broker.MakeTopic("orders");
  client.Call(MakeProduce("orders", 0, MakeBatch(3)));
  const auto topic = broker.catalog->view()->Find(TopicName("orders"));
  const auto stored = [&] {
    return broker.groups->FetchOffset(kGroup, TopicName("orders"), PartitionId(0))->offset;
  };
  client.Call(MakeCommit("orders", 0, 42, topic->epoch));
  REQUIRE(stored() == Offset(3));
  client.Call(MakeCommit("orders", 0, 42));
  REQUIRE(stored() == Offset(42));
}

TEST_CASE("A join that waits is answered when the other members have come") {
  TestBroker broker;
  TestClient client(broker);
  const auto first = client.Call(MakeJoin(), 0);
  const ExchangePtr waiting = client.Send(MakeJoin(), 0);
  REQUIRE(waiting->answer() == Answer::kPending);
  client.Call(MakeJoin(first->member_id), 0);
  REQUIRE(client.Take<kafka::JoinGroupResponse>(waiting, 0)->generation_id == 2);
}

TEST_CASE("Groups are described, listed and deleted; an unknown one is Dead and no error") {
  TestBroker broker;
  TestClient client(broker);
  broker.MakeTopic("orders");
  const std::string member = MakeMember(client, false);
  kafka::DescribeGroupsRequest describe;
  describe.groups = {kGroup, GroupId("unknown")};
  const auto described = client.Call(describe);
  REQUIRE(described->groups.at(0).group_state == "Stable");
  REQUIRE(described->groups[0].protocol_data == "range");
  REQUIRE(described->groups[0].members.at(0).client_id == "test");
  REQUIRE(described->groups[0].members[0].member_assignment == Bytes(3));
  REQUIRE(described->groups.at(1).group_state == "Dead");
  REQUIRE(described->groups[1].error_code == ErrorCode::kNone);
  kafka::ListGroupsRequest list;
  list.states_filter = {"Stable"};
  REQUIRE(client.Call(list)->groups.at(0).group_id == kGroup);
  list.states_filter = {"Empty"};
  REQUIRE(client.Call(list)->groups.empty());
  kafka::DeleteGroupsRequest remove;
  remove.groups_names = {kGroup, GroupId("unknown")};
  const auto refused = client.Call(remove);
  REQUIRE(refused->results.at(0).error_code == ErrorCode::kNonEmptyGroup);
  REQUIRE(refused->results.at(1).error_code == ErrorCode::kGroupIdNotFound);
  kafka::LeaveGroupRequest leave;
  leave.group_id = kGroup;
  leave.member_id = member;
  client.Call(leave, 0);
  REQUIRE(client.Call(remove)->results.at(0).error_code == ErrorCode::kNone);
  REQUIRE(client.Call(kafka::ListGroupsRequest{})->groups.empty());
}

TEST_CASE("OffsetDelete removes what is named, item by item") {
  TestBroker broker;
  TestClient client(broker);
  broker.MakeTopic("orders", 2);
  client.Call(MakeCommit("orders", 0, 1));
  client.Call(MakeCommit("orders", 1, 2));
  kafka::OffsetDeleteRequest remove;
  remove.group_id = kGroup;
  remove.topics = {{TopicName("orders"), {{PartitionId(7)}, {PartitionId(1)}}}};
  const auto removed = client.Call(remove);
  REQUIRE(removed->error_code == ErrorCode::kNone);
  REQUIRE(removed->topics.at(0).partitions.at(0).error_code == ErrorCode::kUnknownTopicOrPartition);
  REQUIRE(removed->topics[0].partitions.at(1).error_code == ErrorCode::kNone);
  REQUIRE_FALSE(broker.groups->FetchOffset(kGroup, TopicName("orders"), PartitionId(1)));
  REQUIRE(broker.groups->FetchOffset(kGroup, TopicName("orders"), PartitionId(0)));
  remove.group_id = GroupId("unknown");
  REQUIRE(client.Call(remove)->error_code == ErrorCode::kGroupIdNotFound);
}

TEST_CASE("A deleted topic's offsets are gone, also when it is made again at once") {
  TestBroker broker;
  TestClient client(broker);
  broker.MakeTopic("orders");
  broker.MakeTopic("payments");
  client.Call(MakeCommit("orders", 0, 1));
  client.Call(MakeCommit("payments", 0, 2));
  REQUIRE(broker.catalog->Delete(broker.catalog->view()->Find(TopicName("orders"))->id).ok());
  broker.MakeTopic("orders");
  REQUIRE_FALSE(broker.groups->FetchOffset(kGroup, TopicName("orders"), PartitionId(0)));
  REQUIRE(broker.groups->FetchOffset(kGroup, TopicName("payments"), PartitionId(0)));
}

TEST_CASE("Lag is records and the age of the next one; it is 0 at the end and absent unknown") {
  TestBroker broker;
  TestClient client(broker);
  broker.MakeTopic("orders");
  const int64_t now = ToTimestamp(broker.clock.WallNow()).value();
  const Bytes batch = MakeBatch(10, {}, now - 30'000);
  REQUIRE(First(client.Call(MakeProduce("orders", 0, batch)).message).error_code ==
          ErrorCode::kNone);
  client.Call(MakeCommit("orders", 0, 4));
  const auto handle =
      AddGroupMetrics(broker.metrics, *broker.catalog, *broker.groups, broker.clock, 1);
  const auto has = [&](const std::string& line) {
    return broker.metrics.Text().find(line) != std::string::npos;
  };
  const std::string labels = R"({group="g",partition="0",topic="orders"})";
  REQUIRE(has("atoll_group_lag_records" + labels + " 6\n"));
  REQUIRE(has("atoll_group_lag_seconds" + labels + " 30\n"));
  REQUIRE(has("atoll_group_members{group=\"g\"} 0\n"));
  REQUIRE(has("atoll_group_state{state=\"Empty\"} 1\n"));
  client.Call(MakeCommit("orders", 0, 10));
  REQUIRE(has("atoll_group_lag_seconds" + labels + " 0\n"));
  kafka::DeleteGroupsRequest remove;
  remove.groups_names = {kGroup};
  client.Call(remove);
  REQUIRE_FALSE(has("atoll_group_lag_records"));
  REQUIRE_FALSE(has("atoll_group_members{"));
}

TEST_CASE("Above the cap lag is given by topic") {
  TestBroker broker;
  TestClient client(broker);
  broker.MakeTopic("orders", 2);
  client.Call(MakeCommit("orders", 0, 0));
  client.Call(MakeCommit("orders", 1, 0));
  const auto handle =
      AddGroupMetrics(broker.metrics, *broker.catalog, *broker.groups, broker.clock, 1);
  const std::string text = broker.metrics.Text();
  REQUIRE(text.find(R"(atoll_group_lag_records{group="g",topic="orders"} 0)") != std::string::npos);
  REQUIRE(text.find("partition=\"1\",topic=\"orders\"} 0\natoll_group") == std::string::npos);
}

TEST_CASE("The admin API lists groups and describes one, by path and by query") {
  TestBroker broker;
  TestClient client(broker);
  broker.MakeTopic("orders");
  Router router;
  RegisterGroupRoutes(router, *broker.broker);
  client.Call(MakeProduce("orders", 0, MakeBatch(4)));
  client.Call(MakeCommit("orders", 0, 4, LeaderEpoch(257)));
  HttpCall call{.method = "GET", .path = "/v1/groups"};
  REQUIRE(router.Dispatch(call).body ==
          R"({"groups":[{"group":"g","state":"Empty","protocolType":"","memberCount":0,)"
          R"("topicCount":1,"lagRecords":0,"lagSeconds":0E0}]})");
  call.path = "/v1/groups/g";
  const HttpReply by_path = router.Dispatch(call);
  REQUIRE(by_path.status == 200);
  REQUIRE(by_path.body.find(R"("committed":4,"leaderEpoch":257)") != std::string::npos);
  call.path = "/v1/groups";
  call.query["group"] = "g";
  REQUIRE(router.Dispatch(call).body == by_path.body);
  call.query["group"] = "a/b:c";
  REQUIRE(router.Dispatch(call).status == 404);
}

}  // namespace
}  // namespace atl::broker
