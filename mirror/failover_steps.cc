// Failovers, second half: what each step does. All on the blocking shard, all idempotent.
#include <algorithm>

#include "base/failpoint.h"
#include "base/logging.h"
#include "mirror/failovers.h"
#include "mirror/ownership/move_rules.h"

namespace atl::mirror {
namespace {

Failpoint fence_sent("own.fence_sent");
Failpoint fence_acked("own.fence_acked");
Failpoint groups_synced("own.groups_synced");
Failpoint released("own.released");
Failpoint peer_told("own.peer_told");
Failpoint transactions_aborted("own.transactions_aborted");
Failpoint groups_placed("own.groups_placed");
Failpoint first_accept("own.first_accept");
Failpoint lifted("own.lifted");

}  // namespace

Status Failovers::ExecuteBlocking(Operation& operation, Step step) {
  const bool late = step <= Step::kMint && operation.record.mode == Mode::kPromote &&
                    room_.clock.Now() >= operation.deadline;
  if (late) return DeadlineExceeded("the move did not finish by its deadline");
  switch (step) {
    case Step::kFence:
      return Fence(operation);
    case Step::kGroups:
      return SyncGroups(operation);
    case Step::kRelease:
      return Release(operation);
    case Step::kMint:
      return Mint(operation);
    case Step::kTell:
      return Tell(operation);
    case Step::kAbort:
      return Abort(operation);
    case Step::kPlaceGroups:
      return PlaceGroups(operation);
    case Step::kServe:
      return Serve(operation);
    case Step::kLift:
      return Lift(operation);
    case Step::kDrain:
    case Step::kOver:
      return OkStatus();
  }
  return OkStatus();
}

Status Failovers::Fence(Operation& operation) {
  Record& record = operation.record;
  if (operation.foreign) return OkStatus();  // Its producers were stopped; the ends stand.
  FenceRequest request;
  request.attempt = record.attempt;
  request.deadline = operation.deadline - room_.clock.Now() + kFenceMargin;
  for (const auto& topic : record.topics) request.topics.push_back({topic.id, topic.old_epoch});
  operation.unavailable_since = room_.clock.Now();
  RETURN_IF_ERROR(fence_sent.Hit());
  ASSIGN_OR_RETURN(const ControlAnswer answer,
                   room_.control.Call(record.source, request, kFenceAnswer));
  const auto* fence = std::get_if<FenceAnswer>(&answer);
  if (fence == nullptr || fence->topics.size() != record.topics.size()) {
    return Corrupt("{} answers a fence with something else", record.source.value());
  }
  for (size_t i = 0; i < record.topics.size(); ++i) {
    const FenceAnswer::Topic& told = fence->topics[i];
    checkpoint::FailoverTopic& topic = record.topics[i];
    if (!told.refusal.empty()) {
      return FailedPrecondition("{} refuses the fence of `{}`: {}", record.source.value(),
                                topic.name.value(), told.refusal);
    }
    if (told.topic != topic.id || told.ends.size() < topic.partitions.size()) {
      return Corrupt("{} answers the fence of `{}` with {} ends", record.source.value(),
                     topic.name.value(), told.ends.size());
    }
    topic.partitions.resize(told.ends.size());
    for (size_t p = 0; p < told.ends.size(); ++p) topic.partitions[p].source_end = told.ends[p];
  }
  return fence_acked.Hit();
}

Status Failovers::SyncGroups(Operation& operation) {
  if (operation.foreign) return groups_synced.Hit();  // Polled, as the plan said.
  GroupsRequest request;
  for (const auto& topic : operation.record.topics) request.topics.push_back(topic.name);
  ASSIGN_OR_RETURN(const ControlAnswer answer,
                   room_.control.Call(operation.record.source, request, kFenceAnswer));
  const auto* groups = std::get_if<GroupsAnswer>(&answer);
  if (groups == nullptr) {
    return Corrupt("{} answers for its groups with something else",
                   operation.record.source.value());
  }
  RETURN_IF_ERROR(room_.group_sync.SyncNow(operation.record.link, groups->commits));
  return groups_synced.Hit();
}

Status Failovers::Release(Operation& operation) {
  if (!operation.foreign) {
    const ReleaseRequest request{operation.record.attempt};
    RETURN_IF_ERROR(room_.control.Call(operation.record.source, request, kFenceAnswer).status());
  }
  return released.Hit();
}

Status Failovers::Mint(Operation& operation) {
  Record& record = operation.record;
  if (operation.unavailable_since == MonotonicTime{}) {
    operation.unavailable_since = room_.clock.Now();
  }
  room_.owners.BeginPromotion(operation.ids);
  // While the topics are still mirrors: what is not placed yet is forgotten once they are ours.
  NoteGroups(record);
  const bool planned = record.mode == Mode::kPromote;
  const std::string reason = fmt::format("{} {} from {}", checkpoint::FailoverModeName(record.mode),
                                         record.id, record.source.value());
  const auto also = [&](const std::vector<Owners::Record>& minted, checkpoint::WriteBatch& batch) {
    NoteMinted(minted, record);
    Record stored = record;
    stored.step = Step::kTell;
    checkpoint::FailoverTable::StagePut(batch, stored);
  };
  const StatusOr<std::vector<Owners::Record>> minted =
      room_.owners.Mint(operation.ids, planned ? 1 : kForcedSteps, record.link, reason, also);
  if (!minted.ok()) {
    room_.owners.CancelPromotion(operation.ids);
    return minted.status();
  }
  return OkStatus();
}

// The old owner first; it may be gone, and learns it then when it comes back.
Status Failovers::Tell(Operation& operation) {
  std::vector<Owners::Record> records;
  for (const TopicId& id : operation.ids) {
    if (auto record = room_.owners.Find(id)) records.push_back(*std::move(record));
  }
  if (operation.record.mode == Mode::kPromote && !operation.foreign) {
    const OwnershipRequest request{records};
    const auto told = room_.control.Call(operation.record.source, request, kTellAnswer);
    if (!told.ok()) {
      LogWarning("failover", "move {}: {} was not told yet: {}", operation.record.id,
                 operation.record.source.value(), StatusMessage(told.status()));
    }
  }
  room_.control.Broadcast(OwnershipNews{std::move(records)});
  return peer_told.Hit();
}

Status Failovers::Abort(Operation& operation) {
  ASSIGN_OR_RETURN(const int aborted, room_.catalog.AbortOpenTransactions(operation.ids));
  operation.record.aborted_transactions += aborted;
  return transactions_aborted.Hit();
}

void Failovers::NoteGroups(Record& record) const {
  std::vector<TopicName> names;
  for (const auto& topic : record.topics) names.push_back(topic.name);
  record.groups.clear();
  for (const GroupKnowledge& known : room_.group_sync.Knowledge(record.link, names)) {
    record.groups.push_back({.group = known.group,
                             .topic = known.local_topic,
                             .partition = known.local_partition,
                             .committed_at_source = known.committed_at_source,
                             .known_at = known.known_at,
                             .resumes_at = known.here.value_or(kNoOffset),
                             .rereads = std::nullopt,
                             .skipped = std::nullopt});
  }
}

Status Failovers::PlaceGroups(Operation& operation) {
  Record& record = operation.record;
  std::map<std::pair<TopicName, PartitionId>, Offset> cuts;
  for (const auto& topic : record.topics) {
    for (size_t p = 0; p < topic.partitions.size(); ++p) {
      const PartitionId partition(static_cast<int32_t>(p));
      const Offset cut = topic.partitions[p].cut;
      cuts[{topic.name, partition}] = cut;
      RETURN_IF_ERROR(room_.group_sync.ClampTo(topic.name, partition, cut).status());
    }
  }
  for (checkpoint::FailoverGroup& row : record.groups) {
    const auto cut = cuts.find({row.topic, row.partition});
    if (cut == cuts.end() || row.resumes_at == kNoOffset) continue;
    row.resumes_at = std::min(row.resumes_at, cut->second);
    const Offset read = std::min(row.committed_at_source, cut->second);
    row.rereads = std::max<int64_t>(0, (read - row.resumes_at).value());
    // It had read them before they were lost; what lies above the cut here is new to it.
    row.skipped = std::max<int64_t>(0, (row.committed_at_source - cut->second).value());
  }
  return groups_placed.Hit();
}

Status Failovers::Serve(Operation& operation) {
  if (WasLost(operation)) return FailedPrecondition("lost to a higher epoch");
  RETURN_IF_ERROR(room_.owners.Serve(operation.ids));
  if (operation.unavailable_since != MonotonicTime{}) {
    operation.record.unavailable = room_.clock.Now() - operation.unavailable_since;
  }
  return first_accept.Hit();
}

Status Failovers::Lift(Operation& operation) {
  room_.owners.CancelPromotion(operation.ids);
  if (!operation.foreign) {
    const LiftRequest request{operation.record.attempt};
    RETURN_IF_ERROR(room_.control.Call(operation.record.source, request, kLiftAnswer).status());
  }
  return lifted.Hit();
}

}  // namespace atl::mirror
