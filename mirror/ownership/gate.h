// The ownership gate: who may append to a topic here, now. It answers the broker from the catalogue
// (a topic with a link is a mirror, every other one is ours) and from the holds on top of it, which
// say that a topic is on its way from one owner to another and nobody may append.
//
// Any thread; one leaf lock held for a look-up, no allocation when it admits. A topic that the gate
// does not know (yet) admits nobody: clients are told to refresh, mirrors to locate again.
#pragma once

#include <array>
#include <atomic>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/hash_map.h"
#include "base/mutex.h"
#include "base/types.h"
#include "base/uuid.h"
#include "core-broker/catalog/catalog.h"
#include "core-broker/partition/gate.h"
#include "mirror/lease/lease.h"

namespace atl::mirror {

// Why nobody may append although the catalogue names an owner.
enum class HoldKind {
  kFenced,     // A planned move has stopped this owner.
  kPromoting,  // This region is taking over.
  kAsking,     // This region does not know yet whether it still is the owner.
  kLost,       // Another region owns it and no link pulls it from there.
};

// Who must create topics of a name: the first rule whose glob matches.
struct CreationRule {
  std::string pattern;
  RegionName owner;
};

class CatalogGate final : public broker::OwnershipGate {
 public:
  // A mirror that became one this short ago still tells clients to retry: they refresh their
  // metadata and, once pointed at the owner, go on there.
  static constexpr Duration kMoving = std::chrono::seconds(30);

  // `region`: of this broker. The gate comes before the catalogue, whose partitions refer to it.
  explicit CatalogGate(RegionOrdinal region, const Clock& clock = SystemClock())
      : region_(region), clock_(clock) {}

  // Follows every change of the catalogue from now on. Once, before the first append; the gate
  // outlives the catalogue.
  void Follow(broker::Catalog& catalog);
  // Lease mode: clients are admitted only under it. Before the first append; it outlives the gate.
  void UseLease(const OwnerLease* lease) { lease_ = lease; }
  // For the message to a client: which region a link pulls from.
  void NameSources(std::map<LinkName, RegionName> sources);
  // Topics of ours that links merge into (fan-in): no client may write there.
  void NameFanIns(std::map<TopicName, std::vector<LinkName>> fan_ins);
  void SetCreationRules(RegionName region, std::vector<CreationRule> rules);

  // From the moment it returns nothing more is admitted to the topic, until Release(). A hold
  // replaces an earlier one. `message` is what clients are told.
  void Hold(const TopicId& topic, HoldKind kind, std::string message);
  void Release(const TopicId& topic);
  std::optional<HoldKind> HeldAs(const TopicId& topic) const;
  std::string HeldBecause(const TopicId& topic) const;  // Empty: not held.

  broker::GateAnswer AdmitClient(const TopicId& topic) const override;
  bool MayAcknowledge(const TopicId& topic) const override;
  broker::GateAnswer AdmitMirror(const TopicId& topic, const LinkName& link) const override;
  broker::GateAnswer AdmitMapped(const TopicId& topic, const LinkName& link) const override;
  broker::GateAnswer AdmitCreate(const TopicName& name) const override;

  // Client appends that were refused since the start, by "mirror", "moved", "fenced", "promoting",
  // "asking", "lost", "frozen", "lease".
  std::map<std::string_view, uint64_t> fenced_writes() const;

  // What the gate knows of one topic (public for tests of the rules).
  struct Rule {
    TopicName name;
    LinkName link;  // Empty: ours.
    LeaderEpoch epoch = kNoEpoch;
    RegionOrdinal owner;
    bool frozen = false;
    MonotonicTime moving_until{};  // Of a mirror that was ours.
  };
  void Set(HashMap<TopicId, Rule> rules);

 private:
  enum class Why { kMirror, kMoved, kFenced, kPromoting, kAsking, kLost, kFrozen, kLease };
  static constexpr size_t kWhys = static_cast<size_t>(Why::kLease) + 1;
  struct Held {
    HoldKind kind;
    std::string message;
  };
  broker::GateAnswer AdmitByRule(const TopicId& topic) const;
  broker::GateAnswer RefuseClient(const Rule& rule) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  broker::GateAnswer Refuse(Why why, kafka::ErrorCode error, std::string message,
                            LeaderEpoch epoch) const;

  const RegionOrdinal region_;
  const Clock& clock_;
  const OwnerLease* lease_ = nullptr;  // Null: operator mode.
  mutable std::array<std::atomic<uint64_t>, kWhys> refused_{};
  mutable Mutex mutex_;
  HashMap<TopicId, Rule> rules_ ABSL_GUARDED_BY(mutex_);
  HashMap<TopicId, Held> holds_ ABSL_GUARDED_BY(mutex_);
  std::map<LinkName, RegionName> sources_ ABSL_GUARDED_BY(mutex_);
  std::map<TopicName, std::vector<LinkName>> fan_ins_ ABSL_GUARDED_BY(mutex_);
  RegionName region_name_ ABSL_GUARDED_BY(mutex_);
  std::vector<CreationRule> creation_rules_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace atl::mirror
