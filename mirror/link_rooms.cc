// Link, second half: which partitions there are, who pulls them, and how the link looks from
// outside.
#include <algorithm>
#include <utility>

#include "base/logging.h"
#include "base/status_name.h"
#include "kafka/wire/schema/list_offsets.h"
#include "mirror/link.h"
#include "mirror/ownership/owners.h"
#include "mirror/pull/naming.h"

namespace atl::mirror {
namespace {

// The topic was gone or in conflict; should it be mirrored again, it is by new state machines.
bool IsOver(const PulledPartition& partition, PartitionMirror::Now now) {
  const MirrorState state = partition.mirror.status(now).state;
  return state == MirrorState::kRetired || state == MirrorState::kConflict;
}

std::string_view TopicState(const SyncedTopic& synced) {
  switch (synced.state) {
    case SyncedTopic::State::kConflict:
      return MirrorStateName(MirrorState::kConflict);
    case SyncedTopic::State::kRetired:
      return MirrorStateName(MirrorState::kRetired);
    case SyncedTopic::State::kPromoted:
      return MirrorStateName(MirrorState::kPromoted);
    case SyncedTopic::State::kMirrored:
      return "mirrored";
  }
  return "mirrored";
}

MirrorState StateWithoutMirror(SyncedTopic::State state) {
  if (state == SyncedTopic::State::kConflict) return MirrorState::kConflict;
  if (state == SyncedTopic::State::kPromoted) return MirrorState::kPromoted;
  return MirrorState::kLocating;
}

Timestamp StartTime(const config::StartFrom& from) {
  switch (from.kind) {
    case config::StartFrom::Kind::kEarliest:
      return kafka::kEarliestTimestamp;
    case config::StartFrom::Kind::kLatest:
      return kafka::kLatestTimestamp;
    case config::StartFrom::Kind::kTimestamp:
      return from.timestamp;
  }
  return kafka::kEarliestTimestamp;
}

bool IsCompacted(const SyncedTopic& synced) {
  const auto policy = synced.wanted.find("cleanup.policy");
  return policy != synced.wanted.end() && policy->second.find("compact") != std::string::npos;
}

}  // namespace

void Link::Assign() {
  for (const auto& [name, synced] : sync_->topics()) AssignTopic(name, synced);
  for (auto it = rooms_.begin(); it != rooms_.end();) {
    if (sync_->topics().contains(it->first)) {
      ++it;
      continue;
    }
    // Deleted here too, or another link's by now: what was found at the start says nothing of it.
    for (const PartitionPtr& partition : it->second.partitions) {
      checkpoints_.erase({partition->mirror.key().topic_id, partition->at.partition});
    }
    DropTopic(it->second);
    context_.events.counters().Forget(
        {{"link", config_.name.value()}, {"topic", ShownName(it->first).value()}});
    it = rooms_.erase(it);
  }
  ApplyPauses();
  // A broker that leads nothing any more needs no connection.
  for (auto& [node, pull] : pulls_) {
    const bool leads = std::any_of(rooms_.begin(), rooms_.end(), [&](const auto& entry) {
      const auto& partitions = entry.second.partitions;
      return std::any_of(partitions.begin(), partitions.end(), [&](const PartitionPtr& partition) {
        return partition->fetcher != nullptr && partition->leader == node;
      });
    });
    if (!leads) pull->Retire();
  }
  changed_ = true;
}

void Link::DropTopic(TopicRoom& room) {
  for (const PartitionPtr& partition : room.partitions) {
    if (partition->fetcher != nullptr) partition->fetcher->Remove(*partition);
  }
  room.partitions.clear();
}

void Link::AssignTopic(const TopicName& name, const SyncedTopic& synced) {
  TopicRoom& room = rooms_[name];
  if (synced.state == SyncedTopic::State::kMirrored && !synced.id.is_zero()) {
    // Another generation, another idea of what a hole means, or a topic that came back: new
    // mirrors, located from the log.
    const bool stale = room.topic != nullptr &&
                       (room.topic->id != synced.id || room.compacted != IsCompacted(synced) ||
                        (!room.partitions.empty() && IsOver(*room.partitions.front(), now())));
    if (stale) {
      for (const PartitionPtr& partition : room.partitions) {
        checkpoints_[{room.topic->id, partition->at.partition}] = partition->checkpointed;
      }
      DropTopic(room);
      room.topic.reset();
    }
    OpenPartitions(name, room, synced);
    const auto record = context_.owners.Find(synced.id);
    const bool known = record.has_value() && flows_ == nullptr;
    for (size_t i = 0; i < room.partitions.size() && i < synced.partitions.size(); ++i) {
      const NodeId leader = synced.heard ? synced.partitions[i].leader : NodeId(-1);
      const LeaderEpoch epoch = std::max(room.topic->epoch, synced.partitions[i].epoch);
      const PartitionId at = room.partitions[i]->at.partition;
      TellOwnership(*room.partitions[i],
                    known ? OwnershipOf(*record, at, epoch) : Ownership{epoch, kNoEpoch, {}});
      AssignLeader(room.partitions[i], leader);
    }
    return;
  }
  if (synced.state == SyncedTopic::State::kPromoted) {
    // Ours now: nothing is pulled, and should it ever be a mirror again, it is located anew.
    for (const PartitionPtr& partition : room.partitions) {
      checkpoints_.erase({synced.id, partition->at.partition});
    }
    DropTopic(room);
    room.topic.reset();
    return;
  }
  for (const PartitionPtr& partition : room.partitions) {
    if (synced.state == SyncedTopic::State::kRetired) {
      partition->mirror.OnTopicGone(now());
    } else {
      partition->mirror.OnConflict(synced.reason, now());
    }
    AssignLeader(partition, NodeId(-1));
  }
}

void Link::TellOwnership(PulledPartition& partition, Ownership ownership) {
  partition.mirror.OnOwnership(std::move(ownership), now());
  if (partition.mirror.need() == MirrorNeed::kSinkEnd && partition.fetcher != nullptr) {
    partition.fetcher->Touch(partition);  // It compares again.
    partition.fetcher->Wake();
  }
}

void Link::OpenPartitions(const TopicName& source, TopicRoom& room, const SyncedTopic& synced) {
  if (room.topic == nullptr) {
    room.topic = std::make_shared<PulledTopic>();
    room.compacted = IsCompacted(synced);
    room.topic->id = synced.id;
    room.topic->source_name = source;
  }
  PulledTopic& topic = *room.topic;
  topic.source_id = synced.source_id;
  // What flows into a topic of ours gets our epochs: the source's raise nothing.
  topic.epoch = flows_ != nullptr ? LeaderEpoch(INT32_MAX) : std::max(topic.epoch, synced.epoch);
  MirrorPolicy policy;
  policy.on_gap = config_.on_gap == config::OnGap::kSkip ? MirrorPolicy::OnGap::kSkip
                                                         : MirrorPolicy::OnGap::kStop;
  policy.compacted = room.compacted;
  // What has flowed into a topic of ours can't be taken out again.
  policy.owned_epochs = config_.source.kind == config::SourceKind::kAtoll && flows_ == nullptr;
  const auto view = context_.catalog.view();
  const auto local = view->Find(flows_ != nullptr ? synced.target_id : synced.id);
  if (local == nullptr) return;
  if (flows_ != nullptr) flows_->Flow(synced.id, {source, synced.target_id});
  if (topic.records == nullptr) {
    topic.name = ShownName(source);
    const Labels labels{{"link", config_.name.value()}, {"topic", topic.name.value()}};
    LinkCounters& counters = context_.events.counters();
    topic.records = counters.GetCounter("atoll_mirror_records_total", "Records mirrored.", labels);
    topic.bytes =
        counters.GetCounter("atoll_mirror_bytes_total", "Bytes of batches mirrored.", labels);
    context_.events.Announce(config_.name, topic.name);
  }
  const size_t count = flows_ != nullptr ? synced.partitions.size() : local->partitions.size();
  for (size_t i = room.partitions.size(); i < count; ++i) {
    MirrorKey key;
    key.link = config_.name;
    key.topic = topic.name;
    key.topic_id = topic.id;
    key.partition = PartitionId(static_cast<int32_t>(i));
    auto sink = target().Open(key.link, key.topic_id, key.partition);
    if (!sink.ok()) {
      OnError("apply", StatusCodeName(sink.status().code()));
      return;  // Again with the next description.
    }
    PartitionMirror mirror(key, policy, now().mono, now().wall, random_.Next());
    const auto checkpointed = checkpoints_.find({key.topic_id, key.partition});
    const bool claims = checkpointed != checkpoints_.end() && checkpointed->second != kNoOffset;
    mirror.OnCheckpoint(claims ? std::optional<Offset>(checkpointed->second) : std::nullopt, now());
    room.partitions.push_back(
        std::make_shared<PulledPartition>(room.topic, std::move(mirror), *std::move(sink)));
    if (claims) room.partitions.back()->checkpointed = checkpointed->second;
  }
}

void Link::AssignLeader(const PartitionPtr& partition, NodeId leader) {
  if (partition->fetcher != nullptr && partition->leader == leader) return;
  const bool moved = partition->fetcher != nullptr;
  if (moved) {
    partition->fetcher->Remove(*partition);
    partition->mirror.Relocate("the source's leader moved", now());
  }
  partition->leader = leader;
  if (leader < NodeId(0)) {
    const bool mirrored = partition->mirror.need() != MirrorNeed::kNothing;
    if (moved && mirrored) partition->mirror.OnSourceLost("the source has no leader", now());
    return;
  }
  PullOf(leader).Add(partition);
}

BrokerPull& Link::PullOf(NodeId node) {
  std::unique_ptr<BrokerPull>& pull = pulls_[node];
  if (pull == nullptr) {
    Fetcher::Options options;
    options.node = node;
    options.start_from = StartTime(config_.start_from);
    const BrokerPull::Room room{reactor_, group_, *source_, target(), *this, budget_};
    pull = std::make_unique<BrokerPull>(room, options, random_.Fork());
  }
  return *pull;
}

void Link::LoseUnassigned(const Status& status) {
  for (const auto& [name, room] : rooms_) {
    for (const PartitionPtr& partition : room.partitions) {
      if (partition->fetcher != nullptr) continue;
      partition->mirror.OnSourceLost(std::string(StatusMessage(status)), now());
    }
  }
  changed_ = true;
  if (sync_->refused().empty()) return;
  if (condition_ != LinkCondition::kRefused) {
    LogError("mirror", "link {}: refused: {}", config_.name.value(), sync_->refused());
  }
  // Whoever answers there now is not our source: nothing more is taken from it.
  for (auto& [name, room] : rooms_) {
    for (const PartitionPtr& partition : room.partitions) {
      if (partition->fetcher == nullptr) continue;
      partition->fetcher->Remove(*partition);
      partition->leader = NodeId(-1);
      partition->mirror.OnSourceLost(sync_->refused(), now());
    }
  }
}

TopicName Link::ShownName(const TopicName& source) const {
  return IsFanIn(config_) ? source : LocalTopicName(config_, source);
}

bool Link::IsPaused(const TopicName& topic) const {
  return paused_ || paused_topics_.contains(topic);
}

void Link::ApplyPauses() {
  for (const auto& [name, room] : rooms_) {
    const bool paused = IsPaused(ShownName(name));
    for (const PartitionPtr& partition : room.partitions) {
      partition->mirror.OnPaused(paused, now());
      if (partition->fetcher == nullptr) continue;
      partition->fetcher->Touch(*partition);
      partition->fetcher->Wake();
    }
  }
  changed_ = true;
}

void Link::ApplyOperator(const TopicName& topic, bool skip) {
  const auto room = std::find_if(rooms_.begin(), rooms_.end(), [&](const auto& entry) {
    return ShownName(entry.first) == topic;
  });
  if (room == rooms_.end()) return;
  if (room->second.topic != nullptr) verifier_->Decide(room->second.topic->id, skip);
  for (const PartitionPtr& partition : room->second.partitions) {
    partition->mirror.OnOperator(skip, now());
    if (partition->fetcher == nullptr) continue;
    partition->fetcher->Touch(*partition);
    partition->fetcher->Wake();
  }
  changed_ = true;
}

void Link::AddTopicRows(LinkSnapshot& snapshot, PartitionMirror::Now time) const {
  if (sync_ == nullptr) return;
  for (const auto& [name, synced] : sync_->topics()) {
    LinkTopicRow& row = snapshot.topics.emplace_back();
    row.topic = ShownName(name);
    row.source_topic = name;
    row.local_topic = LocalTopicName(config_, name);
    row.id = synced.id;
    row.state = TopicState(synced);
    row.reason = synced.reason;
    row.paused = IsPaused(row.topic);
    row.wanted = synced.wanted;
    row.applied = synced.applied;
    row.refused_configs = synced.refused_configs;
    const auto room = rooms_.find(name);
    if (room != rooms_.end() && !room->second.partitions.empty()) {
      for (const PartitionPtr& partition : room->second.partitions) {
        snapshot.sample.rows.push_back(
            MakeRow(partition->mirror.key(), partition->mirror.status(time),
                    verifier_->status(partition->topic->id, partition->at.partition)));
      }
      continue;
    }
    // Never mirrored: a conflict, or a topic that could not be made here yet.
    for (size_t i = 0; i < synced.partitions.size(); ++i) {
      MirrorRow& missing = snapshot.sample.rows.emplace_back();
      missing.link = config_.name;
      missing.topic = row.topic;
      missing.topic_id = synced.id;
      missing.partition = PartitionId(static_cast<int32_t>(i));
      missing.state = StateWithoutMirror(synced.state);
      missing.reason = synced.reason;
      missing.since = synced.since;
    }
  }
}

void Link::Refresh() {
  changed_ = false;
  const PartitionMirror::Now time = now();
  auto fresh = std::make_shared<LinkSnapshot>();
  LinkFacts& facts = fresh->sample.facts;
  facts.link = config_.name;
  facts.source = config_.source.region;
  facts.target = context_.region;
  facts.paused = paused_;
  if (sync_ != nullptr) facts.refused = sync_->refused();
  facts.last_contact = last_contact_;
  facts.rpo_target = config_.rpo;
  facts.topics_synced = topics_synced_;
  if (sync_ != nullptr) facts.configs_synced = sync_->configs_read();
  facts.verifies = verifier_->available();
  AddTopicRows(*fresh, time);
  const LinkView view = ViewLink(facts, fresh->sample.rows, time.wall);
  if (view.condition != condition_) {
    LogInfo("mirror", "link {}: {}{}{}", config_.name.value(), ConditionName(view.condition),
            view.reason.empty() ? "" : ": ", view.reason);
    condition_ = view.condition;
    since_ = time.wall;
  }
  fresh->condition = condition_;
  fresh->since = since_;
  fresh->loaded = sync_ != nullptr;
  shared_.SetSnapshot(std::move(fresh));
}

}  // namespace atl::mirror
