// Membership: requests and time go into a group's state, what comes out is answered, now or when
// the group's row is durable.
#include "core-broker/group/coordinator.h"

#include <algorithm>
#include <chrono>

#include "base/logging.h"
#include "base/uuid.h"

namespace atl::broker {

using kafka::ErrorCode;

namespace {

constexpr int16_t kFirstVersionWithMemberIds = 4;  // KIP-394.

kafka::JoinGroupResponse Refusal(ErrorCode error) {
  kafka::JoinGroupResponse response;
  response.error_code = error;
  response.protocol_name = "";  // Old clients can't read a null.
  return response;
}

kafka::JoinGroupResponse ToResponse(const JoinAnswer& answer) {
  kafka::JoinGroupResponse response = Refusal(answer.error);
  response.member_id = answer.member_id;
  if (answer.error != ErrorCode::kNone) return response;
  response.generation_id = answer.generation;
  response.protocol_type = answer.protocol_type;
  response.protocol_name = answer.protocol;
  response.leader = answer.leader;
  response.members.reserve(answer.members.size());
  for (const JoinAnswer::Other& other : answer.members) {
    response.members.push_back({other.member_id, other.instance_id, other.metadata});
  }
  return response;
}

kafka::SyncGroupResponse ToResponse(const SyncAnswer& answer) {
  kafka::SyncGroupResponse response;
  response.error_code = answer.error;
  if (answer.error != ErrorCode::kNone) return response;
  response.protocol_type = answer.protocol_type;
  response.protocol_name = answer.protocol;
  response.assignment = answer.assignment;
  return response;
}

JoinEvent ToEvent(const Coordinator::Caller& caller, kafka::JoinGroupRequest& request) {
  JoinEvent event;
  event.member = {std::move(request.member_id), std::move(request.group_instance_id)};
  event.client_id = caller.client_id;
  event.client_host = caller.host;
  event.session_timeout = std::chrono::milliseconds(request.session_timeout_ms);
  event.rebalance_timeout = std::chrono::milliseconds(
      request.rebalance_timeout_ms < 0 ? request.session_timeout_ms : request.rebalance_timeout_ms);
  event.protocol_type = std::move(request.protocol_type);
  event.protocols.reserve(request.protocols.size());
  for (kafka::JoinGroupProtocol& protocol : request.protocols) {
    event.protocols.push_back({std::move(protocol.name), std::move(protocol.metadata)});
  }
  event.needs_member_id = caller.version >= kFirstVersionWithMemberIds;
  return event;
}

SyncEvent ToEvent(kafka::SyncGroupRequest& request) {
  SyncEvent event;
  event.member = {std::move(request.member_id), std::move(request.group_instance_id)};
  event.generation = request.generation_id;
  event.protocol_type = std::move(request.protocol_type);
  event.protocol = std::move(request.protocol_name);
  event.assignments.reserve(request.assignments.size());
  for (kafka::SyncGroupAssignment& assignment : request.assignments) {
    event.assignments.emplace_back(std::move(assignment.member_id),
                                   std::move(assignment.assignment));
  }
  return event;
}

}  // namespace

bool IsGroupId(const GroupId& id) { return !id.empty() && id.value().size() <= kMaxGroupIdBytes; }

Coordinator::Coordinator(const GroupConfig& config, checkpoint::Store& store,
                         runtime::StorageShards& shard, Clock& clock, uint64_t seed)
    : config_(config),
      store_(store),
      clock_(clock),
      random_(seed),
      next_expiry_(clock.Now() + config.expiry_interval),
      log_(store, shard,
           {[this] {
              MutexLock lock(&mutex_);
              return std::exchange(queue_, {});
            },
            [this](std::span<const LogEntry> entries) { ApplyDurable(entries); }}) {}

Coordinator::~Coordinator() = default;

Status Coordinator::Load() {
  checkpoint::GroupTable table(store_);
  std::vector<Status> damaged;
  ASSIGN_OR_RETURN(const auto groups, table.Groups(&damaged));
  ASSIGN_OR_RETURN(const auto offsets, table.Offsets(&damaged));
  for (const Status& status : damaged) LogError("groups", "left out: {}", StatusMessage(status));
  const Instant at = Now();
  MutexLock lock(&mutex_);
  for (const checkpoint::GroupRecord& record : groups) {
    auto group = std::make_unique<Group>(record, config_.limits, at);
    Schedule(*group);
    groups_[record.group] = std::move(group);
  }
  for (const checkpoint::GroupOffsetRecord& record : offsets) {
    StoredOffset stored{record.offset,    record.epoch,   record.metadata,
                        record.committed, record.expires, record.synced};
    FindOrMake(record.group)
        .offsets.Apply({record.group, record.topic, record.partition, std::move(stored)});
  }
  return OkStatus();
}

Coordinator::Group* Coordinator::Find(const GroupId& id) {
  const auto found = groups_.find(id);
  return found == groups_.end() ? nullptr : found->second.get();
}

const Coordinator::Group* Coordinator::Find(const GroupId& id) const {
  const auto found = groups_.find(id);
  return found == groups_.end() ? nullptr : found->second.get();
}

Coordinator::Group& Coordinator::FindOrMake(const GroupId& id) {
  std::unique_ptr<Group>& group = groups_[id];
  if (group == nullptr) group = std::make_unique<Group>(id, config_.limits, clock_.WallNow());
  return *group;
}

// "client-8sLx...": what Kafka's tools show is told apart by its front.
std::string Coordinator::NewMemberId(const std::string& prefix) {
  return fmt::format("{}-{}", prefix, Uuid::Generate(random_).ToString());
}

void Coordinator::Join(const Caller& caller, kafka::JoinGroupRequest request, JoinDone done) {
  After after;
  const GroupId id = request.group_id;
  JoinEvent event = ToEvent(caller, request);
  const bool is_new = event.member.member_id.empty();
  {
    MutexLock lock(&mutex_);
    event.ticket = next_ticket_++;
    joins_[event.ticket] = std::move(done);
    Effects effects;
    Group* group = is_new && IsGroupId(id) ? &FindOrMake(id) : Find(id);
    if (group == nullptr) {
      JoinAnswer refused;
      refused.ticket = event.ticket;
      refused.error = IsGroupId(id) ? ErrorCode::kUnknownMemberId : ErrorCode::kInvalidGroupId;
      refused.member_id = event.member.member_id;
      const Answer answer = AnswerOf(std::move(refused));
      after.calls.emplace_back([answer] { answer(ErrorCode::kNone); });
    } else {
      event.fresh_member_id = NewMemberId(event.member.instance_id.value_or(event.client_id));
      group->state.Join(event, Now(), effects);
      Carry(*group, std::move(effects), after);
      const bool blank = group->state.is_blank() && group->offsets.empty() && group->storing == 0;
      if (blank) groups_.erase(id);  // A refused join leaves no group behind.
    }
  }
  Release(after);
}

void Coordinator::Sync(kafka::SyncGroupRequest request, SyncDone done) {
  After after;
  const GroupId id = request.group_id;
  SyncEvent event = ToEvent(request);
  {
    MutexLock lock(&mutex_);
    event.ticket = next_ticket_++;
    syncs_[event.ticket] = std::move(done);
    if (Group* group = Find(id); group != nullptr) {
      Effects effects;
      group->state.Sync(event, Now(), effects);
      Carry(*group, std::move(effects), after);
    } else {
      const ErrorCode error =
          IsGroupId(id) ? ErrorCode::kUnknownMemberId : ErrorCode::kInvalidGroupId;
      const Answer answer = AnswerOf(SyncAnswer{event.ticket, error, "", "", {}});
      after.calls.emplace_back([answer] { answer(ErrorCode::kNone); });
    }
  }
  Release(after);
}

ErrorCode Coordinator::Heartbeat(const kafka::HeartbeatRequest& request) {
  MutexLock lock(&mutex_);
  if (!IsGroupId(request.group_id)) return ErrorCode::kInvalidGroupId;
  Group* group = Find(request.group_id);
  if (group == nullptr) return ErrorCode::kUnknownMemberId;
  return group->state.Heartbeat({request.member_id, request.group_instance_id},
                                request.generation_id, Now());
}

Coordinator::Errors Coordinator::Leave(const GroupId& id, const std::vector<MemberClaim>& members) {
  After after;
  Errors errors;
  {
    MutexLock lock(&mutex_);
    Group* group = Find(id);
    Effects effects;
    for (const MemberClaim& member : members) {
      errors.push_back(group == nullptr ? ErrorCode::kUnknownMemberId
                                        : group->state.Leave(member, Now(), effects));
    }
    if (group != nullptr) Carry(*group, std::move(effects), after);
  }
  Release(after);
  return errors;
}

// The callback is taken now, so that a ticket is answered once whatever happens next.
Coordinator::Answer Coordinator::AnswerOf(JoinAnswer answer) {
  auto node = joins_.extract(answer.ticket);
  return [done = std::move(node.mapped()), answer = std::move(answer)](ErrorCode error) {
    kafka::JoinGroupResponse response = ToResponse(answer);
    if (error != ErrorCode::kNone) response = Refusal(error);
    done(std::move(response));
  };
}

Coordinator::Answer Coordinator::AnswerOf(SyncAnswer answer) {
  auto node = syncs_.extract(answer.ticket);
  return [done = std::move(node.mapped()), answer = std::move(answer)](ErrorCode error) {
    kafka::SyncGroupResponse response = ToResponse(answer);
    if (error != ErrorCode::kNone) {
      response = {};
      response.error_code = error;
    }
    done(std::move(response));
  };
}

// An assignment never leaves before the row that it belongs to, also when another member's request
// had that row written.
void Coordinator::Carry(Group& group, Effects effects, After& after) {
  const bool with_assignments =
      std::any_of(effects.syncs.begin(), effects.syncs.end(),
                  [](const SyncAnswer& sync) { return sync.error == ErrorCode::kNone; });
  std::vector<Answer> answers;
  for (JoinAnswer& join : effects.joins) answers.push_back(AnswerOf(std::move(join)));
  for (SyncAnswer& sync : effects.syncs) answers.push_back(AnswerOf(std::move(sync)));
  Schedule(group);
  if (!effects.store && !(with_assignments && group.storing > 0)) {
    for (Answer& answer : answers) {
      after.calls.emplace_back([answer = std::move(answer)] { answer(ErrorCode::kNone); });
    }
    return;
  }
  LogEntry entry;
  if (effects.store) entry.groups.push_back(group.state.ToRecord());
  ++group.storing;
  entry.done = [this, id = group.state.id(), answers = std::move(answers)](const Status& status) {
    OnStored(id, status, answers);
  };
  Enqueue(std::move(entry), after);
}

void Coordinator::OnStored(const GroupId& id, const Status& status,
                           const std::vector<Answer>& answers) {
  After after;
  {
    MutexLock lock(&mutex_);
    Group* group = Find(id);
    if (group != nullptr) --group->storing;
    if (group != nullptr && !status.ok()) {
      Effects effects;
      group->state.StoreFailed(Now(), effects);
      Carry(*group, std::move(effects), after);
    }
  }
  // What Kafka says when a group's row can't be replicated; clients look for the coordinator and
  // join again.
  const ErrorCode error = status.ok() ? ErrorCode::kNone : ErrorCode::kNotCoordinator;
  for (const Answer& answer : answers) answer(error);
  Release(after);
}

void Coordinator::Schedule(Group& group) {
  const MonotonicTime due = group.state.next_due();
  if (due >= group.scheduled) return;
  group.scheduled = due;
  due_.push({due, group.state.id()});
}

void Coordinator::Enqueue(LogEntry entry, After& after) {
  queue_.push_back(std::move(entry));
  after.kick = true;
}

void Coordinator::Release(const After& after) {
  for (const auto& call : after.calls) call();
  if (after.kick) log_.Kick();
}

void Coordinator::Tick() {
  After after;
  bool expire = false;
  {
    MutexLock lock(&mutex_);
    const Instant at = Now();
    while (!due_.empty() && due_.top().at <= at.now) {
      const Due due = due_.top();
      due_.pop();
      Group* group = Find(due.group);
      if (group == nullptr || group->scheduled != due.at) continue;
      group->scheduled = MonotonicTime::max();
      Effects effects;
      group->state.OnTime(at, effects);
      Carry(*group, std::move(effects), after);
    }
    expire = at.now >= next_expiry_;
    if (expire) next_expiry_ = at.now + config_.expiry_interval;
  }
  Release(after);
  if (expire) ExpireOffsets();
}

kafka::DescribedGroup Coordinator::Describe(const GroupId& id) const {
  kafka::DescribedGroup described;
  described.group_id = id;
  described.group_state = PhaseName(GroupPhase::kDead);
  MutexLock lock(&mutex_);
  const Group* group = Find(id);
  if (group == nullptr) return described;
  const GroupState& state = group->state;
  const bool stable = state.phase() == GroupPhase::kStable;
  described.group_state = PhaseName(state.phase());
  described.protocol_type = state.protocol_type();
  if (stable) described.protocol_data = state.protocol();
  for (const auto& [member_id, member] : state.members()) {
    kafka::DescribedGroupMember& out = described.members.emplace_back();
    out.member_id = member_id;
    out.group_instance_id = member.instance_id;
    out.client_id = member.client_id;
    out.client_host = member.client_host;
    if (!stable) continue;
    out.member_metadata = member.MetadataFor(state.protocol());
    out.member_assignment = member.assignment;
  }
  return described;
}

std::vector<kafka::ListedGroup> Coordinator::List(const std::vector<std::string>& states) const {
  const auto same = [](std::string_view a, std::string_view b) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [&](char x, char y) { return lower(x) == lower(y); });
  };
  std::vector<kafka::ListedGroup> listed;
  MutexLock lock(&mutex_);
  for (const auto& [id, group] : groups_) {
    const std::string_view phase = PhaseName(group->state.phase());
    const bool wanted =
        states.empty() || std::any_of(states.begin(), states.end(),
                                      [&](const std::string& state) { return same(state, phase); });
    if (wanted) listed.push_back({id, group->state.protocol_type(), std::string(phase)});
  }
  return listed;
}

}  // namespace atl::broker
