// Where a mirror's records go. The local partition is one sink (local_sink); a producer into a
// foreign cluster will be another. The rest of mirror/ sees only this.
//
// Thread-safe. Work is posted, grouped so that one request touches one storage shard; Done() comes
// back on the home reactor (or on the shard's thread without one, as in the simulator).
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/status.h"
#include "base/types.h"
#include "base/uuid.h"
#include "kafka/record/batch_view.h"

namespace atl::runtime {
class Reactor;
}

namespace atl::mirror {

struct SinkEpoch {
  LeaderEpoch epoch;
  Offset start;
};

// What the sink holds of one partition. The log is the truth: a mirror resumes from `log_end`,
// never from a checkpoint.
struct SinkEnd {
  Offset log_start;
  Offset log_end;
  Offset durable_end;
  LeaderEpoch last_epoch = kNoEpoch;  // kNoEpoch: the log is empty.
  std::optional<kafka::BatchHeader>
      last_batch;                      // The batch that ends at log_end, when there is one.
  std::vector<SinkEpoch> epochs = {};  // Of the log, rising.
};

// A truncation that was prepared; opaque outside the sink but for where it leads.
class SinkCut {
 public:
  virtual ~SinkCut() = default;
  Offset at;     // The log will end here: behind the last whole batch below what was asked for.
  Offset first;  // Readable offsets from here on go,
  Offset end;    // up to here: the log end, when it was prepared. It must not have grown since.
};

// A transaction that was aborted, as a fetch answer names it: the producer's batches from here on
// up to its abort marker are no data.
struct SourceAborted {
  ProducerId producer_id;
  Offset first_offset;
};

// One partition of the sink; opaque outside it.
class SinkPartition {
 public:
  using Take = std::function<Status(const kafka::BatchView&)>;
  virtual ~SinkPartition() = default;
  virtual StatusOr<SinkEnd> End() const = 0;
  // Both may block for long, on a thread that may. The batches from the one that contains `from` to
  // the log end, verbatim and in order; an error of `take` ends it.
  virtual Status ReadBatches(Offset from, const Take& take) const = 0;
  virtual StatusOr<std::shared_ptr<const SinkCut>> PlanCut(Offset offset) const = 0;
  // Groups requests: items of one ApplyRequest must agree on it.
  virtual int shard() const = 0;
};

struct ApplyItem {
  std::shared_ptr<SinkPartition> target;
  // At most one of the four kinds per item.
  std::vector<kafka::BatchView> batches;  // Verbatim, in order, the first at or behind the log end.
  std::vector<SourceAborted> aborted;     // Among the batches, where the source was asked for them.
  std::optional<Offset> restart_at;       // The log begins anew here (first start, a skipped gap).
  std::optional<Offset> log_start;  // The source's log starts here now (retention, DeleteRecords).
  std::shared_ptr<const SinkCut> cut;  // What lies behind it goes; it was set aside before.
  // The answer, valid in Done().
  Status status;
  Offset log_end = kNoOffset;
  Offset durable_end = kNoOffset;
};

// Derived by the caller to get Done(). Deleted after it.
class ApplyRequest {
 public:
  virtual ~ApplyRequest() = default;
  virtual void Done() = 0;

  std::vector<ApplyItem> items;
  std::shared_ptr<const void> bytes;  // Keeps what the batches point into.
  runtime::Reactor* home = nullptr;
};

class Sink {
 public:
  virtual ~Sink() = default;
  virtual StatusOr<std::shared_ptr<SinkPartition>> Open(const LinkName& link, const TopicId& topic,
                                                        PartitionId partition) = 0;
  virtual void Apply(std::unique_ptr<ApplyRequest> request) = 0;
};

}  // namespace atl::mirror
