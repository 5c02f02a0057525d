// Consumer groups: the committed offsets, a row each, and what a group is (generation, protocol,
// members with their assignments), a row per group, so that groups and their static members live
// through a restart of the region as they live through a change of coordinator in Kafka.
// Thin over a Store, as thread-safe as the store; changes are staged into batches, because many
// commits become durable together. Damaged values are kDataLoss naming the key.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/types.h"
#include "checkpoint/store.h"

namespace atl::checkpoint {

struct GroupMemberRecord {
  std::string member_id;
  std::optional<std::string> instance_id;
  std::string client_id;
  std::string client_host;
  Duration session_timeout{};
  Duration rebalance_timeout{};
  Bytes subscription;  // The metadata for the group's protocol.
  Bytes assignment;
  friend bool operator==(const GroupMemberRecord&, const GroupMemberRecord&) = default;
};

struct GroupRecord {
  GroupId group;
  int32_t generation = 0;
  std::string protocol_type;  // Empty: no member ever joined.
  std::string protocol;
  std::string leader;
  WallTime changed{};  // When it came into its state: an empty group's offsets expire from here.
  std::vector<GroupMemberRecord> members;
  friend bool operator==(const GroupRecord&, const GroupRecord&) = default;
};

struct GroupOffsetRecord {
  GroupId group;
  TopicName topic;
  PartitionId partition;
  Offset offset;
  LeaderEpoch epoch = kNoEpoch;
  std::string metadata;
  WallTime committed{};
  std::optional<WallTime> expires;  // As an old client asked.
  bool synced = false;              // Placed for another region.
  friend bool operator==(const GroupOffsetRecord&, const GroupOffsetRecord&) = default;
};

class GroupTable {
 public:
  explicit GroupTable(Store& store) : store_(store) {}

  static void StageGroup(WriteBatch& batch, const GroupRecord& group);
  static void StageDeleteGroup(WriteBatch& batch, const GroupId& group);
  static void StageOffset(WriteBatch& batch, const GroupOffsetRecord& offset);
  static void StageDeleteOffset(WriteBatch& batch, const GroupId& group, const TopicName& topic,
                                PartitionId partition);

  // `damaged` as in TopicTable.
  StatusOr<std::vector<GroupRecord>> Groups(std::vector<Status>* damaged = nullptr);
  StatusOr<std::vector<GroupOffsetRecord>> Offsets(std::vector<Status>* damaged = nullptr);

 private:
  Store& store_;
};

}  // namespace atl::checkpoint
