#include "mirror/routes.h"

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <utility>

#include "base/logging.h"
#include "core-broker/admin/json_body.h"
#include "mirror/control_routes.h"
#include "region-config/topic_filter.h"

namespace atl::mirror {
namespace {

namespace json = boost::json;
using broker::ErrorReply;
using broker::HttpCall;
using broker::HttpReply;
using broker::JsonReply;
using broker::JsonText;
using broker::QueryOf;

constexpr size_t kMostEvents = 1000;

// null when unknown.
json::value Number(const std::optional<Offset>& offset) {
  return offset.has_value() ? json::value(offset->value()) : json::value();
}
template <class T>
json::value Number(const std::optional<T>& number) {
  return number.has_value() ? json::value(*number) : json::value();
}
json::value Time(const std::optional<WallTime>& time) {
  return time.has_value() ? json::value(JsonText(FormatTime(*time))) : json::value();
}
json::value Known(Offset offset) {
  return offset == kNoOffset ? json::value() : json::value(offset.value());
}

HttpReply UnknownLink(const Links& links, std::string_view name) {
  std::string names;
  for (const auto& link : links.all()) {
    names += (names.empty() ? "" : ", ") + link->config().name.value();
  }
  return ErrorReply(404, fmt::format("no link `{}`", name),
                    names.empty() ? "this region has no links; add a document of kind Link"
                                  : "links of this region: " + names);
}

json::object ToJson(const Link& link, const ControlPlane& control, const Clock& clock) {
  const auto snapshot = link.snapshot();
  const LinkFacts& facts = snapshot->sample.facts;
  const LinkView view = ViewLink(facts, snapshot->sample.rows, clock.WallNow());
  json::object object;
  object["name"] = facts.link.value();
  object["source"] = facts.source.value();
  object["kind"] = link.config().source.kind == config::SourceKind::kAtoll ? "atoll" : "kafka";
  json::array servers;
  for (const config::Endpoint& endpoint : link.config().source.bootstrap_servers) {
    servers.emplace_back(JsonText(endpoint.ToString()));
  }
  object["bootstrapServers"] = std::move(servers);
  object["state"] = JsonText(ConditionName(view.condition));
  object["reason"] = view.reason;
  object["since"] = Time(snapshot->since);
  object["lastContact"] = Time(facts.last_contact);
  object["rpoSeconds"] = Number(view.rpo_seconds);
  object["rpoTargetSeconds"] = ToSeconds(facts.rpo_target);
  object["paused"] = facts.paused;
  object["partitions"] = view.partitions;
  object["lagRecords"] = Number(view.lag_records);
  object["lagBytes"] = Number(view.lag_bytes);
  json::object states;
  for (int i = 0; i < kMirrorStateCount; ++i) {
    const int64_t count = view.partitions_in_state[static_cast<size_t>(i)];
    if (count > 0) states[MirrorStateName(static_cast<MirrorState>(i))] = count;
  }
  object["mirrorStates"] = std::move(states);
  object["control"] = DescribeControl(link.config(), control);
  return object;
}

json::object ToJson(const MirrorRow& row) {
  json::object object;
  object["link"] = row.link.value();
  object["topic"] = row.topic.value();
  object["topicId"] = row.topic_id.ToString();
  object["partition"] = row.partition.value();
  object["state"] = JsonText(MirrorStateName(row.state));
  object["reason"] = row.reason;
  object["since"] = Time(row.since);
  object["sourceEnd"] = Number(row.source_end);
  object["appliedEnd"] = Number(row.applied_end);
  object["lagRecords"] = Number(row.lag.records);
  object["lagBytes"] = Number(row.lag.bytes);
  object["lagSeconds"] = Number(row.lag.seconds);
  object["lastContact"] = Time(row.last_contact);
  object["verifiedTo"] = Number(row.verify.verified_to);
  return object;
}

json::object ToJson(const std::map<std::string, std::string>& values) {
  json::object object;
  for (const auto& [name, value] : values) object[name] = value;
  return object;
}

json::object ToJson(const LinkTopicRow& row) {
  json::object object;
  object["topic"] = row.topic.value();
  object["sourceTopic"] = row.source_topic.value();
  object["localTopic"] = row.local_topic.value();
  object["topicId"] = row.id.ToString();
  object["state"] = row.state;
  object["reason"] = row.reason;
  object["paused"] = row.paused;
  object["wantedConfig"] = ToJson(row.wanted);
  object["appliedConfig"] = ToJson(row.applied);
  json::array refused;
  for (const std::string& config : row.refused_configs) refused.emplace_back(JsonText(config));
  object["refusedConfig"] = std::move(refused);
  return object;
}

json::object ToJson(const checkpoint::Event& event) {
  json::object object;
  object["id"] = event.id;
  object["time"] = Time(event.time);
  object["kind"] = JsonText(checkpoint::EventKindName(event.kind));
  object["link"] = event.link.value();
  object["topic"] = event.topic.value();
  object["topicId"] = event.topic_id.ToString();
  object["partition"] =
      event.partition < PartitionId(0) ? json::value() : json::value(event.partition.value());
  object["first"] = Known(event.first);
  object["end"] = Known(event.end);
  object["epoch"] =
      event.source_epoch == kNoEpoch ? json::value() : json::value(event.source_epoch.value());
  object["cause"] = event.cause;
  return object;
}

// --- Reading ---

HttpReply ListLinks(const Links& links, const ControlPlane& control) {
  json::array array;
  for (const auto& link : links.all()) array.push_back(ToJson(*link, control, links.clock()));
  json::object body;
  body["links"] = std::move(array);
  return JsonReply(body);
}

HttpReply ListMirrors(Links&, Link& link, const HttpCall& call) {
  const std::string topic = QueryOf(call, "topic");
  const auto snapshot = link.snapshot();
  json::array array;
  for (const MirrorRow& row : snapshot->sample.rows) {
    if (topic.empty() || row.topic.value() == topic) array.push_back(ToJson(row));
  }
  json::object body;
  body["partitions"] = std::move(array);
  return JsonReply(body);
}

// Earlier generations of a link's topics are kept under their own ids.
json::array FrozenGenerations(const broker::CatalogView& view, const Link& link) {
  std::map<std::pair<TopicName, TopicId>, size_t> frozen;
  for (const auto& [id, topic] : view.by_id) {
    if (topic->frozen && topic->link == link.config().name) {
      frozen[{topic->name, id}] = topic->partitions.size();
    }
  }
  json::array array;
  for (const auto& [name, partitions] : frozen) {
    json::object object;
    object["topic"] = name.first.value();
    object["topicId"] = name.second.ToString();
    object["partitions"] = partitions;
    array.push_back(std::move(object));
  }
  return array;
}

HttpReply ListTopics(Links& links, Link& link, const HttpCall&) {
  json::array array;
  for (const auto snapshot = link.snapshot(); const LinkTopicRow& row : snapshot->topics)
    array.push_back(ToJson(row));
  json::object body;
  body["topics"] = std::move(array);
  body["frozenGenerations"] = FrozenGenerations(*links.catalog().view(), link);
  return JsonReply(body);
}

std::optional<checkpoint::EventKind> KindOf(std::string_view name) {
  for (const checkpoint::EventKind kind : checkpoint::kEventKinds) {
    if (checkpoint::EventKindName(kind) == name) return kind;
  }
  return std::nullopt;
}

HttpReply ListEvents(Links& links, const HttpCall& call) {
  checkpoint::EventFilter filter;
  const std::string link = QueryOf(call, "link");
  const std::string topic = QueryOf(call, "topic");
  const std::string kind = QueryOf(call, "kind");
  const std::string limit = QueryOf(call, "limit");
  if (!link.empty()) filter.link = LinkName(link);
  if (!topic.empty()) filter.topic = TopicName(topic);
  if (!kind.empty()) {
    filter.kind = KindOf(kind);
    if (!filter.kind.has_value()) {
      return ErrorReply(400, fmt::format("no kind of event `{}`", kind),
                        "kinds: gap, generation, divergence, halted, conflict, retired, rollback, "
                        "skipped, quarantined, mismatch");
    }
  }
  if (!limit.empty()) {
    const auto parsed = std::from_chars(limit.data(), limit.data() + limit.size(), filter.limit);
    const bool whole = parsed.ec == std::errc() && parsed.ptr == limit.data() + limit.size();
    if (!whole || filter.limit < 1 || filter.limit > kMostEvents) {
      return ErrorReply(400,
                        fmt::format("limit `{}` is no number from 1 to {}", limit, kMostEvents));
    }
  }
  const auto events = links.events().List(filter);
  if (!events.ok()) return ErrorReply(500, StatusMessage(events.status()));
  json::array array;
  for (const checkpoint::Event& event : *events) array.push_back(ToJson(event));
  json::object body;
  body["events"] = std::move(array);
  return JsonReply(body);
}

// --- Acting ---

HttpReply PauseLink(Link& link, const HttpCall& call, bool paused) {
  if (!paused && link.config().paused) {
    return ErrorReply(409,
                      fmt::format("link `{}` is paused by its YAML", link.config().name.value()),
                      "write `paused: false` in the link's document and restart");
  }
  json::object body;
  if (broker::IsDryRun(call)) {
    body["dryRun"] = true;
  } else if (const Status status = link.SetPaused(paused); !status.ok()) {
    return ErrorReply(500, StatusMessage(status));
  }
  body["link"] = link.config().name.value();
  body["paused"] = paused;
  return JsonReply(body);
}

// The topics a request names: {"topics":["a","b"]} or {"pattern":"orders-*"}.
StatusOr<std::vector<TopicName>> NamedTopics(const Link& link, const std::string& body) {
  ASSIGN_OR_RETURN(const json::object object, broker::ParseJsonObject(body));
  const json::value* const topics = object.if_contains("topics");
  const json::value* const pattern = object.if_contains("pattern");
  if ((topics == nullptr) == (pattern == nullptr)) {
    return InvalidArgument("the body needs either `topics` or `pattern`");
  }
  std::vector<TopicName> names;
  if (pattern != nullptr) {
    if (!pattern->is_string()) return InvalidArgument("`pattern` is no string");
    const json::string& text = pattern->get_string();
    for (const auto snapshot = link.snapshot(); const LinkTopicRow& row : snapshot->topics) {
      if (config::GlobMatches({text.data(), text.size()}, row.topic.value()))
        names.push_back(row.topic);
    }
    return names;
  }
  if (!topics->is_array()) return InvalidArgument("`topics` is no array");
  for (const json::value& name : topics->get_array()) {
    if (!name.is_string()) return InvalidArgument("`topics` has something that is no string");
    names.emplace_back(std::string(name.get_string().c_str()));
  }
  return names;
}

using TopicAct = std::function<Status(Link&, const TopicName&, const LinkTopicRow*)>;

// One result per topic; a failed one does not stop the others.
HttpReply ForTopics(Link& link, const HttpCall& call, const TopicAct& act) {
  const auto names = NamedTopics(link, call.body);
  if (!names.ok()) {
    return ErrorReply(400, StatusMessage(names.status()),
                      R"(send {"topics":["orders"]} or {"pattern":"orders-*"})");
  }
  const auto snapshot = link.snapshot();
  json::array results;
  for (const TopicName& name : *names) {
    const auto row = std::find_if(snapshot->topics.begin(), snapshot->topics.end(),
                                  [&](const LinkTopicRow& topic) { return topic.topic == name; });
    const Status status = act(link, name, row == snapshot->topics.end() ? nullptr : &*row);
    json::object result;
    result["topic"] = name.value();
    result["ok"] = status.ok();
    result["message"] = status.ok() ? json::string() : JsonText(StatusMessage(status));
    results.push_back(std::move(result));
  }
  json::object body;
  if (broker::IsDryRun(call)) body["dryRun"] = true;
  body["results"] = std::move(results);
  return JsonReply(body);
}

// A partition of the topic stopped and goes on only when an operator says so.
bool WaitsForOperator(const Link& link, const TopicName& topic) {
  const auto snapshot = link.snapshot();
  const auto& rows = snapshot->sample.rows;
  return std::any_of(rows.begin(), rows.end(), [&](const MirrorRow& row) {
    return row.topic == topic &&
           (row.state == MirrorState::kHalted || row.state == MirrorState::kGap ||
            row.state == MirrorState::kDiverged || row.state == MirrorState::kConflict);
  });
}

HttpReply PauseTopics(Link& link, const HttpCall& call, bool paused) {
  const bool dry = broker::IsDryRun(call);
  return ForTopics(link, call, [=](Link& of, const TopicName& topic, const LinkTopicRow* row) {
    if (row == nullptr) {
      return NotFound("link `{}` mirrors no topic `{}`", of.config().name.value(), topic.value());
    }
    if (dry) return OkStatus();
    RETURN_IF_ERROR(of.SetTopicPaused(topic, paused));
    // What stopped by itself tries again, and stops again if nothing changed.
    if (!paused && WaitsForOperator(of, topic)) of.Operate(topic, false);
    return OkStatus();
  });
}

HttpReply SkipTopics(Link& link, const HttpCall& call) {
  const bool dry = broker::IsDryRun(call);
  return ForTopics(link, call, [dry](Link& of, const TopicName& topic, const LinkTopicRow*) {
    if (!WaitsForOperator(of, topic)) {
      return FailedPrecondition("no partition of `{}` waits for a decision (halted or gap)",
                                topic.value());
    }
    if (!dry) of.Operate(topic, true);
    return OkStatus();
  });
}

using LinkHandler = std::function<HttpReply(Links&, Link&, const HttpCall&)>;

void Add(broker::Router& router, Links& links, std::string_view method, std::string_view pattern,
         LinkHandler handler) {
  router.Add(method, pattern, [&links, handler = std::move(handler)](const HttpCall& call) {
    const std::string& name = call.params.at("link");
    const std::shared_ptr<Link> link = links.Find(name);
    return link == nullptr ? UnknownLink(links, name) : handler(links, *link, call);
  });
}

}  // namespace

json::object DescribeLink(const Link& link, const ControlPlane& control, const Clock& clock) {
  return ToJson(link, control, clock);
}
json::object DescribeMirror(const MirrorRow& row) { return ToJson(row); }
json::object DescribeEvent(const checkpoint::Event& event) { return ToJson(event); }

void RegisterRoutes(broker::Router& router, Links& links, const ControlPlane& control) {
  router.Add("GET", "/v1/links",
             [&links, &control](const HttpCall&) { return ListLinks(links, control); });
  router.Add("GET", "/v1/events",
             [&links](const HttpCall& call) { return ListEvents(links, call); });
  Add(router, links, "GET", "/v1/links/{link}",
      [&control](Links& all, Link& link, const HttpCall&) {
        return JsonReply(ToJson(link, control, all.clock()));
      });
  Add(router, links, "GET", "/v1/links/{link}/mirrors", &ListMirrors);
  Add(router, links, "GET", "/v1/links/{link}/topics", &ListTopics);
  Add(router, links, "POST", "/v1/links/{link}:pause",
      [](Links&, Link& link, const HttpCall& call) { return PauseLink(link, call, true); });
  Add(router, links, "POST", "/v1/links/{link}:resume",
      [](Links&, Link& link, const HttpCall& call) { return PauseLink(link, call, false); });
  Add(router, links, "POST", "/v1/links/{link}/mirrors:pause",
      [](Links&, Link& link, const HttpCall& call) { return PauseTopics(link, call, true); });
  Add(router, links, "POST", "/v1/links/{link}/mirrors:resume",
      [](Links&, Link& link, const HttpCall& call) { return PauseTopics(link, call, false); });
  Add(router, links, "POST", "/v1/links/{link}/mirrors:skip",
      [](Links&, Link& link, const HttpCall& call) { return SkipTopics(link, call); });
}

}  // namespace atl::mirror
