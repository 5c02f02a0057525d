// Failovers: what is known here, as the plan takes it.
#include <algorithm>

#include "mirror/failovers.h"
#include "region-config/topic_filter.h"

namespace atl::mirror {
namespace {

constexpr Duration kEndsAnswer = std::chrono::milliseconds(500);

// Which of the link's topics were meant.
class Selection {
 public:
  explicit Selection(const Failovers::Request& request) : request_(request) {
    if (!request.regex.empty()) {
      regex_.emplace(std::vector{config::TopicRule{config::RuleAction::kInclude,
                                                   config::TopicMatch::kRegex, request.regex}});
    }
  }
  bool Has(const TopicName& topic) const {
    if (request_.all) return true;
    if (regex_.has_value() && regex_->Mirrors(topic)) return true;
    return std::ranges::find(request_.topics, topic) != request_.topics.end();
  }

 private:
  const Failovers::Request& request_;
  std::optional<config::TopicFilter> regex_;
};

Status CheckSelection(const Failovers::Request& request) {
  if (!request.all && request.regex.empty() && request.topics.empty()) {
    return InvalidArgument("no topics are selected: name them, or use --regex or --all");
  }
  if (request.regex.empty()) return OkStatus();
  return config::CheckPattern(config::TopicMatch::kRegex, request.regex);
}

void NoteWhoIsAhead(const RegionName& peer, bool linked, const EndsAnswer& ends, PlanInput& input) {
  for (const EndsAnswer::Topic& told : ends.topics) {
    const auto topic = std::ranges::find(input.topics, told.topic, &PlanTopic::id);
    if (topic == input.topics.end() || told.epoch != topic->owner.epoch) continue;
    const size_t count = std::min(told.ends.size(), topic->partitions.size());
    for (size_t p = 0; p < count; ++p) {
      PlanPartition& partition = topic->partitions[p];
      RegionName& who = linked ? partition.ahead : partition.unlinked;
      Offset& end = linked ? partition.ahead_end : partition.unlinked_end;
      if (told.ends[p] <= std::max(partition.local_end, end)) continue;
      who = peer;
      end = told.ends[p];
    }
  }
}

// Neither an answer of the source nor a failure to get one.
bool IsStarting(const LinkSnapshot& snapshot, WallTime now) {
  if (!snapshot.loaded) return true;
  const bool lost = std::ranges::any_of(snapshot.sample.rows, [](const MirrorRow& row) {
    return row.state == MirrorState::kSourceUnavailable;
  });
  return snapshot.condition == LinkCondition::kConnecting && !lost &&
         now - snapshot.since < kHeartbeat;
}

}  // namespace

StatusOr<FailoverPlan> Failovers::Plan(const Request& request) const {
  ASSIGN_OR_RETURN(const PlanInput input, Look(request));
  return MakePlan(input);
}

StatusOr<PlanInput> Failovers::Look(const Request& request) const {
  RETURN_IF_ERROR(CheckSelection(request));
  const std::shared_ptr<const Link> link = room_.links.Find(request.link.value());
  if (link == nullptr) return NotFound("no link `{}`", request.link.value());
  const auto snapshot = link->snapshot();
  const config::LinkSource& source = link->config().source;
  PlanInput input;
  input.mode = request.mode;
  input.link = request.link;
  input.source = source.region;
  input.target = room_.region;
  input.kind = source.kind == config::SourceKind::kAtoll ? RegionKind::kAtoll : RegionKind::kKafka;
  input.force = request.force;
  input.prefixed = !link->config().naming_prefix.empty();
  input.accepted = request.accepted;
  input.now = room_.clock.WallNow();
  input.starting = IsStarting(*snapshot, input.now);
  input.last_contact = snapshot->sample.facts.last_contact;
  input.in_contact = snapshot->condition == LinkCondition::kRunning ||
                     snapshot->condition == LinkCondition::kDegraded;
  input.control_configured = source.control.has_value();
  for (const PeerStatus& peer : room_.control.peers()) {
    input.control_connected |= peer.region == source.region && peer.connected;
  }
  // A planned move is rolled back by a group that is busy here: the plan has to know of it.
  input.starting |= request.mode == Mode::kPromote && input.control_connected &&
                    link->config().groups.sync && !room_.group_sync.HasNews(request.link);
  const Selection selection(request);
  const auto view = room_.catalog.view();
  std::map<TopicName, PlanTopic> topics;
  for (const MirrorRow& row : snapshot->sample.rows) {
    const auto local = view->Find(row.topic_id);
    if (!selection.Has(row.topic) || local == nullptr || local->link != request.link) continue;
    PlanTopic& topic = topics[row.topic];
    topic.name = row.topic;
    topic.id = row.topic_id;
    PlanPartition& partition = topic.partitions.emplace_back();
    partition.mirror = row;
    partition.still_for =
        still_.StillFor(request.link, row.topic_id, row.partition, room_.clock.Now());
    const auto number = static_cast<size_t>(row.partition.value());
    if (number >= local->partitions.size()) continue;
    partition.local_end = local->partitions[number]->offsets().high_watermark;
    partition.open_transactions = local->partitions[number]->open_transactions();
  }
  for (auto& [name, topic] : topics) {
    if (auto owner = room_.owners.Find(topic.id)) topic.owner = *std::move(owner);
    topic.held = room_.owners.HeldBecause(topic.id);
    input.topics.push_back(std::move(topic));
  }
  for (const TopicName& name : request.topics) {
    if (!topics.contains(name)) input.not_mirrored.push_back(name);
  }
  CountGroups(input);
  if (request.ask_others) AskWhoIsAhead(input);
  return input;
}

void Failovers::CountGroups(PlanInput& input) const {
  if (input.topics.empty()) return;  // To name none would be to ask for the groups of all topics.
  std::map<TopicName, PlanTopic*> by_name;
  std::vector<TopicName> names;
  for (PlanTopic& topic : input.topics) {
    by_name[topic.name] = &topic;
    names.push_back(topic.name);
  }
  std::map<std::pair<TopicName, GroupId>, bool> placed;  // All of its partitions.
  for (const GroupKnowledge& known : room_.group_sync.Knowledge(input.link, names)) {
    auto [entry, fresh] = placed.try_emplace({known.topic, known.group}, true);
    entry->second = entry->second && known.state == GroupSyncState::kPlaced;
    if (known.state != GroupSyncState::kConflict) continue;
    std::vector<GroupId>& active = by_name[known.topic]->active_groups;
    if (std::ranges::find(active, known.group) == active.end()) active.push_back(known.group);
  }
  for (const auto& [key, all] : placed) {
    PlanTopic& topic = *by_name[key.first];
    ++topic.groups_total;
    topic.groups_placed += all ? 1 : 0;
  }
}

// Other regions that hold the same stint of the same owner may be further than this one.
void Failovers::AskWhoIsAhead(PlanInput& input) const {
  EndsRequest request;
  for (const PlanTopic& topic : input.topics) request.topics.push_back(topic.id);
  if (request.topics.empty() || input.mode == Mode::kPromote) return;
  for (const PeerStatus& peer : room_.control.peers()) {
    if (!peer.connected || peer.region == input.source) continue;
    const auto answer = room_.control.Call(peer.region, request, kEndsAnswer);
    const auto* ends = answer.ok() ? std::get_if<EndsAnswer>(&*answer) : nullptr;
    if (ends != nullptr)
      NoteWhoIsAhead(peer.region, LinkFrom(peer.region) != nullptr, *ends, input);
  }
}

}  // namespace atl::mirror
