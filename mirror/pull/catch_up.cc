#include "mirror/pull/catch_up.h"

#include <map>
#include <string>
#include <utility>

#include "mirror/pull/verify.h"
#include "runtime/timer.h"

namespace atl::mirror {
namespace {

using runtime::awaitable;

constexpr ByteCount kOfOnePartition{int64_t{4} << 20};
constexpr size_t kPartitionsAtOnce = 16;
constexpr ByteCount kAtOnce{int64_t{32} << 20};

// Shared with the applies on their way, which may outlive a cancelled coroutine.
struct Applied {
  explicit Applied(runtime::Reactor& reactor) : done(reactor) {}
  std::vector<Status> statuses;
  size_t left = 0;
  runtime::Event done;
};

class CatchUpApply final : public ApplyRequest {
 public:
  explicit CatchUpApply(std::shared_ptr<Applied> applied) : applied_(std::move(applied)) {}
  void Done() override {
    for (const ApplyItem& item : items) applied_->statuses.push_back(item.status);
    if (--applied_->left == 0) applied_->done.Set();
  }

 private:
  const std::shared_ptr<Applied> applied_;
};

class Puller {
 public:
  Puller(runtime::Reactor& reactor, SourceChannel& channel, Sink& sink)
      : reactor_(reactor), channel_(channel), sink_(sink) {}

  // What is not whole yet, at most a round's worth, from `first` on.
  Status Ask(std::vector<CatchUpPartition>& partitions, size_t first);
  bool idle() const { return asked_.empty(); }
  awaitable<Status> CompareLastBatches();
  // One round; true: some partition moved.
  awaitable<StatusOr<bool>> Pull();

 private:
  struct Asked {
    CatchUpPartition* partition = nullptr;
    SinkEnd before;
  };
  static std::string Where(const CatchUpPartition& partition) {
    return fmt::format("{}-{}", partition.at.topic.value(), partition.at.partition.value());
  }
  Status Verify(const Asked& asked, const FetchedSlice& slice,
                std::vector<kafka::BatchView>& good) const;
  bool Count();

