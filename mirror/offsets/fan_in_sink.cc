#include "mirror/offsets/fan_in_sink.h"

#include <atomic>
#include <utility>
#include <vector>

#include "mirror/offsets/committed_batches.h"

namespace atl::mirror {
namespace {

using broker::Catalog;
using broker::MappedOutcome;
using broker::Partition;

class FanInPartition final : public SinkPartition {
 public:
  FanInPartition(Catalog& catalog, FanIn& fan_in, FanInSource source, TopicId source_id,
                 std::shared_ptr<Partition> partition)
      : catalog_(catalog),
        fan_in_(fan_in),
        source_(std::move(source)),
        source_id_(source_id),
        partition_(std::move(partition)),
        shard_(catalog.ShardOf(*partition_)) {}

  StatusOr<SinkEnd> End() const override;
  // A divergent source stops its flow: what others read beside the rest stays.
  Status ReadBatches(Offset, const Take&) const override { return Indivisible(); }
  StatusOr<std::shared_ptr<const SinkCut>> PlanCut(Offset) const override { return Indivisible(); }
  int shard() const override { return shard_; }

  FanIn& fan_in() const { return fan_in_; }
  const FanInSource& source() const { return source_; }
  const std::shared_ptr<Partition>& partition() const { return partition_; }
  // The row of this generation, if there is one.
  std::optional<FanInSourceRow> Position() const;
  // On the shard, before anything else is done there.
  Status Prepare() const;

  // On the link's reactor: up to where appends were posted since End() was asked last.
  mutable Offset posted = Offset(0);

 private:
  Status Indivisible() const {
    return Unimplemented("what flowed into `{}` is not taken out again",
                         partition_->identity().topic.value());
  }

  Catalog& catalog_;
  FanIn& fan_in_;
  const FanInSource source_;
  const TopicId source_id_;
  const std::shared_ptr<Partition> partition_;
  const int shard_;
};

std::optional<FanInSourceRow> FanInPartition::Position() const {
  std::optional<FanInSourceRow> row = fan_in_.Position(source_);
  if (row && row->topic_id != source_id_) row.reset();
  return row;
}

StatusOr<SinkEnd> FanInPartition::End() const {
  if (const std::string reason = partition_->offline_reason(); !reason.empty()) {
    return Unavailable("the partition is offline: {}", reason);
  }
  SinkEnd end{.log_start = Offset(0),
              .log_end = Offset(0),
              .durable_end = Offset(0),
              .last_epoch = kNoEpoch,
              .last_batch = {}};
  posted = Offset(0);
  const std::optional<FanInSourceRow> row = Position();
  if (!row) return end;
  end.log_end = fan_in_.Written(source_);
  end.log_start = std::min(row->start, end.log_end);
  end.durable_end = row->next;
  end.last_epoch = row->epoch;
  posted = end.log_end;
  if (!row->last_batch) return end;
  kafka::BatchHeader header;
  header.base_offset = row->last_batch->base_offset;
  header.length = row->last_batch->length;
  header.leader_epoch = row->epoch;
  header.crc = row->last_batch->crc;
  header.last_offset_delta = row->last_batch->last_offset_delta;
  header.max_timestamp = row->last_batch->max_timestamp;
  end.last_batch = header;
  return end;
}

Status FanInPartition::Prepare() const {
  const auto topic = catalog_.view()->Find(partition_->identity().topic_id);
  if (!topic || topic->is_mirror() || topic->frozen) {
    return FailedPrecondition("`{}` is no topic of this region (any more)",
                              partition_->identity().topic.value());
  }
  if (Position()) return OkStatus();
  return fan_in_.Begin(source_, source_id_, partition_->offsets().log_end);
}

// What one item of a request appends.
class FanInAppend final : public broker::MappedAppend {
 public:
  FanInAppend(const FanInPartition& target, Offset from, CommittedBatches committed)
      : target_(target), from_(from), committed_(std::move(committed)) {
    batches = committed_.batches;
  }
  Status Admit() override {
    return target_.fan_in().Stage(target_.source(), from_, committed_.taken.next);
  }
  Status OnWritten(Offset base) override {
    return target_.fan_in().Note(target_.source(), committed_.taken, base);
  }
  void OnPublished() override { target_.fan_in().Publish(target_.source()); }

 private:
  const FanInPartition& target_;  // Held by the request's item.
  const Offset from_;
  const CommittedBatches committed_;
};

struct Work {
  size_t item = 0;
  std::unique_ptr<FanInAppend> append;  // Null: no batches.
  MappedOutcome outcome;
};

struct Shared {
  explicit Shared(std::unique_ptr<ApplyRequest> r) : request(std::move(r)) {}
  std::unique_ptr<ApplyRequest> request;
  std::atomic<size_t> jobs{0};
};

const FanInPartition& Target(const ApplyItem& item) {
  return static_cast<const FanInPartition&>(*item.target);
}

class FanInJob final : public runtime::ShardJob {
 public:
  FanInJob(std::shared_ptr<Shared> shared, std::vector<Work> work)
      : shared_(std::move(shared)), work_(std::move(work)) {}

