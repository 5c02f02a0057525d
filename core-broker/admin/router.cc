#include "core-broker/admin/router.h"

#include <fmt/core.h>

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <optional>
#include <set>
#include <utility>

#include "base/check.h"
#include "base/utf8.h"

namespace atl::broker {
namespace {

namespace json = boost::json;

bool IsParameter(std::string_view part) { return part.starts_with('{'); }

// "/v1/links/{link}:pause" -> "/v1/links/", "{link}", ":pause"
std::vector<std::string> SplitPattern(std::string_view pattern) {
  std::vector<std::string> parts;
  while (!pattern.empty()) {
    size_t end = pattern.find('{');
    if (end == 0) end = pattern.find('}') + 1;
    CHECK(end != 0, "a route's pattern has a '{{' without its '}}'");
    parts.emplace_back(pattern.substr(0, end));
    pattern.remove_prefix(std::min(end, pattern.size()));
  }
  return parts;
}

json::string ToText(std::string_view text) {
  const std::string good = ReplaceBadText(text);
  return json::string(good.data(), good.size());
}

using Params = std::map<std::string, std::string>;

std::optional<Params> Match(const std::vector<std::string>& parts, std::string_view path) {
  Params params;
  for (size_t i = 0; i < parts.size(); ++i) {
    const std::string& part = parts[i];
    if (!IsParameter(part)) {
      if (!path.starts_with(part)) return std::nullopt;
      path.remove_prefix(part.size());
      continue;
    }
    const size_t length = std::min(path.find_first_of(":/"), path.size());
    if (length == 0) return std::nullopt;
    params[part.substr(1, part.size() - 2)] = std::string(path.substr(0, length));
    path.remove_prefix(length);
  }
  if (!path.empty()) return std::nullopt;
  return params;
}

}  // namespace

HttpReply ErrorReply(int status, std::string_view message, std::string_view hint) {
  json::object error;
  error["code"] = status;
  error["message"] = ToText(message);
  if (!hint.empty()) error["hint"] = ToText(hint);
  json::object body;
  body["error"] = std::move(error);
  return {.status = status, .body = json::serialize(body)};
}

std::string QueryOf(const HttpCall& call, const std::string& key) {
  const auto found = call.query.find(key);
  return found == call.query.end() ? std::string() : found->second;
}

bool IsDryRun(const HttpCall& call) {
  const auto found = call.query.find("dry_run");
  return found != call.query.end() && found->second != "false";
}

std::vector<Router::Named> Router::routes() const {
  std::vector<Named> all;
  for (const Route& route : routes_) all.push_back({route.method, route.pattern});
  return all;
}

bool Router::Has(const std::string& method, const std::string& path) const {
  return std::any_of(routes_.begin(), routes_.end(), [&](const Route& route) {
    return route.method == method && Match(route.parts, path).has_value();
  });
}

void Router::Add(std::string_view method, std::string_view pattern, Handler handler) {
  for (const Route& route : routes_) {
    CHECK(route.method != method || route.pattern != pattern, "the route {} {} exists already",
          method, pattern);
  }
  routes_.push_back({.method = std::string(method),
                     .pattern = std::string(pattern),
                     .parts = SplitPattern(pattern),
                     .handler = std::move(handler)});
}

HttpReply Router::Dispatch(HttpCall call) const {
  std::set<std::string> methods;
  for (const Route& route : routes_) {
    std::optional<Params> params = Match(route.parts, call.path);
    if (!params.has_value()) continue;
    if (route.method != call.method) {
      methods.insert(route.method);
      continue;
    }
    call.params = *std::move(params);
    std::optional<HttpReply> refused;
    if (check_ != nullptr) refused = check_(route.pattern, call);
    return refused.has_value() ? *std::move(refused) : route.handler(call);
  }
  if (methods.empty()) {
    return ErrorReply(404, fmt::format("there is nothing at {}", call.path),
                      "GET /openapi.json describes all that there is");
  }
  std::string list;
  for (const std::string& method : methods) list += (list.empty() ? "" : ", ") + method;
  HttpReply reply = ErrorReply(405, fmt::format("{} does not work on {}", call.method, call.path),
                               "this path takes " + list);
  reply.headers.emplace_back("Allow", list);
  return reply;
}

}  // namespace atl::broker
