#include "mirror/pull/local_sink.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <utility>
#include <vector>

#include "base/failpoint.h"

namespace atl::mirror {
namespace {

using broker::Catalog;
using broker::Partition;

Failpoint truncated("back.truncated");

constexpr ByteCount kReadAtOnce{1 << 20};

class LocalCut final : public SinkCut {
 public:
  broker::PartitionCut plan;
};

class LocalPartition final : public SinkPartition {
 public:
  LocalPartition(Catalog& catalog, LinkName link, std::shared_ptr<Partition> partition)
      : catalog_(catalog),
        link_(std::move(link)),
        partition_(std::move(partition)),
        shard_(catalog.ShardOf(*partition_)) {}

  StatusOr<SinkEnd> End() const override;
  Status ReadBatches(Offset from, const Take& take) const override;
  StatusOr<std::shared_ptr<const SinkCut>> PlanCut(Offset offset) const override;
  int shard() const override { return shard_; }

  const LinkName& link() const { return link_; }
  const std::shared_ptr<Partition>& partition() const { return partition_; }
  // Appends pass the broker's gate; what moves the log's start has to ask here.
  Status Admit() const;

 private:
  Catalog& catalog_;
  const LinkName link_;
  const std::shared_ptr<Partition> partition_;
  const int shard_;
};

StatusOr<SinkEnd> LocalPartition::End() const {
  if (const std::string reason = partition_->offline_reason(); !reason.empty()) {
    return Unavailable("the partition is offline: {}", reason);
  }
  const broker::PartitionOffsets offsets = partition_->offsets();
  SinkEnd end{.log_start = offsets.log_start,
              .log_end = offsets.log_end,
              .durable_end = offsets.high_watermark,
              .last_epoch = partition_->last_epoch(),
              .last_batch = {},
              .epochs = {}};
  for (const broker::EpochStart& start : partition_->epochs()) {
    end.epochs.push_back({start.epoch, start.start});
  }
  if (offsets.log_end <= offsets.log_start) return end;
  const StatusOr<kafka::BatchHeader> last = partition_->BatchAt(offsets.log_end - RecordCount(1));
  if (last.status().code() == StatusCode::kNotFound) return end;  // An operator skipped the last.
  RETURN_IF_ERROR(last.status());
  end.last_batch = *last;
  end.last_epoch = last->leader_epoch;
  return end;
}

Status LocalPartition::ReadBatches(Offset from, const Take& take) const {
  Bytes bytes;
  for (Offset next = from;;) {
    const broker::ReadOutcome read = partition_->Read({.offset = next, .max_bytes = kReadAtOnce});
    if (read.error != kafka::ErrorCode::kNone) {
      return Unavailable("reading at offset {}: {}", next.value(), kafka::ErrorName(read.error));
    }
    if (read.slices.empty()) return OkStatus();
    bytes.clear();
    for (const FileSlice& slice : read.slices) {
      const size_t at = bytes.size();
      bytes.resize(at + static_cast<size_t>(slice.length.value()));
      ASSIGN_OR_RETURN(const size_t got,
                       slice.file->ReadAt(slice.position, MutableBytes(bytes).subspan(at)));
      if (at + got < bytes.size()) return Unavailable("{} is too short", slice.file->path());
    }
    for (BytesView rest = bytes; !rest.empty();) {
      ASSIGN_OR_RETURN(const kafka::BatchView batch, kafka::BatchView::Parse(rest));
      RETURN_IF_ERROR(take(batch));
      rest = rest.subspan(batch.bytes().size());
      next = batch.header().next_offset();
    }
  }
}

StatusOr<std::shared_ptr<const SinkCut>> LocalPartition::PlanCut(Offset offset) const {
  auto cut = std::make_shared<LocalCut>();
  cut->end = partition_->offsets().log_end;
  ASSIGN_OR_RETURN(cut->plan, partition_->PlanCut(offset));
  cut->at = cut->plan.at;
  cut->first = std::max(cut->plan.at, partition_->offsets().log_start);
  return std::shared_ptr<const SinkCut>(std::move(cut));
}

Status LocalPartition::Admit() const {
  const auto topic = catalog_.view()->Find(partition_->identity().topic_id);
  if (!topic || topic->link != link_ || topic->frozen) {
    return FailedPrecondition("`{}` is not (any more) a mirror of link `{}`",
                              partition_->identity().topic.value(), link_.value());
  }
  return OkStatus();
}

Status ToStatus(kafka::ErrorCode error, Offset log_start) {
  switch (error) {
    case kafka::ErrorCode::kNone:
      return OkStatus();
    case kafka::ErrorCode::kOffsetOutOfRange:
      return OutOfRange("log start {} is not within the log", log_start.value());
    default:
      return Unavailable("log start {}: {}", log_start.value(), kafka::ErrorName(error));
  }
}

// A request whose jobs may run on several shards; the last one to complete tells its owner.
struct Shared {
  explicit Shared(std::unique_ptr<ApplyRequest> r) : request(std::move(r)) {}
  std::unique_ptr<ApplyRequest> request;
  std::atomic<size_t> jobs{0};
};

class ApplyJob final : public runtime::ShardJob {
 public:
  ApplyJob(std::shared_ptr<Shared> shared, std::vector<size_t> items)
      : shared_(std::move(shared)), items_(std::move(items)), outcomes_(items_.size()) {}

