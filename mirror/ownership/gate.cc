#include "mirror/ownership/gate.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "region-config/topic_filter.h"

namespace atl::mirror {

using broker::GateAnswer;
using kafka::ErrorCode;

void CatalogGate::Follow(broker::Catalog& catalog) {
  const auto read = [this, &catalog] {
    HashMap<TopicId, Rule> rules;
    const std::shared_ptr<const broker::CatalogView> view = catalog.view();
    for (const auto& [id, topic] : view->by_id) {
      rules.emplace(id, Rule{.name = topic->name,
                             .link = topic->link,
                             .epoch = topic->epoch,
                             .owner = topic->owner,
                             .frozen = topic->frozen});
    }
    Set(std::move(rules));
  };
  catalog.OnChange(read);
  read();
}

void CatalogGate::Set(HashMap<TopicId, Rule> rules) {
  const MonotonicTime moving_until = clock_.Now() + kMoving;
  MutexLock lock(&mutex_);
  for (auto& [id, rule] : rules) {
    const auto before = rules_.find(id);
    if (before == rules_.end() || rule.link.empty()) continue;
    rule.moving_until = before->second.link.empty() ? moving_until : before->second.moving_until;
  }
  rules_.swap(rules);
}

void CatalogGate::NameSources(std::map<LinkName, RegionName> sources) {
  MutexLock lock(&mutex_);
  sources_.swap(sources);
}

void CatalogGate::NameFanIns(std::map<TopicName, std::vector<LinkName>> fan_ins) {
  MutexLock lock(&mutex_);
  fan_ins_.swap(fan_ins);
}

void CatalogGate::SetCreationRules(RegionName region, std::vector<CreationRule> rules) {
  MutexLock lock(&mutex_);
  region_name_ = std::move(region);
  creation_rules_.swap(rules);
}

void CatalogGate::Hold(const TopicId& topic, HoldKind kind, std::string message) {
  MutexLock lock(&mutex_);
  holds_[topic] = {kind, std::move(message)};
}

void CatalogGate::Release(const TopicId& topic) {
  MutexLock lock(&mutex_);
  holds_.erase(topic);
}

std::optional<HoldKind> CatalogGate::HeldAs(const TopicId& topic) const {
  MutexLock lock(&mutex_);
  const auto held = holds_.find(topic);
  return held == holds_.end() ? std::nullopt : std::optional<HoldKind>(held->second.kind);
}

std::string CatalogGate::HeldBecause(const TopicId& topic) const {
  MutexLock lock(&mutex_);
  const auto held = holds_.find(topic);
  return held == holds_.end() ? std::string() : held->second.message;
}

GateAnswer CatalogGate::Refuse(Why why, ErrorCode error, std::string message,
                               LeaderEpoch epoch) const {
  refused_[static_cast<size_t>(why)].fetch_add(1, std::memory_order_relaxed);
  return {.error = error, .message = std::move(message), .epoch = epoch};
}

GateAnswer CatalogGate::AdmitClient(const TopicId& topic) const {
  GateAnswer answer = AdmitByRule(topic);
  const bool admitted = answer.error == ErrorCode::kNone;
  if (!admitted || lease_ == nullptr || lease_->Holds(topic, answer.epoch)) return answer;
  return Refuse(Why::kLease, ErrorCode::kNotLeaderOrFollower,
                "this region is in lease mode and does not hold its lease for the topic now",
                answer.epoch);
}

bool CatalogGate::MayAcknowledge(const TopicId& topic) const {
  return lease_ == nullptr || AdmitClient(topic).error == ErrorCode::kNone;
}

GateAnswer CatalogGate::AdmitByRule(const TopicId& topic) const {
  MutexLock lock(&mutex_);
  const auto found = rules_.find(topic);
  if (found == rules_.end()) {
    return {.error = ErrorCode::kNotLeaderOrFollower,
            .message = "the topic is not known here (any more, or yet)",
            .epoch = kNoEpoch};
  }
  const Rule& rule = found->second;
  if (const auto held = holds_.find(topic); held != holds_.end()) {
    constexpr std::array kReasons = {Why::kFenced, Why::kPromoting, Why::kAsking, Why::kLost};
    const auto kind = static_cast<size_t>(held->second.kind);
    return Refuse(kReasons[kind], ErrorCode::kNotLeaderOrFollower, held->second.message,
                  rule.epoch);
  }
  const bool fan_in = !fan_ins_.empty() && fan_ins_.contains(rule.name);
  if (!rule.link.empty() || rule.frozen || fan_in) return RefuseClient(rule);
  return {.error = ErrorCode::kNone, .message = {}, .epoch = rule.epoch};
}

GateAnswer CatalogGate::RefuseClient(const Rule& rule) const {
  if (rule.frozen) {
    return Refuse(Why::kFrozen, ErrorCode::kPolicyViolation,
                  fmt::format("`{}` is an earlier generation of this topic, kept to be read",
                              rule.name.value()),
                  rule.epoch);
  }
  if (rule.link.empty()) {
    std::string regions;
    for (const LinkName& link : fan_ins_.at(rule.name)) {
      const auto region = sources_.find(link);
      regions += regions.empty() ? "" : ", ";
      regions += region == sources_.end() ? link.value() : region->second.value();
    }
    return Refuse(
        Why::kMirror, ErrorCode::kPolicyViolation,
        fmt::format("`{}` is merged from topics of {}; produce there", rule.name.value(), regions),
        rule.epoch);
  }
  const auto source = sources_.find(rule.link);
  const std::string owner = source == sources_.end()
                                ? fmt::format("the source of link `{}`", rule.link.value())
                                : source->second.value();
  if (clock_.Now() < rule.moving_until) {
    return Refuse(Why::kMoved, ErrorCode::kNotLeaderOrFollower,
                  fmt::format("`{}` has moved to {} (epoch {})", rule.name.value(), owner,
                              rule.epoch.value()),
                  rule.epoch);
  }
  return Refuse(Why::kMirror, ErrorCode::kPolicyViolation,
                fmt::format("`{}` is a mirror of {} (epoch {}); produce there, or see `atoll "
                            "failover plan`",
                            rule.name.value(), owner, rule.epoch.value()),
                rule.epoch);
}

GateAnswer CatalogGate::AdmitMapped(const TopicId& topic, const LinkName& link) const {
  MutexLock lock(&mutex_);
  const auto found = rules_.find(topic);
  const auto links = found == rules_.end() ? fan_ins_.end() : fan_ins_.find(found->second.name);
  const bool flows =
      links != fan_ins_.end() &&
      std::find(links->second.begin(), links->second.end(), link) != links->second.end();
  const bool admits =
      flows && found->second.link.empty() && !found->second.frozen && !holds_.contains(topic);
  if (!admits) {
    return {.error = ErrorCode::kPolicyViolation,
            .message = fmt::format("link `{}` merges nothing into this topic", link.value()),
            .epoch = kNoEpoch};
  }
  return {.error = ErrorCode::kNone, .message = {}, .epoch = found->second.epoch};
}

GateAnswer CatalogGate::AdmitMirror(const TopicId& topic, const LinkName& link) const {
  const auto refuse = [](std::string message) {
    return GateAnswer{
        .error = ErrorCode::kPolicyViolation, .message = std::move(message), .epoch = kNoEpoch};
  };
  MutexLock lock(&mutex_);
  const auto found = rules_.find(topic);
  if (found == rules_.end()) return refuse("the topic is not known here (any more, or yet)");
  const Rule& rule = found->second;
  if (const auto held = holds_.find(topic); held != holds_.end()) {
    return refuse(held->second.message);
  }
  if (rule.link.empty()) {
    return refuse(
        fmt::format("`{}` is owned by this region ({})", rule.name.value(), region_.value()));
  }
  if (rule.link != link) {
    return refuse(fmt::format("`{}` is mirrored by link `{}`, not by `{}`", rule.name.value(),
                              rule.link.value(), link.value()));
  }
  if (rule.frozen) {
    return refuse(fmt::format("`{}` is frozen: the source has another topic of that name",
                              rule.name.value()));
  }
  return {.error = ErrorCode::kNone, .message = {}, .epoch = rule.epoch};
}

GateAnswer CatalogGate::AdmitCreate(const TopicName& name) const {
  // Whoever lost its lease may be cut off: the others may create the same name meanwhile.
  if (lease_ != nullptr && !lease_->status().held) {
    return {.error = ErrorCode::kNotController,
            .message = "this region is in lease mode and does not hold its lease now",
            .epoch = kNoEpoch};
  }
  MutexLock lock(&mutex_);
  for (const CreationRule& rule : creation_rules_) {
    if (!config::GlobMatches(rule.pattern, name.value())) continue;
    if (rule.owner == region_name_) break;
    return {.error = ErrorCode::kPolicyViolation,
            .message = fmt::format("topics like `{}` belong to region {}: create `{}` there, links "
                                   "bring it here (`ownership` in this region's configuration)",
                                   rule.pattern, rule.owner.value(), name.value()),
            .epoch = kNoEpoch};
  }
  return {.message = {}, .epoch = kNoEpoch};
}

std::map<std::string_view, uint64_t> CatalogGate::fenced_writes() const {
  constexpr std::array<std::string_view, kWhys> kNames = {"mirror", "moved", "fenced", "promoting",
                                                          "asking", "lost",  "frozen", "lease"};
  std::map<std::string_view, uint64_t> counts;
  for (size_t i = 0; i < kWhys; ++i) {
    counts[kNames[i]] = refused_[i].load(std::memory_order_relaxed);
  }
  return counts;
}

}  // namespace atl::mirror
