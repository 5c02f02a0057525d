// Who may write to a topic here, and what to do with a topic seen at a source. Until ownership can
// move, the owner is the region that created the topic: a topic with a link is a mirror, every
// other one is ours.
//
// The rules are pure functions. CatalogGate answers the broker on the append path: any thread, one
// leaf lock held for a look-up, no allocation when it admits. A topic that the gate does not know
// (yet) admits nobody: clients are told to refresh, mirrors to locate again.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/hash_map.h"
#include "base/mutex.h"
#include "base/types.h"
#include "base/uuid.h"
#include "core-broker/catalog/catalog.h"
#include "core-broker/partition/gate.h"

namespace atl::mirror {

enum class RegionKind { kAtoll, kKafka };

// Does the source region own this topic, so that it may be pulled from there? An Atoll region's
// node id is its ordinal, and the epoch of a topic carries its owner's (S7): a region never serves
// a mirror on. Thus two regions that include "*" of each other don't loop. A Kafka cluster owns
// all it has.
bool SourceOwns(RegionKind kind, NodeId source_node, LeaderEpoch leader_epoch);

// A topic as the source's metadata describes it.
struct SourceTopic {
  TopicName name;
  TopicId id;  // Zero where the source has no topic ids (Kafka before 2.8).
  NodeId leader_node{-1};
  LeaderEpoch epoch = kNoEpoch;  // The highest leader epoch of its partitions.
};

enum class TopicAction {
  kCreate,      // Nothing of that name or id is here: create the mirror.
  kMirror,      // `local` is this link's mirror of it: go on.
  kGeneration,  // `local` mirrors an earlier topic of that name: freeze it, create the new one.
  kConflict,    // The name or id is taken: mirror nothing, delete nothing; `reason` has the ways
                // out.
  kNotOwned,    // The source only mirrors it: leave it alone.
};

struct TopicDecision {
  TopicAction action = TopicAction::kConflict;
  std::shared_ptr<const broker::Topic> local;  // What `action` is about; null with kCreate.
  std::string reason;                          // For people; empty where the action says all.
};
TopicDecision DecideTopic(const broker::CatalogView& here, const LinkName& link, RegionKind kind,
                          const SourceTopic& source);

class CatalogGate final : public broker::OwnershipGate {
 public:
  // `region`: of this broker. The gate comes before the catalogue, whose partitions refer to it.
  explicit CatalogGate(RegionOrdinal region) : region_(region) {}

  // Follows every change of the catalogue from now on. Once, before the first append; the gate
  // outlives the catalogue.
  void Follow(broker::Catalog& catalog);
  // For the message to a client: which region a link pulls from.
  void NameSources(std::map<LinkName, RegionName> sources);

  broker::GateAnswer AdmitClient(const TopicId& topic) const override;
  broker::GateAnswer AdmitMirror(const TopicId& topic, const LinkName& link) const override;

  // What the gate knows of one topic (public for tests of the rules).
  struct Rule {
    TopicName name;
    LinkName link;  // Empty: ours.
    LeaderEpoch epoch = kNoEpoch;
    RegionOrdinal owner;
    bool frozen = false;
  };
  void Set(HashMap<TopicId, Rule> rules);

 private:
  broker::GateAnswer RefuseClient(const Rule& rule) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const RegionOrdinal region_;
  mutable Mutex mutex_;
  HashMap<TopicId, Rule> rules_ ABSL_GUARDED_BY(mutex_);
  std::map<LinkName, RegionName> sources_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace atl::mirror
