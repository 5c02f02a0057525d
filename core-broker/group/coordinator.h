// The group coordinator of a region: every classic consumer group and every committed offset.
// Group logic is GroupState's (pure), a group's offsets are a GroupOffsets, what is durable goes
// through the GroupLog.
//
// Threads: everything may be called from any thread and returns at once, except for what says that
// it blocks. Answers and listeners are never called under the lock; an answer comes on the caller's
// thread, on Tick's, or on the log's. Acknowledged means durable: an offset is readable, announced
// and acknowledged only after the store has synced it, in that order.
// One timer for everything: Tick() handles what is due, and a heartbeat only moves a deadline.
// Failure: a write that fails is answered COORDINATOR_NOT_AVAILABLE, and clients try again.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <queue>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/hash_map.h"
#include "base/mutex.h"
#include "base/random.h"
#include "core-broker/group/committed_offset.h"
#include "core-broker/group/group_log.h"
#include "core-broker/group/group_state.h"
#include "core-broker/group/offsets.h"
#include "kafka/wire/schema/group.h"
#include "kafka/wire/schema/group_admin.h"

namespace atl::broker {

// What a key of the store can hold; longer ids are refused.
inline constexpr size_t kMaxGroupIdBytes = 32'767;
bool IsGroupId(const GroupId& id);  // Not empty, not too long.

struct GroupConfig {
  GroupLimits limits;
  Duration offsets_retention = std::chrono::hours(24 * 7);
  Duration expiry_interval = std::chrono::minutes(10);  // How often expired offsets are looked for.
  size_t max_metadata_bytes = 4096;                     // Of one committed offset.
};

// A group as the admin API and metrics show it.
struct GroupView {
  GroupActivity activity;
  int32_t generation = 0;
  std::string protocol;
  std::string leader;
  std::vector<GroupState::Member> members;
  std::vector<CommittedOffset> offsets;
};

class Coordinator final : public CommittedOffsets {
 public:
  // Who asks, besides what the request says.
  struct Caller {
    int16_t version = 0;  // Of the request.
    std::string client_id;
    std::string host;  // "/127.0.0.1"
  };
  struct CommitItem {
    TopicName topic;
    PartitionId partition;
    Offset offset;
    LeaderEpoch epoch = kNoEpoch;
    std::string metadata;
  };
  // What the caller knows to be wrong (an unknown topic) is not in it.
  struct Commit {
    GroupId group;
    int32_t generation = -1;
    MemberClaim member;
    std::optional<Duration> retention;  // Versions 2-4 may say one.
    std::vector<CommitItem> items;
  };
  using Errors = std::vector<kafka::ErrorCode>;  // One per item.
  using TopicPartition = std::pair<TopicName, PartitionId>;

  // `shard` has one thread and outlives this; it is used for the store only.
  Coordinator(const GroupConfig& config, checkpoint::Store& store, runtime::StorageShards& shard,
              Clock& clock, uint64_t seed);
  ~Coordinator() override;

  // Reads groups and offsets from the store, before anything else. Members get a whole session to
  // show up; damaged rows are logged and left out.
  Status Load();
  // Blocks until what was handed in is written.
  void Drain() { log_.Drain(); }

  // --- Kafka's protocol (coordinator.cc) ---
  void Join(const Caller& caller, kafka::JoinGroupRequest request,
            std::function<void(kafka::JoinGroupResponse)> done);
  void Sync(kafka::SyncGroupRequest request, std::function<void(kafka::SyncGroupResponse)> done);
  kafka::ErrorCode Heartbeat(const kafka::HeartbeatRequest& request);
  Errors Leave(const GroupId& group, const std::vector<MemberClaim>& members);
  kafka::DescribedGroup Describe(const GroupId& group) const;
  // Of the states named, in any case; none named: all.
  std::vector<kafka::ListedGroup> List(const std::vector<std::string>& states) const;

  // --- Offsets (coordinator_offsets.cc) ---
  void CommitOffsets(Commit commit, std::function<void(Errors)> done);
  // Empty for what was never committed.
  std::optional<StoredOffset> FetchOffset(const GroupId& group, const TopicName& topic,
                                          PartitionId partition) const;
  std::vector<CommittedOffset> FetchOffsets(const GroupId& group) const;
  void DeleteGroups(const std::vector<GroupId>& groups, std::function<void(Errors)> done);
  // The error of the whole, then those of the items.
  void DeleteOffsets(const GroupId& group, const std::vector<TopicPartition>& items,
                     std::function<void(kafka::ErrorCode, Errors)> done);
  // Topics that are gone take their offsets with them.
  void ForgetTopics(std::function<bool(const TopicName&)> gone);

