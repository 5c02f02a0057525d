// A coordinator over a store in memory that can crash, with a clock turned by hand. The log's shard
// is inline, so every call is finished when it returns; Hold() makes writes wait. Include after
// <catch2/catch.hpp>: it asserts.
#pragma once

// What a test leaves out of a message has its default.
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#include <memory>
#include <string>
#include <vector>

#include "base/memory_file.h"
#include "base/metrics.h"
#include "checkpoint/memory_store.h"
#include "core-broker/group/coordinator.h"

namespace atl::broker {

using kafka::ErrorCode;
using std::chrono::hours;
using std::chrono::seconds;

inline const GroupId kGroup("g");
inline const TopicName kOrders("orders");

class CoordinatorWorld {
 public:
  CoordinatorWorld() {
    config.limits.initial_rebalance_delay = Duration::zero();
    Start();
  }
  // A new process over what the store holds.
  void Start() {
    groups = std::make_unique<Coordinator>(config, store, shard, clock, 7);
    REQUIRE(groups->Load().ok());
    groups->OnCommitted([this](std::span<const CommittedOffset> changes) {
      announced.insert(announced.end(), changes.begin(), changes.end());
    });
  }
  // The machine goes down; what was not synced is lost.
  void Crash() {
    store.Crash();
    Start();
  }

  static Coordinator::CommitItem Item(int64_t offset, int32_t partition = 0,
                                      const TopicName& topic = kOrders) {
    return {topic, PartitionId(partition), Offset(offset), LeaderEpoch(257), "meta"};
  }
  // As a simple consumer, or as a member. Empty while the write waits.
  std::vector<ErrorCode> Commit(std::vector<Coordinator::CommitItem> items,
                                const MemberClaim& member = {}, int32_t generation = -1,
                                const GroupId& group = kGroup) {
    Coordinator::Commit commit;
    commit.group = group;
    commit.member = member;
    commit.generation = generation;
    commit.items = std::move(items);
    const auto errors = std::make_shared<Coordinator::Errors>();  // The answer may come later.
    groups->CommitOffsets(std::move(commit), [errors](Coordinator::Errors all) { *errors = all; });
    return *errors;
  }
  ErrorCode CommitOne(int64_t offset) { return Commit({Item(offset)}).at(0); }
  int64_t Fetch(int32_t partition = 0, const GroupId& group = kGroup) const {
    const auto stored = groups->FetchOffset(group, kOrders, PartitionId(partition));
    return stored ? stored->offset.value() : -1;
  }

  static kafka::JoinGroupRequest JoinRequest(const std::string& member_id,
                                             std::optional<std::string> instance = {}) {
    kafka::JoinGroupRequest request;
    request.group_id = kGroup;
    request.session_timeout_ms = 10'000;
    request.rebalance_timeout_ms = 60'000;
    request.member_id = member_id;
    request.group_instance_id = std::move(instance);
    request.protocol_type = "consumer";
    request.protocols = {{"range", Bytes(2)}};
    return request;
  }
  kafka::JoinGroupResponse Join(const std::string& member_id = "",
                                std::optional<std::string> instance = {}) {
    const kafka::JoinGroupRequest request = JoinRequest(member_id, std::move(instance));
    kafka::JoinGroupResponse response;
    response.error_code = ErrorCode::kUnknownServerError;
    groups->Join({3, "client", "/127.0.0.1"}, request,
                 [&](kafka::JoinGroupResponse answer) { response = std::move(answer); });
    return response;
  }
  kafka::SyncGroupResponse Sync(const kafka::JoinGroupResponse& joined) {
    kafka::SyncGroupRequest request;
    request.group_id = kGroup;
    request.generation_id = joined.generation_id;
    request.member_id = joined.member_id;
    request.assignments = {{joined.member_id, Bytes(3)}};
    kafka::SyncGroupResponse response;
    response.error_code = ErrorCode::kUnknownServerError;
    groups->Sync(request, [&](kafka::SyncGroupResponse answer) { response = std::move(answer); });
    return response;
  }
  // One member, in a stable group; its id.
  std::string MakeMember(std::optional<std::string> instance = {}) {
    const kafka::JoinGroupResponse joined = Join("", std::move(instance));
    REQUIRE(joined.error_code == ErrorCode::kNone);
    REQUIRE(Sync(joined).error_code == ErrorCode::kNone);
    return joined.member_id;
  }
  ErrorCode Beat(const std::string& member_id, int32_t generation = 1) {
    return groups->Heartbeat({kGroup, generation, member_id, std::nullopt});
  }
  void Advance(Duration by) {
    clock.Advance(by);
    groups->Tick();
  }

  static CommittedOffset Foreign(int64_t offset, int32_t partition = 0) {
    CommittedOffset item;
    item.group = kGroup;
    item.topic = kOrders;
    item.partition = PartitionId(partition);
    item.offset = Offset(offset);
    item.epoch = LeaderEpoch(257);
    item.metadata = "theirs";
    return item;
  }
  PlaceOutcome Place(const CommittedOffset& item, PlaceMode mode = PlaceMode::kForward) {
    const auto outcomes = groups->Place(std::vector{item}, mode);
    REQUIRE(outcomes.status() == OkStatus());
    return outcomes->at(0);
  }

  ManualClock clock;
  Metrics metrics;
  MemoryFileSystem files;
  checkpoint::MemoryStore store;
  runtime::StorageShards shard{0, files, "/data", metrics};
  GroupConfig config;
  std::vector<CommittedOffset> announced;
  std::unique_ptr<Coordinator> groups;
};

}  // namespace atl::broker
