#include "checkpoint/group_table.h"

#include <chrono>

#include "checkpoint/rows.h"
#include "checkpoint/state.pb.h"

namespace atl::checkpoint {
namespace {

int64_t ToMilliseconds(Duration duration) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
}
std::string BytesText(const Bytes& bytes) { return std::string(AsText(bytes)); }

void Fill(const GroupMemberRecord& member, state::GroupMember& message) {
  message.set_member(member.member_id);
  message.set_instance(member.instance_id.value_or(""));
  message.set_is_static(member.instance_id.has_value());
  message.set_client(member.client_id);
  message.set_host(member.client_host);
  message.set_session_timeout_ms(ToMilliseconds(member.session_timeout));
  message.set_rebalance_timeout_ms(ToMilliseconds(member.rebalance_timeout));
  message.set_subscription(BytesText(member.subscription));
  message.set_assignment(BytesText(member.assignment));
}

GroupMemberRecord MemberFromMessage(const state::GroupMember& message) {
  GroupMemberRecord member;
  member.member_id = message.member();
  if (message.is_static()) member.instance_id = message.instance();
  member.client_id = message.client();
  member.client_host = message.host();
  member.session_timeout = std::chrono::milliseconds(message.session_timeout_ms());
  member.rebalance_timeout = std::chrono::milliseconds(message.rebalance_timeout_ms());
  member.subscription = CopyBytes(AsBytes(message.subscription()));
  member.assignment = CopyBytes(AsBytes(message.assignment()));
  return member;
}

state::Group ToMessage(const GroupRecord& group) {
  state::Group message;
  message.set_group(group.group.value());
  message.set_generation(group.generation);
  message.set_protocol_type(group.protocol_type);
  message.set_protocol(group.protocol);
  message.set_leader(group.leader);
  message.set_changed_ns(ToNanoseconds(group.changed));
  for (const GroupMemberRecord& member : group.members) Fill(member, *message.add_members());
  return message;
}

StatusOr<GroupRecord> FromMessage(const state::Group& message) {
  GroupRecord group;
  group.group = GroupId(message.group());
  group.generation = message.generation();
  group.protocol_type = message.protocol_type();
  group.protocol = message.protocol();
  group.leader = message.leader();
  group.changed = FromNanoseconds(message.changed_ns());
  for (const state::GroupMember& member : message.members()) {
    group.members.push_back(MemberFromMessage(member));
  }
  if (group.generation < 0) return Corrupt("generation {}", group.generation);
  return group;
}

state::GroupOffset ToMessage(const GroupOffsetRecord& offset) {
  state::GroupOffset message;
  message.set_group(offset.group.value());
  message.set_topic(offset.topic.value());
  message.set_partition(offset.partition.value());
  message.set_offset(offset.offset.value());
  message.set_epoch(offset.epoch.value());
  message.set_metadata(offset.metadata);
  message.set_committed_ns(ToNanoseconds(offset.committed));
  if (offset.expires) message.set_expires_ns(ToNanoseconds(*offset.expires));
  message.set_synced(offset.synced);
  return message;
}

StatusOr<GroupOffsetRecord> OffsetFromMessage(const state::GroupOffset& message) {
  GroupOffsetRecord offset;
  offset.group = GroupId(message.group());
  offset.topic = TopicName(message.topic());
  offset.partition = PartitionId(message.partition());
  offset.offset = Offset(message.offset());
  offset.epoch = LeaderEpoch(message.epoch());
  offset.metadata = message.metadata();
  offset.committed = FromNanoseconds(message.committed_ns());
  if (message.expires_ns() != 0) offset.expires = FromNanoseconds(message.expires_ns());
  offset.synced = message.synced();
  if (message.partition() < 0 || message.offset() < 0) {
    return Corrupt("partition {}, offset {}", message.partition(), message.offset());
  }
  return offset;
}

}  // namespace

void GroupTable::StageGroup(WriteBatch& batch, const GroupRecord& group) {
  StageRow(batch, GroupKey(TableId::kGroup, group.group), ToMessage(group));
}

void GroupTable::StageDeleteGroup(WriteBatch& batch, const GroupId& group) {
  batch.Delete(GroupKey(TableId::kGroup, group));
}

void GroupTable::StageOffset(WriteBatch& batch, const GroupOffsetRecord& offset) {
  StageRow(batch, GroupOffsetKey(offset.group, offset.topic, offset.partition), ToMessage(offset));
}

void GroupTable::StageDeleteOffset(WriteBatch& batch, const GroupId& group, const TopicName& topic,
                                   PartitionId partition) {
  batch.Delete(GroupOffsetKey(group, topic, partition));
}

StatusOr<std::vector<GroupRecord>> GroupTable::Groups(std::vector<Status>* damaged) {
  return ListRows(store_, TablePrefix(TableId::kGroup), FromMessage, damaged);
}

StatusOr<std::vector<GroupOffsetRecord>> GroupTable::Offsets(std::vector<Status>* damaged) {
  return ListRows(store_, TablePrefix(TableId::kGroupOffset), OffsetFromMessage, damaged);
}

}  // namespace atl::checkpoint
