#include "checkpoint/ownership_table.h"

#include "checkpoint/keys.h"
#include "checkpoint/rows.h"
#include "checkpoint/state.pb.h"

namespace atl::checkpoint {
namespace {

std::vector<Offset> OffsetsOf(const google::protobuf::RepeatedField<int64_t>& values) {
  std::vector<Offset> offsets;
  offsets.reserve(static_cast<size_t>(values.size()));
  for (const int64_t value : values) offsets.push_back(Offset(value));
  return offsets;
}

state::Ownership ToMessage(const OwnershipRecord& record) {
  state::Ownership message;
  message.set_topic_id(IdBytes(record.topic));
  message.set_name(record.name.value());
  message.set_epoch(record.epoch.value());
  message.set_owner(record.owner.value());
  message.set_owner_name(record.owner_name.value());
  message.set_state(static_cast<state::Ownership::State>(record.state));
  for (const Offset offset : record.cut) message.add_cut(offset.value());
  for (const LineageEntry& entry : record.lineage) {
    state::LineageEntry& stint = *message.add_lineage();
    stint.set_epoch(entry.epoch.value());
    stint.set_owner(entry.owner.value());
    for (const Offset offset : entry.cut) stint.add_cut(offset.value());
  }
  message.set_link(record.link.value());
  message.set_reason(record.reason);
  message.set_time_ns(ToNanoseconds(record.time));
  message.set_attempt_id(IdBytes(record.attempt));
  return message;
}

StatusOr<OwnershipRecord> FromMessage(const state::Ownership& message) {
  if (!state::Ownership::State_IsValid(message.state()))
    return Corrupt("ownership state {} is unknown", static_cast<int>(message.state()));
  OwnershipRecord record;
  ASSIGN_OR_RETURN(record.topic, IdFromBytes(message.topic_id()));
  record.name = TopicName(message.name());
  record.epoch = LeaderEpoch(message.epoch());
  record.owner = RegionOrdinal(message.owner());
  record.owner_name = RegionName(message.owner_name());
  record.state = static_cast<OwnershipState>(message.state());
  record.cut = OffsetsOf(message.cut());
  for (const state::LineageEntry& stint : message.lineage())
    record.lineage.push_back(
        {LeaderEpoch(stint.epoch()), RegionOrdinal(stint.owner()), OffsetsOf(stint.cut())});
  record.link = LinkName(message.link());
  record.reason = message.reason();
  record.time = FromNanoseconds(message.time_ns());
  if (!message.attempt_id().empty()) {
    ASSIGN_OR_RETURN(record.attempt, IdFromBytes(message.attempt_id()));
  }
  return record;
}

}  // namespace

std::string_view OwnershipStateName(OwnershipState state) {
  switch (state) {
    case OwnershipState::kServing:
      return "serving";
    case OwnershipState::kFenced:
      return "fenced";
    case OwnershipState::kPromoting:
      return "promoting";
  }
  return "unknown";
}

void OwnershipTable::StagePut(WriteBatch& batch, const OwnershipRecord& record) {
  StageRow(batch, TopicKey(TableId::kOwnership, record.topic), ToMessage(record));
}

void OwnershipTable::StageDelete(WriteBatch& batch, const TopicId& topic) {
  batch.Delete(TopicKey(TableId::kOwnership, topic));
}

Status OwnershipTable::Put(const OwnershipRecord& record, Sync sync) {
  WriteBatch batch;
  StagePut(batch, record);
  return store_.Write(batch, sync);
}

StatusOr<std::optional<OwnershipRecord>> OwnershipTable::Get(const TopicId& topic) {
  return GetRow(store_, TopicKey(TableId::kOwnership, topic), FromMessage);
}

StatusOr<std::vector<OwnershipRecord>> OwnershipTable::List(std::vector<Status>* damaged) {
  return ListRows(store_, TablePrefix(TableId::kOwnership), FromMessage, damaged);
}

}  // namespace atl::checkpoint
