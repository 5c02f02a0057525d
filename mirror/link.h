// One link: this region pulls topics from a source. Builds the rooms (source, topic sync, one pull
// per source broker, state machines) and joins them on one reactor of the pool, in one task group.
//
// Threads: Start, Stop and the operator's calls come from outside (main, admin) and may block;
// everything else runs on the link's reactor. Other threads see snapshots, refreshed there at most
// every 100 ms, under a leaf lock.
// Pauses are durable before they are true. What a paused or refused link knew stays visible, with
// its contact growing old.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/random.h"
#include "checkpoint/mirror_table.h"
#include "mirror/link_shared.h"
#include "mirror/offsets/fan_in.h"
#include "mirror/offsets/fan_in_sink.h"
#include "mirror/ownership/quarantine.h"
#include "mirror/pull/broker_pull.h"
#include "mirror/pull/kafka_source.h"
#include "mirror/pull/topic_sync.h"
#include "mirror/verify/verifier.h"
#include "mirror/verify/verify_run.h"
#include "mirror/watch/events.h"
#include "mirror/watch/lag.h"
#include "region-config/link.h"
#include "runtime/task_group.h"

namespace atl::mirror {

// What links lean on; outlives them.
struct LinkContext {
  runtime::ReactorPool& reactors;
  // For calls that block. Stopped after the links, before what those calls need is destroyed.
  runtime::StorageShards& blocking;
  // For calls that copy whole tails of logs, likewise.
  runtime::StorageShards& copying;
  // For comparing with sources, which waits for them; stopped with `blocking`.
  runtime::StorageShards& verifying;
  const Clock& clock;
  Metrics& metrics;
  broker::Catalog& catalog;
  Owners& owners;
  checkpoint::Store& store;
  checkpoint::MirrorTable& table;
  Events& events;
  Quarantine& quarantine;
  Sink& sink;
  runtime::StorageShards& shards;  // Of the broker, for fan-in.
  FanIn& fan_in;
  std::string cluster_id;  // Ours.
  RegionName region;
  size_t partition_series = 0;  // Of all links, in metrics; more are given per topic.
  // GroupSync::OnCut.
  std::function<StatusOr<std::vector<GroupClamp>>(const TopicName&, PartitionId, Offset cut)>
      cut_groups;
  // Over the control plane; blocks. Null: there is none.
  std::function<StatusOr<Digests>(const RegionName& peer, const DigestsRequest&)> ask_digests;
};

class Link final : public PullHost {
 public:
  Link(config::Link config, const LinkContext& context, uint64_t seed);
  ~Link() override;

  void Start();
  // Ends all tasks, waits for the applies on their way, writes the last positions.
  void Stop();

  const config::Link& config() const { return config_; }
  std::shared_ptr<const LinkSnapshot> snapshot() const { return shared_.snapshot(); }

  // Not from a reactor of the pool. Durable when OK.
  Status SetPaused(bool paused);
  Status SetTopicPaused(const TopicName& topic, bool paused);
  // An operator's decision about what is halted, in a gap, diverged or in conflict.
  void Operate(const TopicName& topic, bool skip);
  // An operator consents that what this region has beyond the source's history is set aside.
  void Return(const TopicName& topic);
  // Topics have changed their owner: look at the source soon.
  void LookSoon();

  // An operator wants these topics (all, when there are none) compared with the source from start
  // to end. The run's id; kFailedPrecondition while one runs.
  StatusOr<uint64_t> StartVerify(const std::vector<TopicName>& topics, bool deep);
  std::optional<VerifyReport> verify_report() const;
  // Does it compare by itself, over a control connection?
  bool verifies() const { return verifier_->available(); }

  // PullHost
  PartitionMirror::Now now() const override;
  runtime::awaitable<Status> RecordEvents(PartitionPtr partition) override;
  runtime::awaitable<Status> RaiseEpoch(std::shared_ptr<PulledTopic> topic,
                                        LeaderEpoch epoch) override;
  void SetAsideOf(const PartitionPtr& partition) override;
  void OnPosition(const PartitionPtr& partition) override;
  void OnReplicated(Timestamp newest) override;
  void OnContact(MonotonicTime asked, ByteCount received, ByteCount sent) override;
  void OnError(std::string_view stage, std::string_view error) override;
  void AskDiscovery() override;
  void OnApplyPosted() override { ++applies_; }
  void OnApplyDone() override;