  void Run(runtime::ShardTurn& turn) override {
    for (size_t i = 0; i < items_.size(); ++i) {
      Start(shared_->request->items[items_[i]], outcomes_[i], turn);
    }
  }

  void Complete() override {
    for (size_t i = 0; i < items_.size(); ++i) {
      Finish(shared_->request->items[items_[i]], outcomes_[i]);
    }
    if (shared_->jobs.fetch_sub(1) == 1) shared_->request->Done();
  }

  runtime::Reactor* home() const override { return shared_->request->home; }

 private:
  static void Start(const ApplyItem& item, broker::MirrorOutcome& outcome,
                    runtime::ShardTurn& turn);
  static void Finish(ApplyItem& item, const broker::MirrorOutcome& outcome);

  const std::shared_ptr<Shared> shared_;
  const std::vector<size_t> items_;
  std::vector<broker::MirrorOutcome> outcomes_;  // Filled while the turn runs.
};

const LocalPartition& Target(const ApplyItem& item) {
  return static_cast<const LocalPartition&>(*item.target);
}

Status Truncate(Partition& partition, const LocalCut& cut) {
  const Offset end = partition.offsets().log_end;
  if (end != cut.end) {
    return FailedPrecondition("the log ends at offset {} now, {} was set aside", end.value(),
                              cut.end.value());
  }
  RETURN_IF_ERROR(partition.TruncateTo(cut.plan));
  return truncated.Hit();
}

void ApplyJob::Start(const ApplyItem& item, broker::MirrorOutcome& outcome,
                     runtime::ShardTurn& turn) {
  const LocalPartition& target = Target(item);
  Partition& partition = *target.partition();
  if (!item.batches.empty()) {
    turn.Touch(target.partition());
    partition.StageMirrorAppend(target.link(), item.batches, outcome);
    return;
  }
  outcome.status = target.Admit();
  if (!outcome.status.ok()) return;
  if (item.restart_at) {
    outcome.status = partition.RestartAt(*item.restart_at);
  } else if (item.cut) {
    outcome.status = Truncate(partition, static_cast<const LocalCut&>(*item.cut));
  } else if (item.log_start) {
    outcome.status = ToStatus(partition.AdvanceLogStart(*item.log_start), *item.log_start);
  }
}

void ApplyJob::Finish(ApplyItem& item, const broker::MirrorOutcome& outcome) {
  item.status = outcome.status;
  const broker::PartitionOffsets offsets = Target(item).partition()->offsets();
  item.log_end = offsets.log_end;
  item.durable_end = offsets.high_watermark;
}

}  // namespace

StatusOr<std::shared_ptr<SinkPartition>> LocalSink::Open(const LinkName& link, const TopicId& topic,
                                                         PartitionId partition) {
  const auto found = catalog_.view()->Find(topic);
  const bool known = found && partition >= PartitionId(0) &&
                     partition.value() < static_cast<int32_t>(found->partitions.size());
  if (!known) {
    return NotFound("partition {} of topic id {} is not here", partition.value(), topic.ToString());
  }
  if (found->link != link) {
    return FailedPrecondition("`{}` is not a mirror of link `{}`", found->name.value(),
                              link.value());
  }
  return std::make_shared<LocalPartition>(
      catalog_, link, found->partitions[static_cast<size_t>(partition.value())]);
}

void LocalSink::Apply(std::unique_ptr<ApplyRequest> request) {
  std::map<int, std::vector<size_t>> by_shard;
  for (size_t i = 0; i < request->items.size(); ++i) {
    by_shard[request->items[i].target->shard()].push_back(i);
  }
  if (by_shard.empty()) {
    by_shard[0] = {};  // Nothing to do is done by a turn, too: Done() never runs inside Apply().
  }
  const auto shared = std::make_shared<Shared>(std::move(request));
  shared->jobs = by_shard.size();
  for (auto& [shard, items] : by_shard) {
    shards_.Post(shard, std::make_unique<ApplyJob>(shared, std::move(items)));
  }
}

}  // namespace atl::mirror
