// Requests: who may do what in which phase. What happens between generations is in rebalance.cc.
#include "core-broker/group/group_state.h"

#include <algorithm>
#include <utility>

#include "core-broker/group/subscription.h"

namespace atl::broker {

using kafka::ErrorCode;

namespace {

JoinAnswer Refused(Ticket ticket, ErrorCode error, std::string member_id) {
  JoinAnswer answer;
  answer.ticket = ticket;
  answer.error = error;
  answer.member_id = std::move(member_id);
  return answer;
}

GroupState::Member MemberOf(const JoinEvent& event, const std::string& id) {
  GroupState::Member member;
  member.id = id;
  member.instance_id = event.member.instance_id;
  member.client_id = event.client_id;
  member.client_host = event.client_host;
  member.session_timeout = event.session_timeout;
  member.rebalance_timeout = event.rebalance_timeout;
  member.protocols = event.protocols;
  member.join = event.ticket;
  return member;
}

}  // namespace

std::string_view PhaseName(GroupPhase phase) {
  switch (phase) {
    case GroupPhase::kEmpty:
      return "Empty";
    case GroupPhase::kPreparingRebalance:
      return "PreparingRebalance";
    case GroupPhase::kCompletingRebalance:
      return "CompletingRebalance";
    case GroupPhase::kStable:
      return "Stable";
    case GroupPhase::kDead:
      return "Dead";
  }
  return "Unknown";
}

const Bytes& GroupState::Member::MetadataFor(std::string_view protocol) const {
  static const Bytes kNone;
  for (const GroupProtocol& known : protocols) {
    if (known.name == protocol) return known.metadata;
  }
  return kNone;
}

GroupState::GroupState(GroupId id, const GroupLimits& limits, WallTime changed)
    : id_(std::move(id)), limits_(limits), changed_(changed) {}

GroupState::GroupState(const checkpoint::GroupRecord& record, const GroupLimits& limits, Instant at)
    : id_(record.group),
      limits_(limits),
      phase_(record.members.empty() ? GroupPhase::kEmpty : GroupPhase::kStable),
      changed_(record.changed),
      generation_(record.generation),
      protocol_type_(record.protocol_type),
      protocol_(record.protocol),
      leader_(record.leader) {
  for (const checkpoint::GroupMemberRecord& stored : record.members) {
    Member member;
    member.id = stored.member_id;
    member.instance_id = stored.instance_id;
    member.client_id = stored.client_id;
    member.client_host = stored.client_host;
    member.session_timeout = stored.session_timeout;
    member.rebalance_timeout = stored.rebalance_timeout;
    member.protocols = {{record.protocol, stored.subscription}};
    member.assignment = stored.assignment;
    Expect(member, member.session_timeout, at);
    CountProtocols(member, 1);
    if (member.instance_id) static_ids_[*member.instance_id] = member.id;
    members_[member.id] = std::move(member);
  }
  if (!members_.empty() && !members_.contains(leader_)) leader_ = members_.begin()->first;
}

// An instance id that another member has now fences the one who comes with the old member id.
ErrorCode GroupState::CheckMember(const MemberClaim& claim) const {
  if (claim.instance_id) {
    const auto known = static_ids_.find(*claim.instance_id);
    if (known == static_ids_.end()) return ErrorCode::kUnknownMemberId;
    if (known->second != claim.member_id) return ErrorCode::kFencedInstanceId;
  }
  return members_.contains(claim.member_id) ? ErrorCode::kNone : ErrorCode::kUnknownMemberId;
}

bool GroupState::Supports(const JoinEvent& event) const {
  if (event.protocol_type.empty() || event.protocols.empty()) return false;
  if (members_.empty()) return true;
  if (event.protocol_type != protocol_type_) return false;
  return std::any_of(event.protocols.begin(), event.protocols.end(), [&](const GroupProtocol& p) {
    const auto support = support_.find(p.name);
    return support != support_.end() && support->second == members_.size();
  });
}

void GroupState::Join(const JoinEvent& event, Instant at, Effects& out) {
  const std::string& id = event.member.member_id;
  const auto refuse = [&](ErrorCode error) {
    out.joins.push_back(Refused(event.ticket, error, id));
  };
  if (event.session_timeout < limits_.min_session || event.session_timeout > limits_.max_session) {
    return refuse(ErrorCode::kInvalidSessionTimeout);
  }
  if (phase_ == GroupPhase::kDead) return refuse(ErrorCode::kCoordinatorNotAvailable);
  if (!members_.contains(id) && members_.size() + pending_.size() >= limits_.max_members &&
      !pending_.contains(id)) {
    return refuse(ErrorCode::kGroupMaxSizeReached);
  }
  if (!Supports(event)) return refuse(ErrorCode::kInconsistentGroupProtocol);
  if (id.empty())
    JoinNew(event, at, out);
  else
    JoinAgain(event, at, out);
  if (phase_ == GroupPhase::kPreparingRebalance) CompleteJoinIfAllThere(at, out);
}

void GroupState::JoinNew(const JoinEvent& event, Instant at, Effects& out) {
  const std::string& fresh = event.fresh_member_id;
  if (event.member.instance_id) {
    const auto known = static_ids_.find(*event.member.instance_id);
    if (known != static_ids_.end()) return Replace(std::string(known->second), event, at, out);
    return Add(event, fresh, at, out);
  }
  if (!event.needs_member_id) return Add(event, fresh, at, out);
  const MonotonicTime deadline = at.now + event.session_timeout;
  pending_[fresh] = deadline;
  members_due_ = std::min(members_due_, deadline);
  out.joins.push_back(Refused(event.ticket, ErrorCode::kMemberIdRequired, fresh));
}

void GroupState::JoinAgain(const JoinEvent& event, Instant at, Effects& out) {
  const std::string& id = event.member.member_id;
  if (!event.member.instance_id && pending_.erase(id) > 0) return Add(event, id, at, out);
  const ErrorCode error = CheckMember(event.member);
  if (error != ErrorCode::kNone) {
    out.joins.push_back(Refused(event.ticket, error, id));
    return;
  }
  Rejoin(members_.at(id), event, at, out);
}

void GroupState::Rejoin(Member& member, const JoinEvent& event, Instant at, Effects& out) {
  const bool unchanged = member.protocols == event.protocols;
  const bool leads = member.id == leader_;
  // Its answer may have been lost: the generation that runs is told again. A leader that comes back
  // to a stable group wants a new assignment.
  if (unchanged && phase_ == GroupPhase::kCompletingRebalance) {
    out.joins.push_back(CurrentGeneration(member, event.ticket, leads));
    return;
  }
  if (unchanged && phase_ == GroupPhase::kStable && !leads) {
    Expect(member, member.session_timeout, at);
    out.joins.push_back(CurrentGeneration(member, event.ticket, false));
    return;
  }
  Adopt(member, event);
  AwaitJoin(member, event.ticket, out);
  if (phase_ != GroupPhase::kPreparingRebalance) Rebalance(at, out);
}

void GroupState::Add(const JoinEvent& event, const std::string& member_id, Instant at,
                     Effects& out) {
  Member member = MemberOf(event, member_id);
  member.is_new = true;
  // It has no id yet to send heartbeats with, and a client that gave up is not seen otherwise.
  Expect(member, limits_.new_member_timeout, at);
  if (members_.empty()) protocol_type_ = event.protocol_type;
  if (leader_.empty()) leader_ = member_id;
  CountProtocols(member, 1);
  if (member.instance_id) static_ids_[*member.instance_id] = member_id;
  members_[member_id] = std::move(member);
  ++joining_;
  if (initial_left_) joined_meanwhile_ = true;
  if (phase_ != GroupPhase::kPreparingRebalance) Rebalance(at, out);
}

// A static member's process came back, or a second one claims its name: the new one takes the slot
// under a new member id, whoever still speaks under the old one is fenced. Nothing else changes, so
// a stable group goes on without a rebalance; a leader is told the old leader's id, so that it does
// not compute an assignment (KIP-345).
void GroupState::Replace(const std::string& old_id, const JoinEvent& event, Instant at,
                         Effects& out) {
  const std::string old_leader = leader_;
  auto node = members_.extract(old_id);
  Member& member = node.mapped();
  const Bytes old_metadata = member.MetadataFor(protocol_);
  if (member.join != kNoTicket) {
    out.joins.push_back(Refused(member.join, ErrorCode::kFencedInstanceId, old_id));
    member.join = kNoTicket;
    --joining_;
  }
  AnswerSync(member, ErrorCode::kFencedInstanceId, at, out);
  member.id = event.fresh_member_id;
  node.key() = member.id;
  if (leader_ == old_id) leader_ = member.id;
  static_ids_[*member.instance_id] = member.id;
  Member& placed = members_.insert(std::move(node)).position->second;
  placed.client_id = event.client_id;
  placed.client_host = event.client_host;
  placed.is_new = false;
  Adopt(placed, event);
  Expect(placed, placed.session_timeout, at);
  const bool unchanged = placed.MetadataFor(protocol_) == old_metadata;
  if (phase_ == GroupPhase::kStable && unchanged && SelectProtocol() == protocol_) {
    JoinAnswer answer = CurrentGeneration(placed, event.ticket, false);
    answer.leader = old_leader;
    out.joins.push_back(std::move(answer));
    out.store = true;
    return;
  }
  AwaitJoin(placed, event.ticket, out);
  if (phase_ != GroupPhase::kPreparingRebalance) Rebalance(at, out);
}

void GroupState::Adopt(Member& member, const JoinEvent& event) {
  CountProtocols(member, -1);
  member.protocols = event.protocols;
  member.session_timeout = event.session_timeout;
  member.rebalance_timeout = event.rebalance_timeout;
  CountProtocols(member, 1);
}

void GroupState::AwaitJoin(Member& member, Ticket ticket, Effects& out) {
  if (member.join == kNoTicket)
    ++joining_;
  else  // Its client gave up waiting and asks again.
    out.joins.push_back(Refused(member.join, ErrorCode::kRebalanceInProgress, member.id));
  member.join = ticket;
}

void GroupState::CountProtocols(const Member& member, int by) {
  for (const GroupProtocol& protocol : member.protocols) {
    size_t& count = support_[protocol.name];
    count += static_cast<size_t>(by);
    if (count == 0) support_.erase(protocol.name);
  }
}

JoinAnswer GroupState::CurrentGeneration(const Member& member, Ticket ticket,
                                         bool with_members) const {
  JoinAnswer answer;
  answer.ticket = ticket;
  answer.generation = generation_;
  answer.protocol_type = protocol_type_;
  answer.protocol = protocol_;
  answer.leader = leader_;
  answer.member_id = member.id;
  if (!with_members) return answer;
  answer.members.reserve(members_.size());
  for (const auto& [id, other] : members_) {
    answer.members.push_back({id, other.instance_id, other.MetadataFor(protocol_)});
  }
  return answer;
}

ErrorCode GroupState::CheckSync(const SyncEvent& event) const {
  if (phase_ == GroupPhase::kDead) return ErrorCode::kCoordinatorNotAvailable;
  const ErrorCode error = CheckMember(event.member);
  if (error != ErrorCode::kNone) return error;
  if (event.generation != generation_) return ErrorCode::kIllegalGeneration;
  const bool other_type = event.protocol_type && *event.protocol_type != protocol_type_;
  const bool other_protocol = event.protocol && *event.protocol != protocol_;
  if (other_type || other_protocol) return ErrorCode::kInconsistentGroupProtocol;
  if (phase_ == GroupPhase::kPreparingRebalance) return ErrorCode::kRebalanceInProgress;
  return ErrorCode::kNone;
}

void GroupState::Sync(const SyncEvent& event, Instant at, Effects& out) {
  const ErrorCode error = CheckSync(event);
  if (error != ErrorCode::kNone) {
    out.syncs.push_back({event.ticket, error, "", "", {}});
    return;
  }
  Member& member = members_.at(event.member.member_id);
  AnswerSync(member, ErrorCode::kRebalanceInProgress, at, out);  // An earlier try of the same.
  member.sync = event.ticket;
  SyncArrived(member);
  if (phase_ == GroupPhase::kStable) return AnswerSync(member, ErrorCode::kNone, at, out);
  if (member.id == leader_) AcceptAssignments(event, at, out);
}

void GroupState::AcceptAssignments(const SyncEvent& event, Instant at, Effects& out) {
  for (auto& [id, member] : members_) member.assignment.clear();
  for (const auto& [id, assignment] : event.assignments) {
    const auto member = members_.find(id);
    if (member != members_.end()) member->second.assignment = assignment;
  }
  Enter(GroupPhase::kStable, at.wall);
  for (auto& [id, member] : members_) AnswerSync(member, ErrorCode::kNone, at, out);
  out.store = true;
}

void GroupState::AnswerSync(Member& member, ErrorCode error, Instant at, Effects& out) {
  if (member.sync == kNoTicket) return;
  SyncAnswer answer{std::exchange(member.sync, kNoTicket), error, protocol_type_, protocol_, {}};
  if (error == ErrorCode::kNone) answer.assignment = member.assignment;
  out.syncs.push_back(std::move(answer));
  Expect(member, member.session_timeout, at);
}

ErrorCode GroupState::Heartbeat(const MemberClaim& claim, int32_t generation, Instant at) {
  if (phase_ == GroupPhase::kDead) return ErrorCode::kCoordinatorNotAvailable;
  const ErrorCode error = CheckMember(claim);
  if (error != ErrorCode::kNone) return error;
  if (generation != generation_) return ErrorCode::kIllegalGeneration;
  Member& member = members_.find(claim.member_id)->second;
  Expect(member, member.session_timeout, at);
  return phase_ == GroupPhase::kPreparingRebalance ? ErrorCode::kRebalanceInProgress
                                                   : ErrorCode::kNone;
}

ErrorCode GroupState::Leave(const MemberClaim& claim, Instant at, Effects& out) {
  if (phase_ == GroupPhase::kDead) return ErrorCode::kCoordinatorNotAvailable;
  std::string id = claim.member_id;
  if (id.empty() && claim.instance_id) {
    const auto known = static_ids_.find(*claim.instance_id);
    if (known == static_ids_.end()) return ErrorCode::kUnknownMemberId;
    id = known->second;
  } else if (!claim.instance_id && pending_.erase(id) > 0) {
    if (phase_ == GroupPhase::kPreparingRebalance) CompleteJoinIfAllThere(at, out);
    return ErrorCode::kNone;
  }
  const ErrorCode error = CheckMember({id, claim.instance_id});
  if (error == ErrorCode::kNone) Remove(id, ErrorCode::kUnknownMemberId, at, out);
  return error;
}

void GroupState::RemoveAll(Instant at, Effects& out) {
  if (members_.empty()) return;
  const std::string last = members_.rbegin()->first;
  while (members_.size() > 1) {
    const std::string id = members_.begin()->first;
    DropMember(id, ErrorCode::kUnknownMemberId, out);
  }
  Remove(last, ErrorCode::kUnknownMemberId, at, out);
}

ErrorCode GroupState::AdmitCommit(const MemberClaim& claim, int32_t generation, Instant at) {
  if (phase_ == GroupPhase::kDead) return ErrorCode::kCoordinatorNotAvailable;
  // An operator, or a consumer that assigns its partitions itself.
  if (generation < 0 && phase_ == GroupPhase::kEmpty) return ErrorCode::kNone;
  if (generation < 0 && claim.member_id.empty() && !claim.instance_id) {
    return ErrorCode::kUnknownMemberId;
  }
  const ErrorCode error = CheckMember(claim);
  if (error != ErrorCode::kNone) return error;
  if (generation != generation_) return ErrorCode::kIllegalGeneration;
  if (phase_ == GroupPhase::kCompletingRebalance) return ErrorCode::kRebalanceInProgress;
  Member& member = members_.find(claim.member_id)->second;
  Expect(member, member.session_timeout, at);
  return ErrorCode::kNone;
}

bool GroupState::SubscribesTo(const TopicName& topic) const {
  for (const auto& [id, member] : members_) {
    const auto topics = SubscribedTopics(member.MetadataFor(protocol_));
    if (!topics) return true;  // Unknown: it may well.
    if (std::find(topics->begin(), topics->end(), topic) != topics->end()) return true;
  }
  return false;
}

bool GroupState::Kill() {
  if (phase_ != GroupPhase::kEmpty) return false;
  phase_ = GroupPhase::kDead;  // `changed` stays: Revive() finds the group as it was.
  return true;
}

void GroupState::Revive() { phase_ = GroupPhase::kEmpty; }

checkpoint::GroupRecord GroupState::ToRecord() const {
  checkpoint::GroupRecord record;
  record.group = id_;
  record.generation = generation_;
  record.protocol_type = protocol_type_;
  record.protocol = protocol_;
  record.leader = leader_;
  record.changed = changed_;
  record.members.reserve(members_.size());
  for (const auto& [id, member] : members_) {
    record.members.push_back({id, member.instance_id, member.client_id, member.client_host,
                              member.session_timeout, member.rebalance_timeout,
                              member.MetadataFor(protocol_), member.assignment});
  }
  return record;
}

}  // namespace atl::broker
