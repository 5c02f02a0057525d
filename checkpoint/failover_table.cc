#include "checkpoint/failover_table.h"

#include "checkpoint/keys.h"
#include "checkpoint/rows.h"
#include "checkpoint/state.pb.h"

namespace atl::checkpoint {
namespace {

std::optional<int64_t> Known(int64_t count) {
  return count < 0 ? std::nullopt : std::optional<int64_t>(count);
}

void ToMessage(const FailoverTopic& topic, state::FailoverTopic& message) {
  message.set_topic_id(IdBytes(topic.id));
  message.set_name(topic.name.value());
  message.set_old_epoch(topic.old_epoch.value());
  message.set_new_epoch(topic.new_epoch.value());
  for (const FailoverPartition& partition : topic.partitions) {
    state::FailoverPartition& out = *message.add_partitions();
    out.set_cut(partition.cut.value());
    out.set_source_end(partition.source_end.value());
    out.set_lost_known(partition.lost_known.value_or(-1));
    out.set_lost_at_most(partition.lost_at_most.value_or(-1));
    out.set_quarantined(partition.quarantined.value_or(-1));
    out.set_drained_from(partition.drained_from.value());
    out.set_drained(partition.drained);
  }
}

void ToMessage(const FailoverGroup& group, state::FailoverGroup& message) {
  message.set_group(group.group.value());
  message.set_topic(group.topic.value());
  message.set_partition(group.partition.value());
  message.set_committed_at_source(group.committed_at_source.value());
  message.set_known_at_ns(ToNanoseconds(group.known_at));
  message.set_resumes_at(group.resumes_at.value());
  message.set_rereads(group.rereads.value_or(-1));
  message.set_skipped(group.skipped.value_or(-1));
}

state::Failover ToMessage(const FailoverRecord& record) {
  state::Failover message;
  message.set_id(record.id);
  message.set_attempt_id(IdBytes(record.attempt));
  message.set_mode(static_cast<state::Failover::Mode>(record.mode));
  message.set_link(record.link.value());
  message.set_source(record.source.value());
  message.set_target(record.target.value());
  message.set_plan_hash(record.plan_hash);
  message.set_step(static_cast<int32_t>(record.step));
  message.set_outcome(static_cast<state::Failover::Outcome>(record.outcome));
  message.set_reason(record.reason);
  message.set_started_ns(ToNanoseconds(record.started));
  message.set_finished_ns(ToNanoseconds(record.finished));
  message.set_unavailable_us(
      std::chrono::duration_cast<std::chrono::microseconds>(record.unavailable).count());
  message.set_aborted_transactions(record.aborted_transactions);
  for (const FailoverTopic& topic : record.topics) ToMessage(topic, *message.add_topics());
  for (const FailoverGroup& group : record.groups) ToMessage(group, *message.add_groups());
  return message;
}

StatusOr<FailoverTopic> TopicFromMessage(const state::FailoverTopic& message) {
  FailoverTopic topic;
  ASSIGN_OR_RETURN(topic.id, IdFromBytes(message.topic_id()));
  topic.name = TopicName(message.name());
  topic.old_epoch = LeaderEpoch(message.old_epoch());
  topic.new_epoch = LeaderEpoch(message.new_epoch());
  for (const state::FailoverPartition& partition : message.partitions()) {
    topic.partitions.push_back({.cut = Offset(partition.cut()),
                                .source_end = Offset(partition.source_end()),
                                .lost_known = Known(partition.lost_known()),
                                .lost_at_most = Known(partition.lost_at_most()),
                                .quarantined = Known(partition.quarantined()),
                                .drained_from = RegionName(partition.drained_from()),
                                .drained = partition.drained()});
  }
  return topic;
}

StatusOr<FailoverRecord> FromMessage(const state::Failover& message) {
  const bool step_known = message.step() >= static_cast<int32_t>(FailoverStep::kFence) &&
                          message.step() <= static_cast<int32_t>(FailoverStep::kLift);
  if (!state::Failover::Mode_IsValid(message.mode()) ||
      !state::Failover::Outcome_IsValid(message.outcome()) || !step_known) {
    return Corrupt("failover {}: mode {}, outcome {} or step {} is unknown", message.id(),
                   static_cast<int>(message.mode()), static_cast<int>(message.outcome()),
                   message.step());
  }
  FailoverRecord record;
  record.id = message.id();
  ASSIGN_OR_RETURN(record.attempt, IdFromBytes(message.attempt_id()));
  record.mode = static_cast<FailoverMode>(message.mode());
  record.link = LinkName(message.link());
  record.source = RegionName(message.source());
  record.target = RegionName(message.target());
  record.plan_hash = message.plan_hash();
  record.step = static_cast<FailoverStep>(message.step());
  record.outcome = static_cast<FailoverOutcome>(message.outcome());
  record.reason = message.reason();
  record.started = FromNanoseconds(message.started_ns());
  record.finished = FromNanoseconds(message.finished_ns());
  record.unavailable = std::chrono::microseconds(message.unavailable_us());
  record.aborted_transactions = message.aborted_transactions();
  for (const state::FailoverTopic& topic : message.topics()) {
    ASSIGN_OR_RETURN(record.topics.emplace_back(), TopicFromMessage(topic));
  }
  for (const state::FailoverGroup& group : message.groups()) {
    record.groups.push_back({.group = GroupId(group.group()),
                             .topic = TopicName(group.topic()),
                             .partition = PartitionId(group.partition()),
                             .committed_at_source = Offset(group.committed_at_source()),
                             .known_at = FromNanoseconds(group.known_at_ns()),
                             .resumes_at = Offset(group.resumes_at()),
                             .rereads = Known(group.rereads()),
                             .skipped = Known(group.skipped())});
  }
  return record;
}

}  // namespace

std::string_view FailoverModeName(FailoverMode mode) {
  return mode == FailoverMode::kPromote ? "promote" : "failover";
}

std::string_view FailoverOutcomeName(FailoverOutcome outcome) {
  switch (outcome) {
    case FailoverOutcome::kRunning:
      return "running";
    case FailoverOutcome::kDone:
      return "done";
    case FailoverOutcome::kRolledBack:
      return "rolled_back";
    case FailoverOutcome::kFailed:
      return "failed";
  }
  return "unknown";
}

std::string_view FailoverStepName(FailoverStep step) {
  switch (step) {
    case FailoverStep::kFence:
      return "fence";
    case FailoverStep::kDrain:
      return "drain";
    case FailoverStep::kGroups:
      return "groups";
    case FailoverStep::kRelease:
      return "release";
    case FailoverStep::kMint:
      return "mint";
    case FailoverStep::kTell:
      return "tell";
    case FailoverStep::kAbort:
      return "abort";
    case FailoverStep::kPlaceGroups:
      return "place_groups";
    case FailoverStep::kServe:
      return "serve";
    case FailoverStep::kOver:
      return "over";
    case FailoverStep::kLift:
      return "lift";
  }
  return "unknown";
}

void FailoverTable::StagePut(WriteBatch& batch, const FailoverRecord& record) {
  StageRow(batch, FailoverKey(record.id), ToMessage(record));
}

StatusOr<int64_t> FailoverTable::Create(FailoverRecord record) {
  // From the key, not the value: a damaged newest row must not make its id be used again.
  int64_t last = 0;
  RETURN_IF_ERROR(store_.Scan(TablePrefix(TableId::kFailover), ScanOrder::kDescending,
                              [&](std::string_view key, std::string_view) -> StatusOr<ScanStep> {
                                ASSIGN_OR_RETURN(last, FailoverIdOf(key));
                                return ScanStep::kStop;
                              }));
  record.id = last + 1;
  WriteBatch batch;
  StagePut(batch, record);
  if (record.id > kMostKept) batch.Delete(FailoverKey(record.id - kMostKept));
  RETURN_IF_ERROR(store_.Write(batch, Sync::kNow));
  return record.id;
}

Status FailoverTable::Put(const FailoverRecord& record, Sync sync) {
  WriteBatch batch;
  StagePut(batch, record);
  return store_.Write(batch, sync);
}

StatusOr<std::optional<FailoverRecord>> FailoverTable::Get(int64_t id) {
  return GetRow(store_, FailoverKey(id), FromMessage);
}

StatusOr<std::vector<FailoverRecord>> FailoverTable::List(std::vector<Status>* damaged) {
  std::vector<FailoverRecord> records;
  RETURN_IF_ERROR(VisitRows(store_, TablePrefix(TableId::kFailover), ScanOrder::kDescending,
                            FromMessage, damaged, [&](FailoverRecord record) {
                              records.push_back(std::move(record));
                              return ScanStep::kContinue;
                            }));
  return records;
}

}  // namespace atl::checkpoint
