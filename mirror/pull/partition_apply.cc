#include "mirror/pull/partition_apply.h"

#include <algorithm>

#include "base/failpoint.h"
#include "base/status_name.h"
#include "mirror/pull/fetcher.h"

namespace atl::mirror {
namespace {

Failpoint resync_started("back.resync_started");

}  // namespace

ApplyItem& PartitionApply::Add(std::shared_ptr<PulledPartition> partition, uint64_t attempt,
                               Kind kind) {
  ApplyItem& item = items.emplace_back();
  item.target = partition->sink;
  ++partition->applies_in_flight;
  Part& part = parts_.emplace_back();
  part.partition = std::move(partition);
  part.attempt = attempt;
  part.kind = kind;
  return item;
}

void PartitionApply::AddBatches(std::shared_ptr<PulledPartition> partition, uint64_t attempt,
                                std::vector<kafka::BatchView> batches,
                                std::vector<SourceAborted> aborted) {
  ApplyItem& item = Add(std::move(partition), attempt, Kind::kBatches);
  Part& part = parts_.back();
  for (const kafka::BatchView& batch : batches) {
    part.records += batch.header().record_count;
    part.bytes += static_cast<int64_t>(batch.bytes().size());
    part.newest = std::max(part.newest, batch.header().max_timestamp);
  }
  item.batches = std::move(batches);
  item.aborted = std::move(aborted);
}

void PartitionApply::AddRestart(std::shared_ptr<PulledPartition> partition, Offset at) {
  const uint64_t attempt = partition->mirror.attempt();
  Add(std::move(partition), attempt, Kind::kRestart).restart_at = at;
}

void PartitionApply::AddCut(std::shared_ptr<PulledPartition> partition) {
  const uint64_t attempt = partition->mirror.attempt();
  std::shared_ptr<const SinkCut> cut = std::move(partition->cut);
  Add(std::move(partition), attempt, Kind::kCut).cut = std::move(cut);
}

void PartitionApply::AddLogStart(std::shared_ptr<PulledPartition> partition, Offset start) {
  const uint64_t attempt = partition->mirror.attempt();
  Add(std::move(partition), attempt, Kind::kLogStart).log_start = start;
}

void PartitionApply::Done() {
  for (size_t i = 0; i < parts_.size(); ++i) Finish(parts_[i], items[i]);
  host_.OnApplyDone();
}

void PartitionApply::Finish(const Part& part, const ApplyItem& item) {
  PulledPartition& partition = *part.partition;
  --partition.applies_in_flight;
  if (!item.status.ok()) {
    host_.OnError("apply", StatusCodeName(item.status.code()));
  }
  switch (part.kind) {
    case Kind::kBatches:
      FinishBatches(part, item);
      break;
    case Kind::kRestart:
      partition.restart_attempt = 0;
      partition.mirror.OnRestarted(part.attempt, item.status, host_.now());
      break;
    case Kind::kCut:
      partition.truncate_attempt = 0;
      partition.mirror.OnTruncated(part.attempt, item.status, host_.now());
      if (item.status.ok()) resync_started.Pass();
      break;
    case Kind::kLogStart:
      partition.following = false;
      partition.mirror.OnLogStartFollowed(part.attempt, item.status, *item.log_start, host_.now());
      break;
  }
  if (partition.fetcher != nullptr) {
    partition.fetcher->Touch(partition);
    partition.fetcher->Wake();
  }
}

void PartitionApply::FinishBatches(const Part& part, const ApplyItem& item) {
  PulledPartition& partition = *part.partition;
  const bool moved =
      partition.mirror.OnApplied(part.attempt, item.status, item.durable_end, host_.now());
  if (!item.status.ok()) return;
  if (partition.topic->records != nullptr) {
    partition.topic->records->Increment(static_cast<double>(part.records));
    partition.topic->bytes->Increment(static_cast<double>(part.bytes));
  }
  host_.OnReplicated(part.newest);
  if (moved) host_.OnPosition(part.partition);
}

}  // namespace atl::mirror
