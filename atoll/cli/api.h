// The admin API as the command line sees it: one request, one JSON answer, over plain HTTP/1.1.
// Blocking, for the main thread of a command that lives for one call. Errors carry what the server
// said and what to try next.
#pragma once

#include <boost/json/value.hpp>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/status.h"

namespace atl::cli {

namespace json = boost::json;

struct Session;

class Api {
 public:
  // "http://127.0.0.1:19644", or without the scheme; or why nobody knows, which then every call
  // answers.
  explicit Api(StatusOr<std::string> endpoint) : endpoint_(std::move(endpoint)) {}
  const StatusOr<std::string>& endpoint() const { return endpoint_; }

  StatusOr<json::value> Get(std::string_view path) const { return Call("GET", path, {}); }
  // The answer as it is, whatever its code: metrics, probes.
  StatusOr<std::string> GetText(std::string_view path) const;
  StatusOr<json::value> Post(std::string_view path, const json::value& body) const;
  StatusOr<json::value> Delete(std::string_view path) const { return Call("DELETE", path, {}); }

 private:
  struct Answer {
    int code = 0;
    std::string body;
  };
  StatusOr<Answer> Exchange(std::string_view method, std::string_view path,
                            const std::string& body) const;
  StatusOr<json::value> Call(std::string_view method, std::string_view path,
                             const std::string& body) const;
  const StatusOr<std::string> endpoint_;
};

// The region that the session's options, the environment or a profile name.
Api ApiOf(const Session& session);

// Between two questions of a command that waits for something.
void Pause(Duration length);

// One path segment with everything but unreserved characters as %XX.
std::string EncodeSegment(std::string_view text);

}  // namespace atl::cli
