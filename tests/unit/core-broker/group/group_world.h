// One group in a test: events go in by member, answers are found by the ticket of the request.
// Include after <catch2/catch.hpp>: it asserts.
#pragma once

// What a test leaves out of an event has its default.
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#include <map>
#include <string>
#include <vector>

#include "core-broker/group/group_state.h"

namespace atl::broker {

using kafka::ErrorCode;
using std::chrono::milliseconds;
using std::chrono::seconds;

inline Bytes Text(std::string_view text) { return CopyBytes(AsBytes(text)); }

// A consumer's subscription: version 0, topics, no user data.
inline Bytes Subscription(const std::vector<std::string>& topics) {
  Bytes bytes(6);
  StoreBig(bytes.data() + 2, static_cast<int32_t>(topics.size()));
  for (const std::string& topic : topics) {
    const size_t at = bytes.size();
    bytes.resize(at + 2);
    StoreBig(bytes.data() + at, static_cast<int16_t>(topic.size()));
    const Bytes name = Text(topic);
    bytes.insert(bytes.end(), name.begin(), name.end());
  }
  return bytes;
}

class GroupWorld {
 public:
  explicit GroupWorld(Duration initial_delay = Duration::zero()) {
    limits.initial_rebalance_delay = initial_delay;
  }

  static JoinEvent MakeJoin(const std::string& id, const std::string& metadata = "m") {
    JoinEvent event;
    event.member.member_id = id;
    event.client_id = "c";
    event.client_host = "/127.0.0.1";
    event.session_timeout = seconds(10);
    event.rebalance_timeout = seconds(60);
    event.protocol_type = "consumer";
    event.protocols = {{"range", Text(metadata)}};
    return event;
  }

  // The ticket. A new member is called "new-<ticket>".
  Ticket Join(JoinEvent event) {
    event.ticket = next_++;
    event.fresh_member_id = "new-" + std::to_string(event.ticket);
    Effects effects;
    group.Join(event, at, effects);
    Take(std::move(effects));
    return next_ - 1;
  }
  // A new dynamic member.
  Ticket JoinNew(const std::string& metadata = "m") { return Join(MakeJoin("", metadata)); }
  Ticket JoinStatic(const std::string& instance, const std::string& id = "",
                    const std::string& metadata = "m") {
    JoinEvent event = MakeJoin(id, metadata);
    event.member.instance_id = instance;
    return Join(std::move(event));
  }
  Ticket Sync(SyncEvent event) {
    event.ticket = next_++;
    Effects effects;
    group.Sync(event, at, effects);
    Take(std::move(effects));
    return next_ - 1;
  }
  // As a member that knows the present generation.
  Ticket Sync(const std::string& id, std::vector<std::pair<std::string, Bytes>> assignments = {}) {
    SyncEvent event;
    event.member.member_id = id;
    event.generation = group.generation();
    event.assignments = std::move(assignments);
    return Sync(std::move(event));
  }
  ErrorCode Beat(const std::string& id) {
    return group.Heartbeat({id, std::nullopt}, group.generation(), at);
  }
  ErrorCode Leave(const MemberClaim& member) {
    Effects effects;
    const ErrorCode error = group.Leave(member, at, effects);
    Take(std::move(effects));
    return error;
  }
  void Advance(Duration by) {
    at.now += by;
    at.wall += by;
    if (group.next_due() > at.now) return;
    Effects effects;
    group.OnTime(at, effects);
    Take(std::move(effects));
  }

  bool Answered(Ticket ticket) const { return joins.contains(ticket) || syncs.contains(ticket); }
  const JoinAnswer& Joined(Ticket ticket) const {
    REQUIRE(joins.contains(ticket));
    return joins.at(ticket);
  }
  const SyncAnswer& Synced(Ticket ticket) const {
    REQUIRE(syncs.contains(ticket));
    return syncs.at(ticket);
  }

  // Two members, "new-1" leads, both with an assignment, generation 2, Stable.
  void MakeStable() {
    JoinNew();
    const Ticket second = JoinNew();
    Join(MakeJoin("new-1"));
    REQUIRE(Joined(second).generation == 2);
    Sync("new-2");
    Sync("new-1", {{"new-1", Text("a1")}, {"new-2", Text("a2")}});
    REQUIRE(group.phase() == GroupPhase::kStable);
    stored = 0;
  }

  GroupLimits limits;
  Instant at{MonotonicTime(std::chrono::hours(1)), WallTime(std::chrono::hours(1000))};
  GroupState group{GroupId("g"), limits, at.wall};
  std::map<Ticket, JoinAnswer> joins;
  std::map<Ticket, SyncAnswer> syncs;
  int stored = 0;  // How often a row was asked for.

 private:
  // A ticket is answered once.
  void Take(Effects effects) {
    for (JoinAnswer& join : effects.joins) {
      REQUIRE_FALSE(joins.contains(join.ticket));
      joins[join.ticket] = std::move(join);
    }
    for (SyncAnswer& sync : effects.syncs) {
      REQUIRE_FALSE(syncs.contains(sync.ticket));
      syncs[sync.ticket] = std::move(sync);
    }
    if (effects.store) ++stored;
  }
  Ticket next_ = 1;
};

}  // namespace atl::broker
