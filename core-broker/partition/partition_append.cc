// The write path: staging in a turn, the one write, and what the sync makes visible.
#include <algorithm>

#include "base/check.h"
#include "base/failpoint.h"
#include "base/logging.h"
#include "core-broker/partition/partition.h"
#include "kafka/record/batch_builder.h"
#include "kafka/record/record_reader.h"

namespace atl::broker {
namespace {

Failpoint append_accepted("append.accepted");
Failpoint append_epoch_checked("append.epoch_checked");
Failpoint append_written("append.written");
Failpoint append_fsynced("append.fsynced");
Failpoint append_epoch_rechecked("append.epoch_rechecked");
Failpoint mirror_appended("mirror.appended");
Failpoint mirror_fsynced("mirror.fsynced");

// Recovery after kill -9 scans at most about this much.
constexpr ByteCount kSaveBytes{64 << 20};

void Refuse(AppendOutcome& outcome, kafka::ErrorCode error, std::string message) {
  outcome.error = error;
  outcome.message = std::move(message);
  outcome.base_offset = kNoOffset;
}

// What a client may not send; the handler has said so already (kafka::ValidateProduced).
std::string CheckClientBatch(const StatusOr<kafka::BatchHeader>& header, size_t bytes) {
  if (!header.ok()) return std::string(StatusMessage(header.status()));
  if (header->total_bytes() != bytes) return "the batch is not as long as it says";
  if (header->is_control()) return "a client may not send control batches";
  if (header->is_transactional()) return "transactions are not served";
  return {};
}

}  // namespace

void Staged::Clear() {
  clients.clear();
  mirrors.clear();
  mapped.clear();
  epochs.clear();
  transactions.clear();
  markers.clear();
}

void Partition::StageAppend(MutableBytes batch, AppendOutcome& outcome,
                            runtime::CompleteAfter after) {
  if (!failure_.ok()) {
    Refuse(outcome, kafka::ErrorCode::kKafkaStorageError, offline_reason());
    return;
  }
  const StatusOr<kafka::BatchHeader> header = kafka::BatchHeader::Parse(batch);
  if (std::string wrong = CheckClientBatch(header, batch.size()); !wrong.empty()) {
    Refuse(outcome, kafka::ErrorCode::kInvalidRecord, std::move(wrong));
    return;
  }
  Status passed = append_accepted.Hit();
  GateAnswer answer = context_.gate.AdmitClient(identity_.topic_id);
  if (answer.error != kafka::ErrorCode::kNone) {
    Refuse(outcome, answer.error, std::move(answer.message));
    return;
  }
  if (answer.epoch < staged_epoch_) {
    Refuse(outcome, kafka::ErrorCode::kNotLeaderOrFollower,
           fmt::format("the log is at epoch {}, this region at {}", staged_epoch_.value(),
                       answer.epoch.value()));
    return;
  }
  if (passed.ok()) passed = append_epoch_checked.Hit();
  if (!passed.ok()) {
    Refuse(outcome, kafka::ErrorCode::kKafkaStorageError, std::string(StatusMessage(passed)));
    return;
  }
  StageJudged(batch, *header, answer.epoch, outcome, after);
}

void Partition::StageJudged(MutableBytes batch, kafka::BatchHeader header, LeaderEpoch epoch,
                            AppendOutcome& outcome, runtime::CompleteAfter after) {
  ProducerState::Verdict verdict = producers_.Check(header);
  if (verdict.error != kafka::ErrorCode::kNone) {
    Refuse(outcome, verdict.error, std::move(verdict.message));
    return;
  }
  const bool stamps_time = config_.timestamp_type == kafka::TimestampType::kLogAppendTime;
  if (verdict.duplicate) {
    outcome.base_offset = verdict.base_offset;
    outcome.log_append_time = verdict.timestamp;
    outcome.log_start = offsets().log_start;
    // The original may lie in this very turn: then its fate is this one's, too.
    if (verdict.base_offset >= writer_->end()) {
      staged_.clients.push_back({&outcome, verdict.base_offset, verdict.timestamp, epoch, after});
    }
    return;
  }
  const bool inside = header.has_producer() && [&] {
    MutexLock lock(&mutex_);
    return transactions_.IsOpen(header.producer_id);
  }();
  if (inside) {
    Refuse(outcome, kafka::ErrorCode::kInvalidTxnState,
           fmt::format("producer {} has an open transaction", header.producer_id.value()));
    return;
  }
  Timestamp append_time = kNoTimestamp;
  header.base_offset = writer_->staged_end();
  header.leader_epoch = epoch;
  kafka::StampBatch(batch, header.base_offset, epoch);
  if (stamps_time) {
    append_time = ToTimestamp(context_.clock.WallNow());
    kafka::StampLogAppendTime(batch, append_time);
    header.max_timestamp = append_time;
  }
  staged_.clients.push_back({&outcome, header.base_offset, append_time, epoch, after});
  StageBatch(header, batch, {});
}

void Partition::StageBatch(const kafka::BatchHeader& header, BytesView bytes,
                           std::optional<kafka::ControlType> marker) {
  if (header.leader_epoch > staged_epoch_) {
    staged_.epochs.push_back({header.leader_epoch, header.base_offset});
    staged_epoch_ = header.leader_epoch;
  }
  if (header.is_transactional() && header.has_producer()) {
    staged_.transactions.push_back({header.producer_id, header.base_offset, marker});
  }
  producers_.Stage(header, context_.clock.Now());
  if (const Status staged = writer_->Stage(header, bytes); !staged.ok()) TakeOffline(staged);
}

// The pair of the mirror's own check: what is appended continues the log and its epochs.
Status Partition::CheckMirrored(const LinkName& link, std::span<const kafka::BatchView> batches) {
  if (!failure_.ok()) return Unavailable("{}", offline_reason());
  const GateAnswer answer = context_.gate.AdmitMirror(identity_.topic_id, link);
  if (answer.error != kafka::ErrorCode::kNone) return FailedPrecondition("{}", answer.message);
  Offset next = writer_->staged_end();
  LeaderEpoch epoch = staged_epoch_;
  for (const kafka::BatchView& batch : batches) {
    const kafka::BatchHeader& header = batch.header();
    if (header.base_offset < next) {
      return FailedPrecondition("offset {} comes again: the log continues at {}",
                                header.base_offset.value(), next.value());
    }
    if (header.leader_epoch < epoch) {
      return FailedPrecondition("the epoch falls from {} to {} at offset {}", epoch.value(),
                                header.leader_epoch.value(), header.base_offset.value());
    }
    next = header.next_offset();
    epoch = header.leader_epoch;
  }
  return OkStatus();
}

void Partition::StageMirrorAppend(const LinkName& link, std::span<const kafka::BatchView> batches,
                                  MirrorOutcome& outcome) {
  outcome.status = CheckMirrored(link, batches);
  outcome.log_end = offsets().log_end;
  if (!outcome.status.ok() || batches.empty()) return;
  std::vector<std::optional<kafka::ControlType>> markers(batches.size());
  for (size_t i = 0; i < batches.size(); ++i) {
    if (!batches[i].header().is_control()) continue;
    // A marker of a type that is not known, or that does not parse, is kept and means nothing.
    markers[i] = kafka::ReadControlType(batches[i]).value_or(kafka::ControlType::kOther);
  }
  staged_.mirrors.push_back({&outcome, link, batches.back().header().next_offset()});
  for (size_t i = 0; i < batches.size() && failure_.ok(); ++i) {
    StageBatch(batches[i].header(), batches[i].bytes(), markers[i]);
  }
}

int Partition::StageAborts(LeaderEpoch epoch) {
  if (!failure_.ok()) return 0;
  std::vector<ProducerId> open;
  {
    MutexLock lock(&mutex_);
    open = transactions_.OpenProducers();
  }
  const Timestamp now = ToTimestamp(context_.clock.WallNow());
  for (const ProducerId producer : open) {
    const kafka::BatchBuilder::Options options{.base_offset = writer_->staged_end(),
                                               .leader_epoch = epoch,
                                               .producer_id = producer,
                                               .producer_epoch = producers_.Epoch(producer)};
    staged_.markers.push_back(kafka::BatchBuilder::ControlMarker(options, false, now, 0));
    const Bytes& marker = staged_.markers.back();
    const StatusOr<kafka::BatchHeader> header = kafka::BatchHeader::Parse(marker);
    CHECK(header.ok(), "a marker of our own does not parse");
    StageBatch(*header, marker, kafka::ControlType::kAbort);
  }
  return static_cast<int>(open.size());
}

void Partition::StageMapped(const LinkName& link, MappedAppend& append, MappedOutcome& outcome) {
  outcome.log_end = offsets().log_end;
  if (!failure_.ok()) {
    outcome.status = Unavailable("{}", offline_reason());
    return;
  }
  const GateAnswer answer = context_.gate.AdmitMapped(identity_.topic_id, link);
  if (answer.error != kafka::ErrorCode::kNone || answer.epoch < staged_epoch_) {
    outcome.status = FailedPrecondition(
        "{}", answer.message.empty() ? "the log is at a higher epoch" : answer.message);
    return;
  }
  outcome.status = append.Admit();
  if (!outcome.status.ok()) return;
  staged_.mapped.push_back({&append, &outcome, writer_->staged_end()});
  for (const MutableBytes batch : append.batches) {
    if (!failure_.ok()) return;
    StatusOr<kafka::BatchHeader> header = kafka::BatchHeader::Parse(batch);
    if (!header.ok()) return TakeOffline(header.status());
    header->base_offset = writer_->staged_end();
    header->leader_epoch = answer.epoch;
    kafka::StampBatch(batch, header->base_offset, answer.epoch);
    StageBatch(*header, batch, {});
  }
}

// --- The turn ---

File* Partition::WriteStaged() {
  wrote_ = false;
  if (staged_.empty()) return nullptr;
  Status written = WriteLog();
  if (written.ok()) written = NoteMapped();
  if (!written.ok()) {
    TakeOffline(written);
    FailStaged(failure_);
    return nullptr;
  }
  CommitStaged();
  AnswerWritten();
  wrote_ = true;
  return fsync() ? writer_->active_file() : nullptr;
}

Status Partition::WriteLog() {
  RETURN_IF_ERROR(failure_);
  const Offset before = writer_->end();
  RETURN_IF_ERROR(writer_->Write());
  RETURN_IF_ERROR(append_written.Hit());
  if (!staged_.mirrors.empty()) RETURN_IF_ERROR(mirror_appended.Hit());
  dirty_ = dirty_ || writer_->end() > before;
  return OkStatus();
}

Status Partition::NoteMapped() {
  for (const StagedMapped& mapped : staged_.mapped) {
    RETURN_IF_ERROR(mapped.append->OnWritten(mapped.base));
  }
  return OkStatus();
}

void Partition::CommitStaged() {
  producers_.Commit();
  MutexLock lock(&mutex_);
  for (const EpochStart& start : staged_.epochs) epochs_.Note(start.epoch, start.start);
  for (const TransactionStep& step : staged_.transactions) transactions_.Note(step);
  offsets_.log_end = writer_->end();
}

void Partition::AnswerWritten() {
  const Offset log_start = offsets().log_start;
  for (const StagedClient& client : staged_.clients) {
    client.outcome->base_offset = client.base_offset;
    client.outcome->log_append_time = client.append_time;
    client.outcome->log_start = log_start;
  }
  for (const StagedMirror& mirror : staged_.mirrors) mirror.outcome->log_end = mirror.end;
  AskGateAgain(runtime::CompleteAfter::kWrite);
}

// Before an acknowledgement leaves. The record itself stays: the next owner's cut decides about it.
void Partition::AskGateAgain(runtime::CompleteAfter after) {
  GateAnswer answer;
  bool asked = false;
  for (StagedClient& client : staged_.clients) {
    if (client.after != after || client.outcome == nullptr) continue;
    if (!asked) answer = context_.gate.AdmitClient(identity_.topic_id);
    asked = true;
    if (answer.error != kafka::ErrorCode::kNone) {
      Refuse(*client.outcome, answer.error, answer.message);
    } else if (answer.epoch != client.epoch) {
      Refuse(*client.outcome, kafka::ErrorCode::kNotLeaderOrFollower,
             "the epoch changed while the record was written");
    }
    if (after == runtime::CompleteAfter::kWrite) client.outcome = nullptr;
  }
}

void Partition::FailStaged(const Status& status) {
  producers_.Discard();
  const std::string reason(StatusMessage(status));
  for (const StagedClient& client : staged_.clients) {
    if (client.outcome == nullptr) continue;
    Refuse(*client.outcome, kafka::ErrorCode::kKafkaStorageError, reason);
  }
  for (const StagedMirror& mirror : staged_.mirrors) {
    mirror.outcome->status = Unavailable("{}", reason);
    mirror.outcome->log_end = kNoOffset;
  }
  for (const StagedMapped& mapped : staged_.mapped) {
    mapped.outcome->status = Unavailable("{}", reason);
  }
  staged_.Clear();
}

void Partition::Publish(const Status& sync) {
  if (!wrote_) return;
  wrote_ = false;
  Status status = sync;
  if (status.ok()) status = append_fsynced.Hit();
  if (status.ok() && !staged_.mirrors.empty()) status = mirror_fsynced.Hit();
  if (status.ok() && !staged_.mapped.empty()) status = context_.companion->Flush();
  if (!status.ok()) {
    TakeOffline(status);
    FailStaged(status);
    return;
  }
  PublishEnd();
  AnswerMapped();
  AskGateAgain(runtime::CompleteAfter::kSync);
  for (const StagedMirror& mirror : staged_.mirrors) {
    const GateAnswer answer = context_.gate.AdmitMirror(identity_.topic_id, mirror.link);
    if (answer.error != kafka::ErrorCode::kNone) {
      mirror.outcome->status = FailedPrecondition("{}", answer.message);
    }
  }
  const Status asked = append_epoch_rechecked.Hit();
  if (!asked.ok()) FailStaged(asked);
  staged_.Clear();
  SaveIfDue();
}

void Partition::AnswerMapped() {
  const Offset end = offsets().log_end;
  for (const StagedMapped& mapped : staged_.mapped) {
    mapped.append->OnPublished();
    mapped.outcome->base = mapped.base;
    mapped.outcome->log_end = end;
  }
}

// What was written, and synced where that is asked for, becomes visible.
void Partition::PublishEnd() {
  const LogEnd end = writer_->EndPoint();
  {
    MutexLock lock(&mutex_);
    unsaved_bytes_ += end.offset > end_.offset && end.segment_base == end_.segment_base
                          ? end.position - end_.position
                          : ByteCount(0);
    // A roll has synced everything below the new segment; it is worth a new recovery point.
    if (end.segment_base != end_.segment_base) unsaved_bytes_ = kSaveBytes;
    offsets_.log_end = end.offset;
    if (fsync()) offsets_.durable_end = end.offset;
    offsets_.high_watermark = end.offset;
    offsets_.last_stable =
        std::max(offsets_.log_start, transactions_.FirstOpen(offsets_.high_watermark));
    end_ = end;
  }
  Notify();
}

void Partition::SaveIfDue() {
  if (unsaved_bytes_ < kSaveBytes) return;
  bool rolled = false;
  {
    MutexLock lock(&mutex_);
    rolled = end_.segment_base > saved_end_;
  }
  // In os mode a save is a sync, which only a roll has made cheap; Tick does the others.
  if (!fsync() && !rolled) return;
  const Status saved = SaveState(checkpoint::Sync::kLazy);
  if (!saved.ok())
    LogWarning("partition", "{}: state not saved: {}", folder_, StatusMessage(saved));
}

}  // namespace atl::broker
