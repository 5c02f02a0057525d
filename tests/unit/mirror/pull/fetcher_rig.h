// A fetcher between a source, a sink and a link in memory. Everything runs on the test's own
// reactor; nothing sleeps.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "mirror/pull/fetcher.h"
#include "runtime/task_group.h"
#include "tests/unit/mirror/pull/fake_sink.h"
#include "tests/unit/mirror/pull/fake_source.h"

namespace atl::mirror::fake {

class FakeHost final : public PullHost {
 public:
  std::vector<MirrorEvent> events;
  std::vector<LeaderEpoch> raised;
  std::vector<std::string> errors;
  int positions = 0;
  int contacts = 0;
  int discoveries = 0;
  int applies_in_flight = 0;
  bool refuse_epochs = false;
  Duration ahead{};  // Of the machine's clock: a test may let time pass.

  PartitionMirror::Now now() const override {
    return {SystemClock().Now() + ahead, SystemClock().WallNow() + ahead};
  }
  runtime::awaitable<Status> RecordEvents(PartitionPtr partition) override {
    for (MirrorEvent& event : partition->unrecorded) events.push_back(event);
    partition->unrecorded.clear();
    co_return OkStatus();
  }
  runtime::awaitable<Status> RaiseEpoch(std::shared_ptr<PulledTopic> topic,
                                        LeaderEpoch epoch) override {
    if (refuse_epochs) co_return FailedPrecondition("not now");
    raised.push_back(epoch);
    topic->epoch = epoch;
    co_return OkStatus();
  }
  void SetAsideOf(const PartitionPtr& partition) override {
    partition->cut = *partition->sink->PlanCut(partition->mirror.set_aside_from());
    const SetAside kept{"tail", partition->cut->first, 0};
    partition->mirror.OnSetAside(partition->mirror.attempt(), kept, now());
    if (partition->fetcher != nullptr) partition->fetcher->Touch(*partition);
  }
  void OnPosition(const PartitionPtr&) override { ++positions; }
  void OnReplicated(Timestamp) override {}
  void OnContact(MonotonicTime, ByteCount, ByteCount) override { ++contacts; }
  void OnError(std::string_view stage, std::string_view error) override {
    errors.push_back(std::string(stage) + " " + std::string(error));
  }
  void AskDiscovery() override { ++discoveries; }
  void OnApplyPosted() override { ++applies_in_flight; }
  void OnApplyDone() override { --applies_in_flight; }
};

// A fetcher between them, and partitions of one topic.
class Rig {
 public:
  explicit Rig(int count, std::string topic = "orders")
      : reactor("test"),
        source(reactor),
        budget(ByteCount(64 << 20)),
        fetcher(reactor, source, sink, host, budget, MakeOptions(), 7),
        group_(reactor, "test"),
        topic_(std::move(topic)) {
    pulled_ = std::make_shared<PulledTopic>();
    pulled_->name = pulled_->source_name = TopicName(topic_);
    pulled_->epoch = LeaderEpoch(1);
    for (int i = 0; i < count; ++i) AddPartition(i);
  }
  ~Rig() {
    sink.defer = false;
    StopFetcher();
    sink.Complete();
  }

  void Start() {
    for (const PartitionPtr& partition : partitions) fetcher.Add(partition);
    group_.Spawn(fetcher.Run());
  }
  // The guard counts steps, not time: a machine that stands still for a while fails no test.
  bool RunUntil(const std::function<bool()>& done) {
    for (int step = 0; step < 20'000; ++step) {
      if (done()) return true;
      reactor.context().restart();
      reactor.context().run_one_for(std::chrono::milliseconds(20));
    }
    return false;
  }
  bool SameLogs() {
    for (size_t i = 0; i < partitions.size(); ++i) {
      if (source.logs[Name(static_cast<int>(i))].All() != targets[i]->log.All()) return false;
    }
    return true;
  }
  PartitionName Name(int partition) const { return {topic_, partition}; }
  MirrorState State(int partition) const {
    return partitions[static_cast<size_t>(partition)]->mirror.status(host.now()).state;
  }

  runtime::Reactor reactor;
  FakeSource source;
  FakeSink sink;
  FakeHost host;
  runtime::MemoryBudget budget;
  Fetcher fetcher;
  std::vector<PartitionPtr> partitions;
  std::vector<std::shared_ptr<FakeTarget>> targets;

 private:
  static Fetcher::Options MakeOptions() {
    Fetcher::Options options;
    options.node = NodeId(1);
    options.start_from = Timestamp(-2);
    options.max_wait = std::chrono::milliseconds(5);
    return options;
  }
  void AddPartition(int number) {
    MirrorKey key;
    key.link = LinkName("link");
    key.topic = TopicName(topic_);
    key.partition = PartitionId(number);
    MirrorPolicy policy;
    PartitionMirror mirror(key, policy, host.now().mono, host.now().wall);
    mirror.OnCheckpoint({}, host.now());
    targets.push_back(std::make_shared<FakeTarget>());
    targets.back()->shard_number = number % 2;
    partitions.push_back(
        std::make_shared<PulledPartition>(pulled_, std::move(mirror), targets.back()));
    source.logs[Name(number)];
  }
  void StopFetcher() {
    bool stopped = false;
    runtime::TaskGroup stopper(reactor, "stopper");
    const auto stop = [](runtime::TaskGroup& of, bool& done) -> runtime::awaitable<void> {
      co_await of.Stop();
      done = true;
    };
    stopper.Spawn(stop(group_, stopped));
    while (!stopped || stopper.size() > 0) {
      reactor.context().restart();  // It stops itself when nothing is left to do.
      reactor.context().run_one();
    }
  }

  runtime::TaskGroup group_;
  const std::string topic_;
  std::shared_ptr<PulledTopic> pulled_;
};

}  // namespace atl::mirror::fake
