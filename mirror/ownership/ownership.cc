#include "mirror/ownership/ownership.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

namespace atl::mirror {

using broker::GateAnswer;
using broker::Topic;
using kafka::ErrorCode;

bool SourceOwns(RegionKind kind, NodeId source_node, LeaderEpoch leader_epoch) {
  if (kind == RegionKind::kKafka) return true;
  const RegionOrdinal owner = leader_epoch.owner();
  return owner != kForeignRegion && owner.value() == source_node.value();
}

namespace {

TopicDecision Conflict(std::shared_ptr<const Topic> local, std::string_view what) {
  return {.action = TopicAction::kConflict,
          .local = std::move(local),
          .reason = fmt::format("{}; nothing is mirrored and nothing is deleted. Ways out: mirror "
                                "it under another name, keep one of the two and delete the other, "
                                "or exclude it from the link",
                                what)};
}

// The source's topic is here under its own id.
TopicDecision DecideKnown(std::shared_ptr<const Topic> local, const LinkName& link,
                          const SourceTopic& source) {
  const std::string& name = source.name.value();
  if (!local->is_mirror()) {
    return Conflict(local, fmt::format("topic `{}` has the id {} here and at the source: one is a "
                                       "copy of the other's disk",
                                       name, source.id.ToString()));
  }
  if (local->name != source.name) {
    return Conflict(
        local, fmt::format("topic `{}` is here under the name `{}`", name, local->name.value()));
  }
  if (local->link != link) {
    return Conflict(local,
                    fmt::format("topic `{}` is mirrored by link `{}`", name, local->link.value()));
  }
  if (local->frozen) {
    return Conflict(local, fmt::format("topic `{}` of id {} is an earlier generation that came "
                                       "back at the source",
                                       name, source.id.ToString()));
  }
  return {.action = TopicAction::kMirror, .local = std::move(local), .reason = {}};
}

}  // namespace

TopicDecision DecideTopic(const broker::CatalogView& here, const LinkName& link, RegionKind kind,
                          const SourceTopic& source) {
  if (!SourceOwns(kind, source.leader_node, source.epoch)) {
    return {.action = TopicAction::kNotOwned,
            .local = {},
            .reason = fmt::format("the source does not own `{}`: its epoch {} is of region {}",
                                  source.name.value(), source.epoch.value(),
                                  source.epoch.owner().value())};
  }
  if (!source.id.is_zero()) {
    if (auto local = here.Find(source.id)) return DecideKnown(std::move(local), link, source);
  }
  auto local = here.Find(source.name);
  if (!local) return {.action = TopicAction::kCreate, .local = {}, .reason = {}};
  const std::string& name = source.name.value();
  if (!local->is_mirror()) {
    return Conflict(local, fmt::format("topic `{}` was created in both regions", name));
  }
  if (local->link != link) {
    return Conflict(local,
                    fmt::format("topic `{}` is mirrored by link `{}`", name, local->link.value()));
  }
  // Without ids a name is all there is.
  if (source.id.is_zero()) {
    return {.action = TopicAction::kMirror, .local = std::move(local), .reason = {}};
  }
  std::string reason = fmt::format(
      "the source's topic `{}` was deleted and created anew: id {} "
      "instead of {}; the old copy is kept, frozen",
      name, source.id.ToString(), local->id.ToString());
  return {
      .action = TopicAction::kGeneration, .local = std::move(local), .reason = std::move(reason)};
}

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
  MutexLock lock(&mutex_);
  rules_.swap(rules);
}

void CatalogGate::NameSources(std::map<LinkName, RegionName> sources) {
  MutexLock lock(&mutex_);
  sources_.swap(sources);
}

GateAnswer CatalogGate::AdmitClient(const TopicId& topic) const {
  MutexLock lock(&mutex_);
  const auto found = rules_.find(topic);
  if (found == rules_.end()) {
    return {.error = ErrorCode::kNotLeaderOrFollower,
            .message = "the topic is not known here (any more, or yet)",
            .epoch = kNoEpoch};
  }
  const Rule& rule = found->second;
  if (!rule.link.empty() || rule.frozen) return RefuseClient(rule);
  return {.error = ErrorCode::kNone, .message = {}, .epoch = rule.epoch};
}

GateAnswer CatalogGate::RefuseClient(const Rule& rule) const {
  GateAnswer answer{.error = ErrorCode::kPolicyViolation, .message = {}, .epoch = rule.epoch};
  if (rule.frozen) {
    answer.message = fmt::format("`{}` is an earlier generation of this topic, kept to be read",
                                 rule.name.value());
    return answer;
  }
  const auto source = sources_.find(rule.link);
  const std::string owner = source == sources_.end()
                                ? fmt::format("the source of link `{}`", rule.link.value())
                                : source->second.value();
  answer.message = fmt::format(
      "`{}` is a mirror of {} (epoch {}); produce there, or see `atoll "
      "failover plan`",
      rule.name.value(), owner, rule.epoch.value());
  return answer;
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

}  // namespace atl::mirror
