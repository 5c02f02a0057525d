// Opening: the checkpoint's claim, the log behind it, and what both together say. And cutting back,
// which is the same question asked of an earlier end.
#include <algorithm>

#include "base/failpoint.h"
#include "base/logging.h"
#include "core-broker/log/batch_cursor.h"
#include "core-broker/partition/partition.h"
#include "kafka/record/record_reader.h"

namespace atl::broker {
namespace {

Failpoint epochs_loaded("start.epochs_loaded");
Failpoint cut_decided("truncate.decided");
Failpoint cut_done("truncate.files_cut");

// A full disk's partition comes back only when there is room for more than the next batch.
constexpr ByteCount kReopenSpace{1 << 20};

struct Claim {
  Offset log_start{0};
  Offset recovery_point = kNoOffset;
  LeaderEpochs epochs;
  ProducerState producers;
  TransactionIndex transactions;
  Offset truncate_to = kNoOffset;
};

// A row that is damaged is as good as none: the log is scanned instead.
template <class T>
StatusOr<std::optional<T>> Believe(StatusOr<std::optional<T>> row, const std::string& folder) {
  if (row.ok() || row.status().code() != StatusCode::kDataLoss) return row;
  LogWarning("partition", "{}: {}; the log is scanned whole", folder, StatusMessage(row.status()));
  return std::optional<T>();
}

StatusOr<Claim> ReadClaim(checkpoint::PartitionStateTable& states,
                          const Partition::Identity& identity, const std::string& folder,
                          MonotonicTime now) {
  Claim claim;
  ASSIGN_OR_RETURN(const auto state,
                   Believe(states.Get(identity.topic_id, identity.partition), folder));
  if (!state) return claim;
  claim.log_start = state->log_start;
  claim.truncate_to = state->truncate_to;
  ASSIGN_OR_RETURN(const auto producers,
                   Believe(states.Producers(identity.topic_id, identity.partition), folder));
  ASSIGN_OR_RETURN(const auto transactions,
                   Believe(states.Transactions(identity.topic_id, identity.partition), folder));
  const Offset point = state->recovery_point;
  if (!producers || !transactions || producers->offset != point || transactions->offset != point) {
    return claim;  // The snapshots are of another moment.
  }
  StatusOr<ProducerState> known = ProducerState::Decode(producers->bytes, now);
  StatusOr<TransactionIndex> open = TransactionIndex::Decode(transactions->bytes);
  if (!known.ok() || !open.ok()) return claim;
  std::vector<EpochStart> chain;
  for (const checkpoint::EpochStart& start : state->epochs) {
    chain.push_back({start.epoch, start.start});
  }
  claim.recovery_point = point;
  claim.epochs = LeaderEpochs(std::move(chain));
  claim.producers = *std::move(known);
  claim.transactions = *std::move(open);
  return claim;
}

}  // namespace

class Partition::Replay final : public LogReplay {
 public:
  Replay(Claim& claim, Clock& clock) : claim_(claim), clock_(clock) {}

  void Begin(Offset from) override {
    if (from == claim_.recovery_point) return;
    // A whole scan knows better; segments that are gone took with them what followed the snapshot.
    claim_.producers = ProducerState();
    claim_.transactions = TransactionIndex();
    if (from < claim_.recovery_point) claim_.epochs = LeaderEpochs();
  }

  Status Apply(const kafka::BatchView& batch) override {
    std::optional<kafka::ControlType> marker;
    if (batch.header().is_control()) {
      marker = kafka::ReadControlType(batch).value_or(kafka::ControlType::kOther);
    }
    return Note(batch.header(), marker);
  }

  Status Note(const kafka::BatchHeader& header, std::optional<kafka::ControlType> marker) {
    if (!claim_.epochs.Note(header.leader_epoch, header.base_offset)) {
      return FailedPrecondition("the epoch falls from {} to {} at offset {}",
                                claim_.epochs.last().value(), header.leader_epoch.value(),
                                header.base_offset.value());
    }
    claim_.producers.Stage(header, clock_.Now());
    claim_.producers.Commit();
    if (header.is_transactional() && header.has_producer()) {
      claim_.transactions.Note({header.producer_id, header.base_offset, marker});
    }
    return OkStatus();
  }

