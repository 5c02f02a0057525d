// The shell around the real state machines in the simulation: what mirror/'s link, topic sync and
// fetcher do with threads and sockets, done by events of the simulated world. One per (region,
// link); dies with the region's process.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "mirror/pull/partition_mirror.h"
#include "tests/sim/network.h"
#include "tests/sim/region.h"
#include "tests/sim/source_service.h"

namespace atl::sim {

struct LinkPlan {
  LinkName name;
  mirror::MirrorPolicy policy;
  bool from_latest = false;
  bool cuts_batches = false;  // The source's answers end inside batches.
  size_t fetch_bytes = 1000;
};

// Faults of a link that are no network faults.
struct LinkFaults {
  double poison = 0;  // Share of answers with a flipped byte.
};

class MirrorDriver {
 public:
  struct Slot {
    Slot(mirror::MirrorKey key, const MirrorDriver& driver);
    mirror::PartitionMirror mirror;
    std::shared_ptr<mirror::SinkPartition> sink;
    TopicId source_topic;
    uint64_t request = 0;  // The one in flight; 0: none.
    uint64_t requests = 0;
    MonotonicTime give_up_at{};
    MonotonicTime ask_at{};  // The source had nothing new: not before.
    size_t fetch_bytes;
    bool led = true;         // The source owns it, as far as it says.
    bool sink_busy = false;  // A restart, a truncation or a new log start is under way.
    std::shared_ptr<const mirror::SinkCut> cut;  // Of what was set aside.
    std::vector<mirror::MirrorEvent> unsaved;
  };
  using SlotKey = std::pair<TopicId, PartitionId>;

  MirrorDriver(World& world, Network& network, Region& self, Region& source, const LinkPlan& plan,
               const LinkFaults& faults);

  void Start();     // Its events end when the region's process does.
  void LookSoon();  // At the source's topics: something has changed.

  const LinkPlan& plan() const { return plan_; }
  Region& target() const { return self_; }
  Region& source() const { return source_; }
  std::map<SlotKey, std::unique_ptr<Slot>>& slots() { return slots_; }
  mirror::MirrorStatus StatusOf(const Slot& slot) const;
  mirror::PartitionMirror::Now now() const;

 private:
  bool Alive() const { return self_.up() && self_.boot() == boot_; }
  void Tick();
  void SyncTopics();
  void ForgetMoved();
  void AskTopics();
  void OnTopics(const std::vector<SourceTopicInfo>& topics);
  void OnTopic(const SourceTopicInfo& info);
  void OnLost(const SourceTopicInfo& info);
  void Drop(const TopicId& topic);
  void TellOwnership(const broker::Topic& local, const SourceTopicInfo& info);
  bool CreateMirror(const SourceTopicInfo& info);
  void OpenSlots(const broker::Topic& local, const TopicId& source_topic);
  void NextGeneration(const broker::Topic& local, const SourceTopicInfo& info,
                      const std::string& reason);

  void Pump(const SlotKey& key);
  bool Step(const SlotKey& key, Slot& slot);
  bool SaveEvents(Slot& slot);
  void FollowLogStart(const SlotKey& key, Slot& slot, Offset start);
  void Restart(const SlotKey& key, Slot& slot);
  StatusOr<mirror::SetAside> SetAsideTail(const SlotKey& key, Slot& slot);
  void Truncate(const SlotKey& key, Slot& slot);
  // Sends `ask` to the source; `answered` runs here with its answer, if it ever comes back.
  template <class Answer>
  void Ask(const SlotKey& key, Slot& slot, std::function<Answer()> ask,
           std::function<void(Slot&, uint64_t attempt, const Answer&)> answered);
  void AskFetch(const SlotKey& key, Slot& slot, Offset offset, size_t bytes, bool cut,
                std::function<void(Slot&, uint64_t attempt, const SourceAnswer&)> answered);
  void AskRecords(const SlotKey& key, Slot& slot);
  bool RaiseEpoch(const TopicId& topic, LeaderEpoch epoch);
  void OnRecords(const SlotKey& key, Slot& slot, uint64_t attempt, const SourceAnswer& answer);
  void Apply(const SlotKey& key, uint64_t attempt, mirror::ApplyItem item,
             std::shared_ptr<const void> bytes,
             std::function<void(Slot&, uint64_t attempt, const mirror::ApplyItem&)> done);
  void OnApplied(const SlotKey& key, Slot& slot, uint64_t attempt, const mirror::ApplyItem& item);
  Status SavePosition(const SlotKey& key, const Slot& slot, Offset applied_end,
                      checkpoint::Sync sync);
  void Poison(Bytes& records);

  World& world_;
  Network& network_;
  Region& self_;
  Region& source_;
  const LinkPlan& plan_;
  const LinkFaults& faults_;
  const uint64_t boot_;
  std::map<SlotKey, std::unique_ptr<Slot>> slots_;
  uint64_t looks_ = 0;  // At the source's topics.
  uint64_t newest_look_ = 0;
};

}  // namespace atl::sim
