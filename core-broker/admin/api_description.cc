#include "core-broker/admin/api_description.h"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <charconv>
#include <memory>
#include <set>
#include <utility>

#include "base/check.h"

namespace atl::broker {
namespace {

namespace json = boost::json;

constexpr std::string_view kMethods[] = {"get", "post", "put", "delete", "patch"};

std::string Text(const json::value& value) {
  const json::string& text = value.as_string();
  return {text.data(), text.size()};
}

std::string Upper(std::string_view text) {
  std::string upper(text);
  for (char& c : upper) c = static_cast<char>(c - 'a' + 'A');
  return upper;
}

// {"$ref":"#/components/parameters/DryRun"} -> what it names.
const json::object& Resolve(const json::object& document, const json::object& parameter) {
  const json::value* const reference = parameter.if_contains("$ref");
  if (reference == nullptr) return parameter;
  const std::string path = Text(*reference);
  return document.at("components")
      .at("parameters")
      .at(path.substr(path.rfind('/') + 1))
      .as_object();
}

bool IsInteger(const std::string& text, int64_t minimum) {
  int64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  return parsed.ec == std::errc() && parsed.ptr == text.data() + text.size() && value >= minimum;
}

// Why `text` is none; empty: it is one.
std::string Objection(const std::string& type, int64_t minimum, const std::string& text) {
  if (type == "boolean" && !text.empty() && text != "true" && text != "false") {
    return "is neither true nor false";
  }
  if (type == "integer" && !IsInteger(text, minimum)) {
    return minimum == 0 ? "is no number from 0 on" : "is no number";
  }
  return {};
}

}  // namespace

ApiDescription::ApiDescription(std::string_view openapi) {
  boost::system::error_code error;
  json::value value = json::parse({openapi.data(), openapi.size()}, error);
  CHECK(!error && value.is_object(), "the OpenAPI document is no JSON object: {}", error.message());
  document_ = std::move(value.get_object());
  for (const auto& path : document_.at("paths").as_object()) {
    for (const std::string_view method : kMethods) {
      const json::value* const operation =
          path.value().as_object().if_contains({method.data(), method.size()});
      if (operation == nullptr) continue;
      Parameters& parameters = query_[Upper(method) + " " + std::string(path.key())];
      const json::value* const list = operation->as_object().if_contains("parameters");
      if (list == nullptr) continue;
      for (const json::value& one : list->as_array()) {
        const json::object& parameter = Resolve(document_, one.as_object());
        if (parameter.at("in").as_string() != "query") continue;
        const json::object& schema = parameter.at("schema").as_object();
        const json::value* const minimum = schema.if_contains("minimum");
        parameters[Text(parameter.at("name"))] = {
            Text(schema.at("type")), minimum == nullptr ? INT64_MIN : minimum->as_int64()};
      }
    }
  }
}

std::vector<std::string> ApiDescription::Mismatches(
    const std::vector<Router::Named>& routes) const {
  std::vector<std::string> mismatches;
  std::set<std::string> there;
  for (const Router::Named& route : routes) {
    const std::string name = route.method + " " + route.pattern;
    there.insert(name);
    if (!query_.contains(name)) mismatches.push_back(name + ": not described");
  }
  for (const auto& [name, parameters] : query_) {
    if (!there.contains(name)) mismatches.push_back(name + ": no such route");
  }
  return mismatches;
}

std::optional<HttpReply> ApiDescription::CheckQuery(std::string_view pattern,
                                                    const HttpCall& call) const {
  const auto described = query_.find(call.method + " " + std::string(pattern));
  if (described == query_.end()) return std::nullopt;
  for (const auto& [name, value] : call.query) {
    const auto parameter = described->second.find(name);
    if (parameter == described->second.end()) {
      std::string all;
      for (const auto& [known, type] : described->second) all += (all.empty() ? "" : ", ") + known;
      return ErrorReply(400,
                        fmt::format("{} {} has no parameter `{}`", call.method, call.path, name),
                        all.empty() ? "it takes none" : "it takes " + all);
    }
    const std::string objection =
        Objection(parameter->second.type, parameter->second.minimum, value);
    if (!objection.empty()) {
      return ErrorReply(400, fmt::format("`{}` {}: `{}`", name, objection, value),
                        "GET /openapi.json describes it");
    }
  }
  return std::nullopt;
}

void RegisterApiDescription(Router& router, const ApiDescription& api) {
  const auto text = std::make_shared<std::string>();
  router.Add("GET", "/openapi.json", [text](const HttpCall&) { return HttpReply{.body = *text}; });
  json::object document = api.document();
  json::array mismatches;
  for (const std::string& mismatch : api.Mismatches(router.routes())) {
    mismatches.emplace_back(json::string(mismatch.data(), mismatch.size()));
  }
  document["x-mismatches"] = std::move(mismatches);
  *text = json::serialize(document);
  router.SetCheck([&api](std::string_view pattern, const HttpCall& call) {
    return api.CheckQuery(pattern, call);
  });
}

}  // namespace atl::broker