  runtime::Reactor& reactor_;
  SourceChannel& channel_;
  Sink& sink_;
  std::vector<Asked> asked_;
};

Status Puller::Ask(std::vector<CatchUpPartition>& partitions, size_t first) {
  asked_.clear();
  for (size_t i = 0; i < partitions.size() && asked_.size() < kPartitionsAtOnce; ++i) {
    CatchUpPartition& partition = partitions[(first + i) % partitions.size()];
    ASSIGN_OR_RETURN(SinkEnd end, partition.sink->End());
    if (end.log_end < partition.end) asked_.push_back({&partition, std::move(end)});
  }
  return OkStatus();
}

awaitable<Status> Puller::CompareLastBatches() {
  for (const Asked& asked : asked_) {
    if (!asked.before.last_batch.has_value()) continue;
    const kafka::BatchHeader& ours = *asked.before.last_batch;
    const ByteCount size(static_cast<int64_t>(ours.total_bytes()));
    std::vector<FetchSlice> slices;
    slices.push_back({asked.partition->at, ours.base_offset, size});
    const auto answer = co_await channel_.FetchOnce(std::move(slices), size);
    CO_RETURN_IF_ERROR(answer.status());
    const FetchedSlice& slice = answer->slices.front();
    if (slice.error != kafka::ErrorCode::kNone) {
      co_return Unavailable("{} at offset {}: {}", Where(*asked.partition),
                            ours.base_offset.value(), kafka::ErrorName(slice.error));
    }
    const auto theirs = kafka::BatchHeader::Parse(slice.records);
    const bool same = theirs.ok() && theirs->base_offset == ours.base_offset &&
                      theirs->next_offset() == ours.next_offset() &&
                      theirs->leader_epoch == ours.leader_epoch && theirs->crc == ours.crc;
    if (!same) {
      co_return Corrupt("{}: the batch at offset {} is another one there", Where(*asked.partition),
                        ours.base_offset.value());
    }
  }
  co_return OkStatus();
}

Status Puller::Verify(const Asked& asked, const FetchedSlice& slice,
                      std::vector<kafka::BatchView>& good) const {
  const std::string where = Where(*asked.partition);
  if (slice.error != kafka::ErrorCode::kNone) {
    return Unavailable("{}: {}", where, kafka::ErrorName(slice.error));
  }
  const Position from{asked.before.log_end, asked.before.last_epoch};
  const Verified verified = VerifyBatches(slice.records, from, asked.partition->end, good);
  if (verified.bad.has_value()) {
    return Corrupt("{}: at offset {}: {}", where, verified.position.next.value(),
                   verified.bad->cause);
  }
  if (verified.overlap.has_value()) {
    return Corrupt("{}: a batch there spans offset {}, where the log ends here", where,
                   from.next.value());
  }
  return OkStatus();
}

bool Puller::Count() {
  bool moved = false;
  for (const Asked& asked : asked_) {
    const StatusOr<SinkEnd> end = asked.partition->sink->End();
    if (!end.ok() || end->log_end <= asked.before.log_end) continue;
    asked.partition->pulled += (end->log_end - asked.before.log_end).value();
    moved = true;
  }
  return moved;
}

awaitable<StatusOr<bool>> Puller::Pull() {
  std::vector<FetchSlice> slices;
  for (const Asked& asked : asked_) {
    slices.push_back({asked.partition->at, asked.before.log_end, kOfOnePartition});
  }
  const auto answer = co_await channel_.FetchOnce(std::move(slices), kAtOnce);
  CO_RETURN_IF_ERROR(answer.status());
  std::map<int, std::unique_ptr<CatchUpApply>> by_shard;
  const auto applied = std::make_shared<Applied>(reactor_);
  for (size_t i = 0; i < asked_.size(); ++i) {
    std::vector<kafka::BatchView> good;
    const Status verified = Verify(asked_[i], answer->slices[i], good);
    CO_RETURN_IF_ERROR(verified);
    if (good.empty()) continue;
    std::unique_ptr<CatchUpApply>& request = by_shard[asked_[i].partition->sink->shard()];
    if (request == nullptr) request = std::make_unique<CatchUpApply>(applied);
    ApplyItem& item = request->items.emplace_back();
    item.target = asked_[i].partition->sink;
    item.batches = std::move(good);
  }
  if (by_shard.empty()) co_return false;
  applied->left = by_shard.size();
  for (auto& [shard, request] : by_shard) {
    request->bytes = answer->bytes;
    request->home = &reactor_;
    sink_.Apply(std::move(request));
  }
  while (!applied->done.is_set()) (void)co_await applied->done.Wait();
  if (Count()) co_return true;
  for (const Status& status : applied->statuses) CO_RETURN_IF_ERROR(status);
  co_return false;
}

}  // namespace

awaitable<Status> CatchUp(runtime::Reactor& reactor, const Clock& clock, SourceChannel& channel,
                          Sink& sink, std::shared_ptr<std::vector<CatchUpPartition>> partitions,
                          MonotonicTime deadline) {
  Puller puller(reactor, channel, sink);
  for (size_t round = 0;; ++round) {
    const Status asked = puller.Ask(*partitions, round);
    CO_RETURN_IF_ERROR(asked);
    if (puller.idle()) co_return OkStatus();
    if (clock.Now() >= deadline) co_return DeadlineExceeded("not all of it came in time");
    const Status same = co_await puller.CompareLastBatches();
    CO_RETURN_IF_ERROR(same);
    const auto moved = co_await puller.Pull();
    CO_RETURN_IF_ERROR(moved.status());
    if (!*moved) co_return Unavailable("it answers, but not with the records that it said it has");
  }
}

}  // namespace atl::mirror