  // --- The region ---
  // Sessions, rebalances, expiry: what is due by now. Every 100 ms or so, by one thread at a time.
  void Tick();
  std::optional<GroupView> View(const GroupId& group) const;
  std::vector<GroupView> Views() const;  // By name, without their members.

  // --- Links to other regions ---
  void OnCommitted(Listener listener) override;
  std::vector<CommittedOffset> Committed(const TopicPredicate& wanted) const override;
  StatusOr<std::vector<PlaceOutcome>> Place(std::span<const CommittedOffset> items,
                                            PlaceMode mode) override;
  StatusOr<size_t> RemoveReaders(const TopicName& topic) override;
  std::vector<GroupActivity> Activity() const override;

 private:
  struct Group {
    Group(GroupId id, const GroupLimits& limits, WallTime now)
        : state(std::move(id), limits, now) {}
    Group(const checkpoint::GroupRecord& record, const GroupLimits& limits, Instant at)
        : state(record, limits, at) {}
    GroupState state;
    GroupOffsets offsets;
    MonotonicTime scheduled = MonotonicTime::max();  // Its earliest entry in due_.
    int storing = 0;                                 // Of its rows, how many are on their way.
  };
  struct Due {
    MonotonicTime at;
    GroupId group;
    bool operator>(const Due& other) const { return at > other.at; }
  };
  using JoinDone = std::function<void(kafka::JoinGroupResponse)>;
  using SyncDone = std::function<void(kafka::SyncGroupResponse)>;
  // What to do once the lock is released.
  struct After {
    std::vector<std::function<void()>> calls;
    bool kick = false;  // Something was queued for the log.
  };
  // An answer on its way, sent as it is or as an error.
  using Answer = std::function<void(kafka::ErrorCode)>;

  Instant Now() const { return {clock_.Now(), clock_.WallNow()}; }
  Group* Find(const GroupId& id) ABSL_SHARED_LOCKS_REQUIRED(mutex_);
  const Group* Find(const GroupId& id) const ABSL_SHARED_LOCKS_REQUIRED(mutex_);
  Group& FindOrMake(const GroupId& id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::string NewMemberId(const std::string& prefix) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Carry(Group& group, Effects effects, After& after) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Answer AnswerOf(JoinAnswer answer) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Answer AnswerOf(SyncAnswer answer) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void OnStored(const GroupId& id, const Status& status, const std::vector<Answer>& answers);
  void Schedule(Group& group) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Enqueue(LogEntry entry, After& after) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Release(const After& after);
  // Blocks until it is written; `entry.done` is this function's.
  Status Write(LogEntry entry, After after);

  void ApplyDurable(std::span<const LogEntry> entries);
  void RemoveWhole(Group& group, LogEntry& entry) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Revive(const std::vector<GroupId>& groups);
  void ExpireOffsets();
  PlaceOutcome PlaceOne(const CommittedOffset& item, PlaceMode mode, LogEntry& entry)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  GroupView ViewOf(const Group& group, bool with_members) const ABSL_SHARED_LOCKS_REQUIRED(mutex_);

  const GroupConfig config_;
  checkpoint::Store& store_;
  Clock& clock_;

  mutable Mutex mutex_;  // A leaf.
  Random random_ ABSL_GUARDED_BY(mutex_);
  std::map<GroupId, std::unique_ptr<Group>> groups_ ABSL_GUARDED_BY(mutex_);
  std::priority_queue<Due, std::vector<Due>, std::greater<>> due_ ABSL_GUARDED_BY(mutex_);
  Ticket next_ticket_ ABSL_GUARDED_BY(mutex_) = 1;
  HashMap<Ticket, JoinDone> joins_ ABSL_GUARDED_BY(mutex_);
  HashMap<Ticket, SyncDone> syncs_ ABSL_GUARDED_BY(mutex_);
  MonotonicTime next_expiry_ ABSL_GUARDED_BY(mutex_);
  std::vector<Listener> listeners_ ABSL_GUARDED_BY(mutex_);
  std::vector<LogEntry> queue_ ABSL_GUARDED_BY(mutex_);  // In the order of decisions.
  GroupLog log_;                                         // Last: its jobs use all of the above.
};

}  // namespace atl::broker
