// The admin API's OpenAPI document, and what it is good for beside reading: a call's query is held
// against it, so that a mistyped ?dryrun=true is refused instead of done for real; and a route that
// it lacks, or that lacks it, is named in what GET /openapi.json serves ("x-mismatches"; a test
// wants none). Constant once made.
#pragma once

#include <boost/json/object.hpp>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core-broker/admin/router.h"

namespace atl::broker {

class ApiDescription {
 public:
  // `openapi` is ours: a mistake in it is a CHECK.
  explicit ApiDescription(std::string_view openapi);

  // "GET /v1/links: not described", "POST /v1/x: no such route". Routes without a description of
  // their own at all are those of `undocumented` patterns.
  std::vector<std::string> Mismatches(const std::vector<Router::Named>& routes) const;
  // A parameter that the call does not have, or of another type than it says.
  std::optional<HttpReply> CheckQuery(std::string_view pattern, const HttpCall& call) const;

  const boost::json::object& document() const { return document_; }

 private:
  struct Parameter {
    std::string type;  // "string", "integer" or "boolean".
    int64_t minimum = INT64_MIN;
  };
  using Parameters = std::map<std::string, Parameter>;

  boost::json::object document_;
  std::map<std::string, Parameters> query_;  // By "GET /v1/links".
};

// GET /openapi.json, and the check of every query. After all other routes; `api` outlives the
// router.
void RegisterApiDescription(Router& router, const ApiDescription& api);

}  // namespace atl::broker
