// Between generations: members gather, a protocol is voted, the leader's assignment is waited for;
// and who does not come in time is removed.
#include <algorithm>
#include <utility>

#include "core-broker/group/group_state.h"

namespace atl::broker {

using kafka::ErrorCode;

void GroupState::Enter(GroupPhase phase, WallTime wall) {
  phase_ = phase;
  changed_ = wall;
}

void GroupState::Expect(Member& member, Duration within, Instant at) {
  member.deadline = at.now + within;
  members_due_ = std::min(members_due_, member.deadline);
}

Duration GroupState::RebalanceTimeout() const {
  Duration longest{};
  for (const auto& [id, member] : members_) longest = std::max(longest, member.rebalance_timeout);
  return longest;
}

// Every member votes for the first of its protocols that all know; at equal votes the leader's
// order decides. Supports() keeps the set that all know from becoming empty.
std::string GroupState::SelectProtocol() const {
  std::map<std::string_view, int> votes;
  for (const auto& [id, member] : members_) {
    for (const GroupProtocol& protocol : member.protocols) {
      if (support_.at(protocol.name) != members_.size()) continue;
      ++votes[protocol.name];
      break;
    }
  }
  std::string_view best;
  for (const GroupProtocol& protocol : members_.at(leader_).protocols) {
    if (votes[protocol.name] > votes[best]) best = protocol.name;
  }
  return std::string(best);
}

// From any phase but PreparingRebalance. From Empty the first member waits a little for others.
void GroupState::Rebalance(Instant at, Effects& out) {
  for (auto& [id, member] : members_) {
    member.owes_sync = false;
    if (phase_ == GroupPhase::kStable) continue;
    member.assignment.clear();
    AnswerSync(member, ErrorCode::kRebalanceInProgress, at, out);
  }
  owing_ = 0;
  sync_due_ = MonotonicTime::max();
  const bool first = phase_ == GroupPhase::kEmpty;
  Enter(GroupPhase::kPreparingRebalance, at.wall);
  const Duration timeout = RebalanceTimeout();
  initial_left_.reset();
  if (first) {
    const Duration delay = limits_.initial_rebalance_delay;
    initial_left_ = std::max(timeout - delay, Duration::zero());
    joined_meanwhile_ = false;
    rebalance_due_ = at.now + delay;
    if (delay == Duration::zero()) OnRebalanceDue(at, out);
    return;
  }
  rebalance_due_ = at.now + timeout;
  CompleteJoinIfAllThere(at, out);
}

void GroupState::CompleteJoinIfAllThere(Instant at, Effects& out) {
  if (initial_left_) return;
  if (joining_ == members_.size() && pending_.empty()) CompleteJoin(at, out);
}

void GroupState::OnRebalanceDue(Instant at, Effects& out) {
  if (initial_left_ && joined_meanwhile_ && *initial_left_ > Duration::zero()) {
    const Duration delay = std::min(limits_.initial_rebalance_delay, *initial_left_);
    *initial_left_ -= delay;
    joined_meanwhile_ = false;
    rebalance_due_ = at.now + delay;
    return;
  }
  CompleteJoin(at, out);
}

// A static member keeps its place until its session ends, also when it missed the rebalance.
void GroupState::CompleteJoin(Instant at, Effects& out) {
  initial_left_.reset();
  std::vector<std::string> missing;
  for (const auto& [id, member] : members_) {
    if (member.join == kNoTicket && !member.instance_id) missing.push_back(id);
  }
  for (const std::string& id : missing) DropMember(id, ErrorCode::kUnknownMemberId, out);
  if (!members_.empty() && !ElectLeader()) {
    rebalance_due_ = at.now + RebalanceTimeout();  // Only static members, and none came.
    return;
  }
  rebalance_due_ = MonotonicTime::max();
  NextGeneration(at, out);
}

// Whether there is a leader who takes part: the old one, or any who came.
bool GroupState::ElectLeader() {
  const auto leader = members_.find(leader_);
  if (leader != members_.end() && leader->second.join != kNoTicket) return true;
  for (const auto& [id, member] : members_) {
    if (member.join == kNoTicket) continue;
    leader_ = id;
    return true;
  }
  return false;
}

void GroupState::NextGeneration(Instant at, Effects& out) {
  generation_ = generation_ == INT32_MAX ? 1 : generation_ + 1;
  if (members_.empty()) {
    protocol_.clear();
    Enter(GroupPhase::kEmpty, at.wall);
    out.store = true;
    return;
  }
  protocol_ = SelectProtocol();
  Enter(GroupPhase::kCompletingRebalance, at.wall);
  for (auto& [id, member] : members_) {
    member.is_new = false;
    member.owes_sync = true;
    Expect(member, member.session_timeout, at);
    const Ticket ticket = std::exchange(member.join, kNoTicket);
    if (ticket != kNoTicket) out.joins.push_back(CurrentGeneration(member, ticket, id == leader_));
  }
  joining_ = 0;
  owing_ = members_.size();
  sync_due_ = at.now + RebalanceTimeout();
}

void GroupState::SyncArrived(Member& member) {
  if (!std::exchange(member.owes_sync, false)) return;
  if (--owing_ == 0) sync_due_ = MonotonicTime::max();
}

void GroupState::OnSyncDue(Instant at, Effects& out) {
  sync_due_ = MonotonicTime::max();
  std::vector<std::string> late;
  for (const auto& [id, member] : members_) {
    if (member.owes_sync) late.push_back(id);
  }
  for (const std::string& id : late) DropMember(id, ErrorCode::kUnknownMemberId, out);
  if (!late.empty()) Rebalance(at, out);
}

void GroupState::DropMember(const std::string& member_id, ErrorCode why, Effects& out) {
  auto node = members_.extract(member_id);
  Member& member = node.mapped();
  CountProtocols(member, -1);
  if (member.instance_id) static_ids_.erase(*member.instance_id);
  SyncArrived(member);  // Nobody waits for it any more.
  if (member.join != kNoTicket) {
    --joining_;
    JoinAnswer answer;
    answer.ticket = member.join;
    answer.error = why;
    answer.member_id = member_id;
    out.joins.push_back(std::move(answer));
  }
  if (member.sync != kNoTicket) out.syncs.push_back({member.sync, why, "", "", {}});
  if (leader_ == member_id) leader_ = members_.empty() ? "" : members_.begin()->first;
}

void GroupState::Remove(const std::string& member_id, ErrorCode why, Instant at, Effects& out) {
  DropMember(member_id, why, out);
  if (phase_ == GroupPhase::kPreparingRebalance)
    CompleteJoinIfAllThere(at, out);
  else
    Rebalance(at, out);
}

// Who waits for an answer of ours is not late, unless it is new: then its client may be gone.
void GroupState::ExpireMembers(Instant at, Effects& out) {
  members_due_ = MonotonicTime::max();
  std::vector<std::string> late;
  for (const auto& [id, member] : members_) {
    const bool waits = member.join != kNoTicket || member.sync != kNoTicket;
    if (waits && !member.is_new) continue;
    if (member.deadline <= at.now)
      late.push_back(id);
    else
      members_due_ = std::min(members_due_, member.deadline);
  }
  const size_t pending = pending_.size();
  std::erase_if(pending_, [&](const auto& entry) { return entry.second <= at.now; });
  for (const auto& [id, deadline] : pending_) members_due_ = std::min(members_due_, deadline);
  for (const std::string& id : late) DropMember(id, ErrorCode::kUnknownMemberId, out);
  if (phase_ == GroupPhase::kPreparingRebalance) {
    if (!late.empty() || pending_.size() < pending) CompleteJoinIfAllThere(at, out);
  } else if (!late.empty()) {
    Rebalance(at, out);
  }
}

void GroupState::StoreFailed(Instant at, Effects& out) {
  if (phase_ == GroupPhase::kStable) Rebalance(at, out);
}

void GroupState::OnTime(Instant at, Effects& out) {
  if (at.now >= members_due_) ExpireMembers(at, out);
  if (at.now >= sync_due_) OnSyncDue(at, out);
  const bool preparing = phase_ == GroupPhase::kPreparingRebalance;
  if (preparing && at.now >= rebalance_due_) OnRebalanceDue(at, out);
}

MonotonicTime GroupState::next_due() const {
  const MonotonicTime rebalance =
      phase_ == GroupPhase::kPreparingRebalance ? rebalance_due_ : MonotonicTime::max();
  return std::min({members_due_, sync_due_, rebalance});
}

}  // namespace atl::broker
