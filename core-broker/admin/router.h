// Routes of the admin API. The broker registers its own; atoll/serve hands the router to mirror/,
// which adds the routes of links. Handlers run on the admin reactor's thread, one at a time: they
// may block shortly and nothing else waits.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace atl::broker {

struct HttpCall {
  std::string method;                         // "GET"
  std::string path;                           // Decoded, without the query.
  std::map<std::string, std::string> query;   // Decoded; the last of a repeated key counts.
  std::map<std::string, std::string> params;  // What {name} parts of the pattern matched.
  std::string body;
  std::string idempotency_key;  // Of the header; empty: none.
};

struct HttpReply {
  int status = 200;
  std::string body;
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers = {};  // Beside what every reply has.
};

// {"error":{"code":404,"message":"...","hint":"..."}}; every error of the API has this form.
// Bytes in it that are no text (UTF-8) come out as U+FFFD.
HttpReply ErrorReply(int status, std::string_view message, std::string_view hint = {});

// The query parameter `key`; empty: not given.
std::string QueryOf(const HttpCall& call, const std::string& key);

// ?dry_run=true (or without a value): say what would be done, and do nothing.
bool IsDryRun(const HttpCall& call);

class Router {
 public:
  using Handler = std::function<HttpReply(const HttpCall&)>;
  // Looks at a call before its handler does; a reply refuses it.
  using Check = std::function<std::optional<HttpReply>(std::string_view pattern, const HttpCall&)>;
  struct Named {
    std::string method;
    std::string pattern;
  };
  // `pattern`: "/v1/links/{link}/mirrors:pause". A {name} matches one path segment up to a ':' or
  // '/'. Twice the same is a mistake (CHECK).
  void Add(std::string_view method, std::string_view pattern, Handler handler);
  void SetCheck(Check check) { check_ = std::move(check); }
  std::vector<Named> routes() const;
  bool Has(const std::string& method, const std::string& path) const;
  // 404 with a hint for an unknown path, 405 with the methods that exist for a known one.
  HttpReply Dispatch(HttpCall call) const;

 private:
  struct Route {
    std::string method;
    std::string pattern;
    std::vector<std::string> parts;
    Handler handler;
  };
  std::vector<Route> routes_;
  Check check_;
};

}  // namespace atl::broker
