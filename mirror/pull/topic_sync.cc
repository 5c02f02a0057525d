#include "mirror/pull/topic_sync.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/failpoint.h"
#include "base/logging.h"
#include "mirror/pull/blocking.h"
#include "mirror/pull/naming.h"

namespace atl::mirror {
namespace {

using runtime::awaitable;
using TopicOrError = StatusOr<std::shared_ptr<const broker::Topic>>;

Failpoint identity_checked("link.identity_checked");

// Configurations are asked for again as often as a two hundredth of the time allows, within these.
constexpr Duration kConfigsSoonest = std::chrono::seconds(2);
constexpr Duration kConfigsLatest = std::chrono::seconds(30);
constexpr int kConfigsShare = 200;

LeaderEpoch HighestEpoch(const std::vector<SourcePartition>& partitions) {
  LeaderEpoch highest = kNoEpoch;
  for (const SourcePartition& partition : partitions) {
    highest = std::max(highest, partition.epoch);
  }
  return highest;
}

Status ToStatus(const broker::CatalogOutcome& outcome, std::string_view doing) {
  if (outcome.ok()) return OkStatus();
  return FailedPrecondition("{}: {} {}", doing, kafka::ErrorName(outcome.error), outcome.message);
}

MirrorEvent TopicEvent(MirrorEvent::Kind kind, LeaderEpoch epoch, std::string cause) {
  MirrorEvent event;
  event.kind = kind;
  event.first = kNoOffset;
  event.end = kNoOffset;
  event.epoch = epoch;
  event.cause = std::move(cause);
  return event;
}

}  // namespace

TopicId DerivedTopicId(std::string_view cluster_id, const TopicName& name) {
  return DeriveTopicId(cluster_id, name.value());
}

CopiedConfig CopyConfig(const std::map<std::string, std::string>& effective) {
  CopiedConfig copied;
  for (const auto& [name, value] : effective) {
    const broker::ConfigKey* const key = broker::FindTopicConfigKey(name);
    if (key == nullptr || !key->copied) continue;
    const Status checked = broker::CheckTopicConfig(name, value);
    if (checked.ok()) {
      copied.values[name] = value;
    } else {
      copied.refused.push_back(fmt::format("{}={}: {}", name, value, StatusMessage(checked)));
    }
  }
  return copied;
}

TopicSync::TopicSync(const Room& room, config::Link link, std::string own_cluster,
                     std::string known_cluster, std::vector<KnownFlow> flows)
    : room_(room),
      link_(std::move(link)),
      filter_(link_.topics),
      kind_(link_.source.kind == config::SourceKind::kAtoll ? RegionKind::kAtoll
                                                            : RegionKind::kKafka),
      own_cluster_(std::move(own_cluster)),
      cluster_id_(std::move(known_cluster)) {
  LoadLocal(flows);
}

// What was mirrored before is known before the source answers: a mirror whose source is away must
// be seen with an unknown lag, not be missing.
void TopicSync::LoadLocal(const std::vector<KnownFlow>& flows) {
  for (const KnownFlow& flow : flows) {
    SyncedTopic& synced = topics_[flow.name];
    synced.local_name = link_.target_topic;
    synced.id = synced.source_id = flow.id;
    synced.target_id = flow.target_id;
    synced.since = room_.clock.WallNow();
    synced.partitions.resize(static_cast<size_t>(flow.partition_count));
  }
  const auto view = room_.catalog.view();
  for (const auto& [name, topic] : view->by_name) {
    if (topic->link != link_.name || topic->frozen) continue;
    const std::optional<TopicName> source = SourceTopicName(link_, name);
    if (!source) continue;
    SyncedTopic& synced = topics_[*source];
    synced.local_name = name;
    synced.id = topic->id;
    synced.since = room_.clock.WallNow();
    synced.epoch = topic->epoch;
    synced.partitions.resize(topic->partitions.size());
    synced.applied = topic->config.overrides();
    synced.wanted = synced.applied;
  }
}

Status TopicSync::CheckIdentity(const ClusterAtSource& cluster) {
  if (cluster.cluster_id.empty()) return OkStatus();  // Kafka before 0.10.1 or an odd proxy.
  if (cluster.cluster_id == own_cluster_) {
    refused_ = fmt::format(
        "the source is this region itself (cluster id {}); correct source.bootstrapServers of "
        "link `{}`",
        own_cluster_, link_.name.value());
  } else if (!cluster_id_.empty() && cluster.cluster_id != cluster_id_) {
    refused_ = fmt::format(
        "the source says it is cluster {}, this link has mirrored cluster {}; its offsets mean "
        "something else. Correct source.bootstrapServers, or give the new source a link of "
        "another name",
        cluster.cluster_id, cluster_id_);
  } else {
    refused_.clear();
  }
  if (!refused_.empty()) return FailedPrecondition("{}", refused_);
  cluster_id_ = cluster.cluster_id;
  return identity_checked.Hit();
}

awaitable<Status> TopicSync::Sync() {
  ForgetMoved();
  StatusOr<ClusterAtSource> cluster = co_await room_.source.Describe();
  CO_RETURN_IF_ERROR(cluster.status());
  CO_RETURN_IF_ERROR(CheckIdentity(*cluster));
  std::vector<const TopicAtSource*> wanted;
  for (const TopicAtSource& topic : cluster->topics) {
    if (topic.error == kafka::ErrorCode::kNone && filter_.Mirrors(topic.name)) {
      wanted.push_back(&topic);
    }
  }
  co_await FetchConfigs(wanted);
  const auto here = room_.catalog.view();
  std::vector<Change> changes;
  auto due = std::make_shared<std::vector<Change>>();
  for (const TopicAtSource* topic : wanted) {
    changes.push_back(Decide(*cluster, *topic, *here));
    if (IsDue(changes.back())) due->push_back(changes.back());
  }
  std::vector<TopicOrError> made;
  busy_ = !due->empty();
  if (busy_) {
    std::function<std::vector<TopicOrError>()> work = [due, room = room_,
                                                       time = room_.clock.WallNow()] {
      std::vector<TopicOrError> outcomes;
      for (const Change& change : *due) {
        outcomes.push_back(Make(room, change, time));
      }
      return outcomes;
    };
    made = co_await RunBlocking<std::vector<TopicOrError>>(room_.blocking, room_.reactor,
                                                           std::move(work));
  }
  for (const Change& change : changes) {
    if (change.decision.action != TopicAction::kConflict) continue;
    const auto known = topics_.find(change.name);
    const bool recorded_before =
        known != topics_.end() && known->second.state == SyncedTopic::State::kConflict;
    if (recorded_before) continue;
    MirrorEvent event =
        TopicEvent(MirrorEvent::Kind::kConflict, change.spec.epoch, change.decision.reason);
    const Status recorded =
        co_await RecordForTopic(change.spec.name, change.spec.id, std::move(event));
    CO_RETURN_IF_ERROR(recorded);
  }
  size_t next = 0;
  for (size_t i = 0; i < wanted.size(); ++i) {
    const bool was_due = IsDue(changes[i]);
    const TopicOrError local = changes[i].decision.local;
    Note(*wanted[i], changes[i], was_due ? made[next++] : local);
  }
  const Status absent = co_await NoteAbsent(*cluster);
  co_return absent;
}

// Of all wanted topics now and then, of new ones at once.
awaitable<void> TopicSync::FetchConfigs(const std::vector<const TopicAtSource*>& topics) {
  if (!link_.sync_topic_configs) co_return;
  const MonotonicTime now = room_.clock.Now();
  const bool all = now >= configs_due_;
  std::vector<TopicName> names;
  for (const TopicAtSource* topic : topics) {
    if (all || !configs_.contains(topic->name)) names.push_back(topic->name);
  }
  if (names.empty()) co_return;
  StatusOr<TopicConfigs> answer = co_await room_.source.Configs(std::move(names));
  if (!answer.ok()) {
    LogWarning("mirror", "link {}: topic configurations can't be read: {}", link_.name.value(),
               StatusMessage(answer.status()));
    co_return;
  }
  for (auto& [name, values] : *answer) configs_[name] = std::move(values);
  if (!all) co_return;
  configs_read_ = room_.clock.WallNow();
  const MonotonicTime done = room_.clock.Now();
  configs_due_ = done + std::clamp((done - now) * kConfigsShare, kConfigsSoonest, kConfigsLatest);
}

// Any topic of ours can be flowed into; it is made by the first link that needs it.
TopicDecision TopicSync::DecideFlow(const broker::CatalogView& here,
                                    const SourceTopic& source) const {
  TopicDecision decision;
  if (!SourceOwns(kind_, source.leader_node, source.epoch)) {
    decision.action = TopicAction::kNotOwned;
    return decision;
  }
  if (const std::string wrong = broker::CheckTopicName(source.name.value()); !wrong.empty()) {
    decision.action = TopicAction::kConflict;
    decision.reason = wrong;
    return decision;
  }
  decision.local = here.Find(link_.target_topic);
  decision.action = decision.local ? TopicAction::kMirror : TopicAction::kCreate;
  if (decision.local && decision.local->is_mirror()) {
    decision.action = TopicAction::kConflict;
    decision.reason = fmt::format(
        "`{}` is mirrored by link `{}`: nothing can be merged into a mirror; name another "
        "target.topic",
        link_.target_topic.value(), decision.local->link.value());
  }
  return decision;
}

TopicSync::Change TopicSync::Decide(const ClusterAtSource& cluster, const TopicAtSource& topic,
                                    const broker::CatalogView& here) {
  Change change;
  SourceTopic source;
  source.name = topic.name;
  source.id = topic.id;
  if (source.id.is_zero()) {
    source.id = DerivedTopicId(cluster.cluster_id, topic.name);
    change.derived_id = true;
  }
  source.epoch = HighestEpoch(topic.partitions);
  // A region without a leader for the topic just now is still the only node of its cluster.
  const bool alone = cluster.nodes.size() == 1;
  source.leader_node = alone                      ? cluster.nodes.front()
                       : topic.partitions.empty() ? NodeId(-1)
                                                  : topic.partitions.front().leader;
  change.name = topic.name;
  change.source_id = source.id;
  change.spec.name = LocalTopicName(link_, topic.name);
  if (IsFanIn(link_)) {
    change.decision = DecideFlow(here, source);
    change.spec.partition_count = static_cast<int32_t>(topic.partitions.size());
    return change;
  }
  source.name = change.spec.name;
  source.id = LocalTopicId(link_, source.id);
  change.decision = DecideTopic(here, link_.name, kind_, source);
  change.spec.id = source.id;
  change.spec.partition_count = static_cast<int32_t>(topic.partitions.size());
  change.spec.epoch = source.epoch;
  change.spec.owner = kind_ == RegionKind::kAtoll ? source.epoch.owner() : kForeignRegion;
  change.spec.link = link_.name;
  const auto effective = configs_.find(topic.name);
  if (effective != configs_.end()) {
    change.spec.config = CopyConfig(effective->second).values;
    const auto& local = change.decision.local;
    change.set_config = change.decision.action == TopicAction::kMirror &&
                        local->config.overrides() != change.spec.config;
  }
  const bool shrunk = change.decision.action == TopicAction::kMirror &&
                      change.decision.local->partitions.size() > topic.partitions.size();
  if (shrunk) {
    change.decision.action = TopicAction::kConflict;
    change.decision.reason = fmt::format(
        "topic `{}` has {} partitions at the source and {} here: the source lost some (an older "
        "disk was restored there?)",
        topic.name.value(), topic.partitions.size(), change.decision.local->partitions.size());
  }
  return change;
}

bool TopicSync::IsDue(const Change& change) {
  switch (change.decision.action) {
    case TopicAction::kCreate:
    case TopicAction::kGeneration:
      return change.spec.partition_count > 0;
    case TopicAction::kFollow:
      return true;
    case TopicAction::kMirror: {
      if (change.spec.link.empty()) return false;  // What flows into it changes nothing of it.
      const broker::Topic& local = *change.decision.local;
      return change.set_config || change.spec.epoch > local.epoch ||
             static_cast<size_t>(change.spec.partition_count) > local.partitions.size();
    }
    case TopicAction::kConflict:
    case TopicAction::kNotOwned:
    case TopicAction::kPromoted:
      return false;
  }
  return false;
}

// On the blocking shard.
TopicOrError TopicSync::Make(const Room& room, const Change& change, WallTime time) {
  const broker::TopicSpec& spec = change.spec;
  const TopicDecision& decision = change.decision;
  broker::Catalog& catalog = room.catalog;
  if (decision.action == TopicAction::kGeneration) {
    MirrorKey key;
    key.link = spec.link;
    key.topic = spec.name;
    key.topic_id = spec.id;
    key.partition = PartitionId(-1);
    RETURN_IF_ERROR(room.events.Record(
        key,
        TopicEvent(
            MirrorEvent::Kind::kGeneration, spec.epoch,
            fmt::format("the source recreated topic `{}`: id {} became {}; the earlier "
                        "copy is kept frozen, the new one starts anew",
                        spec.name.value(), decision.local->id.ToString(), spec.id.ToString())),
        time));
    RETURN_IF_ERROR(ToStatus(catalog.Freeze(decision.local->id), "freezing a generation"));
  }
  if (decision.action == TopicAction::kFollow) {
    LogWarning("mirror", "link {}: {}", spec.link.value(), decision.reason);
    return room.owners.Follow(decision.local->id, spec.epoch, spec.link);
  }
  if (decision.action != TopicAction::kMirror) {
    const broker::CatalogOutcome created = catalog.Create(spec);
    if (spec.link.empty() && created.error == kafka::ErrorCode::kTopicAlreadyExists) {
      return catalog.view()->Find(spec.name);  // Another link was faster.
    }
    RETURN_IF_ERROR(ToStatus(created, "creating a mirror"));
    LogInfo("mirror", "link {}: mirrors topic {} (id {}{}, {} partitions)", spec.link.value(),
            spec.name.value(), created.topic->id.ToString(),
            change.derived_id ? ", derived: the source has none" : "", spec.partition_count);
    return created.topic;
  }
  return Update(catalog, change);
}

// A mirror that is there takes on what changed at the source.
TopicOrError TopicSync::Update(broker::Catalog& catalog, const Change& change) {
  const broker::TopicSpec& spec = change.spec;
  std::shared_ptr<const broker::Topic> topic = change.decision.local;
  const auto take = [&topic](const broker::CatalogOutcome& outcome, std::string_view doing) {
    if (outcome.ok() && outcome.topic != nullptr) topic = outcome.topic;
    return ToStatus(outcome, doing);
  };
  if (spec.epoch > topic->epoch) {
    RETURN_IF_ERROR(take(catalog.SetEpoch(topic->id, spec.epoch), "raising a topic's epoch"));
  }
  if (static_cast<size_t>(spec.partition_count) > topic->partitions.size()) {
    RETURN_IF_ERROR(take(catalog.Grow(topic->id, spec.partition_count), "adding partitions"));
  }
  if (change.set_config) {
    RETURN_IF_ERROR(take(catalog.SetConfig(topic->id, spec.config), "copying a configuration"));
  }
  return topic;
}

// What another link mirrors by now. The catalogue knows that without the source, which may have
// lost the topic because it is gone.
void TopicSync::ForgetMoved() {
  if (IsFanIn(link_)) return;
  std::erase_if(topics_, [this, here = room_.catalog.view()](const auto& entry) {
    const auto local = here->Find(entry.second.id);
    return local != nullptr && local->is_mirror() && local->link != link_.name;
  });
}

// What was mirrored from here and is no more, because the source lost it: to us, or to a region
// that no link follows.
void TopicSync::NoteNotOwned(const TopicAtSource& topic, const TopicDecision& decision) {
  const auto known = topics_.find(topic.name);
  if (known == topics_.end()) return;
  SyncedTopic& synced = known->second;
  const auto local = room_.catalog.view()->Find(synced.id);
  synced.absences = 0;
  synced.heard = true;
  synced.reason = decision.reason;
  for (SourcePartition& partition : synced.partitions) partition.leader = NodeId(-1);
  const bool ours = local != nullptr && !local->is_mirror();
  if (!ours || synced.state == SyncedTopic::State::kPromoted) return;
  synced.state = SyncedTopic::State::kPromoted;
  synced.since = room_.clock.WallNow();
}

void TopicSync::Note(const TopicAtSource& topic, const Change& change, const TopicOrError& made) {
  if (change.decision.action == TopicAction::kNotOwned ||
      change.decision.action == TopicAction::kPromoted) {
    return NoteNotOwned(topic, change.decision);
  }
  const bool is_new = !topics_.contains(topic.name);
  SyncedTopic& synced = topics_[topic.name];
  const SyncedTopic::State before = synced.state;
  synced.absences = 0;
  synced.heard = true;
  synced.partitions = topic.partitions;
  synced.local_name = change.spec.name;
  synced.source_id = change.source_id;
  const auto effective = configs_.find(topic.name);
  if (effective != configs_.end()) {
    CopiedConfig copied = CopyConfig(effective->second);
    synced.wanted = std::move(copied.values);
    synced.refused_configs = std::move(copied.refused);
  }
  if (change.decision.action == TopicAction::kConflict) {
    synced.state = SyncedTopic::State::kConflict;
    synced.reason = change.decision.reason;
    synced.id = IsFanIn(link_) ? change.source_id : change.spec.id;
  } else if (made.ok() && *made != nullptr) {
    synced.state = SyncedTopic::State::kMirrored;
    synced.reason.clear();
    synced.id = IsFanIn(link_) ? change.source_id : (*made)->id;
    if (IsFanIn(link_)) synced.target_id = (*made)->id;
    synced.epoch = (*made)->epoch;
    synced.applied = (*made)->config.overrides();
  } else {
    // Tried again with the next description. A topic that never existed here is shown as waiting.
    synced.reason = std::string(StatusMessage(made.status()));
    LogWarning("mirror", "link {}: topic {}: {}", link_.name.value(), topic.name.value(),
               synced.reason);
  }
  if (is_new || before != synced.state) synced.since = room_.clock.WallNow();
}

awaitable<Status> TopicSync::NoteAbsent(const ClusterAtSource& cluster) {
  std::set<std::string_view> named;
  for (const TopicAtSource& topic : cluster.topics) named.insert(topic.name.value());
  std::vector<TopicName> gone;
  // Gone there, and an operator has deleted the copy: nothing is left to show.
  std::erase_if(topics_, [this, here = room_.catalog.view()](const auto& entry) {
    return entry.second.state == SyncedTopic::State::kRetired && !IsFanIn(link_) &&
           here->Find(entry.second.id) == nullptr;
  });
  for (auto& [name, synced] : topics_) {
    if (named.contains(name.value()) || synced.state == SyncedTopic::State::kRetired) continue;
    if (++synced.absences == 1) synced.absent_since = room_.clock.Now();
    const bool long_enough = room_.clock.Now() - synced.absent_since >= kAbsentFor;
    if (synced.absences >= kAbsences && long_enough) gone.push_back(name);
  }
  for (const TopicName& name : gone) {
    SyncedTopic& synced = topics_[name];
    const bool conflict = synced.state == SyncedTopic::State::kConflict;
    if (conflict) {  // It was never mirrored: nothing is left to tell.
      topics_.erase(name);
      continue;
    }
    // What flowed into another topic stays there.
    if (link_.deletes != config::Deletes::kFollow || IsFanIn(link_)) {
      synced.state = SyncedTopic::State::kRetired;  // Its mirrors record the event.
      synced.since = room_.clock.WallNow();
      continue;
    }
    const TopicId id = synced.id;
    MirrorEvent event = TopicEvent(
        MirrorEvent::Kind::kRetired, synced.epoch,
        fmt::format("the source deleted topic `{}`; the copy is deleted too (deletes: follow)",
                    name.value()));
    const Status recorded = co_await RecordForTopic(name, id, std::move(event));
    CO_RETURN_IF_ERROR(recorded);
    std::function<Status()> work = [room = room_, id] {
      return ToStatus(room.catalog.Delete(id), "following a delete");
    };
    const Status deleted =
        co_await RunBlocking<Status>(room_.blocking, room_.reactor, std::move(work));
    CO_RETURN_IF_ERROR(deleted);
    topics_.erase(name);
  }
  co_return OkStatus();
}

awaitable<Status> TopicSync::RecordForTopic(TopicName topic, TopicId id, MirrorEvent event) {
  MirrorKey key;
  key.link = link_.name;
  key.topic = std::move(topic);
  key.topic_id = id;
  key.partition = PartitionId(-1);
  std::function<Status()> work = [room = room_, key, event, time = room_.clock.WallNow()] {
    return room.events.Record(key, event, time);
  };
  const Status recorded =
      co_await RunBlocking<Status>(room_.blocking, room_.reactor, std::move(work));
  co_return recorded;
}

}  // namespace atl::mirror
