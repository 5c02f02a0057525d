// Which topics a link mirrors: describes the source, filters, asks the ownership rules, and makes
// the catalogue follow (create, grow, configs, epochs, generations, deletes). Says who the source
// is and refuses it when it is not who it was, or is ourselves.
//
// One Sync() at a time, on the link's reactor; catalogue and store are called on the blocking
// shard. A topic that the source does not name is believed gone only after kAbsences looks in a
// row over kAbsentFor: a broker that just started may not know its topics yet. Nothing is deleted
// here unless the link says `deletes: follow`.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core-broker/catalog/catalog.h"
#include "mirror/ownership/owners.h"
#include "mirror/ownership/ownership.h"
#include "mirror/pull/source.h"
#include "mirror/watch/events.h"
#include "region-config/link.h"
#include "region-config/topic_filter.h"
#include "runtime/storage_shards.h"

namespace atl::mirror {

struct SyncedTopic {
  enum class State { kMirrored, kConflict, kRetired, kPromoted };
  State state = State::kMirrored;
  std::string reason;  // Of a conflict, or why a mirror stands still.
  WallTime since{};
  TopicName local_name;  // Here: with a prefix, or what it flows into.
  TopicId id;            // Here; of what flows into another topic: the source's.
  TopicId source_id;     // At the source; zero: not heard yet.
  TopicId target_id;     // Fan-in: of the topic here; else zero.
  bool heard = false;    // The source named it since the process started.
  LeaderEpoch epoch = kNoEpoch;
  std::vector<SourcePartition> partitions;
  // Configuration: what the source has and we copy, what is applied here, and why something of the
  // first is not in the second.
  std::map<std::string, std::string> wanted;
  std::map<std::string, std::string> applied;
  std::vector<std::string> refused_configs;
  int absences = 0;  // Descriptions in a row that did not name it, the first of them then:
  MonotonicTime absent_since{};
};

// Of a source without topic ids: the same for ever for one cluster and name. NEVER change it.
TopicId DerivedTopicId(std::string_view cluster_id, const TopicName& name);

// What of a source's effective configuration is copied. Refused: known keys with values that this
// region can't take, as "key=value: why".
struct CopiedConfig {
  std::map<std::string, std::string> values;
  std::vector<std::string> refused;
};
CopiedConfig CopyConfig(const std::map<std::string, std::string>& effective);

// A topic that flows into another one, as it is remembered.
struct KnownFlow {
  TopicName name;  // At the source.
  TopicId id;
  TopicId target_id;
  int32_t partition_count = 0;
};

class TopicSync {
 public:
  static constexpr int kAbsences = 3;
  static constexpr Duration kAbsentFor = std::chrono::seconds(10);
  // All outlive the sync and whatever it posted to the blocking shard.
  struct Room {
    runtime::Reactor& reactor;
    runtime::StorageShards& blocking;
    const Clock& clock;
    Source& source;
    broker::Catalog& catalog;
    Owners& owners;
    Events& events;
  };
  // `known_cluster`: the source's cluster id as first seen; empty: never seen.
  // `flows`: of a fan-in link, what is here of it already.
  TopicSync(const Room& room, config::Link link, std::string own_cluster, std::string known_cluster,
            std::vector<KnownFlow> flows = {});

  runtime::awaitable<Status> Sync();

  // By their names at the source.
  const std::map<TopicName, SyncedTopic>& topics() const { return topics_; }
  // The last Sync() made or changed something here: more may come soon.
  bool busy() const { return busy_; }
  const std::string& cluster_id() const { return cluster_id_; }  // Empty: not known yet.
  // Why the source was refused; empty: it was not. Sync() then is kFailedPrecondition.
  const std::string& refused() const { return refused_; }
  // When the source last told the configurations of all topics.
  std::optional<WallTime> configs_read() const { return configs_read_; }

 private:
  struct Change {
    TopicDecision decision;
    broker::TopicSpec spec;
    TopicName name;  // At the source, as the id.
    TopicId source_id;
    bool set_config = false;
    bool derived_id = false;
  };
  static StatusOr<std::shared_ptr<const broker::Topic>> Make(const Room& room, const Change& change,
                                                             WallTime time);
  static StatusOr<std::shared_ptr<const broker::Topic>> Update(broker::Catalog& catalog,
                                                               const Change& change);
  void LoadLocal(const std::vector<KnownFlow>& flows);
  TopicDecision DecideFlow(const broker::CatalogView& here, const SourceTopic& source) const;
  Status CheckIdentity(const ClusterAtSource& cluster);
  Change Decide(const ClusterAtSource& cluster, const TopicAtSource& topic,
                const broker::CatalogView& here);
  static bool IsDue(const Change& change);
  void Note(const TopicAtSource& topic, const Change& change,
            const StatusOr<std::shared_ptr<const broker::Topic>>& made);
  void ForgetMoved();
  void NoteNotOwned(const TopicAtSource& topic, const TopicDecision& decision);
  runtime::awaitable<Status> NoteAbsent(const ClusterAtSource& cluster);
  runtime::awaitable<void> FetchConfigs(const std::vector<const TopicAtSource*>& topics);
  runtime::awaitable<Status> RecordForTopic(TopicName topic, TopicId id, MirrorEvent event);

  const Room room_;
  const config::Link link_;
  const config::TopicFilter filter_;
  const RegionKind kind_;
  const std::string own_cluster_;
  std::string cluster_id_;
  std::string refused_;
  bool busy_ = false;
  std::optional<WallTime> configs_read_;
  std::map<TopicName, SyncedTopic> topics_;
  TopicConfigs configs_;  // As heard last.
  MonotonicTime configs_due_{};
};

}  // namespace atl::mirror
