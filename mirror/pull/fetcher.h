// One connection to one source broker and the partitions it pulls: serves what each PartitionMirror
// needs, in batches over partitions, and keeps exactly one fetch under way.
//
//   locate round: SinkEnd, OffsetForLeaderEpoch, last batches, start offsets, restarts
//   -> Fetch (long poll) -> OnRecords (verify) -> one apply per storage shard touched
//   -> at once the next Fetch, while the applies run; OnApplied touches the partition again
//
// The fetch of partition k+1 overlaps the apply of k; a partition's apply window and the link's
// budget bound what is on its way. Any error of the connection loses it: partitions hear
// OnSourceLost, back off with jitter, locate again.
// Lives on the link's reactor. Run() is one task of the link's group; Add and Remove may come at
// any time; between fetches the owner (BrokerPull) may move partitions to another fetcher.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash_map.h"
#include "base/random.h"
#include "mirror/pull/pull_pace.h"
#include "mirror/pull/pulled_partition.h"
#include "mirror/pull/sink.h"
#include "mirror/pull/source.h"
#include "runtime/backoff.h"
#include "runtime/memory_budget.h"
#include "runtime/timer.h"

namespace atl::mirror {

using PartitionPtr = std::shared_ptr<PulledPartition>;

class Fetcher {
 public:
  struct Options {
    NodeId node;
    Timestamp start_from;  // kafka::kEarliestTimestamp, kafka::kLatestTimestamp, or a time.
    Duration max_wait = std::chrono::milliseconds(500);
    ByteCount budget_share{int64_t{48} << 20};  // See set_budget_share.
  };
  // All outlive the fetcher.
  Fetcher(runtime::Reactor& reactor, Source& source, Sink& sink, PullHost& host,
          runtime::MemoryBudget& budget, Options options, uint64_t seed);
  ~Fetcher();
  Fetcher(const Fetcher&) = delete;
  Fetcher& operator=(const Fetcher&) = delete;

  // Until Retire() and nothing is left to pull, or until cancelled.
  runtime::awaitable<void> Run();
  bool ended() const { return ended_; }

  void Add(PartitionPtr partition);
  void Remove(PulledPartition& partition);
  // Something about the partition changed: look at its need again.
  void Touch(PulledPartition& partition);
  void Wake() { wake_.Set(); }
  // Ends Run() once the partitions are gone (the owner moves them at the next idle point).
  void Retire();
  bool retired() const { return retired_; }

  // Called between fetches, when partitions may be moved away without wasting an answer.
  void AtIdlePoint(std::function<void(Fetcher&)> call) { at_idle_point_ = std::move(call); }
  // Answers stay below it, so that all connections together stay within the link's budget.
  void set_budget_share(ByteCount share) { options_.budget_share = share; }

  const std::vector<PartitionPtr>& partitions() const { return partitions_; }
  static bool Backlogged(const PulledPartition& partition);
  kafka::PathSample path() const;
  ByteCount received_bytes() const;

 private:
  // What a look at the touched partitions found to do.
  struct Work {
    std::vector<PartitionPtr> unrecorded;
    std::vector<PartitionPtr> epoch_end;
    std::vector<PartitionPtr> last_batch;
    std::vector<PartitionPtr> start;
    bool empty() const {
      return unrecorded.empty() && epoch_end.empty() && last_batch.empty() && start.empty();
    }
  };
  // Verified batches of one answer on their way to the sink.
  struct HandOver {
    PartitionPtr partition;
    std::vector<kafka::BatchView> batches;
    std::vector<SourceAborted> aborted;
    uint64_t attempt = 0;
  };

  runtime::awaitable<Status> Serve();
  runtime::awaitable<Status> ServeNeeds();
  runtime::awaitable<Status> FetchRecords(FetchChange change, runtime::MemoryPermit permit);
  runtime::awaitable<Status> AskEpochEnds(std::vector<PartitionPtr> partitions);
  runtime::awaitable<Status> AskLastBatches(std::vector<PartitionPtr> partitions);
  runtime::awaitable<Status> AskStarts(std::vector<PartitionPtr> partitions);
  runtime::awaitable<Status> TakeAnswer(FetchAnswer& answer, MonotonicTime asked);
  runtime::awaitable<Status> FillOffsets(std::vector<FetchedSlice>& slices);
  runtime::awaitable<void> RaiseEpochs(std::vector<HandOver>& hand_overs);
  runtime::awaitable<void> Idle(MonotonicTime until);

  Work LookAtTouched();
  void LookAt(const PartitionPtr& partition, Work& work);
  void UpdateSession(PulledPartition& partition, bool wanted);
  FetchChange TakeChange();
  void Digest(const FetchedSlice& slice, std::vector<HandOver>& hand_overs);
  void Heartbeat(const std::vector<FetchedSlice>& heard, MonotonicTime asked);
  void Apply(std::vector<HandOver> hand_overs, std::shared_ptr<const void> bytes);
  void PostRestart(const PartitionPtr& partition);
  void PostCut(const PartitionPtr& partition);
  void FollowLogStart(const PartitionPtr& partition);
  void Post(std::unique_ptr<ApplyRequest> request);
  void Tick();
  void NoteRetry(const PulledPartition& partition);
  void TouchAll();
  void LoseSource(std::string_view stage, const Status& status);
  PartitionPtr Find(const PartitionAtSource& at) const;
  bool Throttled() const;

  runtime::Reactor& reactor_;
  Source& source_;
  Sink& sink_;
  PullHost& host_;
  runtime::MemoryBudget& budget_;
  Options options_;
  runtime::Backoff backoff_;
  runtime::Event wake_;
  std::function<void(Fetcher&)> at_idle_point_;

  std::vector<PartitionPtr> partitions_;
  TextMap<TopicName, std::vector<PartitionPtr>> by_topic_;  // By partition id; null: not ours.
  std::vector<PartitionPtr> touched_;
  FetchChange change_;  // For the next fetch.
  size_t asked_ = 0;    // Partitions in the session.
  std::unique_ptr<SourceChannel> channel_;
  FetchSize size_;
  ByteCount past_received_{0};  // On connections that are gone.
  MonotonicTime next_tick_{};
  std::optional<MonotonicTime> next_retry_;  // Some partition wants to be ticked then.
  MonotonicTime next_heartbeat_{};
  std::vector<kafka::BatchView> verified_;  // Reused.
  bool retired_ = false;
  bool ended_ = false;
};

}  // namespace atl::mirror
