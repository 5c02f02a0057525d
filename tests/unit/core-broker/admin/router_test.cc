// What a test leaves out of a message or a call has its default.
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#include <catch2/catch.hpp>

#include "core-broker/admin/health.h"
#include "core-broker/admin/http_call.h"
#include "core-broker/admin/router.h"

namespace atl::broker {
namespace {

HttpReply Ok(const std::string& body) { return {.body = body}; }

Router MakeRouter() {
  Router router;
  router.Add("GET", "/v1/links", [](const HttpCall&) { return Ok("list"); });
  router.Add("GET", "/v1/links/{link}",
             [](const HttpCall& call) { return Ok("one " + call.params.at("link")); });
  router.Add("POST", "/v1/links/{link}:pause",
             [](const HttpCall& call) { return Ok("pause " + call.params.at("link")); });
  router.Add("GET", "/v1/links/{link}/mirrors/{topic}", [](const HttpCall& call) {
    return Ok(call.params.at("link") + "/" + call.params.at("topic"));
  });
  return router;
}

TEST_CASE("Routes match by their parts") {
  const Router router = MakeRouter();
  const auto call = [&](const std::string& method, const std::string& path) {
    return router.Dispatch({.method = method, .path = path});
  };
  REQUIRE(call("GET", "/v1/links").body == "list");
  REQUIRE(call("GET", "/v1/links/a").body == "one a");
  REQUIRE(call("POST", "/v1/links/a:pause").body == "pause a");
  REQUIRE(call("GET", "/v1/links/a/mirrors/t").body == "a/t");
  REQUIRE(call("GET", "/v1/links/").status == 404);
  REQUIRE(call("GET", "/v1/links/a/").status == 404);
  REQUIRE(call("GET", "/v1/links/a/mirrors").status == 404);
  REQUIRE(call("POST", "/v1/links/a:resume").status == 404);
  const HttpReply wrong = call("DELETE", "/v1/links/a");
  REQUIRE(wrong.status == 405);
  REQUIRE(wrong.body.find("GET") != std::string::npos);
}

TEST_CASE("Errors have one form, and text in them is escaped") {
  const HttpReply reply = ErrorReply(404, "no \"x\"\n", "try y");
  REQUIRE(reply.body == R"({"error":{"code":404,"message":"no \"x\"\n","hint":"try y"}})");
  REQUIRE(ErrorReply(400, "m").body == R"({"error":{"code":400,"message":"m"}})");
}

TEST_CASE("Targets are decoded, and broken ones refused") {
  const auto call = ParseTarget("GET", "/v1/topics/a%2Eb?x=1&y=a%20b&x=2&flag");
  REQUIRE(call.has_value());
  REQUIRE(call->path == "/v1/topics/a.b");
  REQUIRE(call->query.at("x") == "2");
  REQUIRE(call->query.at("y") == "a b");
  REQUIRE(call->query.at("flag").empty());
  for (const char* bad : {"", "v1", "/%", "/%2", "/%zz", "/%00", "/a?b=%x"}) {
    INFO(bad);
    CHECK_FALSE(ParseTarget("GET", bad).has_value());
  }
}

TEST_CASE("Readiness is the sum of its checks; liveness asks nobody") {
  bool good = true;
  Health health;
  health.AddCheck("store", [] { return OkStatus(); });
  health.AddCheck("disk", [&good] { return good ? OkStatus() : Unavailable("full"); });
  Router router;
  health.Register(router);
  const auto ready = [&](bool verbose) {
    HttpCall call{.method = "GET", .path = "/readyz"};
    if (verbose) call.query["verbose"] = "";
    return router.Dispatch(call);
  };
  REQUIRE(ready(false).body == "ready\n");
  REQUIRE(ready(true).body == "[+]store ok\n[+]disk ok\nready\n");
  good = false;
  REQUIRE(ready(false).status == 503);
  REQUIRE(ready(false).body == "[-]disk failed: full\nnot ready\n");
  REQUIRE(router.Dispatch({.method = "GET", .path = "/livez"}).status == 200);
}

}  // namespace
}  // namespace atl::broker
