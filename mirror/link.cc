#include "mirror/link.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_future.hpp>

#include <algorithm>
#include <utility>

#include "base/failpoint.h"
#include "base/logging.h"
#include "base/status_name.h"
#include "mirror/pull/blocking.h"
#include "mirror/pull/naming.h"

namespace atl::mirror {
namespace {

using runtime::awaitable;

Failpoint checkpoint_written("ckpt.written");
Failpoint checkpoint_fsynced("ckpt.fsynced");
Failpoint diverged_found("back.diverged_found");

constexpr ByteCount kBudget{int64_t{256} << 20};
constexpr ByteCount kKeptBuffers{int64_t{64} << 20};
constexpr ByteCount kKeptWhenIdle{int64_t{4} << 20};
// A look at the source is repeated as often as a hundredth of the time allows, within these.
constexpr Duration kDiscoverSoonest = std::chrono::seconds(1);
constexpr Duration kDiscoverLatest = std::chrono::seconds(5);
constexpr int kDiscoverShare = 100;
constexpr Duration kDiscoverAtMost = std::chrono::milliseconds(500);
constexpr Duration kHousekeepEvery = std::chrono::milliseconds(100);
constexpr int kRoundsPerCheckpoint = 2;
constexpr int kRoundsPerIdleRefresh = 5;
constexpr int kRoundsPerSecond = 10;

checkpoint::MirrorPosition ToPosition(const PulledPartition& partition, const LinkName& link,
                                      PartitionMirror::Now now) {
  const MirrorStatus status = partition.mirror.status(now);
  checkpoint::MirrorPosition position;
  position.link = link;
  position.topic = partition.topic->id;
  position.partition = partition.at.partition;
  position.applied_end = status.applied_end;
  position.source_end = status.source_end;
  // Of what flows into another topic the extents remember the epoch.
  const bool flows = partition.topic->epoch == LeaderEpoch(INT32_MAX);
  position.source_epoch = flows ? kNoEpoch : partition.topic->epoch;
  position.source_topic = partition.topic->source_id;
  position.time = now.wall;
  position.state = status.state;
  position.reason = status.reason;
  return position;
}

}  // namespace

struct Link::Durable {
  checkpoint::LinkState link;
  std::vector<checkpoint::LinkTopicState> topics;
  std::vector<checkpoint::MirrorPosition> positions;
};

Link::Link(config::Link config, const LinkContext& context, uint64_t seed)
    : config_(std::move(config)),
      context_(context),
      reactor_(context.reactors.Next()),
      random_(seed),
      group_(reactor_, "link " + config_.name.value()),
      budget_(kBudget),
      buffers_(kafka::BufferPool::Create(kKeptBuffers)),
      backoff_(std::chrono::milliseconds(200), std::chrono::seconds(10), random_.Fork()),
      discovery_(reactor_),
      applied_(reactor_),
      received_bytes_(context.events.counters().GetCounter(
          "atoll_link_wire_received_bytes_total", "Bytes that came over the wire from the source.",
          {{"link", config_.name.value()}})),
      sent_bytes_(context.events.counters().GetCounter(
          "atoll_link_wire_sent_bytes_total", "Bytes that went to the source to ask for them.",
          {{"link", config_.name.value()}})),
      replication_seconds_(context.events.counters().GetHistogram(
          "atoll_mirror_replication_duration_seconds",
          "From a record's timestamp to its durability here.", {{"link", config_.name.value()}})),
      paused_(config_.paused),
      since_(context.clock.WallNow()) {
  AskDigests ask;
  if (context_.ask_digests != nullptr && config_.source.control) {
    ask = [ask_peer = context_.ask_digests, peer = config_.source.region](
              const DigestsRequest& request) { return ask_peer(peer, request); };
  }
  verifier_ = std::make_shared<Verifier>(Verifier::Context{.link = config_.name,
                                                           .catalog = context_.catalog,
                                                           .store = context_.store,
                                                           .clock = context_.clock,
                                                           .ask = std::move(ask)});
  source_ = std::make_unique<KafkaSource>(
      reactor_, context_.clock, buffers_, ClientOptions(config_, "link"),
      IsFanIn(config_) ? kafka::IsolationLevel::kReadCommitted
                       : kafka::IsolationLevel::kReadUncommitted);
  if (IsFanIn(config_)) {
    flows_ = std::make_unique<FanInSink>(context_.catalog, context_.shards, context_.fan_in);
  }
  // Present from the start, so that a rate over them is 0 and not nothing.
  for (const char* stage : {"connect", "fetch", "apply"}) {
    (void)context_.events.counters().ErrorsOf(config_.name, stage, "UNAVAILABLE");
  }
  Refresh();
}

Link::~Link() = default;

// --- From outside ---

void Link::OnReactor(std::function<void()> step) {
  const auto run = [this, &step] {
    step();
    Refresh();
  };
  boost::asio::post(reactor_.executor(), boost::asio::use_future(run)).get();
}

void Link::Start() {
  OnReactor([this] {
    group_.Spawn(Discover());
    group_.Spawn(Housekeep());
    group_.Spawn(Verify());
  });
}

void Link::Stop() {
  group_.StopFromOutside();
  boost::asio::co_spawn(reactor_.executor(), Drain(), boost::asio::use_future).get();
  // Not when it is destroyed: by then a link of this name with other settings may have begun.
  context_.events.counters().Forget({{"link", config_.name.value()}});
}

Status Link::SetPaused(bool paused) {
  checkpoint::LinkState state;
  state.link = config_.name;
  state.paused = paused;
  state.source_cluster_id = shared_.known_cluster();
  RETURN_IF_ERROR(context_.table.PutLink(state, checkpoint::Sync::kNow));
  shared_.SetWantsPause(paused);
  LogInfo("mirror", "link {}: {} by an operator", config_.name.value(),
          paused ? "paused" : "resumed");
  OnReactor([this, paused] {
    paused_ = paused || config_.paused;
    ApplyPauses();
    discovery_.Set();
  });
  return OkStatus();
}

Status Link::SetTopicPaused(const TopicName& topic, bool paused) {
  checkpoint::LinkTopicState state;
  state.link = config_.name;
  state.topic = topic;
  state.paused = paused;
  RETURN_IF_ERROR(context_.table.PutLinkTopic(state, checkpoint::Sync::kNow));
  LogInfo("mirror", "link {}: topic {} {} by an operator", config_.name.value(), topic.value(),
          paused ? "paused" : "resumed");
  OnReactor([this, topic, paused] {
    if (paused) {
      paused_topics_.insert(topic);
    } else {
      paused_topics_.erase(topic);
    }
    ApplyPauses();
  });
  return OkStatus();
}

void Link::Operate(const TopicName& topic, bool skip) {
  LogWarning("mirror", "link {}: an operator decided on topic {}: {}", config_.name.value(),
             topic.value(), skip ? "skip what can't be mirrored" : "try again");
  OnReactor([this, topic, skip] { ApplyOperator(topic, skip); });
}

void Link::Return(const TopicName& topic) {
  LogWarning("mirror", "link {}: an operator lets topic {} return", config_.name.value(),
             topic.value());
  OnReactor([this, topic] {
    const auto room = rooms_.find(topic);
    if (room == rooms_.end() || room->second.topic == nullptr) return;
    const LeaderEpoch epoch = room->second.topic->epoch;
    for (const PartitionPtr& partition : room->second.partitions) {
      TellOwnership(*partition, {.source_epoch = epoch, .moved_at = epoch, .stints = {}});
    }
    ApplyOperator(topic, false);
  });
}

void Link::LookSoon() {
  OnReactor([this] { discovery_.Set(); });
}

// --- Tasks ---

awaitable<Status> Link::LoadDurable() {
  auto loaded = std::make_shared<Durable>();
  std::function<Status()> work = [loaded, &table = context_.table,
                                  link = config_.name]() -> Status {
    std::vector<Status> damaged;
    ASSIGN_OR_RETURN(const auto state, table.Link(link));
    if (state.has_value()) loaded->link = *state;
    ASSIGN_OR_RETURN(loaded->topics, table.LinkTopics(link, &damaged));
    ASSIGN_OR_RETURN(loaded->positions, table.Positions(link, &damaged));
    for (const Status& status : damaged) {
      LogWarning("mirror", "link {}: {}", link.value(), StatusMessage(status));
    }
    return OkStatus();
  };
  const Status read = co_await RunBlocking<Status>(context_.blocking, reactor_, std::move(work));
  CO_RETURN_IF_ERROR(read);
  paused_ = config_.paused || loaded->link.paused;
  stored_cluster_id_ = loaded->link.source_cluster_id;
  for (const checkpoint::LinkTopicState& topic : loaded->topics) {
    if (topic.paused) paused_topics_.insert(topic.topic);
  }
  for (const checkpoint::MirrorPosition& position : loaded->positions) {
    checkpoints_[{position.topic, position.partition}] = position.applied_end;
  }
  shared_.SetWantsPause(loaded->link.paused);
  shared_.SetKnownCluster(stored_cluster_id_);
  co_return OkStatus();
}

awaitable<void> Link::Discover() {
  for (;;) {
    const Status loaded = co_await LoadDurable();
    if (loaded.ok()) break;
    LogError("mirror", "link {}: its state can't be read: {}", config_.name.value(),
             StatusMessage(loaded));
    (void)co_await runtime::Sleep(backoff_.Next());
  }
  TopicSync::Room room{reactor_,         context_.blocking, context_.clock, *source_,
                       context_.catalog, context_.owners,   context_.events};
  sync_ = std::make_unique<TopicSync>(room, config_, context_.cluster_id, stored_cluster_id_,
                                      context_.fan_in.Flows(config_.name));
  Assign();
  for (;;) {
    discovery_.Reset();
    Duration pause = kDiscoverLatest;
    if (!paused_) {
      const MonotonicTime began = context_.clock.Now();
      const Status status = co_await sync_->Sync();
      if (status.ok()) {
        backoff_.Reset();
        topics_synced_ = context_.clock.WallNow();
        OnContact(began, ByteCount(0), ByteCount(0));
        co_await KeepIdentity();
        co_await NoteHeard();
        const Duration look = sync_->busy() ? Duration{} : context_.clock.Now() - began;
        pause = std::clamp(look * kDiscoverShare, kDiscoverSoonest, kDiscoverLatest);
      } else {
        pause = std::min(kDiscoverLatest, backoff_.Next());
        OnError("connect", StatusCodeName(status.code()));
        LoseUnassigned(status);
      }
      Assign();
    }
    // Asked for at once: still not more often than twice a second.
    (void)co_await runtime::Sleep(std::min(pause, kDiscoverAtMost));
    if (pause > kDiscoverAtMost) {
      (void)co_await discovery_.Wait(context_.clock.Now() + pause - kDiscoverAtMost);
    }
  }
}

// The source's cluster id is remembered before anything is mirrored twice from it.
awaitable<void> Link::KeepIdentity() {
  if (sync_->cluster_id() == stored_cluster_id_) co_return;
  checkpoint::LinkState state;
  state.link = config_.name;
  state.source_cluster_id = sync_->cluster_id();
  state.paused = shared_.wants_pause();
  shared_.SetKnownCluster(state.source_cluster_id);
  std::function<Status()> work = [&table = context_.table, state] {
    return table.PutLink(state, checkpoint::Sync::kNow);
  };
  const Status kept = co_await RunBlocking<Status>(context_.blocking, reactor_, std::move(work));
  if (kept.ok()) stored_cluster_id_ = state.source_cluster_id;
}

// The source's topics and epochs were seen once: what it owns is a mirror here by now.
awaitable<void> Link::NoteHeard() {
  if (heard_) co_return;
  std::function<Status()> work = [&owners = context_.owners, region = config_.source.region] {
    owners.Heard(region);
    return OkStatus();
  };
  (void)co_await RunBlocking<Status>(context_.blocking, reactor_, std::move(work));
  heard_ = true;
}

awaitable<void> Link::Housekeep() {
  for (int round = 1;; ++round) {
    (void)co_await runtime::Sleep(kHousekeepEvery);
    const MonotonicTime time = context_.clock.Now();
    for (auto it = pulls_.begin(); it != pulls_.end();) {
      it->second->Update(time, pulls_.size());
      it = it->second->ended() ? pulls_.erase(it) : std::next(it);
    }
    const bool flush = round % kRoundsPerSecond == 0;
    if (round % kRoundsPerCheckpoint == 0) co_await WritePositions(flush);
    if (flush) co_await ServeUnassigned();
    if (changed_ || round % kRoundsPerIdleRefresh == 0) Refresh();
    if (round % (kRoundsPerSecond * 30) == 0 && condition_ == LinkCondition::kRunning) {
      buffers_->Trim(kKeptWhenIdle);
    }
  }
}

// Partitions without a fetcher still have time pass, and events to be kept.
awaitable<void> Link::ServeUnassigned() {
  std::vector<PartitionPtr> waiting;
  for (const auto& [name, room] : rooms_) {
    for (const PartitionPtr& partition : room.partitions) {
      if (partition->fetcher != nullptr) continue;
      PartitionMirror& mirror = partition->mirror;
      mirror.OnTick(now());
      // What is here is known without a source.
      if (mirror.need() == MirrorNeed::kSinkEnd) {
        mirror.OnSinkEnd(mirror.attempt(), partition->sink->End(), now());
      }
      for (MirrorEvent& event : mirror.TakeEvents()) {
        partition->unrecorded.push_back(std::move(event));
      }
      if (!partition->unrecorded.empty()) waiting.push_back(partition);
    }
  }
  for (const PartitionPtr& partition : waiting) {
    const Status recorded = co_await RecordEvents(partition);
    if (!recorded.ok()) break;  // Kept; a second later again.
  }
}

// Positions are claims, written after durability and lazily; they only rise but for a log that was
// found shorter than its claim.
awaitable<void> Link::WritePositions(bool flush) {
  if (positions_due_.empty()) co_return;
  const std::vector<PartitionPtr> due = std::exchange(positions_due_, {});
  auto batch = std::make_shared<checkpoint::WriteBatch>();
  for (const PartitionPtr& partition : due) {
    partition->checkpoint_due = false;
    const checkpoint::MirrorPosition position = ToPosition(*partition, config_.name, now());
    if (position.applied_end == kNoOffset) continue;
    partition->checkpointed = position.applied_end;
    checkpoint::MirrorTable::StagePosition(*batch, position);
  }
  std::function<Status()> work = [batch, flush, &store = context_.store]() -> Status {
    RETURN_IF_ERROR(store.Write(*batch, checkpoint::Sync::kLazy));
    RETURN_IF_ERROR(checkpoint_written.Hit());
    if (!flush) return OkStatus();
    RETURN_IF_ERROR(store.Flush());
    return checkpoint_fsynced.Hit();
  };
  const Status written = co_await RunBlocking<Status>(context_.blocking, reactor_, std::move(work));
  if (!written.ok()) OnError("checkpoint", StatusCodeName(written.code()));
}

awaitable<void> Link::Drain() {
  while (applies_ > 0) {
    applied_.Reset();
    (void)co_await applied_.Wait();
  }
  co_await WritePositions(true);
  // On the reactor, where their sockets and timers live.
  pulls_.clear();
  rooms_.clear();
  sync_.reset();
  source_.reset();
}

// --- Another history ---

void Link::SetAsideOf(const PartitionPtr& partition) {
  partition->setting_aside = true;
  group_.Spawn(KeepApart(partition));
}

// The position falls with the log, and before it: a position ahead of its log would look like a
// restored disk.
awaitable<void> Link::KeepApart(PartitionPtr partition) {
  struct Outcome {
    StatusOr<SetAside> kept = SetAside();
    std::shared_ptr<const SinkCut> cut;
  };
  const uint64_t attempt = partition->mirror.attempt();
  Quarantine::Request request;
  request.topic = partition->mirror.key().topic;
  request.topic_id = partition->mirror.key().topic_id;
  request.partition = partition->mirror.key().partition;
  request.link = config_.name;
  request.new_epoch = partition->mirror.source_epoch();
  request.attempt = attempt;
  request.time = context_.clock.WallNow();
  const checkpoint::MirrorPosition position = ToPosition(*partition, config_.name, now());
  std::function<Outcome()> work = [request, position, from = partition->mirror.set_aside_from(),
                                   sink = partition->sink, &quarantine = context_.quarantine,
                                   &table = context_.table, cut_groups = context_.cut_groups] {
    Outcome outcome;
    outcome.kept = [&]() -> StatusOr<SetAside> {
      RETURN_IF_ERROR(diverged_found.Hit());
      ASSIGN_OR_RETURN(outcome.cut, sink->PlanCut(from));
      Quarantine::Request tail = request;
      tail.first = outcome.cut->first;
      tail.end = outcome.cut->end;
      const auto read = [&](const Quarantine::Take& take) {
        return sink->ReadBatches(tail.first, take);
      };
      ASSIGN_OR_RETURN(const QuarantinedTail kept, quarantine.SetAside(tail, read));
      // While the log still has what they point at: a crash repeats it.
      ASSIGN_OR_RETURN(auto groups, cut_groups(tail.topic, tail.partition, outcome.cut->at));
      checkpoint::MirrorPosition lowered = position;
      lowered.applied_end = outcome.cut->at;
      RETURN_IF_ERROR(table.PutPosition(lowered, checkpoint::Sync::kNow));
      return SetAside{kept.id, kept.first, kept.records, std::move(groups)};
    }();
    return outcome;
  };
  const Outcome outcome =
      co_await RunBlocking<Outcome>(context_.copying, reactor_, std::move(work));
  partition->setting_aside = false;
  partition->cut = outcome.cut;
  if (outcome.kept.ok()) {
    partition->checkpointed = std::min(partition->checkpointed, outcome.cut->at);
  } else {
    OnError("quarantine", StatusCodeName(outcome.kept.status().code()));
  }
  partition->mirror.OnSetAside(attempt, outcome.kept, now());
  changed_ = true;
  if (partition->fetcher == nullptr) co_return;
  partition->fetcher->Touch(*partition);
  partition->fetcher->Wake();
}

// --- PullHost ---

PartitionMirror::Now Link::now() const { return {context_.clock.Now(), context_.clock.WallNow()}; }

awaitable<Status> Link::RecordEvents(PartitionPtr partition) {
  struct Outcome {
    Status status;
    size_t recorded = 0;
  };
  const std::vector<MirrorEvent> events = partition->unrecorded;
  std::function<Outcome()> work = [events, key = partition->mirror.key(),
                                   time = context_.clock.WallNow(), &log = context_.events] {
    Outcome outcome;
    for (const MirrorEvent& event : events) {
      outcome.status = log.Record(key, event, time);
      if (!outcome.status.ok()) break;
      ++outcome.recorded;
    }
    return outcome;
  };
  const Outcome outcome =
      co_await RunBlocking<Outcome>(context_.blocking, reactor_, std::move(work));
  for (size_t i = 0; i < outcome.recorded; ++i) {
    LogWarning("mirror", "link {}: {}-{}: {}", config_.name.value(), partition->at.topic.value(),
               partition->at.partition.value(), events[i].cause);
  }
  partition->unrecorded.erase(
      partition->unrecorded.begin(),
      partition->unrecorded.begin() + static_cast<std::ptrdiff_t>(outcome.recorded));
  changed_ = true;
  if (!outcome.status.ok()) OnError("events", StatusCodeName(outcome.status.code()));
  co_return outcome.status;
}

awaitable<Status> Link::RaiseEpoch(std::shared_ptr<PulledTopic> topic, LeaderEpoch epoch) {
  std::function<Status()> work = [&catalog = context_.catalog, id = topic->id, epoch]() -> Status {
    const broker::CatalogOutcome outcome = catalog.SetEpoch(id, epoch);
    if (outcome.ok()) return OkStatus();
    return FailedPrecondition("raising the epoch to {}: {}", epoch.value(), outcome.message);
  };
  const Status raised = co_await RunBlocking<Status>(context_.blocking, reactor_, std::move(work));
  if (raised.ok()) topic->epoch = std::max(topic->epoch, epoch);
  co_return raised;
}

void Link::OnPosition(const PartitionPtr& partition) {
  changed_ = true;
  if (partition->checkpoint_due) return;
  partition->checkpoint_due = true;
  positions_due_.push_back(partition);
}

void Link::OnReplicated(Timestamp newest) {
  if (newest < Timestamp(0)) return;
  const Duration age = context_.clock.WallNow() - FromTimestamp(newest);
  replication_seconds_->Observe(std::max(0.0, ToSeconds(age)));
}

void Link::OnContact(MonotonicTime asked, ByteCount received, ByteCount sent) {
  if (asked > last_asked_) {
    last_asked_ = asked;
    last_contact_ = context_.clock.WallNow() - (context_.clock.Now() - asked);
  }
  received_bytes_->Increment(static_cast<double>(received.value()));
  sent_bytes_->Increment(static_cast<double>(sent.value()));
}

void Link::OnError(std::string_view stage, std::string_view error) {
  changed_ = true;
  context_.events.counters().ErrorsOf(config_.name, stage, error)->Increment();
}

void Link::AskDiscovery() { discovery_.Set(); }

void Link::OnApplyDone() {
  if (--applies_ == 0) applied_.Set();
}

}  // namespace atl::mirror
