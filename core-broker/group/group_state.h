// The life of one classic consumer group: Empty -> PreparingRebalance -> CompletingRebalance ->
// Stable, and Dead. Pure: event and time in, effects out; no clock, no lock, no I/O, so every rule
// is tested as a table. The rules are Kafka's GroupCoordinator's, with static members (KIP-345),
// member ids given before the join (KIP-394), an initial delay (KIP-134) and any protocol type.
//
// Owned by the coordinator, under its lock. A request that waits is known here by its ticket; every
// ticket that came in leaves once, in some later Effects. Time: next_due() says when OnTime() is
// wanted. It may say it too early (a heartbeat only moves a deadline), never too late.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/types.h"
#include "checkpoint/group_table.h"
#include "kafka/wire/error_code.h"

namespace atl::broker {

enum class GroupPhase { kEmpty, kPreparingRebalance, kCompletingRebalance, kStable, kDead };
std::string_view PhaseName(GroupPhase phase);  // "PreparingRebalance": Kafka's words.

struct GroupLimits {
  Duration initial_rebalance_delay = std::chrono::seconds(3);
  Duration min_session = std::chrono::seconds(6);
  Duration max_session = std::chrono::minutes(30);
  Duration new_member_timeout = std::chrono::minutes(5);  // In the join it came with.
  size_t max_members = 100'000;
};

struct Instant {
  MonotonicTime now{};
  WallTime wall{};
};

using Ticket = uint64_t;
inline constexpr Ticket kNoTicket = 0;

struct GroupProtocol {
  std::string name;
  Bytes metadata;
  friend bool operator==(const GroupProtocol&, const GroupProtocol&) = default;
};

// Who a request says it is from.
struct MemberClaim {
  std::string member_id;
  std::optional<std::string> instance_id;
};

struct JoinEvent {
  Ticket ticket = kNoTicket;
  MemberClaim member;           // An empty member id: a new member.
  std::string fresh_member_id;  // What a new member is called.
  std::string client_id;
  std::string client_host;
  Duration session_timeout{};
  Duration rebalance_timeout{};
  std::string protocol_type;
  std::vector<GroupProtocol> protocols;  // The most wanted first.
  bool needs_member_id = false;          // A new dynamic member is told its id and comes again.
};

struct JoinAnswer {
  struct Other {
    std::string member_id;
    std::optional<std::string> instance_id;
    Bytes metadata;
  };
  Ticket ticket = kNoTicket;
  kafka::ErrorCode error = kafka::ErrorCode::kNone;
  int32_t generation = -1;
  std::string protocol_type;
  std::optional<std::string> protocol;
  std::string leader;
  std::string member_id;
  std::vector<Other> members;  // For the leader: all, itself included.
};

struct SyncEvent {
  Ticket ticket = kNoTicket;
  MemberClaim member;
  int32_t generation = 0;
  std::optional<std::string> protocol_type;
  std::optional<std::string> protocol;
  std::vector<std::pair<std::string, Bytes>> assignments;  // By member id; the leader's.
};

struct SyncAnswer {
  Ticket ticket = kNoTicket;
  kafka::ErrorCode error = kafka::ErrorCode::kNone;
  std::string protocol_type;
  std::string protocol;
  Bytes assignment;
};

struct Effects {
  std::vector<JoinAnswer> joins;
  std::vector<SyncAnswer> syncs;
  bool store = false;  // The answers leave when ToRecord() is durable; see StoreFailed.
  bool empty() const { return joins.empty() && syncs.empty() && !store; }
};

class GroupState {
 public:
  struct Member {
    std::string id;
    std::optional<std::string> instance_id;
    std::string client_id;
    std::string client_host;
    Duration session_timeout{};
    Duration rebalance_timeout{};
    std::vector<GroupProtocol> protocols;
    Bytes assignment;
    Ticket join = kNoTicket;  // Waiting for the rebalance to complete.
    Ticket sync = kNoTicket;  // Waiting for the leader's assignment.
    bool is_new = false;      // Has not been told that it joined.
    bool owes_sync = false;   // Was told, and has not come for its assignment.
    MonotonicTime deadline{};
    const Bytes& MetadataFor(std::string_view protocol) const;  // Empty when it has none.
  };

  GroupState(GroupId id, const GroupLimits& limits, WallTime changed);
  // As it was stored. Members get a whole session to show up.
  GroupState(const checkpoint::GroupRecord& record, const GroupLimits& limits, Instant at);