 private:
  struct Durable;  // What the store knew at the start.
  struct TopicRoom {
    std::shared_ptr<PulledTopic> topic;
    std::vector<PartitionPtr> partitions;
    bool compacted = false;
  };

  runtime::awaitable<void> Discover();
  runtime::awaitable<Status> LoadDurable();
  runtime::awaitable<void> Housekeep();
  runtime::awaitable<void> WritePositions(bool flush);
  runtime::awaitable<void> KeepApart(PartitionPtr partition);
  runtime::awaitable<void> Drain();
  runtime::awaitable<void> KeepIdentity();
  runtime::awaitable<void> NoteHeard();
  runtime::awaitable<void> ServeUnassigned();

  // link_verify.cc
  runtime::awaitable<void> Verify();
  runtime::awaitable<void> RunVerify(std::shared_ptr<VerifyRun> run);
  runtime::awaitable<void> FetchAndCompare(std::shared_ptr<VerifyRun> run, size_t target,
                                           SourceChannel* channel);
  std::vector<VerifyTarget> VerifyTargets() const;
  void HaltMismatches();

  void Assign();
  void AssignTopic(const TopicName& name, const SyncedTopic& synced);
  void OpenPartitions(const TopicName& source, TopicRoom& room, const SyncedTopic& synced);
  void TellOwnership(PulledPartition& partition, Ownership ownership);
  void AssignLeader(const PartitionPtr& partition, NodeId leader);
  void DropTopic(TopicRoom& room);
  BrokerPull& PullOf(NodeId node);
  void LoseUnassigned(const Status& status);
  bool IsPaused(const TopicName& topic) const;
  Sink& target() { return flows_ != nullptr ? *flows_ : context_.sink; }
  // As an operator knows it; `source`: at the source.
  TopicName ShownName(const TopicName& source) const;
  void ApplyPauses();
  void ApplyOperator(const TopicName& topic, bool skip);
  void Refresh();
  void AddTopicRows(LinkSnapshot& snapshot, PartitionMirror::Now now) const;
  // From outside. Runs the step on the reactor; when it returns, snapshots show what it did.
  void OnReactor(std::function<void()> step);

  const config::Link config_;
  const LinkContext context_;
  runtime::Reactor& reactor_;
  Random random_;
  runtime::TaskGroup group_;
  runtime::MemoryBudget budget_;
  const std::shared_ptr<kafka::BufferPool> buffers_;
  runtime::Backoff backoff_;
  runtime::Event discovery_;
  runtime::Event applied_;  // No apply is on its way.
  const std::shared_ptr<Counter> received_bytes_;
  const std::shared_ptr<Counter> sent_bytes_;
  const std::shared_ptr<Histogram> replication_seconds_;

  // On the reactor.
  std::unique_ptr<FanInSink> flows_;  // Of a fan-in link; else null.
  std::unique_ptr<KafkaSource> source_;
  std::unique_ptr<TopicSync> sync_;
  std::shared_ptr<Verifier> verifier_;  // Constant; its comparisons run elsewhere.
  uint64_t verify_runs_ = 0;
  std::map<NodeId, std::unique_ptr<BrokerPull>> pulls_;
  std::map<TopicName, TopicRoom> rooms_;
  std::map<std::pair<TopicId, PartitionId>, Offset> checkpoints_;  // As found at the start.
  std::vector<PartitionPtr> positions_due_;
  bool paused_ = false;
  bool heard_ = false;
  std::set<TopicName> paused_topics_;
  std::string stored_cluster_id_;
  MonotonicTime last_asked_{};  // Of the last contact.
  std::optional<WallTime> last_contact_;
  std::optional<WallTime> topics_synced_;
  bool changed_ = true;  // Since the last snapshot.
  MonotonicTime next_discovery_{};
  int applies_ = 0;
  LinkCondition condition_ = LinkCondition::kConnecting;
  WallTime since_;

  LinkShared shared_;
};

}  // namespace atl::mirror
