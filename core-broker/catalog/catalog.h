// The catalogue: which topics this region has, under which id, with which configuration, and their
// partitions. Durable in RocksDB through checkpoint/topic_table; a change is durable before it is
// visible. Readers take an immutable view and never wait. Changes are made one at a time, on the
// caller's thread, and may block (folders, RocksDB): callers on a reactor go through the blocking
// shard.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/hash_map.h"
#include "base/mutex.h"
#include "base/partition_family.h"
#include "base/random.h"
#include "checkpoint/topic_table.h"
#include "core-broker/catalog/topic_config.h"
#include "core-broker/partition/partition.h"

namespace atl::broker {

inline constexpr int32_t kMostTopicPartitions = 10'000;
// Marks a folder whose topic is gone; what a crash leaves of it is removed at the next start.
inline constexpr std::string_view kDeletedTopicSuffix = ".deleted";

// One generation of a topic; immutable, shared by views. Partitions are shared with older and newer
// views of it.
struct Topic {
  TopicName name;
  TopicId id;
  TopicConfig config;
  LeaderEpoch epoch;    // The ownership epoch, which is the leader epoch in metadata.
  RegionOrdinal owner;  // Who accepts records; kForeignRegion for a Kafka cluster's topics.
  LinkName link;        // The link that mirrors it here; empty: created here.
  bool frozen =
      false;  // An older generation: kept, listed by the admin API, not served to clients.
  std::vector<std::shared_ptr<Partition>> partitions;
  bool is_mirror() const { return !link.empty(); }
};

struct CatalogView {
  // Served to clients, by name; frozen generations are only in `by_id`.
  std::map<TopicName, std::shared_ptr<const Topic>> by_name;
  HashMap<TopicId, std::shared_ptr<const Topic>> by_id;
  uint64_t version = 0;
  std::shared_ptr<const Topic> Find(const TopicName& name) const;
  std::shared_ptr<const Topic> Find(const TopicId& id) const;
};

struct TopicSpec {
  TopicName name;
  TopicId id;  // Zero: a new one is made.
  int32_t partition_count = 1;
  std::map<std::string, std::string> config;
  LeaderEpoch epoch = kNoEpoch;  // kNoEpoch: the first of this region.
  RegionOrdinal owner;           // Meant only with a link.
  LinkName link;
};

// A topic's next owner. An empty link: this region.
struct TopicTransfer {
  TopicId id;
  LeaderEpoch epoch = kNoEpoch;
  RegionOrdinal owner;
  LinkName link;
};

// What a client is told: kNone or why not.
struct CatalogOutcome {
  kafka::ErrorCode error = kafka::ErrorCode::kNone;
  std::string message;
  std::shared_ptr<const Topic> topic;
  bool ok() const { return error == kafka::ErrorCode::kNone; }
};

class Catalog {
 public:
  struct Options {
    std::string data_folder;  // Topics live in DATA/topics/NAME.TOPICID/PARTITION.
    RegionOrdinal region;
    TopicConfig defaults;
    uint64_t seed = 1;  // For topic ids.
    // In metrics; more are given per topic.
    size_t partition_series = kMostPartitionSeries;
  };
  Catalog(Options options, const PartitionContext& context, checkpoint::TopicTable& table,
          runtime::StorageShards& shards);

  // Loads the table and opens every partition. A partition that can't be trusted is offline, not
  // missing. `unclean`: epochs of own topics rise by one first. Folders that the table does not
  // know are listed in a warning and left alone; when it knows nothing at all the store was lost,
  // and what the logs show to be ours is listed again (without its configuration overrides).
  // `kept`: own topics whose epoch stays as it is although the stop was unclean.
  Status Load(bool unclean, const std::set<TopicId>& kept = {});
  // The store knew no topic at Load() and the folders did: it was lost.
  bool store_was_lost() const { return store_was_lost_; }

  std::shared_ptr<const CatalogView> view() const;

  // With an id whose folder is there (a mirror whose row was lost): attaches to its logs.
  CatalogOutcome Create(const TopicSpec& spec);
  // Checks what Create would say, without doing it (validate_only).
  CatalogOutcome CheckCreate(const TopicSpec& spec) const;
  CatalogOutcome Delete(const TopicId& id);
  CatalogOutcome Grow(const TopicId& id, int32_t partition_count);
  // Replaces the overrides. Unknown keys: kept and shown (Streams and others send them), known ones
  // are checked.
  CatalogOutcome SetConfig(const TopicId& id, const std::map<std::string, std::string>& overrides);
  // The epoch only rises. Mirrors only: what still comes in over a link for a topic that this
  // region has just taken over must not put another region's epoch on it (S7).
  CatalogOutcome SetEpoch(const TopicId& id, LeaderEpoch epoch);
  CatalogOutcome Freeze(const TopicId& id);
  // Changes who owns topics: one synced write for all of them, together with `also`; then visible.
  // All or none. Epochs only rise; a frozen or unknown topic is refused.
  CatalogOutcome Transfer(const std::vector<TopicTransfer>& transfers, checkpoint::WriteBatch also);
  // Every partition's shard passes a point at which what was accepted before is on disk: ends after
  // which nothing was staged. To be called when the gate has shut. Per topic, by partition.
  StatusOr<std::vector<std::vector<Offset>>> SettledEnds(std::span<const TopicId> topics);
  // Ends what transactions the old epochs left open, by ABORT markers under the present epoch
  // (KIP-98). Answers how many.
  StatusOr<int> AbortOpenTransactions(std::span<const TopicId> topics);

