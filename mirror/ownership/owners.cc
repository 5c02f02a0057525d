#include "mirror/ownership/owners.h"

#include <algorithm>

#include "base/failpoint.h"
#include "base/logging.h"
#include "checkpoint/mirror_table.h"
#include "region-config/topic_filter.h"

namespace atl::mirror {
namespace {

Failpoint owner_stepped_down("own.owner_stepped_down");

}  // namespace

using broker::Topic;
using checkpoint::OwnershipState;

Owners::Owners(Room room)
    : room_(std::move(room)),
      collector_(room_.metrics.AddCollector([this](auto& out) { Collect(out); })) {
  MutexLock lock(&mutex_);
  names_[room_.ordinal] = room_.region;
  links_ = std::make_shared<const Links>(room_.links);
}

void Owners::SetLinks(Links links) {
  auto fresh = std::make_shared<const Links>(std::move(links));
  MutexLock lock(&mutex_);
  links_.swap(fresh);
}

std::shared_ptr<const Owners::Links> Owners::links() const {
  MutexLock lock(&mutex_);
  return links_;
}

// --- Start ---

StatusOr<std::set<TopicId>> Owners::Load() {
  std::vector<Status> damaged;
  ASSIGN_OR_RETURN(std::vector<Record> rows, room_.table.List(&damaged));
  // What can't be read says nothing; the catalogue's row still says who owns the topic.
  for (const Status& row : damaged) LogError("ownership", "{}", StatusMessage(row));
  std::set<TopicId> kept;
  MutexLock lock(&mutex_);
  for (Record& row : rows) {
    if (row.state != OwnershipState::kServing) kept.insert(row.topic);
    names_.emplace(row.owner, row.owner_name);
    rows_[row.topic] = std::move(row);
  }
  return kept;
}

void Owners::Start(bool unclean) {
  MutexLock change(&change_);
  for (const config::Link& link : *links()) {
    if (link.source.kind == config::SourceKind::kAtoll) unheard_.insert(link.source.region);
  }
  const bool lost = room_.catalog.store_was_lost();
  const bool ask = (unclean || lost) && !unheard_.empty();
  const auto view = room_.catalog.view();
  for (const auto& [name, topic] : view->by_name) {
    if (topic->is_mirror()) continue;
    const Record record = *Find(topic->id);
    if (record.state == OwnershipState::kFenced && record.owner == room_.ordinal) {
      room_.gate.Hold(topic->id, HoldKind::kFenced, record.reason);
      Attempt& attempt = attempts_[record.attempt];
      attempt.released = true;
      attempt.restarted = true;
      attempt.answer.topics.push_back({record.topic, record.epoch, {}, {}});
    } else if (record.state == OwnershipState::kPromoting) {
      room_.gate.Hold(topic->id, HoldKind::kPromoting, record.reason);
    } else if (record.owner != room_.ordinal) {
      room_.gate.Hold(topic->id, HoldKind::kLost, record.reason);
    } else if (ask) {
      asking_.insert(topic->id);
      room_.gate.Hold(topic->id, HoldKind::kAsking,
                      lost
                          ? "the checkpoint store was lost: the other regions are asked who owns "
                            "this topic; `atoll ownership adopt` says that this one does"
                          : "this region stopped uncleanly and asks the others who owns the topic");
    }
  }
  if (asking_.empty()) return;
  LogInfo("ownership", "{} own topics wait until other regions were heard", asking_.size());
  // Without its store a region can't know what it once gave away: it waits for word.
  if (!lost) ask_until_ = room_.clock.Now() + kAskFor;
}

void Owners::StopAsking() {
  for (const TopicId& topic : asking_) {
    if (room_.gate.HeldAs(topic) == HoldKind::kAsking) room_.gate.Release(topic);
  }
  if (!asking_.empty()) LogInfo("ownership", "{} own topics are served", asking_.size());
  asking_.clear();
  ask_until_.reset();
}

void Owners::Heard(const RegionName& peer) {
  MutexLock change(&change_);
  if (unheard_.erase(peer) > 0 && unheard_.empty()) StopAsking();
}

void Owners::Tick() {
  MutexLock change(&change_);
  const MonotonicTime now = room_.clock.Now();
  if (ask_until_ && now >= *ask_until_) {
    LogWarning("ownership", "not every other region answered in time; own topics are served");
    StopAsking();
  }
  std::vector<Uuid> expired;
  for (const auto& [id, attempt] : attempts_) {
    if (!attempt.released && now >= attempt.deadline) expired.push_back(id);
  }
  for (const Uuid& id : expired) {
    LogWarning("ownership", "attempt {} of {} did not finish in time: its fence is lifted",
               id.ToString(), attempts_[id].by.value());
    EndAttempt(id);
  }
}

// --- Reading ---

Owners::Record Owners::RecordOf(const Topic& topic) const {
  Record record;
  const auto row = rows_.find(topic.id);
  if (row != rows_.end()) record = row->second;
  // A row ahead of the catalogue: another region owns the topic and no link pulls it from there.
  if (row != rows_.end() && record.epoch >= topic.epoch) return record;
  record.topic = topic.id;
  record.name = topic.name;
  record.epoch = topic.epoch;
  record.owner = topic.is_mirror() ? topic.owner : room_.ordinal;
  record.state = OwnershipState::kServing;
  record.link = topic.link;
  const auto name = names_.find(record.owner);
  const auto by_link = std::ranges::find(*links_, topic.link, &config::Link::name);
  if (name != names_.end()) {
    record.owner_name = name->second;
  } else if (by_link != links_->end()) {
    record.owner_name = by_link->source.region;
  }
  // Nobody told where this epoch began, except the first of all.
  const bool first = record.lineage.empty() && record.epoch == LeaderEpoch::First(record.owner);
  record.cut.assign(first ? topic.partitions.size() : 0, Offset(0));
  record.lineage.push_back({record.epoch, record.owner, record.cut});
  return record;
}

std::vector<Owners::Record> Owners::All() const {
  const auto view = room_.catalog.view();
  std::vector<Record> records;
  MutexLock lock(&mutex_);
  for (const auto& [name, topic] : view->by_name) records.push_back(RecordOf(*topic));
  return records;
}

std::optional<Owners::Record> Owners::Find(const TopicId& id) const {
  const auto topic = room_.catalog.view()->Find(id);
  if (topic == nullptr) return std::nullopt;
  MutexLock lock(&mutex_);
  return RecordOf(*topic);
}

RegionName Owners::NameOf(RegionOrdinal region) const {
  MutexLock lock(&mutex_);
  const auto name = names_.find(region);
  return name == names_.end() ? RegionName(fmt::format("region {}", region.value())) : name->second;
}

void Owners::Keep(Record record) {
  MutexLock lock(&mutex_);
  names_[record.owner] = record.owner_name;
  rows_[record.topic] = std::move(record);
}

void Owners::Collect(std::vector<MetricFamily>& out) const {
  FamilyBuilder epochs("atoll_ownership_epoch",
                       "The epoch of each topic: a counter of 256 and the owner's ordinal.");
  for (const Record& record : All()) {
    epochs.Add({{"topic", record.name.value()}}, record.epoch.value());
  }
  std::move(epochs).AppendTo(out);
  FamilyBuilder fenced("atoll_fenced_writes_total",
                       "Client appends refused because this region may not accept them.",
                       prometheus::MetricType::Counter);
  for (const auto& [reason, count] : room_.gate.fenced_writes()) {
    fenced.Add({{"reason", std::string(reason)}}, static_cast<double>(count));
  }
  std::move(fenced).AppendTo(out);
}

// --- Learning ---

LinkName Owners::LinkFrom(const RegionName& region, const TopicName& topic) const {
  const std::shared_ptr<const Links> all = links();
  for (const config::Link& link : *all) {
    if (link.source.kind != config::SourceKind::kAtoll || link.source.region != region) continue;
    if (config::TopicFilter(link.topics).Mirrors(topic)) return link.name;
  }
  return LinkName();
}

Status Owners::Transfer(std::span<const Record> records, const LinkName& link, Batch also) {
  std::vector<broker::TopicTransfer> transfers;
  for (const Record& record : records) {
    transfers.push_back({record.topic, record.epoch, record.owner, link});
    checkpoint::OwnershipTable::StagePut(also, record);
  }
  const broker::CatalogOutcome outcome = room_.catalog.Transfer(transfers, std::move(also));
  if (!outcome.ok()) return Unavailable("{}", outcome.message);
  for (const Record& record : records) Keep(record);
  return OkStatus();
}

// The link may have mirrored the topic before, and say so of records that were cut off since: what
// it has durable is what the log has, or the log would look like one of a restored disk.
void Owners::StagePositions(const Topic& topic, const LinkName& link, Batch& batch) const {
  for (const auto& partition : topic.partitions) {
    checkpoint::MirrorPosition position;
    position.link = link;
    position.topic = topic.id;
    position.partition = partition->identity().partition;
    position.applied_end = partition->offsets().high_watermark;
    position.source_topic = topic.id;
    position.time = room_.clock.WallNow();
    checkpoint::MirrorTable::StagePosition(batch, position);
  }
}

// This region learns that it lost the topic: from here on it accepts nothing for it.
Status Owners::StepDown(const Topic& topic, Record record, const LinkName& link) {
  const bool owned = !topic.is_mirror();
  if (owned) {
    room_.gate.Hold(topic.id, HoldKind::kLost,
                    fmt::format("`{}` has moved to {} (epoch {})", topic.name.value(),
                                record.owner_name.value(), record.epoch.value()));
  }
  record.state = OwnershipState::kServing;
  record.attempt = Uuid();
  record.link = link;
  record.time = room_.clock.WallNow();
  if (link.empty()) {
    // Durable, so that a restart doesn't serve it again; the catalogue keeps its row until a link
    // follows the owner.
    record.reason = fmt::format(
        "{} owns `{}` at epoch {} and this region has no link from there: "
        "add one to mirror it",
        record.owner_name.value(), topic.name.value(), record.epoch.value());
    Batch batch;
    checkpoint::OwnershipTable::StagePut(batch, record);
    RETURN_IF_ERROR(room_.table.Write(batch, checkpoint::Sync::kNow));
    Keep(record);
  } else {
    const std::array records = {record};
    Batch positions;
    if (topic.link != link) StagePositions(topic, link, positions);
    RETURN_IF_ERROR(Transfer(records, link, std::move(positions)));
    room_.gate.Release(topic.id);
  }
  RETURN_IF_ERROR(owner_stepped_down.Hit());
  asking_.erase(topic.id);
  ForgetFences(topic.id);
  LogWarning("ownership", "topic {}: {} owns it at epoch {}{}", topic.name.value(),
             record.owner_name.value(), record.epoch.value(), owned ? "; this region did" : "");
  return OkStatus();
}

// A peer knows a later epoch of ours than we do: the store was rolled back. Never mint it again.
Status Owners::Rise(const Topic& topic, LeaderEpoch above, std::string reason) {
  Record record = *Find(topic.id);
  record.epoch = above.Next(room_.ordinal);
  record.owner = room_.ordinal;
  record.owner_name = room_.region;
  record.state = OwnershipState::kServing;
  record.attempt = Uuid();
  record.reason = std::move(reason);
  record.time = room_.clock.WallNow();
  const std::array ids = {topic.id};
  ASSIGN_OR_RETURN(const auto ends, room_.catalog.SettledEnds(ids));
  record.cut = ends.front();
  record.lineage.push_back({record.epoch, record.owner, record.cut});
  const std::array records = {record};
  RETURN_IF_ERROR(Transfer(records, LinkName(), {}));
  LogWarning("ownership", "topic {}: {}; it goes on at epoch {}", topic.name.value(), record.reason,
             record.epoch.value());
  return OkStatus();
}

bool Owners::MergeOne(const RegionName& from, const Record& record) {
  const auto topic = room_.catalog.view()->Find(record.topic);
  if (topic == nullptr || topic->frozen) return false;
  const Status sane = CheckRecord(record);
  if (!sane.ok()) {
    LogWarning("ownership", "{} sends a bad record: {}", from.value(), StatusMessage(sane));
    return false;
  }
  const Record ours = *Find(record.topic);
  if (record.epoch == ours.epoch && !KnowsLastCut(ours) && KnowsLastCut(record)) {
    // The same stint, better known.
    Record known = ours;
    known.cut = record.cut;
    known.lineage = record.lineage;
    Batch batch;
    checkpoint::OwnershipTable::StagePut(batch, known);
    const Status kept = room_.table.Write(batch, checkpoint::Sync::kLazy);
    if (kept.ok()) Keep(std::move(known));
    return kept.ok();
  }
  if (record.epoch <= ours.epoch) return false;
  Status done;
  if (record.owner == room_.ordinal) {
    done = topic->is_mirror() ? OkStatus()
                              : Rise(*topic, record.epoch,
                                     fmt::format("{} knows epoch {} of this region, its own store "
                                                 "did not",
                                                 from.value(), record.epoch.value()));
  } else {
    const LinkName link = LinkFrom(record.owner_name, record.name);
    // A mirror without a link to the new owner stays one of the old owner's, which has no more to
    // tell; what it holds is safe.
    if (link.empty() && topic->is_mirror()) return false;
    done = StepDown(*topic, record, link);
  }
  if (!done.ok()) {
    LogError("ownership", "topic {}: {}", record.name.value(), StatusMessage(done));
  }
  return done.ok() && record.owner != room_.ordinal;
}

std::vector<TopicId> Owners::Merge(const RegionName& from, std::span<const Record> records) {
  std::vector<TopicId> moved;
  MutexLock change(&change_);
  for (const Record& record : records) {
    if (MergeOne(from, record)) moved.push_back(record.topic);
  }
  return moved;
}

StatusOr<std::shared_ptr<const Topic>> Owners::Follow(const TopicId& id, LeaderEpoch epoch,
                                                      const LinkName& link) {
  MutexLock change(&change_);
  const auto topic = room_.catalog.view()->Find(id);
  if (topic == nullptr) return NotFound("no topic {}", id.ToString());
  Record record = *Find(id);
  const std::shared_ptr<const Links> all = links();
  const auto pulls = std::ranges::find(*all, link, &config::Link::name);
  if (record.epoch < epoch || record.owner != epoch.owner()) {
    record.epoch = epoch;
    record.owner = epoch.owner();
    record.owner_name = pulls == all->end() ? RegionName() : pulls->source.region;
    record.cut.clear();
    if (record.lineage.empty() || record.lineage.back().epoch < epoch) {
      record.lineage.push_back({epoch, record.owner, {}});
    }
  }
  record.reason = "the source was found to own it at a higher epoch";
  RETURN_IF_ERROR(StepDown(*topic, std::move(record), link));
  return room_.catalog.view()->Find(id);
}

}  // namespace atl::mirror
