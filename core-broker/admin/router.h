// Routes of the admin API. The broker registers its own; atoll/serve hands the router to mirror/,
// which adds the routes of links. Handlers run on the admin reactor's thread, one at a time: they
// may block shortly and nothing else waits.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace atl::broker {

struct HttpCall {
  std::string method;                         // "GET"
  std::string path;                           // Decoded, without the query.
  std::map<std::string, std::string> query;   // Decoded; the last of a repeated key counts.
  std::map<std::string, std::string> params;  // What {name} parts of the pattern matched.
  std::string body;
};

struct HttpReply {
  int status = 200;
  std::string body;
  std::string content_type = "application/json";
};

// {"error":{"code":404,"message":"...","hint":"..."}}; every error of the API has this form.
HttpReply ErrorReply(int status, std::string_view message, std::string_view hint = {});

class Router {
 public:
  using Handler = std::function<HttpReply(const HttpCall&)>;
  // `pattern`: "/v1/links/{link}/mirrors:pause". A {name} matches one path segment up to a ':' or
  // '/'. Twice the same is a mistake (CHECK).
  void Add(std::string_view method, std::string_view pattern, Handler handler);
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
};

}  // namespace atl::broker