 private:
  Claim& claim_;
  Clock& clock_;
};

StatusOr<std::shared_ptr<Partition>> Partition::Open(const PartitionContext& context,
                                                     Identity identity, std::string folder,
                                                     const PartitionConfig& config) {
  std::shared_ptr<Partition> partition(
      new Partition(context, std::move(identity), std::move(folder), config));
  RETURN_IF_ERROR(context.files.CreateFolders(partition->folder_));
  ASSIGN_OR_RETURN(Recovered found, partition->Recover());
  partition->Install(std::move(found));
  return partition;
}

std::shared_ptr<Partition> Partition::OpenOffline(const PartitionContext& context,
                                                  Identity identity, std::string folder,
                                                  const PartitionConfig& config,
                                                  const Status& reason) {
  std::shared_ptr<Partition> partition(
      new Partition(context, std::move(identity), std::move(folder), config));
  partition->TakeOffline(reason);
  return partition;
}

// The log, cut to where a companion agrees with it.
StatusOr<Partition::Recovered> Partition::Recover() {
  ASSIGN_OR_RETURN(Recovered found, RecoverLog());
  if (context_.companion == nullptr) return found;
  ASSIGN_OR_RETURN(
      const Offset end,
      context_.companion->Settle(identity_.topic_id, identity_.partition, found.log->end()));
  if (end >= found.log->end()) return found;
  const bool empties = end <= found.log->start();
  RETURN_IF_ERROR(empties ? found.log->RestartAt(end) : found.log->TruncateTo(end));
  return RecoverLog();
}

StatusOr<Partition::Recovered> Partition::RecoverLog() {
  ASSIGN_OR_RETURN(Claim claim,
                   ReadClaim(context_.states, identity_, folder_, context_.clock.Now()));
  // Of a decided cut the claim says all; what still lies behind it in the files counts for nothing.
  const Claim decided = claim;
  Replay replay(claim, context_.clock);
  const Log::OpenRequest request{.files = context_.files,
                                 .folder = folder_,
                                 .config = config_.log,
                                 .recovery_point = claim.recovery_point,
                                 .first_offset = claim.log_start};
  StatusOr<Log::OpenOutcome> opened = Log::Open(request, replay);
  if (opened.status().code() == StatusCode::kDataLoss) {
    context_.metrics
        .GetCounter("atoll_storage_corruptions_total", "Damage found in files of the log",
                    {{"volume", "data"}})
        .Increment();
  }
  RETURN_IF_ERROR(opened.status());
  Recovered found{.log = std::move(opened->log),
                  .epochs = std::move(claim.epochs),
                  .producers = std::move(claim.producers),
                  .transactions = std::move(claim.transactions),
                  .log_start = kNoOffset,
                  .durable_end = kNoOffset};
  found.log_start = std::max(claim.log_start, found.log->start());
  if (decided.truncate_to != kNoOffset) {
    RETURN_IF_ERROR(
        FinishCut(found, {decided.truncate_to, decided.producers, decided.transactions}));
  }
  if (found.log_start > found.log->end()) {
    // Everything below the start was deleted on purpose; a crash came before the files went.
    RETURN_IF_ERROR(found.log->RestartAt(found.log_start));
    found.epochs = LeaderEpochs();
    found.producers = ProducerState();
    found.transactions = TransactionIndex();
  }
  RETURN_IF_ERROR(found.log->TrimBefore(found.log_start));
  found.durable_end = std::clamp(claim.recovery_point, found.log_start, found.log->end());
  if (fsync()) {
    // What the page cache kept through a kill is shown below, so it must survive a power cut too.
    if (opened->scanned_bytes > ByteCount(0)) RETURN_IF_ERROR(found.log->SyncActive());
    found.durable_end = found.log->end();
  }
  found.epochs.TruncateBefore(found.log_start);
  found.transactions.TruncateBefore(found.log_start);
  RETURN_IF_ERROR(epochs_loaded.Hit());
  return found;
}

void Partition::Install(Recovered found) {
  writer_ = std::move(found.log);
  producers_ = std::move(found.producers);
  staged_.Clear();
  staged_epoch_ = found.epochs.last();
  failure_ = OkStatus();
  wrote_ = false;
  dirty_ = true;
  {
    MutexLock lock(&mutex_);
    log_ = writer_;
    epochs_ = std::move(found.epochs);
    transactions_ = std::move(found.transactions);
    offsets_.log_start = found.log_start;
    offsets_.durable_end = found.durable_end;
    end_ = writer_->EndPoint();
    offline_reason_.clear();
  }
  PublishEnd();
}

Status Partition::Reopen() {
  if (failure_.ok()) return OkStatus();
  if (failure_.code() == StatusCode::kCancelled) return failure_;
  if (failure_.code() == StatusCode::kResourceExhausted) {
    ASSIGN_OR_RETURN(const FileSystem::Space space, context_.files.SpaceAt(folder_));
    if (space.free < kReopenSpace) return failure_;
  }
  StatusOr<Recovered> found = Recover();
  Status reopened = found.status();
  const Offset acknowledged = offsets().high_watermark;
  if (reopened.ok() && found->log->end() < acknowledged) {
    const std::string lost =
        fmt::format("{}: the log ends at offset {}, but records up to {} were visible", folder_,
                    found->log->end().value(), acknowledged.value());
    // With durability os that was never promised.
    if (fsync()) reopened = Corrupt("{}", lost);
    if (!fsync()) LogError("partition", "{}", lost);
  }
  if (reopened.ok()) {
    LogInfo("partition", "{}: online again, the log ends at offset {}", folder_,
            found->log->end().value());
    Install(*std::move(found));
    return OkStatus();
  }
  failure_ = reopened;
  MutexLock lock(&mutex_);
  offline_reason_ = StatusMessage(reopened);
  return reopened;
}

// --- Cutting back ---

Status Partition::WriteState(checkpoint::PartitionState state, const ProducerState& producers,
                             const TransactionIndex& transactions) const {
  const Offset point = state.recovery_point;
  checkpoint::WriteBatch batch;
  checkpoint::PartitionStateTable::StagePut(batch, state);
  checkpoint::PartitionStateTable::StageProducers(batch, state.topic, state.partition,
                                                  {point, producers.Encode(context_.clock.Now())});
  checkpoint::PartitionStateTable::StageTransactions(batch, state.topic, state.partition,
                                                     {point, transactions.Encode()});
  return context_.states.Write(batch, checkpoint::Sync::kNow);
}

StatusOr<PartitionCut> Partition::PlanCut(Offset offset) const {
  const View view = Look();
  if (view.log == nullptr) return Unavailable("{}", offline_reason());
  const Offset start = view.offsets.log_start;
  ASSIGN_OR_RETURN(Claim claim,
                   ReadClaim(context_.states, identity_, folder_, context_.clock.Now()));
  const bool near = claim.recovery_point >= start && claim.recovery_point <= offset;
  if (!near) claim = Claim();
  const Offset from = near ? claim.recovery_point : start;
  Offset at = near ? from : kNoOffset;
  Replay replay(claim, context_.clock);
  for (const auto& segment : view.log->segments(from)) {
    if (segment->base() >= std::min(offset, view.end.offset)) break;
    ASSIGN_OR_RETURN(const Segment::SeekPoint first, segment->Seek(from));
    ASSIGN_OR_RETURN(const FilePosition stop, LimitIn(view, *segment, view.end.offset));
    ASSIGN_OR_RETURN(const std::shared_ptr<File> file, segment->file());
    HeaderCursor cursor(*file, std::min(first.position, stop), stop);
    while (true) {
      ASSIGN_OR_RETURN(const bool moved, cursor.Next());
      if (!moved || cursor.header().next_offset() > offset) break;
      std::optional<kafka::ControlType> marker;
      if (cursor.header().is_control()) {
        ASSIGN_OR_RETURN(const Bytes bytes, ReadBatch(*file, cursor.position(), cursor.header()));
        ASSIGN_OR_RETURN(const kafka::BatchView batch, kafka::BatchView::Parse(bytes));
        marker = kafka::ReadControlType(batch).value_or(kafka::ControlType::kOther);
      }
      RETURN_IF_ERROR(replay.Note(cursor.header(), marker));
      at = cursor.header().next_offset();
    }
  }
  if (at <= start) return PartitionCut{std::min(offset, start), {}, {}};
  claim.transactions.TruncateBefore(start);
  return PartitionCut{at, std::move(claim.producers), std::move(claim.transactions)};
}

// Readers see the new end before the first byte goes.
void Partition::HideFrom(Offset end) {
  const StatusOr<LogPosition> found = writer_->Find(end);
  MutexLock lock(&mutex_);
  offsets_.log_end = std::min(offsets_.log_end, end);
  offsets_.durable_end = std::min(offsets_.durable_end, end);
  offsets_.high_watermark = std::min(offsets_.high_watermark, end);
  offsets_.last_stable = std::min(offsets_.last_stable, end);
  if (found.ok()) end_ = {end, found->segment->base(), found->position};
}

// The files follow the decision, and then it is forgotten: nothing may be appended before.
Status Partition::FinishCut(Recovered& found, PartitionCut cut) {
  if (cut.at <= found.log_start) {
    RETURN_IF_ERROR(found.log->RestartAt(cut.at));
    found.log_start = cut.at;
    cut.producers = {};
    cut.transactions = {};
  } else if (cut.at < found.log->end()) {
    RETURN_IF_ERROR(found.log->TruncateTo(cut.at));
  }
  RETURN_IF_ERROR(cut_done.Hit());
  found.epochs.TruncateFrom(cut.at);
  found.producers = std::move(cut.producers);
  found.transactions = std::move(cut.transactions);
  found.durable_end = found.log->end();
  checkpoint::PartitionState state{.topic = identity_.topic_id,
                                   .partition = identity_.partition,
                                   .log_start = found.log_start,
                                   .recovery_point = found.log->end(),
                                   .epochs = {}};
  for (const EpochStart& start : found.epochs.chain()) {
    state.epochs.push_back({start.epoch, start.start});
  }
  return WriteState(std::move(state), found.producers, found.transactions);
}

Status Partition::TruncateTo(PartitionCut cut) {
  RETURN_IF_ERROR(failure_);
  if (!staged_.empty()) return FailedPrecondition("appends are under way");
  const PartitionOffsets now = offsets();
  if (cut.at >= now.log_end) return OkStatus();
  // What stays is claimed to be durable.
  Status done = now.durable_end < cut.at ? writer_->SyncActive() : OkStatus();
  Recovered found{.log = writer_,
                  .epochs = {},
                  .producers = {},
                  .transactions = {},
                  .log_start = now.log_start,
                  .durable_end = kNoOffset};
  checkpoint::PartitionState decision{.topic = identity_.topic_id,
                                      .partition = identity_.partition,
                                      .log_start = now.log_start,
                                      .recovery_point = cut.at,
                                      .epochs = {},
                                      .truncate_to = cut.at};
  {
    MutexLock lock(&mutex_);
    found.epochs = epochs_;
  }
  found.epochs.TruncateFrom(cut.at);
  for (const EpochStart& start : found.epochs.chain()) {
    decision.epochs.push_back({start.epoch, start.start});
  }
  cut.producers.TakeAges(producers_);
  HideFrom(std::max(cut.at, now.log_start));
  if (done.ok()) done = WriteState(std::move(decision), cut.producers, cut.transactions);
  if (done.ok()) done = cut_decided.Hit();
  if (done.ok()) done = FinishCut(found, std::move(cut));
  // The decision may be durable: only opening the log anew can tell.
  if (!done.ok()) {
    TakeOffline(done);
    return done;
  }
  Install(std::move(found));
  saved_end_ = offsets().log_end;
  LogInfo("partition", "{}: truncated from offset {} to {}", folder_, now.log_end.value(),
          offsets().log_end.value());
  return OkStatus();
}

Status Partition::RestartAt(Offset start) {
  RETURN_IF_ERROR(failure_);
  if (!staged_.empty()) return FailedPrecondition("appends are under way");
  // The decision first: a crash from here on ends with an empty log at `start`.
  RETURN_IF_ERROR(WriteState({.topic = identity_.topic_id,
                              .partition = identity_.partition,
                              .log_start = start,
                              .recovery_point = start,
                              .epochs = {}},
                             {}, {}));
  if (const Status restarted = writer_->RestartAt(start); !restarted.ok()) {
    TakeOffline(restarted);
    return restarted;
  }
  Install({.log = std::move(writer_),
           .epochs = {},
           .producers = {},
           .transactions = {},
           .log_start = start,
           .durable_end = start});
  return OkStatus();
}

}  // namespace atl::broker