  void Run(runtime::ShardTurn& turn) override {
    for (Work& work : work_) Start(shared_->request->items[work.item], work, turn);
  }
  void Complete() override {
    for (const Work& work : work_) Finish(shared_->request->items[work.item], work);
    if (shared_->jobs.fetch_sub(1) == 1) shared_->request->Done();
  }
  runtime::Reactor* home() const override { return shared_->request->home; }

 private:
  static void Start(const ApplyItem& item, Work& work, runtime::ShardTurn& turn);
  static void Finish(ApplyItem& item, const Work& work);

  const std::shared_ptr<Shared> shared_;
  std::vector<Work> work_;
};

void FanInJob::Start(const ApplyItem& item, Work& work, runtime::ShardTurn& turn) {
  if (!work.outcome.status.ok()) return;  // The answer could not be read.
  const FanInPartition& target = Target(item);
  work.outcome.status = target.Prepare();
  if (!work.outcome.status.ok()) return;
  if (work.append != nullptr) {
    turn.Touch(target.partition());
    target.partition()->StageMapped(target.source().link, *work.append, work.outcome);
  } else if (item.restart_at) {
    work.outcome.status = target.fan_in().Restart(target.source(), *item.restart_at);
  } else if (item.log_start) {
    work.outcome.status = target.fan_in().Trim(target.source(), *item.log_start,
                                               target.partition()->offsets().log_start);
  }
}

void FanInJob::Finish(ApplyItem& item, const Work& work) {
  item.status = work.outcome.status;
  const std::optional<FanInSourceRow> row = Target(item).Position();
  item.log_end = item.durable_end = row ? row->next : Offset(0);
}

// Copies and filters, on the reactor; the shard only writes.
Work Prepare(const ApplyItem& item, size_t index) {
  Work work;
  work.item = index;
  if (item.batches.empty()) return work;
  const FanInPartition& target = Target(item);
  const std::optional<FanInSourceRow> row = target.Position();
  StatusOr<CommittedBatches> committed =
      TakeCommitted(item.batches, item.aborted, row ? row->start : Offset(0));
  work.outcome.status = committed.status();
  if (!committed.ok()) return work;
  const Offset from = std::exchange(target.posted, committed->taken.next);
  work.append = std::make_unique<FanInAppend>(target, from, *std::move(committed));
  return work;
}

}  // namespace

void FanInSink::Flow(const TopicId& source_id, FanInFlow flow) {
  MutexLock lock(&mutex_);
  flows_[source_id] = std::move(flow);
}

StatusOr<std::shared_ptr<SinkPartition>> FanInSink::Open(const LinkName& link, const TopicId& topic,
                                                         PartitionId partition) {
  FanInFlow flow;
  {
    MutexLock lock(&mutex_);
    const auto found = flows_.find(topic);
    if (found == flows_.end()) return NotFound("topic id {} flows nowhere", topic.ToString());
    flow = found->second;
  }
  const auto local = catalog_.view()->Find(flow.target);
  if (!local || local->partitions.empty()) {
    return NotFound("the topic that `{}` flows into is gone", flow.source.value());
  }
  const PartitionId into = fan_in_.PartitionFor(flow.target, link, flow.source, partition,
                                                static_cast<int32_t>(local->partitions.size()));
  if (into.value() >= static_cast<int32_t>(local->partitions.size())) {
    return NotFound("`{}` has no partition {}", local->name.value(), into.value());
  }
  return std::make_shared<FanInPartition>(
      catalog_, fan_in_, FanInSource{{flow.target, into}, link, flow.source, partition}, topic,
      local->partitions[static_cast<size_t>(into.value())]);
}

void FanInSink::Apply(std::unique_ptr<ApplyRequest> request) {
  std::map<int, std::vector<Work>> by_shard;
  for (size_t i = 0; i < request->items.size(); ++i) {
    const ApplyItem& item = request->items[i];
    const FanInPartition& target = Target(item);
    if (item.restart_at) target.posted = *item.restart_at;
    by_shard[target.shard()].push_back(Prepare(item, i));
  }
  if (by_shard.empty()) (void)by_shard[0];  // As in LocalSink.
  const auto shared = std::make_shared<Shared>(std::move(request));
  shared->jobs = by_shard.size();
  for (auto& [shard, work] : by_shard) {
    shards_.Post(shard, std::make_unique<FanInJob>(shared, std::move(work)));
  }
}

}  // namespace atl::mirror
