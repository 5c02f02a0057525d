#include "mirror/verify_routes.h"

#include <boost/json.hpp>

#include "core-broker/admin/json_body.h"

namespace atl::mirror {
namespace {

namespace json = boost::json;
using broker::ErrorReply;
using broker::HttpCall;
using broker::HttpReply;
using broker::JsonReply;

json::value Known(Offset offset) {
  return offset == kNoOffset ? json::value() : json::value(offset.value());
}
json::value Time(WallTime time) {
  return time == WallTime() ? json::value() : json::value(FormatTime(time));
}

json::object ToJson(const MirrorRow& row) {
  json::object object;
  object["topic"] = row.topic.value();
  object["partition"] = row.partition.value();
  object["appliedEnd"] = Known(row.applied_end.value_or(kNoOffset));
  object["verifiedTo"] = Known(row.verify.verified_to.value_or(kNoOffset));
  object["at"] = Time(row.verify.at);
  object["mismatch"] = row.verify.mismatch;
  object["reason"] = row.verify.reason;
  return object;
}

json::object ToJson(const VerifyReport& report) {
  json::object object;
  object["run"] = report.id;
  object["deep"] = report.deep;
  object["by"] = report.digests ? "digests" : "fetching";
  object["started"] = Time(report.started);
  object["ended"] = report.ended ? Time(*report.ended) : json::value();
  object["partitions"] = report.partitions;
  object["partitionsDone"] = report.partitions_done;
  object["offsets"] = report.offsets.value();
  object["offsetsDone"] = report.offsets_done.value();
  object["bytes"] = report.bytes.value();
  json::array findings;
  for (const VerifyFinding& finding : report.findings) {
    json::object one;
    one["topic"] = finding.topic.value();
    one["partition"] = finding.partition.value();
    one["kind"] = finding.mismatch ? "mismatch" : "not_compared";
    one["first"] = Known(finding.batch.first);
    one["end"] = Known(finding.batch.end);
    one["what"] = finding.what;
    findings.push_back(std::move(one));
  }
  object["findings"] = std::move(findings);
  json::array incomparable;
  for (const VerifyReport::Incomparable& partition : report.incomparable) {
    incomparable.push_back(json::object{{"topic", partition.topic.value()},
                                        {"partition", partition.partition.value()},
                                        {"why", partition.why}});
  }
  object["incomparable"] = std::move(incomparable);
  return object;
}

HttpReply ShowVerify(Link& link, const HttpCall& call) {
  const auto topic = call.query.find("topic");
  json::array partitions;
  for (const auto snapshot = link.snapshot(); const MirrorRow& row : snapshot->sample.rows) {
    if (topic != call.query.end() && row.topic.value() != topic->second) continue;
    partitions.push_back(ToJson(row));
  }
  const std::optional<VerifyReport> report = link.verify_report();
  json::object body;
  body["link"] = link.config().name.value();
  body["verification"] = link.verifies() ? "continuous, by digests over the control connection"
                                         : "not available (no control connection)";
  body["partitions"] = std::move(partitions);
  body["run"] = report ? json::value(ToJson(*report)) : json::value();
  return JsonReply(body);
}

StatusOr<std::vector<TopicName>> TopicsOf(const json::object& body) {
  std::vector<TopicName> topics;
  const json::value* const named = body.if_contains("topics");
  if (named == nullptr) return topics;
  if (!named->is_array()) return InvalidArgument("`topics` is no array");
  for (const json::value& name : named->get_array()) {
    if (!name.is_string()) return InvalidArgument("`topics` has something that is no string");
    topics.emplace_back(std::string(name.get_string().c_str()));
  }
  return topics;
}

HttpReply StartVerify(Link& link, const HttpCall& call) {
  const auto body = broker::ParseJsonObject(call.body);
  if (!body.ok()) return ErrorReply(400, StatusMessage(body.status()));
  const auto topics = TopicsOf(*body);
  if (!topics.ok()) return ErrorReply(400, StatusMessage(topics.status()));
  const json::value* const deep = body->if_contains("deep");
  if (deep != nullptr && !deep->is_bool())
    return ErrorReply(400, "`deep` is neither true nor false");
  const StatusOr<uint64_t> run = link.StartVerify(*topics, deep != nullptr && deep->get_bool());
  if (!run.ok()) {
    const bool unknown = run.status().code() == StatusCode::kNotFound;
    return ErrorReply(unknown ? 404 : 409, StatusMessage(run.status()));
  }
  json::object reply;
  reply["run"] = *run;
  reply["operation"] = *run;
  reply["poll"] = fmt::format("/v1/links/{}/verify", link.config().name.value());
  return JsonReply(reply, 202);
}

}  // namespace

void RegisterVerifyRoutes(broker::Router& router, Links& links) {
  const auto add = [&](std::string_view method, HttpReply (*handler)(Link&, const HttpCall&)) {
    router.Add(method, "/v1/links/{link}/verify", [&links, handler](const HttpCall& call) {
      const std::string& name = call.params.at("link");
      const std::shared_ptr<Link> link = links.Find(name);
      return link == nullptr ? ErrorReply(404, fmt::format("no link `{}`", name))
                             : handler(*link, call);
    });
  };
  add("GET", &ShowVerify);
  add("POST", &StartVerify);
}

}  // namespace atl::mirror
