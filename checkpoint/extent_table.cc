#include "checkpoint/extent_table.h"

#include "checkpoint/keys.h"
#include "checkpoint/rows.h"
#include "checkpoint/state.pb.h"

namespace atl::checkpoint {
namespace {

state::FanInTarget ToMessage(const FanInTargetRow& row) {
  state::FanInTarget message;
  message.set_topic_id(IdBytes(row.at.topic));
  message.set_partition(row.at.partition.value());
  message.set_base(row.base.value());
  return message;
}

StatusOr<FanInTargetRow> TargetFromMessage(const state::FanInTarget& message) {
  FanInTargetRow row;
  ASSIGN_OR_RETURN(row.at.topic, IdFromBytes(message.topic_id()));
  row.at.partition = PartitionId(message.partition());
  row.base = Offset(message.base());
  return row;
}

void SetPlace(state::FanInPlace& message, const FanInSource& source) {
  message.set_target_id(IdBytes(source.into.topic));
  message.set_target_partition(source.into.partition.value());
  message.set_link(source.link.value());
  message.set_topic(source.topic.value());
  message.set_partition(source.partition.value());
}

StatusOr<FanInSource> PlaceFrom(const state::FanInPlace& message) {
  FanInSource source;
  ASSIGN_OR_RETURN(source.into.topic, IdFromBytes(message.target_id()));
  source.into.partition = PartitionId(message.target_partition());
  source.link = LinkName(message.link());
  source.topic = TopicName(message.topic());
  source.partition = PartitionId(message.partition());
  return source;
}

state::FanInSource ToMessage(const FanInSourceRow& row) {
  state::FanInSource message;
  SetPlace(*message.mutable_place(), row.source);
  message.set_topic_id(IdBytes(row.topic_id));
  message.set_start(row.start.value());
  message.set_next(row.next.value());
  message.set_epoch(row.epoch.value());
  if (row.last_batch) {
    state::FanInSource::LastBatch& last = *message.mutable_last_batch();
    last.set_base_offset(row.last_batch->base_offset.value());
    last.set_last_offset_delta(row.last_batch->last_offset_delta);
    last.set_length(row.last_batch->length);
    last.set_crc(row.last_batch->crc);
    last.set_max_timestamp(row.last_batch->max_timestamp.value());
  }
  for (const FanInSourceRow::Range& gap : row.gaps) {
    state::FanInSource::Range& range = *message.add_gaps();
    range.set_first(gap.first.value());
    range.set_end(gap.end.value());
  }
  return message;
}

StatusOr<FanInSourceRow> SourceFromMessage(const state::FanInSource& message) {
  FanInSourceRow row;
  ASSIGN_OR_RETURN(row.source, PlaceFrom(message.place()));
  ASSIGN_OR_RETURN(row.topic_id, IdFromBytes(message.topic_id()));
  row.start = Offset(message.start());
  row.next = Offset(message.next());
  row.epoch = LeaderEpoch(message.epoch());
  if (message.has_last_batch()) {
    const state::FanInSource::LastBatch& last = message.last_batch();
    row.last_batch = FanInSourceRow::LastBatch{.base_offset = Offset(last.base_offset()),
                                               .last_offset_delta = last.last_offset_delta(),
                                               .length = last.length(),
                                               .crc = last.crc(),
                                               .max_timestamp = Timestamp(last.max_timestamp())};
  }
  for (const state::FanInSource::Range& range : message.gaps()) {
    row.gaps.push_back({Offset(range.first()), Offset(range.end())});
  }
  if (row.start < Offset(0) || row.next < Offset(0))
    return Corrupt("a source's start {} and position {}", row.start.value(), row.next.value());
  return row;
}

state::Extent ToMessage(const ExtentRow& row) {
  state::Extent message;
  SetPlace(*message.mutable_place(), row.source);
  message.set_source(row.from.value());
  message.set_target(row.to.value());
  message.set_length(row.length.value());
  return message;
}

StatusOr<ExtentRow> ExtentFromMessage(const state::Extent& message) {
  ExtentRow row;
  ASSIGN_OR_RETURN(row.source, PlaceFrom(message.place()));
  row.from = Offset(message.source());
  row.to = Offset(message.target());
  row.length = RecordCount(message.length());
  if (row.from < Offset(0) || row.to < Offset(0) || row.length <= RecordCount(0))
    return Corrupt("an extent of {} records from {} to {}", row.length.value(), row.from.value(),
                   row.to.value());
  return row;
}

}  // namespace

void ExtentTable::StageTarget(WriteBatch& batch, const FanInTargetRow& row) {
  StageRow(batch, PartitionKey(TableId::kFanInTarget, row.at.topic, row.at.partition),
           ToMessage(row));
}

void ExtentTable::StageSource(WriteBatch& batch, const FanInSourceRow& row) {
  const FanInSource& source = row.source;
  StageRow(batch,
           FanInSourceKey(TableId::kFanInSource, source.into.topic, source.into.partition,
                          source.link, source.topic, source.partition),
           ToMessage(row));
}

namespace {

std::string KeyOf(const ExtentRow& row) {
  const FanInSource& source = row.source;
  return ExtentKey(source.into.topic, source.into.partition, source.link, source.topic,
                   source.partition, row.from);
}

}  // namespace

void ExtentTable::StageExtent(WriteBatch& batch, const ExtentRow& row) {
  StageRow(batch, KeyOf(row), ToMessage(row));
}

void ExtentTable::StageDeleteExtent(WriteBatch& batch, const ExtentRow& row) {
  batch.Delete(KeyOf(row));
}

Status ExtentTable::StageDelete(WriteBatch& batch, const FanInTarget& target) {
  for (const TableId table : {TableId::kExtent, TableId::kFanInSource, TableId::kFanInTarget}) {
    RETURN_IF_ERROR(
        store_.Scan(PartitionKey(table, target.topic, target.partition), ScanOrder::kAscending,
                    [&batch](std::string_view key, std::string_view) -> StatusOr<ScanStep> {
                      batch.Delete(std::string(key));
                      return ScanStep::kContinue;
                    }));
  }
  return OkStatus();
}

StatusOr<std::vector<FanInTargetRow>> ExtentTable::Targets() {
  return ListRows(store_, TablePrefix(TableId::kFanInTarget), TargetFromMessage, nullptr);
}

StatusOr<std::vector<FanInSourceRow>> ExtentTable::Sources(const FanInTarget& target) {
  return ListRows(store_, PartitionKey(TableId::kFanInSource, target.topic, target.partition),
                  SourceFromMessage, nullptr);
}

StatusOr<std::vector<ExtentRow>> ExtentTable::Extents(const FanInTarget& target) {
  return ListRows(store_, PartitionKey(TableId::kExtent, target.topic, target.partition),
                  ExtentFromMessage, nullptr);
}

}  // namespace atl::checkpoint
