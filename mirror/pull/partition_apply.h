// One apply on its way to the sink: batches, restarts, cuts or new log starts of partitions on one
// storage shard. Its Done() tells the state machines and the link, and wakes whoever pulls the
// partitions now (which may be another fetcher than the one that posted it, or none).
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "mirror/pull/pulled_partition.h"
#include "mirror/pull/sink.h"

namespace atl::mirror {

class PartitionApply final : public ApplyRequest {
 public:
  explicit PartitionApply(PullHost& host) : host_(host) {}

  void AddBatches(std::shared_ptr<PulledPartition> partition, uint64_t attempt,
                  std::vector<kafka::BatchView> batches, std::vector<SourceAborted> aborted);
  void AddRestart(std::shared_ptr<PulledPartition> partition, Offset at);
  void AddCut(std::shared_ptr<PulledPartition> partition);
  void AddLogStart(std::shared_ptr<PulledPartition> partition, Offset start);
  void Done() override;

 private:
  enum class Kind { kBatches, kRestart, kCut, kLogStart };
  struct Part {
    std::shared_ptr<PulledPartition> partition;
    uint64_t attempt = 0;
    Kind kind = Kind::kBatches;
    int64_t records = 0;
    int64_t bytes = 0;
    Timestamp newest = kNoTimestamp;
  };
  ApplyItem& Add(std::shared_ptr<PulledPartition> partition, uint64_t attempt, Kind kind);
  void Finish(const Part& part, const ApplyItem& item);
  void FinishBatches(const Part& part, const ApplyItem& item);

  PullHost& host_;           // Outlives every apply: the link waits for them.
  std::vector<Part> parts_;  // As items.
};

}  // namespace atl::mirror
