#include "checkpoint/group_knowledge_table.h"

#include "checkpoint/keys.h"
#include "checkpoint/rows.h"
#include "checkpoint/state.pb.h"

namespace atl::checkpoint {
namespace {

state::GroupKnowledge ToMessage(const GroupKnowledgeRow& row) {
  state::GroupKnowledge message;
  message.set_link(row.link.value());
  message.set_group(row.group.value());
  message.set_topic(row.topic.value());
  message.set_partition(row.partition.value());
  message.set_offset(row.offset.value());
  message.set_epoch(row.epoch.value());
  message.set_metadata(row.metadata);
  message.set_committed_ns(ToNanoseconds(row.committed));
  message.set_known_ns(ToNanoseconds(row.known_at));
  message.set_here(row.here.value());
  return message;
}

StatusOr<GroupKnowledgeRow> FromMessage(const state::GroupKnowledge& message) {
  GroupKnowledgeRow row;
  row.link = LinkName(message.link());
  row.group = GroupId(message.group());
  row.topic = TopicName(message.topic());
  row.partition = PartitionId(message.partition());
  row.offset = Offset(message.offset());
  row.epoch = LeaderEpoch(message.epoch());
  row.metadata = message.metadata();
  row.committed = FromNanoseconds(message.committed_ns());
  row.known_at = FromNanoseconds(message.known_ns());
  row.here = Offset(message.here());
  return row;
}

std::string KeyOf(const GroupKnowledgeRow& row) {
  return GroupKnowledgeKey(row.link, row.topic, row.partition, row.group);
}

}  // namespace

void GroupKnowledgeTable::StagePut(WriteBatch& batch, const GroupKnowledgeRow& row) {
  StageRow(batch, KeyOf(row), ToMessage(row));
}

void GroupKnowledgeTable::StageDelete(WriteBatch& batch, const GroupKnowledgeRow& row) {
  batch.Delete(KeyOf(row));
}

StatusOr<std::vector<GroupKnowledgeRow>> GroupKnowledgeTable::List(std::vector<Status>* damaged) {
  return ListRows(store_, TablePrefix(TableId::kGroupKnowledge), FromMessage, damaged);
}

}  // namespace atl::checkpoint
