// What a link's rooms share about one partition that it pulls: the state machine, its sink, and the
// shell's bookkeeping around them. And the link as its rooms see it (PullHost).
//
// All of it lives on the link's reactor; partitions are shared because an apply may still be on its
// way through a storage shard when a fetcher, or the link's interest, has gone.
#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/metrics.h"
#include "mirror/pull/partition_mirror.h"
#include "mirror/pull/source.h"
#include "runtime/asio.h"

namespace atl::mirror {

class Fetcher;

struct PulledTopic {
  TopicName name;         // As it is shown: here; what flows into another topic: at the source.
  TopicName source_name;  // At the source.
  TopicId id;             // Here, or (fan-in) at the source.
  TopicId source_id;      // At the source; zero: not heard yet.
  LeaderEpoch epoch = kNoEpoch;      // As the catalogue has it: no batch above it is applied.
  std::shared_ptr<Counter> records;  // Null in tests.
  std::shared_ptr<Counter> bytes;
};

struct PulledPartition {
  PulledPartition(std::shared_ptr<PulledTopic> of, PartitionMirror state_machine,
                  std::shared_ptr<SinkPartition> target)
      : topic(std::move(of)), mirror(std::move(state_machine)), sink(std::move(target)) {
    at.topic = topic->source_name;
    at.partition = mirror.key().partition;
  }

  const std::shared_ptr<PulledTopic> topic;
  PartitionAtSource at;
  PartitionMirror mirror;
  const std::shared_ptr<SinkPartition> sink;
  NodeId leader{-1};
  SourceOffsets heard;  // With the last answer.
  std::vector<MirrorEvent> unrecorded;
  int applies_in_flight = 0;
  Offset checkpointed = kNoOffset;  // What the checkpoint says.
  bool checkpoint_due = false;

  // The fetcher's.
  Fetcher* fetcher = nullptr;
  bool touched = false;                // In the fetcher's list of those to look at.
  std::optional<Offset> asked;         // Stands in the fetch session from here.
  uint64_t asked_attempt = 0;          // Under which attempt.
  ByteCount most{int64_t{1} << 20};    // Bytes to ask for, at least.
  uint64_t restart_attempt = 0;        // The attempt whose restart is on its way.
  bool setting_aside = false;          // On its way, of this attempt or an earlier one.
  std::shared_ptr<const SinkCut> cut;  // What was set aside.
  uint64_t truncate_attempt = 0;       // The attempt whose truncation is on its way.
  bool following = false;              // A new log start is on its way to the sink.
};

class PullHost {
 public:
  virtual ~PullHost() = default;
  virtual PartitionMirror::Now now() const = 0;
  // Durably, before the partition's next need is served. On an error they are kept for later.
  virtual runtime::awaitable<Status> RecordEvents(std::shared_ptr<PulledPartition> partition) = 0;
  // The catalogue learns of a topic's new epoch before its batches are applied.
  virtual runtime::awaitable<Status> RaiseEpoch(std::shared_ptr<PulledTopic> topic,
                                                LeaderEpoch epoch) = 0;
  // Starts to keep apart what the mirror asks for; it is told by OnSetAside, once per call.
  virtual void SetAsideOf(const std::shared_ptr<PulledPartition>& partition) = 0;
  // The applied end moved and is durable.
  virtual void OnPosition(const std::shared_ptr<PulledPartition>& partition) = 0;
  // Records from `newest` back became durable here.
  virtual void OnReplicated(Timestamp newest) = 0;
  // The source answered what it was asked at `asked`.
  virtual void OnContact(MonotonicTime asked, ByteCount received, ByteCount sent) = 0;
  virtual void OnError(std::string_view stage, std::string_view error) = 0;
  // Leaders or topics changed: describe the source again soon.
  virtual void AskDiscovery() = 0;
  // Applies on their way, so that a link can wait for them before it goes.
  virtual void OnApplyPosted() = 0;
  virtual void OnApplyDone() = 0;
};

}  // namespace atl::mirror
