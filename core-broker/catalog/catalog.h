// The catalogue: which topics this region has, under which id, with which configuration, and their
// partitions. Durable in RocksDB through checkpoint/topic_table; a change is durable before it is
// visible. Readers take an immutable view and never wait. Changes are made one at a time, on the
// caller's thread, and may block (folders, RocksDB): callers on a reactor go through the blocking
// shard.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/hash_map.h"
#include "base/mutex.h"
#include "core-broker/catalog/topic_config.h"
#include "core-broker/partition/partition.h"

namespace atl::checkpoint {
class TopicTable;
class PartitionStateTable;
}  // namespace atl::checkpoint

namespace atl::broker {

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
  };
  Catalog(Options options, const PartitionContext& context, checkpoint::TopicTable& table,
          runtime::StorageShards& shards);

  // Loads the table and opens every partition. A partition that can't be trusted is offline, not
  // missing. Folders that the table does not know are listed in a warning and left alone.
  // `unclean`: epochs of own topics rise by one first.
  Status Load(bool unclean);

  std::shared_ptr<const CatalogView> view() const;

  CatalogOutcome Create(const TopicSpec& spec);
  // Checks what Create would say, without doing it (validate_only).
  CatalogOutcome CheckCreate(const TopicSpec& spec) const;
  CatalogOutcome Delete(const TopicId& id);
  CatalogOutcome Grow(const TopicId& id, int32_t partition_count);
  // Replaces the overrides. Unknown keys: kept and shown (Streams and others send them), known ones
  // are checked.
  CatalogOutcome SetConfig(const TopicId& id, const std::map<std::string, std::string>& overrides);
  // For mirrors. The epoch only rises.
  CatalogOutcome SetEpoch(const TopicId& id, LeaderEpoch epoch);
  CatalogOutcome Freeze(const TopicId& id);

  // Called after every change, on the thread that made it.
  void OnChange(std::function<void()> listener);

  // On every partition's shard: retention, state to the checkpoint, reopening of what is offline.
  void Tick();
  // Saves every partition's state as clean. After it only reads.
  Status Close();

  static std::string TopicFolder(const std::string& data_folder, const TopicName& name,
                                 const TopicId& id);
  int ShardOf(const Partition& partition) const;

 private:
  // (left to the implementation)
};

// Kafka's rule: [a-zA-Z0-9._-]{1,249}, not "." or "..". Empty when good, else what is wrong.
std::string CheckTopicName(std::string_view name);

}  // namespace atl::broker
