// What a test leaves out of a message or a call has its default.
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#include <catch2/catch.hpp>

#include "core-broker/admin/remembered_replies.h"

namespace atl::broker {
namespace {

HttpCall Call(const std::string& key, const std::string& body = "{}") {
  return {.method = "POST", .path = "/v1/topics", .body = body, .idempotency_key = key};
}

TEST_CASE("The second call under a key gets the first's reply") {
  RememberedReplies replies;
  REQUIRE_FALSE(replies.Find(Call("k")).has_value());
  replies.Keep(Call("k"), {.status = 201, .body = "made"});
  const auto again = replies.Find(Call("k"));
  REQUIRE(again.has_value());
  REQUIRE(again->status == 201);
  REQUIRE(again->body == "made");
  REQUIRE(again->headers.back().first == "Idempotency-Replayed");
  REQUIRE_FALSE(replies.Find(Call("other")).has_value());
  REQUIRE_FALSE(replies.Find(Call("")).has_value());
}

TEST_CASE("A key belongs to one call: another body, path or query is refused") {
  RememberedReplies replies;
  replies.Keep(Call("k"), {.status = 201});
  HttpCall path = Call("k");
  path.path = "/v1/links/a:pause";
  HttpCall query = Call("k");
  query.query["dry_run"] = "true";
  for (const HttpCall& call : {Call("k", "{\"name\":\"b\"}"), path, query}) {
    REQUIRE(replies.Find(call)->status == 422);
  }
}

TEST_CASE("What was refused may be tried again, and reading is never remembered") {
  RememberedReplies replies;
  replies.Keep(Call("k"), {.status = 409});
  REQUIRE_FALSE(replies.Find(Call("k")).has_value());
  HttpCall read = Call("g");
  read.method = "GET";
  replies.Keep(read, {.status = 200});
  REQUIRE_FALSE(replies.Find(read).has_value());
}

TEST_CASE("A key is visible ASCII of a sane length") {
  const RememberedReplies replies;
  for (const std::string& key : {std::string(129, 'k'), std::string("a b"), std::string("\xFF")}) {
    REQUIRE(replies.Find(Call(key))->status == 400);
  }
  REQUIRE_FALSE(replies.Find(Call(std::string(128, 'k'))).has_value());
}

TEST_CASE("The oldest is forgotten first") {
  RememberedReplies replies;
  for (size_t i = 0; i <= RememberedReplies::kMost; ++i) {
    replies.Keep(Call(std::to_string(i)), {.status = 200});
  }
  REQUIRE_FALSE(replies.Find(Call("0")).has_value());
  REQUIRE(replies.Find(Call("1")).has_value());
}

}  // namespace
}  // namespace atl::broker
