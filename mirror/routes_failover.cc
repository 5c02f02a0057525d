#include "mirror/routes_failover.h"

#include <boost/json.hpp>
#include <charconv>
#include <utility>

#include "core-broker/admin/json_body.h"
#include "region-config/topic_filter.h"

namespace atl::mirror {
namespace {

namespace json = boost::json;
using broker::ErrorReply;
using broker::HttpCall;
using broker::HttpReply;
using broker::JsonReply;
using broker::JsonText;
using checkpoint::FailoverMode;

int HttpStatusOf(const Status& status) {
  switch (status.code()) {
    case StatusCode::kNotFound:
      return 404;
    case StatusCode::kInvalidArgument:
      return 400;
    case StatusCode::kFailedPrecondition:
      return 409;
    default:
      return 500;
  }
}

HttpReply Refusal(const Status& status, std::string_view hint = {}) {
  return ErrorReply(HttpStatusOf(status), StatusMessage(status), hint);
}

template <class T>
json::value Number(const std::optional<T>& number) {
  return number.has_value() ? json::value(*number) : json::value();
}
json::value Known(Offset offset) {
  return offset == kNoOffset ? json::value() : json::value(offset.value());
}
json::value Time(WallTime time) {
  return time == WallTime{} ? json::value() : json::value(JsonText(FormatTime(time)));
}

// --- Plans ---

json::object ToJson(const PlanRow& row) {
  json::object object;
  object["topic"] = row.topic.value();
  object["topicId"] = row.id.ToString();
  object["epoch"] = row.epoch.value();
  object["partitions"] = row.partitions;
  object["lagRecords"] = Number(row.lag_records);
  object["lagBytes"] = Number(row.lag_bytes);
  object["lagSeconds"] = Number(row.lag_seconds);
  object["lostKnown"] = Number(row.lost_known);
  object["lostAtMost"] = Number(row.lost_at_most);
  object["groupsPlaced"] = row.groups_placed;
  object["groupsTotal"] = row.groups_total;
  object["openTransactions"] = row.open_transactions;
  object["drainFrom"] =
      row.drain_from.empty() ? json::value() : json::value(row.drain_from.value());
  return object;
}

json::object ToJson(const FailoverPlan& plan) {
  json::object object;
  object["mode"] = JsonText(checkpoint::FailoverModeName(plan.mode));
  object["link"] = plan.link.value();
  object["source"] = plan.source.value();
  object["target"] = plan.target.value();
  object["inContact"] = plan.in_contact;
  object["silentSeconds"] =
      plan.silent_for.has_value() ? json::value(ToSeconds(*plan.silent_for)) : json::value();
  object["hash"] = plan.hash;
  object["blocked"] = plan.blocked();
  json::array topics;
  for (const PlanRow& row : plan.rows) topics.push_back(ToJson(row));
  object["topics"] = std::move(topics);
  json::array findings;
  for (const PlanFinding& finding : plan.findings) {
    json::object one;
    one["topic"] = finding.topic.empty() ? json::value() : json::value(finding.topic.value());
    one["code"] = finding.code;
    one["message"] = finding.message;
    one["remedy"] = finding.remedy;
    one["blocking"] = finding.blocking;
    findings.push_back(std::move(one));
  }
  object["findings"] = std::move(findings);
  return object;
}

StatusOr<std::vector<TopicName>> Names(const json::object& body, std::string_view key) {
  std::vector<TopicName> names;
  const json::value* const list = body.if_contains(json::string_view(key.data(), key.size()));
  if (list == nullptr) return names;
  if (!list->is_array()) return InvalidArgument("`{}` is no array", key);
  for (const json::value& name : list->get_array()) {
    if (!name.is_string()) return InvalidArgument("`{}` has something that is no string", key);
    names.emplace_back(std::string(name.get_string().c_str()));
  }
  return names;
}

StatusOr<bool> Flag(const json::object& body, std::string_view key) {
  const json::value* const flag = body.if_contains(json::string_view(key.data(), key.size()));
  if (flag == nullptr) return false;
  if (!flag->is_bool()) return InvalidArgument("`{}` is not true or false", key);
  return flag->get_bool();
}

// {"topics":["orders"], "regex":"", "all":false, "accept":["audit"], "force":false,
//  "planHash":"", "deadlineSeconds":30}
StatusOr<Failovers::Request> ReadRequest(const HttpCall& call, FailoverMode mode) {
  Failovers::Request request;
  request.mode = mode;
  request.link = LinkName(call.params.at("link"));
  ASSIGN_OR_RETURN(const json::object body, broker::ParseJsonObject(call.body));
  ASSIGN_OR_RETURN(request.topics, Names(body, "topics"));
  ASSIGN_OR_RETURN(request.regex, broker::TextMember(body, "regex", ""));
  ASSIGN_OR_RETURN(request.all, Flag(body, "all"));
  ASSIGN_OR_RETURN(request.force, Flag(body, "force"));
  ASSIGN_OR_RETURN(request.plan_hash, broker::TextMember(body, "planHash", ""));
  ASSIGN_OR_RETURN(const std::vector<TopicName> accepted, Names(body, "accept"));
  request.accepted.insert(accepted.begin(), accepted.end());
  ASSIGN_OR_RETURN(const int64_t seconds, broker::IntegerMember(body, "deadlineSeconds", 30));
  if (seconds < 1 || seconds > 600) return InvalidArgument("`deadlineSeconds` is not in 1..600");
  request.deadline = std::chrono::seconds(seconds);
  return request;
}

HttpReply Move(const FailoverRoutes& routes, const HttpCall& call, FailoverMode mode) {
  const auto request = ReadRequest(call, mode);
  if (!request.ok()) {
    return Refusal(request.status(),
                   R"(send {"topics":["orders"]}, {"regex":"..."} or {"all":true})");
  }
  if (broker::IsDryRun(call)) {
    const auto plan = routes.failovers.Plan(*request);
    return plan.ok() ? JsonReply(ToJson(*plan)) : Refusal(plan.status());
  }
  const auto id = routes.failovers.Run(*request);
  if (!id.ok()) return Refusal(id.status(), "?dry_run=true shows the plan as it is now");
  json::object body;
  body["operation"] = *id;
  body["poll"] = fmt::format("/v1/failovers/{}", *id);
  return JsonReply(body, 202);
}

std::optional<double> InSeconds(const std::optional<Duration>& duration) {
  return duration.has_value() ? std::optional(ToSeconds(*duration)) : std::nullopt;
}

HttpReply Drill(const FailoverRoutes& routes, const HttpCall& call) {
  const auto request = ReadRequest(call, FailoverMode::kFailover);
  if (!request.ok()) {
    return Refusal(request.status(),
                   R"(send {"topics":["orders"]}, {"regex":"..."} or {"all":true})");
  }
  const auto rehearsal = routes.failovers.Rehearse(*request);
  if (!rehearsal.ok()) return Refusal(rehearsal.status());
  json::object body;
  body["ready"] = rehearsal->ready();
  body["unavailableSeconds"] = Number(InSeconds(rehearsal->unavailable()));
  json::array steps;
  for (const Failovers::Rehearsal::Step& step : rehearsal->steps) {
    json::object one;
    one["step"] = step.name;
    one["good"] = step.good;
    one["what"] = step.what;
    one["seconds"] = Number(InSeconds(step.takes));
    steps.push_back(std::move(one));
  }
  body["steps"] = std::move(steps);
  body["plan"] = ToJson(rehearsal->plan);
  return JsonReply(body);
}

// --- Reports ---

json::object ToJson(const TopicName& topic, size_t number,
                    const checkpoint::FailoverPartition& partition) {
  json::object object;
  object["topic"] = topic.value();
  object["partition"] = number;
  object["cut"] = Known(partition.cut);
  object["sourceEnd"] = Known(partition.source_end);
  object["lostAtMost"] = Number(partition.lost_at_most);
  object["lostKnown"] = Number(partition.lost_known);
  object["quarantined"] = Number(partition.quarantined);
  const bool drained = !partition.drained_from.empty();
  object["drainedFrom"] = drained ? json::value(partition.drained_from.value()) : json::value();
  object["drained"] = partition.drained;
  return object;
}

json::object ToJson(const checkpoint::FailoverGroup& group) {
  json::object object;
  object["group"] = JsonText(group.group.value());
  object["topic"] = group.topic.value();
  object["partition"] = group.partition.value();
  object["committedAtSource"] = Known(group.committed_at_source);
  object["knownAt"] = Time(group.known_at);
  object["resumesAt"] = Known(group.resumes_at);
  object["rereads"] = Number(group.rereads);
  object["skipped"] = Number(group.skipped);
  return object;
}

json::object Summary(const checkpoint::FailoverRecord& record) {
  json::object object;
  object["id"] = record.id;
  object["attempt"] = record.attempt.ToString();
  object["mode"] = JsonText(checkpoint::FailoverModeName(record.mode));
  object["link"] = record.link.value();
  object["source"] = record.source.value();
  object["target"] = record.target.value();
  object["outcome"] = JsonText(checkpoint::FailoverOutcomeName(record.outcome));
  object["nextStep"] = JsonText(checkpoint::FailoverStepName(record.step));
  object["reason"] = record.reason;
  object["started"] = Time(record.started);
  object["finished"] = Time(record.finished);
  object["unavailableSeconds"] = ToSeconds(record.unavailable);
  object["topics"] = record.topics.size();
  return object;
}

json::object Report(const checkpoint::FailoverRecord& record) {
  json::object object = Summary(record);
  object["planHash"] = record.plan_hash;
  object["abortedTransactions"] = record.aborted_transactions;
  json::array topics;
  json::array partitions;
  for (const auto& topic : record.topics) {
    json::object one;
    one["topic"] = topic.name.value();
    one["topicId"] = topic.id.ToString();
    one["oldEpoch"] = topic.old_epoch.value();
    one["newEpoch"] =
        topic.new_epoch == kNoEpoch ? json::value() : json::value(topic.new_epoch.value());
    topics.push_back(std::move(one));
    for (size_t p = 0; p < topic.partitions.size(); ++p) {
      partitions.push_back(ToJson(topic.name, p, topic.partitions[p]));
    }
  }
  json::array groups;
  for (const auto& group : record.groups) groups.push_back(ToJson(group));
  object["topics"] = std::move(topics);
  object["partitions"] = std::move(partitions);
  object["groups"] = std::move(groups);
  return object;
}

HttpReply ListReports(const FailoverRoutes& routes) {
  const auto records = routes.failovers.List();
  if (!records.ok()) return Refusal(records.status());
  json::array array;
  for (const auto& record : *records) array.push_back(Summary(record));
  return JsonReply(json::object{{"failovers", std::move(array)}});
}

HttpReply ShowReport(const FailoverRoutes& routes, const std::string& text) {
  int64_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc() || end != text.data() + text.size()) {
    return ErrorReply(400, fmt::format("`{}` is no number of a move", text), "GET /v1/failovers");
  }
  const auto record = routes.failovers.Get(id);
  if (!record.ok()) return Refusal(record.status());
  if (!record->has_value()) {
    return ErrorReply(404, fmt::format("no move {}", id), "GET /v1/failovers lists them");
  }
  return JsonReply(Report(**record));
}

// --- Ownership ---

json::object ToJson(const Owners& owners, const checkpoint::OwnershipRecord& record) {
  json::object object;
  object["topic"] = record.name.value();
  object["topicId"] = record.topic.ToString();
  object["owner"] = record.owner_name.value();
  object["ownerOrdinal"] = record.owner.value();
  object["epoch"] = record.epoch.value();
  object["state"] = JsonText(checkpoint::OwnershipStateName(record.state));
  object["held"] = owners.HeldBecause(record.topic);
  object["link"] = record.link.value();
  object["reason"] = record.reason;
  object["since"] = Time(record.time);
  json::array lineage;
  for (const auto& stint : record.lineage) {
    json::object one;
    one["epoch"] = stint.epoch.value();
    one["owner"] = owners.NameOf(stint.owner).value();
    json::array cut;
    for (const Offset offset : stint.cut) cut.push_back(offset.value());
    one["cut"] = std::move(cut);
    lineage.push_back(std::move(one));
  }
  object["lineage"] = std::move(lineage);
  return object;
}

HttpReply ListOwners(const FailoverRoutes& routes, const HttpCall& call) {
  const auto wanted = call.query.find("topic");
  json::array array;
  for (const auto& record : routes.owners.All()) {
    if (wanted != call.query.end() && record.name.value() != wanted->second) continue;
    array.push_back(ToJson(routes.owners, record));
  }
  return JsonReply(json::object{{"topics", std::move(array)}});
}

HttpReply Adopt(const FailoverRoutes& routes, const HttpCall& call) {
  const std::string& name = call.params.at("topic");
  const auto topic = routes.catalog.view()->Find(TopicName(name));
  if (topic == nullptr) {
    return ErrorReply(404, fmt::format("no topic `{}`", name), "GET /v1/ownership lists them");
  }
  if (broker::IsDryRun(call)) {
    return JsonReply(
        json::object{{"dryRun", true}, {"topic", name}, {"topicId", topic->id.ToString()}});
  }
  const auto record = routes.owners.Adopt(topic->id);
  return record.ok() ? JsonReply(ToJson(routes.owners, *record)) : Refusal(record.status());
}

// A region's mirrors whose tails are set aside without a lineage that says so: an operator does.
HttpReply Return(const FailoverRoutes& routes, const HttpCall& call) {
  const std::shared_ptr<Link> link = routes.links.Find(call.params.at("link"));
  if (link == nullptr) {
    return ErrorReply(404, fmt::format("no link `{}`", call.params.at("link")), "GET /v1/links");
  }
  const config::LinkSource& source = link->config().source;
  if (source.kind != config::SourceKind::kAtoll) {
    return ErrorReply(
        409,
        fmt::format("{} is a Kafka cluster: what it has is set aside by nobody, and it can't "
                    "become a mirror of this region",
                    source.region.value()),
        "to go back, mirror from here with a tool that writes into that cluster, or make an Atoll "
        "region of it");
  }
  const auto request = ReadRequest(call, FailoverMode::kPromote);
  if (!request.ok()) return Refusal(request.status());
  const std::vector<config::TopicRule> rule{
      {config::RuleAction::kInclude, config::TopicMatch::kRegex, request->regex}};
  if (!request->regex.empty()) {
    const Status good = config::CheckPattern(config::TopicMatch::kRegex, request->regex);
    if (!good.ok()) return Refusal(good);
  }
  const config::TopicFilter matches(request->regex.empty() ? std::vector<config::TopicRule>()
                                                           : rule);
  const bool dry = broker::IsDryRun(call);
  json::array results;
  for (const auto snapshot = link->snapshot(); const MirrorRow& row : snapshot->sample.rows) {
    const bool named = std::ranges::find(request->topics, row.topic) != request->topics.end();
    if (!request->all && !named && !matches.Mirrors(row.topic)) continue;
    json::object result;
    result["topic"] = row.topic.value();
    result["partition"] = row.partition.value();
    result["state"] = JsonText(MirrorStateName(row.state));
    result["reason"] = row.reason;
    result["sets_aside"] = row.state == MirrorState::kDiverged;
    results.push_back(std::move(result));
    if (!dry && row.state == MirrorState::kDiverged) link->Return(row.topic);
  }
  return JsonReply(json::object{{"partitions", std::move(results)}});
}

}  // namespace

