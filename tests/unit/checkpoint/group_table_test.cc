#include "checkpoint/group_table.h"

#include <sstream>
#include <string>

#include "checkpoint/inspect.h"
#include "checkpoint/keys.h"
#include "checkpoint/memory_store.h"

#include <catch2/catch.hpp>

namespace atl::checkpoint {
namespace {

const WallTime kTime(std::chrono::nanoseconds(1'764'000'000'000'000'000));

GroupRecord MakeGroup(const std::string& name) {
  GroupMemberRecord member;
  member.member_id = "m-1";
  member.instance_id = "i-1";
  member.client_id = "c";
  member.client_host = "/127.0.0.1";
  member.session_timeout = std::chrono::seconds(45);
  member.rebalance_timeout = std::chrono::minutes(5);
  member.subscription = {std::byte{0}, std::byte{1}};
  member.assignment = {std::byte{2}};
  GroupRecord group;
  group.group = GroupId(name);
  group.generation = 7;
  group.protocol_type = "consumer";
  group.protocol = "range";
  group.leader = "m-1";
  group.changed = kTime;
  group.members.push_back(member);
  member.instance_id.reset();
  group.members.push_back(member);
  return group;
}

GroupOffsetRecord MakeOffset(const std::string& group, const std::string& topic,
                             int32_t partition) {
  GroupOffsetRecord offset;
  offset.group = GroupId(group);
  offset.topic = TopicName(topic);
  offset.partition = PartitionId(partition);
  offset.offset = Offset(42);
  offset.epoch = LeaderEpoch(257);
  offset.metadata = "at \xFF";
  offset.committed = kTime;
  return offset;
}

TEST_CASE("Groups and offsets come back as they were stored, and only those not deleted",
          "[checkpoint]") {
  MemoryStore store;
  GroupTable table(store);
  // What a client may call its group need not be UTF-8, nor free of zero bytes.
  const GroupRecord odd = MakeGroup(std::string("g\0\xFF", 3));
  GroupOffsetRecord expiring = MakeOffset("g", "orders", 3);
  expiring.expires = kTime + std::chrono::hours(1);
  expiring.synced = true;
  WriteBatch batch;
  GroupTable::StageGroup(batch, MakeGroup("g"));
  GroupTable::StageGroup(batch, odd);
  GroupTable::StageGroup(batch, MakeGroup("gone"));
  GroupTable::StageDeleteGroup(batch, GroupId("gone"));
  GroupTable::StageOffset(batch, expiring);
  GroupTable::StageOffset(batch, MakeOffset("g", "orders", 4));
  GroupTable::StageOffset(batch, MakeOffset("g", "orders", 5));
  GroupTable::StageDeleteOffset(batch, GroupId("g"), TopicName("orders"), PartitionId(5));
  REQUIRE(store.Write(batch, Sync::kNow).ok());

  const auto groups = table.Groups();
  REQUIRE(groups.status() == OkStatus());
  REQUIRE(*groups == std::vector<GroupRecord>{MakeGroup("g"), odd});
  const auto offsets = table.Offsets();
  REQUIRE(offsets.status() == OkStatus());
  REQUIRE(*offsets == std::vector<GroupOffsetRecord>{expiring, MakeOffset("g", "orders", 4)});
}

TEST_CASE("A damaged group is named and leaves the others readable", "[checkpoint]") {
  MemoryStore store;
  WriteBatch batch;
  GroupTable::StageGroup(batch, MakeGroup("good"));
  batch.Put(GroupKey(TableId::kGroup, GroupId("bad")), "broken value");
  REQUIRE(store.Write(batch, Sync::kNow).ok());
  REQUIRE(GroupTable(store).Groups().status().code() == StatusCode::kDataLoss);
  std::vector<Status> damaged;
  const auto groups = GroupTable(store).Groups(&damaged);
  REQUIRE(groups->size() == 1);
  REQUIRE(damaged.size() == 1);
  REQUIRE(StatusMessage(damaged[0]).starts_with("group/bad:"));
}

TEST_CASE("The layout of group keys is what it was when the first group was stored",
          "[checkpoint]") {
  REQUIRE(GroupKey(TableId::kGroup, GroupId("g1")) == std::string("\x50\0\x02g1", 5));
  REQUIRE(GroupOffsetKey(GroupId("g1"), TopicName("orders"), PartitionId(3)) ==
          std::string("\x51\0\x02g1orders\0\0\0\0\x03", 16));
}

TEST_CASE("Inspect shows groups and offsets in words, a line each", "[checkpoint]") {
  MemoryStore store;
  WriteBatch batch;
  GroupRecord group = MakeGroup("g\n");
  group.members.pop_back();
  GroupTable::StageGroup(batch, group);
  GroupTable::StageOffset(batch, MakeOffset("g", "orders", 3));
  REQUIRE(store.Write(batch, Sync::kNow).ok());
  std::ostringstream out;
  REQUIRE(Inspect(store, out).ok());
  REQUIRE(
      out.str() ==
      R"(group/g\x0a {"group": "<2 bytes>", "generation": 7, "protocol_type": "consumer", )"
      R"("protocol": "range", "leader": "m-1", "changed_ns": "2025-11-24T16:00:00.000Z", )"
      R"("members": [{"member": "m-1", "instance": "i-1", "is_static": true, "client": "c", )"
      R"("host": "/127.0.0.1", "session_timeout_ms": 45000, "rebalance_timeout_ms": 300000, )"
      R"("subscription": "<2 bytes>", "assignment": "<1 bytes>"}]})"
      "\n"
      R"(group-offset/g/orders/3 {"group": "g", "topic": "orders", "partition": 3, )"
      R"("offset": 42, "epoch": 257, "metadata": "<4 bytes>", )"
      R"("committed_ns": "2025-11-24T16:00:00.000Z", "expires_ns": "1970-01-01T00:00:00.000Z", )"
      R"("synced": false})"
      "\n");
}

}  // namespace
}  // namespace atl::checkpoint
