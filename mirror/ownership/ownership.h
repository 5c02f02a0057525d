// The rules of ownership (replication.md section 2): what to do with a topic seen at a source, and
// what to believe of a peer's record. Pure functions. The catalogue says who owns a topic: one with
// a link is a mirror, every other one is ours.
#pragma once

#include <memory>
#include <string>

#include "base/status.h"
#include "base/types.h"
#include "base/uuid.h"
#include "checkpoint/ownership_table.h"
#include "core-broker/catalog/catalog.h"

namespace atl::mirror {

enum class RegionKind { kAtoll, kKafka };

// Does the source region own this topic, so that it may be pulled from there? An Atoll region's
// node id is its ordinal, and the epoch of a topic carries its owner's (S7): a region never serves
// a mirror on. Thus two regions that include "*" of each other don't loop. A Kafka cluster owns
// all it has.
bool SourceOwns(RegionKind kind, NodeId source_node, LeaderEpoch leader_epoch);

// No region mints this or above: who says so lies, and is not followed. Ours stay below it by far.
inline constexpr LeaderEpoch kNoSaneEpoch{(LeaderEpoch::kMaxCounter - (1 << 20)) << 8};
// An epoch that is minted without the former owner counts this far ahead, so that restarts of the
// lost owner, each of which mints one, never catch up before it learns of its loss.
inline constexpr int32_t kForcedSteps = 1024;

// What a peer's record must be before anything is believed of it: an owner that can have minted the
// epoch, a rising lineage that ends in it, cuts that are offsets.
Status CheckRecord(const checkpoint::OwnershipRecord& record);

// The last epoch of a lineage at which the owner changed; kNoEpoch: none is known. What a log has
// of an older epoch and the present owner's has not was never in the history that followed.
LeaderEpoch LastMove(const checkpoint::OwnershipRecord& record);
// Is it told where the present owner's history begins? Who learned of it by its epochs alone was
// not.
bool KnowsLastCut(const checkpoint::OwnershipRecord& record);

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
  kFollow,      // The source owns `local` at a higher epoch than ours: become its mirror.
  kPromoted,    // `local` came from this source and is ours now.
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

}  // namespace atl::mirror