  void Join(const JoinEvent& event, Instant at, Effects& out);
  void Sync(const SyncEvent& event, Instant at, Effects& out);
  kafka::ErrorCode Heartbeat(const MemberClaim& member, int32_t generation, Instant at);
  // A static member may be named by its instance id alone.
  kafka::ErrorCode Leave(const MemberClaim& member, Instant at, Effects& out);
  // All members at once, whatever they wait for.
  void RemoveAll(Instant at, Effects& out);
  // Whether this caller may commit offsets now. A member's commit counts as a heartbeat.
  kafka::ErrorCode AdmitCommit(const MemberClaim& member, int32_t generation, Instant at);
  // Whether offsets of a topic may be deleted under the members' feet.
  bool SubscribesTo(const TopicName& topic) const;
  // The group can be deleted: Dead from here on, answers COORDINATOR_NOT_AVAILABLE. Undone by
  // Revive() when the store could not.
  bool Kill();
  void Revive();
  // What `store` asked for could not be made durable; the coordinator has answered the tickets with
  // an error. A stable group comes together again.
  void StoreFailed(Instant at, Effects& out);
  // Deadlines of members and of the rebalance that have passed.
  void OnTime(Instant at, Effects& out);
  MonotonicTime next_due() const;

  checkpoint::GroupRecord ToRecord() const;

  const GroupId& id() const { return id_; }
  GroupPhase phase() const { return phase_; }
  int32_t generation() const { return generation_; }
  const std::string& protocol_type() const { return protocol_type_; }
  const std::string& protocol() const { return protocol_; }  // Empty before the first generation.
  const std::string& leader() const { return leader_; }
  WallTime changed() const { return changed_; }  // When it came into its phase.
  const std::map<std::string, Member>& members() const { return members_; }
  // Nobody ever joined: offsets only.
  bool is_simple() const { return protocol_type_.empty(); }
  // As if it had just been made.
  bool is_blank() const {
    return phase_ == GroupPhase::kEmpty && generation_ == 0 && pending_.empty();
  }

 private:
  // group_state.cc
  kafka::ErrorCode CheckMember(const MemberClaim& claim) const;
  kafka::ErrorCode CheckSync(const SyncEvent& event) const;
  bool Supports(const JoinEvent& event) const;
  void JoinNew(const JoinEvent& event, Instant at, Effects& out);
  void JoinAgain(const JoinEvent& event, Instant at, Effects& out);
  void Rejoin(Member& member, const JoinEvent& event, Instant at, Effects& out);
  void Add(const JoinEvent& event, const std::string& member_id, Instant at, Effects& out);
  void Replace(const std::string& old_id, const JoinEvent& event, Instant at, Effects& out);
  void Adopt(Member& member, const JoinEvent& event);
  void AwaitJoin(Member& member, Ticket ticket, Effects& out);
  void AcceptAssignments(const SyncEvent& event, Instant at, Effects& out);
  JoinAnswer CurrentGeneration(const Member& member, Ticket ticket, bool with_members) const;
  void CountProtocols(const Member& member, int by);
  void AnswerSync(Member& member, kafka::ErrorCode error, Instant at, Effects& out);

  // rebalance.cc
  void Remove(const std::string& member_id, kafka::ErrorCode why, Instant at, Effects& out);
  void DropMember(const std::string& member_id, kafka::ErrorCode why, Effects& out);
  void Rebalance(Instant at, Effects& out);
  void CompleteJoinIfAllThere(Instant at, Effects& out);
  void OnRebalanceDue(Instant at, Effects& out);
  void CompleteJoin(Instant at, Effects& out);
  bool ElectLeader();
  void NextGeneration(Instant at, Effects& out);
  void OnSyncDue(Instant at, Effects& out);
  void SyncArrived(Member& member);
  void ExpireMembers(Instant at, Effects& out);
  std::string SelectProtocol() const;
  Duration RebalanceTimeout() const;
  void Enter(GroupPhase phase, WallTime wall);
  void Expect(Member& member, Duration within, Instant at);

  const GroupId id_;
  const GroupLimits& limits_;
  GroupPhase phase_ = GroupPhase::kEmpty;
  WallTime changed_{};
  int32_t generation_ = 0;
  std::string protocol_type_;
  std::string protocol_;
  std::string leader_;
  std::map<std::string, Member> members_;
  std::map<std::string, std::string> static_ids_;  // Instance id -> member id.
  std::map<std::string, MonotonicTime> pending_;   // Ids given out (KIP-394) -> deadline.
  std::map<std::string, size_t> support_;          // Protocol -> how many members know it.
  size_t joining_ = 0;                             // Members with a join ticket.
  size_t owing_ = 0;                               // Members that owe a sync.
  // Of the rebalance that runs.
  MonotonicTime rebalance_due_ = MonotonicTime::max();
  std::optional<Duration> initial_left_;  // Set: the initial delay runs; what it may still grow by.
  bool joined_meanwhile_ = false;         // Since the initial delay was last extended.
  MonotonicTime sync_due_ = MonotonicTime::max();
  MonotonicTime members_due_ = MonotonicTime::max();  // No deadline is before it.
};

}  // namespace atl::broker
