#include "mirror/quarantine_routes.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/json.hpp>
#include <charconv>
#include <utility>

#include "core-broker/admin/json_body.h"
#include "mirror/quarantine_text.h"

namespace atl::mirror {
namespace {

namespace json = boost::json;
using broker::ErrorReply;
using broker::HttpCall;
using broker::HttpReply;
using broker::JsonReply;
using broker::QueryOf;

constexpr ByteCount kPageBytes{4 << 20};
constexpr ByteCount kFileChunk{3 << 20};
constexpr Duration kSlice = std::chrono::seconds(1);

HttpReply ToReply(const Status& status) {
  switch (status.code()) {
    case StatusCode::kNotFound:
      return ErrorReply(404, StatusMessage(status), "`atoll quarantine list` shows what is kept");
    case StatusCode::kInvalidArgument:
      return ErrorReply(400, StatusMessage(status));
    case StatusCode::kFailedPrecondition:
      return ErrorReply(409, StatusMessage(status));
    case StatusCode::kUnavailable:
    case StatusCode::kDeadlineExceeded:
      return ErrorReply(503, StatusMessage(status), "what was confirmed stays; try again");
    default:
      return ErrorReply(500, StatusMessage(status));
  }
}

json::object ToJson(const ReinjectProgress& progress) {
  json::object object;
  object["begun"] = progress.next != kNoOffset;
  object["done"] = progress.done;
  object["next"] = progress.next == kNoOffset ? json::value() : json::value(progress.next.value());
  object["produced"] = progress.produced;
  object["leftOut"] = progress.left_out;
  return object;
}

json::object ToJson(const QuarantinedTail& tail) {
  json::object object = ManifestObject(tail);
  object["folder"] = tail.folder;
  object["reinjected"] = ToJson(tail.progress);
  return object;
}

HttpReply List(const QuarantineRoutes& routes, const HttpCall& call) {
  const std::string topic = QueryOf(call, "topic");
  json::array tails;
  for (const QuarantinedTail& tail : routes.quarantine.List()) {
    if (topic.empty() || tail.topic.value() == topic) tails.push_back(ToJson(tail));
  }
  json::array damaged;
  for (const std::string& what : routes.quarantine.damaged()) damaged.emplace_back(what);
  return JsonReply(json::object{{"tails", std::move(tails)}, {"damaged", std::move(damaged)}});
}

HttpReply Records(const QuarantineRoutes& routes, const QuarantinedTail& tail,
                  const HttpCall& call) {
  TailCursor from;
  if (const std::string at = QueryOf(call, "at"); !at.empty()) {
    const StatusOr<TailCursor> parsed = TailCursor::Parse(at);
    if (!parsed.ok()) return ToReply(parsed.status());
    from = *parsed;
  }
  const StatusOr<TailFates> fates = TailFates::Of(routes.quarantine, tail);
  if (!fates.ok()) return ToReply(fates.status());
  StatusOr<RecordPage> page = ExportRecords(routes.quarantine, tail, *fates, from, kPageBytes);
  if (!page.ok()) return ToReply(page.status());
  json::object body;
  body["records"] = std::move(page->records);
  body["next"] = page->next ? json::value(page->next->ToString()) : json::value();
  return JsonReply(body);
}

// A stretch of one file; `at` names the file by its place in the list, and the position.
HttpReply FileBytes(const QuarantineRoutes& routes, const QuarantinedTail& tail,
                    const HttpCall& call) {
  const StatusOr<TailCursor> at = TailCursor::Parse(QueryOf(call, "at"));
  if (!at.ok()) return ToReply(at.status());
  const StatusOr<Bytes> bytes =
      routes.quarantine.ReadFile(tail, at->file, at->position, kFileChunk);
  if (!bytes.ok()) return ToReply(bytes.status());
  json::object body;
  body["name"] = tail.files[at->file].name;
  body["data"] = Base64(*bytes);
  return JsonReply(body);
}

HttpReply Drop(const QuarantineRoutes& routes, const QuarantinedTail& tail, const HttpCall& call) {
  json::object body = ToJson(tail);
  if (broker::IsDryRun(call)) {
    body["dryRun"] = true;
  } else if (const Status dropped = routes.quarantine.Drop(tail.id); !dropped.ok()) {
    return ToReply(dropped);
  }
  body["dropped"] = !broker::IsDryRun(call);
  return JsonReply(body);
}

struct Owner {
  std::string name;  // For people.
  std::vector<kafka::BrokerAddress> bootstrap;
};

// By what the catalogue says now, not by what the tail was found with.
StatusOr<Owner> OwnerOf(const QuarantineRoutes& routes, const QuarantinedTail& tail) {
  const auto topic = routes.links.catalog().view()->Find(tail.topic_id);
  if (topic == nullptr || topic->frozen) {
    return FailedPrecondition(
        "topic `{}` ({}) is not in this region (any more), so its owner is not known here; export "
        "the tail and produce it yourself",
        tail.topic.value(), tail.topic_id.ToString());
  }
  if (!topic->is_mirror()) return Owner{"this region", {routes.self}};
  const std::shared_ptr<const Link> link = routes.links.Find(topic->link.value());
  if (link == nullptr) {
    return FailedPrecondition("link `{}`, which mirrors `{}`, is not configured",
                              topic->link.value(), tail.topic.value());
  }
  if (!link->config().naming_prefix.empty()) {
    return FailedPrecondition(
        "`{}` is a copy under another name (link `{}`); export the tail and produce it yourself",
        tail.topic.value(), topic->link.value());
  }
  Owner owner;
  owner.name = link->config().source.region.value();
  for (const config::Endpoint& endpoint : link->config().source.bootstrap_servers) {
    owner.bootstrap.push_back({endpoint.host, endpoint.port});
  }
  return owner;
}

HttpReply PlanReinject(const QuarantineRoutes& routes, const QuarantinedTail& tail,
                       const Owner& owner) {
  const StatusOr<TailFates> fates = TailFates::Of(routes.quarantine, tail);
  if (!fates.ok()) return ToReply(fates.status());
  const StatusOr<ReinjectCount> count = CountRecords(routes.quarantine, tail, *fates);
  if (!count.ok()) return ToReply(count.status());
  json::object body = ToJson(tail);
  body["owner"] = owner.name;
  body["produces"] = count->produce - tail.progress.produced;
  body["leavesOut"] = count->left_out - tail.progress.left_out;
  return JsonReply(body);
}

HttpReply Reinject(const QuarantineRoutes& routes, const QuarantinedTail& tail,
                   const HttpCall& call) {
  const StatusOr<Owner> owner = OwnerOf(routes, tail);
  if (!owner.ok()) return ToReply(owner.status());
  if (broker::IsDryRun(call)) return PlanReinject(routes, tail, *owner);
  runtime::Reactor& reactor = routes.reactors.Next();
  const ReinjectContext context{reactor, routes.copying, routes.links.clock(), routes.quarantine};
  const MonotonicTime until = routes.links.clock().Now() + kSlice;
  const StatusOr<ReinjectProgress> reached =
      boost::asio::co_spawn(reactor.executor(),
                            ReinjectSlice(context, tail, owner->bootstrap, until),
                            boost::asio::use_future)
          .get();
  if (!reached.ok()) return ToReply(reached.status());
  json::object body = ToJson(*reached);
  body["id"] = tail.id;
  body["owner"] = owner->name;
  return JsonReply(body);
}

using TailHandler = HttpReply (*)(const QuarantineRoutes&, const QuarantinedTail&, const HttpCall&);

void Add(broker::Router& router, const QuarantineRoutes& routes, std::string_view method,
         std::string_view pattern, TailHandler handler) {
  router.Add(method, pattern, [routes, handler](const HttpCall& call) {
    const StatusOr<QuarantinedTail> tail = routes.quarantine.Find(call.params.at("id"));
    return tail.ok() ? handler(routes, *tail, call) : ToReply(tail.status());
  });
}

}  // namespace

json::object DescribeTail(const QuarantinedTail& tail) { return ToJson(tail); }

void RegisterQuarantineRoutes(broker::Router& router, const QuarantineRoutes& routes) {
  router.Add("GET", "/v1/quarantine",
             [routes](const HttpCall& call) { return List(routes, call); });
  Add(router, routes, "GET", "/v1/quarantine/{id}",
      [](const QuarantineRoutes&, const QuarantinedTail& tail, const HttpCall&) {
        return JsonReply(ToJson(tail));
      });
  Add(router, routes, "GET", "/v1/quarantine/{id}/records", &Records);
  Add(router, routes, "GET", "/v1/quarantine/{id}/bytes", &FileBytes);
  Add(router, routes, "POST", "/v1/quarantine/{id}:reinject", &Reinject);
  Add(router, routes, "DELETE", "/v1/quarantine/{id}", &Drop);
}

}  // namespace atl::mirror
