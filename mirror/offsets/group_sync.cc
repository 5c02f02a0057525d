#include "mirror/offsets/group_sync.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

#include "base/logging.h"
#include "mirror/offsets/partition_of.h"
#include "runtime/ask.h"

namespace atl::mirror {
namespace {

using broker::CommittedOffset;
using broker::PlaceMode;
using broker::PlaceOutcome;

// Conflicts end and topics come without anyone telling.
constexpr Duration kFullLook = std::chrono::seconds(1);
constexpr Duration kSaveEvery = std::chrono::milliseconds(200);
constexpr size_t kMostOfOneMessage = 1000;
constexpr size_t kMostGroupSeries = 1000;   // With more, the lag is given per link.
constexpr size_t kMostGroupBytes = 32'767;  // As the coordinator has it.

}  // namespace

GroupSync::GroupSync(const Room& room, const std::vector<config::Link>& links, uint64_t seed)
    : room_(room), random_(seed), group_(room.reactor, "group sync") {
  for (const config::Link& link : links) links_.push_back(MakeRoom(link));
  translate_ = [&copies = room_.copies](const LinkName& link, const TopicName& topic,
                                        PartitionId partition, Offset offset, LeaderEpoch epoch) {
    return copies.Translate(link, topic, partition, offset, epoch);
  };
  collector_ = room_.metrics.AddCollector([this](std::vector<MetricFamily>& out) { Collect(out); });
}

GroupSync::~GroupSync() { collector_.reset(); }

const GroupSync::LinkRoom* GroupSync::Find(const LinkName& link) const {
  const auto found = std::find_if(links_.begin(), links_.end(),
                                  [&](const LinkRoom& one) { return one.config.name == link; });
  return found == links_.end() ? nullptr : &*found;
}

Status GroupSync::Restore() {
  checkpoint::GroupKnowledgeTable table(room_.store);
  std::vector<Status> damaged;
  ASSIGN_OR_RETURN(const auto rows, table.List(&damaged));
  for (const Status& row : damaged) LogWarning("groups", "{}", StatusMessage(row));
  for (const checkpoint::GroupKnowledgeRow& row : rows) book_.Restore(row);
  room_.offsets.OnCommitted([this](std::span<const CommittedOffset> changes) {
    {
      MutexLock lock(&mutex_);
      committed_.insert(committed_.end(), changes.begin(), changes.end());
    }
    busy_ = true;
  });
  return OkStatus();
}

// --- What happens ---

void GroupSync::Note(Happening happening) {
  {
    MutexLock lock(&mutex_);
    happened_.push_back(std::move(happening));
  }
  busy_ = true;
}

void GroupSync::OnPeerConnected(const RegionName& peer) { Note(Connected{peer}); }
void GroupSync::OnPeerGone(const RegionName& peer) { Note(Gone{peer}); }
void GroupSync::OnCommits(const RegionName& peer, GroupCommits commits) {
  Note(Heard{peer, std::move(commits)});
}
void GroupSync::OnPolled(const LinkName& link, std::vector<GroupCommit> commits) {
  Note(Polled{link, std::move(commits)});
}

bool GroupSync::Fed(const LinkName& link) const {
  MutexLock lock(&mutex_);
  const auto found = published_.find(link);
  return found != published_.end() && found->second.fed;
}

bool GroupSync::HasNews(const LinkName& link) const {
  MutexLock lock(&mutex_);
  const auto found = published_.find(link);
  return found != published_.end() && found->second.last_news.has_value();
}

void GroupSync::Turn() {
  std::vector<Happening> happened;
  std::vector<CommittedOffset> changes;
  busy_ = false;
  {
    MutexLock lock(&mutex_);
    happened.swap(happened_);
    changes.swap(committed_);
  }
  const MonotonicTime now = room_.clock.Now();
  const bool all = now >= next_full_.load();
  if (all) next_full_ = now + kFullLook;
  // Before a new peer's snapshot, which holds them already.
  if (!changes.empty()) SendChanges(std::move(changes));
  for (const Happening& one : happened) std::visit([this](const auto& event) { Take(event); }, one);
  PlaceDue(all);
  Save();
  if (all || !happened.empty()) Publish();
}

// --- At the owner ---

bool GroupSync::Owns(const TopicName& topic) const {
  const auto local = room_.catalog.view()->Find(topic);
  return local != nullptr && !local->is_mirror();
}

// What lies below the log's start is gone: whoever committed there goes on at the start, in every
// region. Untold, such an offset could be placed nowhere and would stop a planned move.
GroupCommit GroupSync::ToCommit(const CommittedOffset& offset) const {
  GroupCommit commit{.group = offset.group,
                     .topic = offset.topic,
                     .partition = offset.partition,
                     .offset = offset.offset,
                     .epoch = offset.epoch,
                     .metadata = offset.metadata,
                     .committed = offset.committed};
  const auto topic = room_.catalog.view()->Find(offset.topic);
  const auto log = topic == nullptr ? nullptr : PartitionOf(*topic, offset.partition);
  if (log == nullptr || offset.is_tombstone()) return commit;
  const Offset start = log->offsets().log_start;
  if (commit.offset < start) {
    commit.offset = start;
    commit.epoch = kNoEpoch;  // Of the record before it; that one is nobody's here.
  }
  return commit;
}

void GroupSync::SendChanges(std::vector<CommittedOffset> changes) {
  if (peers_.empty()) return;
  std::vector<GroupCommit> commits;
  std::map<std::tuple<GroupId, TopicName, PartitionId>, size_t> last;
  for (const CommittedOffset& change : changes) {
    // A deleted topic is not ours any more; that its offsets went is still told.
    if (!Owns(change.topic) && !change.is_tombstone()) continue;
    const auto [place, is_new] =
        last.emplace(std::tuple(change.group, change.topic, change.partition), commits.size());
    if (is_new) {
      commits.push_back(ToCommit(change));
    } else {
      commits[place->second] = ToCommit(change);
    }
  }
  if (commits.empty()) return;
  std::vector<RegionName> peers;
  for (const auto& [name, peer] : peers_) peers.push_back(name);
  for (const RegionName& peer : peers) SendTo(peer, GroupCommits::Part::kChange, commits);
}

void GroupSync::SendSnapshot(const RegionName& peer) {
  std::vector<GroupCommit> commits;
  const auto owned = [this](const TopicName& topic) { return Owns(topic); };
  for (const CommittedOffset& offset : room_.offsets.Committed(owned)) {
    commits.push_back(ToCommit(offset));
  }
  SendTo(peer, GroupCommits::Part::kSnapshot, std::move(commits));
  SendTo(peer, GroupCommits::Part::kSnapshotEnd, {});
}

void GroupSync::SendTo(const RegionName& peer, GroupCommits::Part part,
                       std::vector<GroupCommit> commits) {
  size_t next = 0;
  do {
    const auto known = peers_.find(peer);
    if (known == peers_.end()) return;
    GroupCommits message;
    message.sequence = ++known->second.sent;
    message.part = part;
    const size_t end = std::min(commits.size(), next + kMostOfOneMessage);
    for (; next < end; ++next) message.commits.push_back(std::move(commits[next]));
    // A peer that is not reached hears all of it anew when it connects.
    if (!room_.send(peer, message)) peers_.erase(known);
  } while (next < commits.size());
}

GroupsAnswer GroupSync::Groups(const GroupsRequest& request) const {
  GroupsAnswer answer;
  const auto wanted = [&](const TopicName& topic) {
    return std::find(request.topics.begin(), request.topics.end(), topic) != request.topics.end() &&
           Owns(topic);
  };
  for (const CommittedOffset& offset : room_.offsets.Committed(wanted)) {
    answer.commits.push_back(ToCommit(offset));
  }
  return answer;
}

// --- At the target ---

void GroupSync::Take(const Connected& event) {
  peers_[event.peer] = Peer();
  SendSnapshot(event.peer);
}

void GroupSync::Take(const Gone& event) {
  peers_.erase(event.peer);
  for (const LinkRoom& link : links_) {
    if (link.config.source.region == event.peer) links_now_[link.config.name].fed = false;
  }
}

std::vector<GroupCommit> GroupSync::Wanted(const LinkRoom& link,
                                           std::span<const GroupCommit> all) const {
  std::vector<GroupCommit> wanted;
  for (const GroupCommit& commit : all) {
    const std::string& group = commit.group.value();
    const bool sound = commit.partition >= PartitionId(0) && commit.offset >= kNoOffset &&
                       !group.empty() && group.size() <= kMostGroupBytes &&
                       broker::CheckTopicName(commit.topic.value()).empty();
    const bool ok =
        sound && link.topics.Mirrors(commit.topic) && link.groups.Mirrors(TopicName(group));
    if (ok) wanted.push_back(commit);
  }
  return wanted;
}

void GroupSync::Take(const Heard& event) {
  using Part = GroupCommits::Part;
  const WallTime now = room_.clock.WallNow();
  for (const LinkRoom& link : links_) {
    if (link.config.source.region != event.peer || !link.config.groups.sync) continue;
    const LinkName& name = link.config.name;
    LinkNow& state = links_now_[name];
    const bool first = event.commits.sequence == 1;
    if (event.commits.part != Part::kChange && first) book_.OnSnapshotBegin(name);
    if (!first && event.commits.sequence != state.heard + 1) {
      LogWarning("groups",
                 "link {}: message {} of the owner after {}: polled until it connects "
                 "again",
                 name.value(), event.commits.sequence, state.heard);
      state.fed = false;
      state.broken = true;
    }
    if (first) state.broken = false;
    state.heard = event.commits.sequence;
    state.last_news = now;
    book_.OnCommits(name, Wanted(link, event.commits.commits), now);
    if (event.commits.part != Part::kSnapshotEnd || state.broken) continue;
    book_.OnSnapshotEnd(name);
    state.fed = true;
  }
}

void GroupSync::Take(const Polled& event) {
  const LinkRoom* const link = Find(event.link);
  if (link == nullptr || links_now_[event.link].fed) return;
  const WallTime now = room_.clock.WallNow();
  book_.OnSnapshotBegin(event.link);
  book_.OnCommits(event.link, Wanted(*link, event.commits), now);
  book_.OnSnapshotEnd(event.link);
  links_now_[event.link].last_news = now;
}

void GroupSync::PlaceDue(bool all) {
  const std::vector<Placement> due = book_.Due(translate_, all);
  if (due.empty()) {
    if (book_.has_held()) busy_ = true;
    return;
  }
  std::vector<CommittedOffset> items;
  for (const Placement& placement : due) items.push_back(placement.item);
  const auto outcomes = room_.offsets.Place(items, PlaceMode::kForward);
  if (!outcomes.ok()) {
    LogError("groups", "offsets can't be placed: {}", StatusMessage(outcomes.status()));
    return;  // They stay due; the next full look tries again.
  }
  for (size_t i = 0; i < due.size(); ++i) book_.OnPlaced(due[i], (*outcomes)[i]);
  if (book_.has_held()) busy_ = true;
}

void GroupSync::Save() {
  const MonotonicTime now = room_.clock.Now();
  if (!book_.has_unsaved()) return;
  if (now < next_save_) {
    busy_ = true;
    return;
  }
  next_save_ = now + kSaveEvery;
  checkpoint::WriteBatch batch;
  for (const checkpoint::GroupKnowledgeRow& row : book_.TakeUnsaved()) {
    if (row.offset == kNoOffset) {
      checkpoint::GroupKnowledgeTable::StageDelete(batch, row);
    } else {
      checkpoint::GroupKnowledgeTable::StagePut(batch, row);
    }
  }
  const Status written = room_.store.Write(batch, checkpoint::Sync::kLazy);
  if (!written.ok()) LogError("groups", "not saved: {}", StatusMessage(written));
}

void GroupSync::Publish() {
  std::map<LinkName, LinkNow> fresh;
  for (const LinkRoom& link : links_) {
    LinkNow& state = links_now_[link.config.name];
    state.counts = book_.Count(link.config.name);
    fresh[link.config.name] = state;
  }
  MutexLock lock(&mutex_);
  published_ = std::move(fresh);
}

// --- Questions and orders ---

std::vector<GroupKnowledge> GroupSync::Knowledge(const LinkName& link,
                                                 std::vector<TopicName> topics) const {
  return runtime::AskShard<std::vector<GroupKnowledge>>(
      room_.blocking, 0,
      [this, link, topics = std::move(topics)] { return book_.Knowledge(link, topics); });
}

Status GroupSync::SyncNow(const LinkName& link, std::vector<GroupCommit> commits) {
  return runtime::AskShard<Status>(room_.blocking, 0, [this, link, commits = std::move(commits)] {
    const LinkRoom* const room = Find(link);
    return room == nullptr ? NotFound("no link `{}`", link.value()) : SyncOnShard(*room, commits);
  });
}

Status GroupSync::SyncOnShard(const LinkRoom& link, std::span<const GroupCommit> commits) {
  const LinkName& name = link.config.name;
  const std::vector<GroupCommit> wanted = Wanted(link, commits);
  book_.OnCommits(name, wanted, room_.clock.WallNow());
  std::vector<Placement> due;
  for (Placement& placement : book_.Due(translate_, true)) {
    const bool ours = std::any_of(placement.parts.begin(), placement.parts.end(),
                                  [&](const Placement::Part& part) { return part.link == name; });
    if (ours) due.push_back(std::move(placement));
  }
  std::vector<CommittedOffset> items;
  for (const Placement& placement : due) items.push_back(placement.item);
  ASSIGN_OR_RETURN(const auto outcomes, room_.offsets.Place(items, PlaceMode::kExact));
  for (size_t i = 0; i < due.size(); ++i) book_.OnPlaced(due[i], outcomes[i]);
  next_save_ = {};
  Save();
  std::string left;
  std::set<TopicName> topics;
  for (const GroupCommit& commit : wanted) topics.insert(commit.topic);
  const std::vector<TopicName> named(topics.begin(), topics.end());
  for (const GroupKnowledge& known : book_.Knowledge(name, named)) {
    if (known.state == GroupSyncState::kPlaced) continue;
    left += fmt::format("{}{} on {}-{}: {} {}", left.empty() ? "" : "; ", known.group.value(),
                        known.topic.value(), known.partition.value(),
                        GroupSyncStateName(known.state), known.reason);
  }
  return left.empty() ? OkStatus() : FailedPrecondition("groups not placed: {}", left);
}

StatusOr<std::vector<GroupClamp>> GroupSync::ClampTo(const TopicName& topic, PartitionId partition,
                                                     Offset cut) {
  return runtime::AskShard<StatusOr<std::vector<GroupClamp>>>(
      room_.blocking, 0,
      [this, topic, partition, cut] { return ClampOnShard(topic, partition, cut); });
}

StatusOr<std::vector<GroupClamp>> GroupSync::OnCut(const TopicName& topic, PartitionId partition,
                                                   Offset cut) {
  return runtime::AskShard<StatusOr<std::vector<GroupClamp>>>(
      room_.blocking, 0, [this, topic, partition, cut]() -> StatusOr<std::vector<GroupClamp>> {
        ASSIGN_OR_RETURN(const size_t removed, room_.offsets.RemoveReaders(topic));
        if (removed > 0) {
          LogWarning("groups", "{}-{} is cut at {}: {} members that read it have to join again",
                     topic.value(), partition.value(), cut.value(), removed);
        }
        return ClampOnShard(topic, partition, cut);
      });
}

// As far as the epoch that was committed with it goes in this log.
Offset GroupSync::PositionHere(const CommittedOffset& offset) const {
  const auto topic = room_.catalog.view()->Find(offset.topic);
  const auto log = topic == nullptr ? nullptr : PartitionOf(*topic, offset.partition);
  if (log == nullptr) return offset.offset;
  return log->PositionOf(offset.offset, offset.epoch, topic->epoch).value_or(offset.offset);
}

StatusOr<std::vector<GroupClamp>> GroupSync::ClampOnShard(const TopicName& topic,
                                                          PartitionId partition, Offset cut) {
  std::vector<CommittedOffset> items;
  std::vector<GroupClamp> clamped;
  const auto same = [&](const TopicName& name) { return name == topic; };
  for (const CommittedOffset& offset : room_.offsets.Committed(same)) {
    if (offset.partition != partition) continue;
    const Offset bound = std::min(cut, PositionHere(offset));
    if (offset.offset <= bound) continue;
    clamped.push_back({offset.group, topic, partition, offset.offset, bound});
    items.push_back(offset);
    items.back().offset = bound;
    items.back().epoch = kNoEpoch;  // The tail's: clients would look for its end (KIP-320).
  }
  if (items.empty()) return clamped;
  RETURN_IF_ERROR(room_.offsets.Place(items, PlaceMode::kCut).status());
  for (const GroupClamp& moved : clamped) {
    book_.OnClamped(moved.group, topic, partition, moved.now);
    LogWarning("groups", "{}-{} is cut at {}: the offset of group {} was {} and is moved to {}",
               topic.value(), partition.value(), cut.value(), moved.group.value(),
               moved.was.value(), moved.now.value());
  }
  busy_ = true;
  return clamped;
}

// --- Metrics ---

void GroupSync::Collect(std::vector<MetricFamily>& out) const {
  std::map<LinkName, LinkNow> links;
  {
    MutexLock lock(&mutex_);
    links = published_;
  }
  FamilyBuilder lag("atoll_offset_sync_lag_seconds",
                    "Age of a group's oldest committed offset that is known from the source and "
                    "not placed here; without news of the source the age of the last.");
  FamilyBuilder groups("atoll_offset_sync_groups",
                       "Groups of the source by what became of their offsets here.");
  const WallTime now = room_.clock.WallNow();
  for (const auto& [name, state] : links) {
    const LinkRoom* const link = Find(name);
    if (link == nullptr || !link->config.groups.sync) continue;
    for (int i = 0; i <= static_cast<int>(GroupSyncState::kUntranslatable); ++i) {
      const auto word = static_cast<GroupSyncState>(i);
      const auto count = state.counts.groups.find(word);
      groups.Add({{"link", name.value()}, {"state", std::string(GroupSyncStateName(word))}},
                 count == state.counts.groups.end() ? 0.0 : static_cast<double>(count->second));
    }
    if (!state.last_news) continue;
    const Duration silent = state.fed ? Duration{} : now - *state.last_news;
    Duration largest = std::max(silent, Duration{});
    const bool by_group = state.counts.held_since.size() <= kMostGroupSeries;
    for (const auto& [group, since] : state.counts.held_since) {
      const Duration held = std::max({since ? now - *since : Duration{}, silent, Duration{}});
      largest = std::max(largest, held);
      if (!by_group) continue;
      lag.Add({{"link", name.value()}, {"group", group.value()}}, ToSeconds(held));
    }
    if (!by_group) lag.Add({{"link", name.value()}}, ToSeconds(largest));
  }
  std::move(lag).AppendTo(out);
  std::move(groups).AppendTo(out);
}

}  // namespace atl::mirror