json::object DescribeMove(const checkpoint::FailoverRecord& record) { return Summary(record); }

void RegisterFailoverRoutes(broker::Router& router, FailoverRoutes routes) {
  router.Add("POST", "/v1/links/{link}/mirrors:promote",
             [routes](const HttpCall& call) { return Move(routes, call, FailoverMode::kPromote); });
  router.Add("POST", "/v1/links/{link}/mirrors:failover", [routes](const HttpCall& call) {
    return Move(routes, call, FailoverMode::kFailover);
  });
  router.Add("POST", "/v1/links/{link}/mirrors:drill",
             [routes](const HttpCall& call) { return Drill(routes, call); });
  router.Add("POST", "/v1/links/{link}/mirrors:return",
             [routes](const HttpCall& call) { return Return(routes, call); });
  router.Add("GET", "/v1/failovers", [routes](const HttpCall&) { return ListReports(routes); });
  router.Add("GET", "/v1/failovers/{id}",
             [routes](const HttpCall& call) { return ShowReport(routes, call.params.at("id")); });
  router.Add("GET", "/v1/ownership",
             [routes](const HttpCall& call) { return ListOwners(routes, call); });
  router.Add("POST", "/v1/ownership/{topic}:adopt",
             [routes](const HttpCall& call) { return Adopt(routes, call); });
}

}  // namespace atl::mirror
