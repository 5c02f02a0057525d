// What a test leaves out of a message or a call has its default.
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#include <boost/json/parse.hpp>

#include <catch2/catch.hpp>

#include "core-broker/admin/api_description.h"
#include "core-broker/admin/files.h"

namespace atl::broker {
namespace {

constexpr std::string_view kDocument = R"({
  "paths": {
    "/v1/links": {"get": {"parameters": [
      {"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 0}},
      {"name": "topic", "in": "query", "schema": {"type": "string"}},
      {"$ref": "#/components/parameters/DryRun"}]}},
    "/v1/links/{link}": {"get": {"parameters": [{"name": "link", "in": "path"}]}}
  },
  "components": {"parameters":
    {"DryRun": {"name": "dry_run", "in": "query", "schema": {"type": "boolean"}}}}
})";

int StatusOf(const ApiDescription& api, const std::map<std::string, std::string>& query) {
  const auto refused =
      api.CheckQuery("/v1/links", {.method = "GET", .path = "/v1/links", .query = query});
  return refused.has_value() ? refused->status : 0;
}

TEST_CASE("A query is held against its description") {
  const ApiDescription api(kDocument);
  REQUIRE(StatusOf(api, {}) == 0);
  REQUIRE(StatusOf(api, {{"limit", "5"}, {"topic", "a"}, {"dry_run", "true"}}) == 0);
  REQUIRE(StatusOf(api, {{"dry_run", ""}}) == 0);
  REQUIRE(StatusOf(api, {{"dryrun", "true"}}) == 400);
  REQUIRE(StatusOf(api, {{"dry_run", "yes"}}) == 400);
  for (const char* bad : {"", "x", "5x", "-1", "99999999999999999999"}) {
    INFO(bad);
    REQUIRE(StatusOf(api, {{"limit", bad}}) == 400);
  }
}

TEST_CASE("What is not described, and what is described but not there, is named") {
  const ApiDescription api(kDocument);
  REQUIRE(api.Mismatches({{"GET", "/v1/links"}, {"POST", "/v1/links"}}) ==
          std::vector<std::string>{"POST /v1/links: not described",
                                   "GET /v1/links/{link}: no such route"});
}

TEST_CASE("The document is served with its mismatches, and guards the routes") {
  const ApiDescription api(kDocument);
  Router router;
  router.Add("GET", "/v1/links", [](const HttpCall&) { return HttpReply{.body = "links"}; });
  router.Add("GET", "/v1/links/{link}", [](const HttpCall&) { return HttpReply{.body = "one"}; });
  RegisterApiDescription(router, api);
  const auto served =
      boost::json::parse(router.Dispatch({.method = "GET", .path = "/openapi.json"}).body);
  REQUIRE(served.at("x-mismatches").as_array().size() == 1);  // Itself, in this document.
  REQUIRE(router.Dispatch({.method = "GET", .path = "/v1/links"}).body == "links");
  const HttpReply refused =
      router.Dispatch({.method = "GET", .path = "/v1/links/a", .query = {{"dryrun", "true"}}});
  REQUIRE(refused.status == 400);
  REQUIRE(refused.body.find("it takes none") != std::string::npos);
}

TEST_CASE("Embedded files are served with their type under a strict policy") {
  static constexpr EmbeddedFile kFiles[] = {{"index.html", "<p>"}, {"app.js", "1"}};
  Router router;
  RegisterFiles(router, kFiles);
  const HttpReply page = router.Dispatch({.method = "GET", .path = "/"});
  REQUIRE(page.body == "<p>");
  REQUIRE(page.content_type == "text/html; charset=utf-8");
  REQUIRE(page.headers.front().second.find("default-src 'none'") != std::string::npos);
  REQUIRE(router.Dispatch({.method = "GET", .path = "/console/app.js"}).content_type ==
          "text/javascript; charset=utf-8");
  REQUIRE(router.Dispatch({.method = "GET", .path = "/console/nothing.js"}).status == 404);
}

}  // namespace
}  // namespace atl::broker