  // Called after every change, on the thread that made it.
  void OnChange(std::function<void()> listener);

  // Housekeeping on every partition's shard, to be called every second or so; returns at once.
  // Reopens what is offline, saves states to the checkpoint, and applies retention to own topics: a
  // mirror follows its owner's log start and trims nothing by itself.
  void Tick();
  // One above the highest counter of this region's own producer ids that any partition knows: what
  // a store that was lost or rolled back must not hand out again. Waits for every shard.
  int64_t NextProducerCounter() const;
  // Saves every partition's state, durable with the next synced write to the store (the
  // clean-shutdown mark). After it only reads.
  Status Close();

  static std::string TopicFolder(const std::string& data_folder, const TopicName& name,
                                 const TopicId& id);
  int ShardOf(const Partition& partition) const;

 private:
  using Partitions = std::vector<std::shared_ptr<Partition>>;
  class TickJob;
  // A topic's folder that the table does not know.
  struct StrayFolder {
    TopicName name;
    TopicId id;
    std::string path;
  };
  struct Adopted {
    checkpoint::TopicRecord record;
    Partitions partitions;
  };

  CatalogOutcome Refuse(kafka::ErrorCode error, std::string message) const;
  CatalogOutcome CheckConfig(const std::map<std::string, std::string>& config) const;
  CatalogOutcome StorageError(const TopicName& name, const Status& status) const;
  Status RaiseEpochs(std::vector<checkpoint::TopicRecord>& records, const std::set<TopicId>& kept);
  std::vector<StrayFolder> SweepFolders(const std::vector<checkpoint::TopicRecord>& records);
  StatusOr<std::optional<Adopted>> Adopt(const StrayFolder& stray,
                                         const std::vector<StrayFolder>& all);
  int32_t CountPartitionFolders(const std::string& folder) const;
  // Opens partitions [first, count) on their shards. Missing folders are made only when `create`.
  StatusOr<Partitions> OpenPartitions(const checkpoint::TopicRecord& record, int32_t first,
                                      bool create);
  std::shared_ptr<const Topic> MakeTopic(const checkpoint::TopicRecord& record,
                                         Partitions partitions) const;
  // Makes the record durable, then visible.
  CatalogOutcome Commit(const checkpoint::TopicRecord& record, Partitions partitions)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(change_);
  CatalogOutcome FindForChange(const TopicId& id) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(change_);
  void Show(const TopicId& id, std::shared_ptr<const Topic> topic)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(change_);
  // Runs `step` for every partition of the topics on its shard, and waits. kUnavailable: one is
  // offline then.
  using ShardStep = std::function<void(const Topic& topic, Partition& partition)>;
  StatusOr<std::vector<std::shared_ptr<const Topic>>> OnShards(std::span<const TopicId> topics,
                                                               const ShardStep& step);
  CatalogOutcome StageTransfer(const TopicTransfer& transfer,
                               std::vector<checkpoint::TopicRecord>& records) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(change_);
  void Changed() const;
  void CollectMetrics(std::vector<MetricFamily>& out) const;
  std::string topics_folder() const;

  const Options options_;
  const PartitionContext context_;
  checkpoint::TopicTable& table_;
  runtime::StorageShards& shards_;

  // One change at a time. Not a leaf: it is held through the store, the folders and the shards; no
  // code that runs under another lock may call a change.
  Mutex change_;
  Random random_ ABSL_GUARDED_BY(change_);
  HashMap<TopicId, checkpoint::TopicRecord> records_ ABSL_GUARDED_BY(change_);
  bool closed_ ABSL_GUARDED_BY(change_) = false;
  bool store_was_lost_ = false;  // Constant after Load().

  mutable Mutex mutex_;  // A leaf.
  std::shared_ptr<const CatalogView> view_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::function<void()>> listeners_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<std::atomic<int>> ticking_;  // Shards that have not finished the last round.
  MonotonicTime next_retention_{};             // Tick only.
  std::shared_ptr<void> collector_;
};

// Kafka's rule: [a-zA-Z0-9._-]{1,249}, not "." or "..". Empty when good, else what is wrong.
std::string CheckTopicName(std::string_view name);

}  // namespace atl::broker
