// The ownership records of this region (replication.md section 2): who owns each topic, at which
// epoch and after which lineage. The catalogue's row says the same in short; both change in one
// durable write. Rows are kept for topics that moved; for all others the catalogue tells all.
// Here are also the holds of the gate: fences of planned moves, topics being taken over, topics
// that this region must ask its peers about, and those it lost to a region it has no link from.
//
// Threads: readers from anywhere. Changes block (store, storage shards) and come one at a time;
// never from a reactor or a storage shard.
// Merging is "the higher epoch wins"; nothing else is believed of a peer, and no clock decides.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/hash_map.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "base/status.h"
#include "checkpoint/ownership_table.h"
#include "core-broker/catalog/catalog.h"
#include "mirror/control/messages.h"
#include "mirror/ownership/gate.h"
#include "mirror/ownership/ownership.h"
#include "region-config/link.h"

namespace atl::mirror {

class Owners {
 public:
  using Record = checkpoint::OwnershipRecord;
  // All but the strings outlive it.
  struct Room {
    broker::Catalog& catalog;
    checkpoint::OwnershipTable& table;
    CatalogGate& gate;
    const Clock& clock;
    Metrics& metrics;
    RegionName region;
    RegionOrdinal ordinal;
    std::vector<config::Link> links;  // At the start.
  };
  // After an unclean stop own topics wait this long for the peers to be heard, not longer.
  static constexpr Duration kAskFor = std::chrono::seconds(3);

  explicit Owners(Room room);

  // --- Start ---
  // Before the catalogue loads: reads the rows, and answers the topics whose epoch must not rise.
  StatusOr<std::set<TopicId>> Load();
  // After it: holds what may not be served yet. `unclean`: the last stop was no orderly one.
  void Start(bool unclean);
  // A region we mirror from was heard and its records were merged: one to ask less.
  void Heard(const RegionName& peer);
  // After a reload: what links there are from here on.
  void SetLinks(std::vector<config::Link> links);
  // Ends what is past its time: fences that were not released, questions that nobody answers.
  void Tick();

  // --- Any thread ---
  std::vector<Record> All() const;  // By name. Frozen generations are left out.
  std::optional<Record> Find(const TopicId& topic) const;
  // Why nobody may append to the topic now; empty: no hold is on it.
  std::string HeldBecause(const TopicId& topic) const { return room_.gate.HeldBecause(topic); }
  // The name that links and records give a region; its number where nobody named it.
  RegionName NameOf(RegionOrdinal region) const;

  // --- Learning ---
  // What a peer says. Answers the topics of which another region turned out to be the owner, or the
  // cut at which it became so was learned: links look at them.
  std::vector<TopicId> Merge(const RegionName& from, std::span<const Record> records);
  // The source of `link` owns the topic at `epoch`: become its mirror.
  StatusOr<std::shared_ptr<const broker::Topic>> Follow(const TopicId& topic, LeaderEpoch epoch,
                                                        const LinkName& link);

  // --- The old owner's side of a planned move ---
  FenceAnswer Fence(const RegionName& by, const FenceRequest& request);
  Status Release(const Uuid& attempt);
  Status Lift(const Uuid& attempt);

  // --- The new owner's side ---
  // Nobody appends any more, neither clients nor the link.
  void BeginPromotion(std::span<const TopicId> topics);
  void CancelPromotion(std::span<const TopicId> topics);
  // A new epoch per topic, `steps` counters above the present one, whose cut is where the logs end
  // now; durable together with `also`. The topics stay held until Serve(). In order of `topics`.
  using Also =
      std::function<void(const std::vector<Record>& minted, checkpoint::WriteBatch& batch)>;
  StatusOr<std::vector<Record>> Mint(std::span<const TopicId> topics, int32_t steps,
                                     const LinkName& link, std::string reason, const Also& also);
  Status Serve(std::span<const TopicId> topics);
  // An operator says that this region is the owner of a topic that it holds back: a new epoch.
  StatusOr<Record> Adopt(const TopicId& topic);

 private:
  struct Attempt {
    RegionName by;
    FenceAnswer answer;
    MonotonicTime deadline{};
    bool released = false;
    bool restarted = false;  // Released before this process began.
  };
  using Batch = checkpoint::WriteBatch;

  Record RecordOf(const broker::Topic& topic) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  using Links = std::vector<config::Link>;
  std::shared_ptr<const Links> links() const;
  // The link that pulls such a topic from there; empty: none does.
  LinkName LinkFrom(const RegionName& region, const TopicName& topic) const;
  bool MergeOne(const RegionName& from, const Record& record)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(change_);
  Status StepDown(const broker::Topic& topic, Record record, const LinkName& link)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(change_);
  Status Rise(const broker::Topic& topic, LeaderEpoch above, std::string reason)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(change_);
  Status Transfer(std::span<const Record> records, const LinkName& link, Batch also)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(change_);
  void StagePositions(const broker::Topic& topic, const LinkName& link, Batch& batch) const;
  void Keep(Record record);
  std::string FenceTopic(const FenceRequest::Topic& asked, const RegionName& by,
                         FenceAnswer::Topic& answer) ABSL_EXCLUSIVE_LOCKS_REQUIRED(change_);
  void EndAttempt(const Uuid& attempt) ABSL_EXCLUSIVE_LOCKS_REQUIRED(change_);
  void ForgetFences(const TopicId& topic) ABSL_EXCLUSIVE_LOCKS_REQUIRED(change_);
  void StopAsking() ABSL_EXCLUSIVE_LOCKS_REQUIRED(change_);
  void Collect(std::vector<MetricFamily>& out) const;

  const Room room_;

  // One change at a time; held through the store and the shards.
  Mutex change_;
  std::map<Uuid, Attempt> attempts_ ABSL_GUARDED_BY(change_);
  std::vector<Uuid> over_ ABSL_GUARDED_BY(change_);  // Ended attempts, the newest last; bounded.
  std::set<RegionName> unheard_ ABSL_GUARDED_BY(change_);
  std::set<TopicId> asking_ ABSL_GUARDED_BY(change_);
  std::optional<MonotonicTime> ask_until_ ABSL_GUARDED_BY(change_);

  mutable Mutex mutex_;  // A leaf.
  std::map<TopicId, Record> rows_ ABSL_GUARDED_BY(mutex_);
  std::map<RegionOrdinal, RegionName> names_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<const Links> links_ ABSL_GUARDED_BY(mutex_);

  std::shared_ptr<void> collector_;  // Goes first.
};

}  // namespace atl::mirror
