// The messages of groups against another implementation's bytes, see golden_bytes.h.
#include <catch2/catch.hpp>

#include "tests/unit/kafka/wire/golden_bytes.h"

namespace atl::kafka {
namespace {

const Bytes kMetadata = {std::byte{1}, std::byte{2}};
const Bytes kAssignment = {std::byte{7}};

TEST_CASE("JoinGroup", "[golden]") {
  JoinGroupRequest join;
  join.group_id = GroupId("g");
  join.session_timeout_ms = 10000;
  join.rebalance_timeout_ms = 60000;
  join.member_id = "m1";
  join.group_instance_id = "i1";
  join.protocol_type = "consumer";
  join.protocols = {{"range", kMetadata}};
  Check(
      join,
      {{0, "0001670000271000026d310008636f6e73756d657200000001000572616e6765000000020102"},
       {1, "000167000027100000ea6000026d310008636f6e73756d657200000001000572616e6765000000020102"},
       {4, "000167000027100000ea6000026d310008636f6e73756d657200000001000572616e6765000000020102"},
       {5,
        "000167000027100000ea6000026d31000269310008636f6e73756d657200000001000572616e676500000002"
        "0102"},
       {6, "0267000027100000ea60036d3103693109636f6e73756d6572020672616e67650301020000"},
       {7, "0267000027100000ea60036d3103693109636f6e73756d6572020672616e67650301020000"}});

  JoinGroupResponse joined;
  joined.throttle_time_ms = 5;
  joined.generation_id = 3;
  joined.protocol_type = "consumer";
  joined.protocol_name = "range";
  joined.leader = "m1";
  joined.member_id = "m1";
  joined.members = {{"m1", "i1", kMetadata}};
  Check(
      joined,
      {{0, "000000000003000572616e676500026d3100026d310000000100026d31000000020102"},
       {2, "00000005000000000003000572616e676500026d3100026d310000000100026d31000000020102"},
       {5,
        "00000005000000000003000572616e676500026d3100026d310000000100026d3100026931000000020102"},
       {6, "000000050000000000030672616e6765036d31036d3102036d310369310301020000"},
       {7,
        "0000000500000000000309636f6e73756d65720672616e6765036d31036d3102036d310369310301020000"}});
}

TEST_CASE("SyncGroup", "[golden]") {
  SyncGroupRequest sync;
  sync.group_id = GroupId("g");
  sync.generation_id = 3;
  sync.member_id = "m1";
  sync.group_instance_id = "i1";
  sync.protocol_type = "consumer";
  sync.protocol_name = "range";
  sync.assignments = {{"m1", kAssignment}};
  Check(sync, {{0, "0001670000000300026d310000000100026d310000000107"},
               {3, "0001670000000300026d31000269310000000100026d310000000107"},
               {4, "026700000003036d3103693102036d3102070000"},
               {5, "026700000003036d3103693109636f6e73756d65720672616e676502036d3102070000"}});

  SyncGroupResponse synced;
  synced.throttle_time_ms = 5;
  synced.error_code = ErrorCode::kRebalanceInProgress;
  synced.protocol_type = "consumer";
  synced.protocol_name = "range";
  synced.assignment = {std::byte{7}, std::byte{8}};
  Check(synced, {{0, "001b000000020708"},
                 {1, "00000005001b000000020708"},
                 {4, "00000005001b03070800"},
                 {5, "00000005001b09636f6e73756d65720672616e676503070800"}});
}

TEST_CASE("OffsetCommit", "[golden]") {
  OffsetCommitRequest commit;
  commit.group_id = GroupId("g");
  commit.generation_id = 3;
  commit.member_id = "m1";
  commit.group_instance_id = "i1";
  commit.retention_time_ms = 1000;
  commit.topics = {{TopicName("orders"),
                    {{PartitionId(2), Offset(42), LeaderEpoch(257), "meta"},
                     {PartitionId(3), Offset(7), kNoEpoch, std::nullopt}}}};
  Check(commit,
        {{2,
          "0001670000000300026d3100000000000003e80000000100066f726465727300000002000000020000000000"
          "00002a00046d657461000000030000000000000007ffff"},
         {5,
          "0001670000000300026d310000000100066f72646572730000000200000002000000000000002a00046d6574"
          "61000000030000000000000007ffff"},
         {6,
          "0001670000000300026d310000000100066f72646572730000000200000002000000000000002a0000010100"
          "046d657461000000030000000000000007ffffffffffff"},
         {7,
          "0001670000000300026d31000269310000000100066f72646572730000000200000002000000000000002a00"
          "00010100046d657461000000030000000000000007ffffffffffff"},
         {8,
          "026700000003036d3103693102076f72646572730300000002000000000000002a00000101056d6574610000"
          "0000030000000000000007ffffffff00000000"}});
}

TEST_CASE("OffsetFetch of one group", "[golden]") {
  OffsetFetchRequest fetch;
  fetch.group_id = GroupId("g");
  fetch.topics = {{TopicName("orders"), {PartitionId(2)}}};
  fetch.require_stable = true;
  Check(fetch, {{1, "0001670000000100066f72646572730000000100000002"},
                {6, "026702076f726465727302000000020000"},
                {7, "026702076f72646572730200000002000100"}});

  OffsetFetchResponse fetched;
  fetched.throttle_time_ms = 5;
  fetched.topics = {{TopicName("orders"),
                     {{PartitionId(2), Offset(42), LeaderEpoch(257), "meta", ErrorCode::kNone}}}};
  Check(
      fetched,
      {{1, "0000000100066f72646572730000000100000002000000000000002a00046d6574610000"},
       {2, "0000000100066f72646572730000000100000002000000000000002a00046d65746100000000"},
       {3, "000000050000000100066f72646572730000000100000002000000000000002a00046d65746100000000"},
       {5,
        "000000050000000100066f72646572730000000100000002000000000000002a0000010100046d6574610000"
        "0000"},
       {6, "0000000502076f72646572730200000002000000000000002a00000101056d65746100000000000000"}});
}

TEST_CASE("OffsetFetch of many groups", "[golden]") {
  OffsetFetchRequest fetch;
  fetch.groups = {{GroupId("g"), std::nullopt}};
  fetch.require_stable = true;
  Check(fetch, {{8, "02026700000100"}});

  OffsetFetchResponse fetched;
  fetched.throttle_time_ms = 5;
  OffsetFetchTopicResult topic{TopicName("orders"), {}};
  topic.partitions = {{PartitionId(2), Offset(42), LeaderEpoch(257), "meta", ErrorCode::kNone}};
  fetched.groups = {{GroupId("g"), {topic}, ErrorCode::kNone}};
  Check(fetched,
        {{8,
          "0000000502026702076f72646572730200000002000000000000002a00000101056d65746100000000000000"
          "00"}});
}

TEST_CASE("LeaveGroup", "[golden]") {
  LeaveGroupRequest one;
  one.group_id = GroupId("g");
  one.member_id = "m1";
  Check(one, {{0, "00016700026d31"}});

  LeaveGroupRequest many;
  many.group_id = GroupId("g");
  many.members = {{"m1", "i1"}, {"m2", std::nullopt}};
  Check(many, {{3, "0001670000000200026d310002693100026d32ffff"},
               {4, "026703036d3103693100036d32000000"}});
}

TEST_CASE("DescribeGroups and ListGroups", "[golden]") {
  DescribeGroupsResponse described;
  described.throttle_time_ms = 5;
  DescribedGroup& group = described.groups.emplace_back();
  group.group_id = GroupId("g");
  group.group_state = "Stable";
  group.protocol_type = "consumer";
  group.protocol_data = "range";
  group.members = {{"m1", "i1", "c", "/1.2.3.4", kMetadata, kAssignment}};
  group.authorized_operations = 0;
  Check(described,
        {{0,
          "0000000100000001670006537461626c650008636f6e73756d6572000572616e67650000000100026d310001"
          "6300082f312e322e332e340000000201020000000107"},
         {1,
          "000000050000000100000001670006537461626c650008636f6e73756d6572000572616e6765000000010002"
          "6d3100016300082f312e322e332e340000000201020000000107"},
         {3,
          "000000050000000100000001670006537461626c650008636f6e73756d6572000572616e6765000000010002"
          "6d3100016300082f312e322e332e34000000020102000000010700000000"},
         {4,
          "000000050000000100000001670006537461626c650008636f6e73756d6572000572616e6765000000010002"
          "6d310002693100016300082f312e322e332e34000000020102000000010700000000"},
         {5,
          "00000005020000026707537461626c6509636f6e73756d65720672616e676502036d310369310263092f312e"
          "322e332e34030102020700000000000000"}});

  ListGroupsResponse listed;
  listed.throttle_time_ms = 5;
  listed.groups = {{GroupId("g"), "consumer", "Stable"}};
  Check(listed, {{0, "0000000000010001670008636f6e73756d6572"},
                 {1, "000000050000000000010001670008636f6e73756d6572"},
                 {3, "00000005000002026709636f6e73756d65720000"},
                 {4, "00000005000002026709636f6e73756d657207537461626c650000"}});
}

TEST_CASE("OffsetDelete", "[golden]") {
  OffsetDeleteRequest remove;
  remove.group_id = GroupId("g");
  remove.topics = {{TopicName("orders"), {{PartitionId(2)}}}};
  Check(remove, {{0, "0001670000000100066f72646572730000000100000002"}});
}

}  // namespace
}  // namespace atl::kafka
