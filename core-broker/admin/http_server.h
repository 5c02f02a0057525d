// A small HTTP/1.1 server in front of a Router: the admin API, /metrics and the probes. Beast
// parses; the limits are ours: header and body sizes, one framing, a deadline for every request,
// few connections. Handlers run here, one at a time.
//
// Lives on one reactor of its own, so that a slow scrape holds up no client. Made, started and
// stopped on the main thread; `router` is complete before Start() and outlives it, as does
// `stream`.
#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "base/status.h"
#include "core-broker/admin/remembered_replies.h"
#include "core-broker/admin/router.h"
#include "core-broker/admin/state_stream.h"
#include "runtime/asio.h"
#include "runtime/task_group.h"

namespace atl::broker {

struct HttpLimits {
  uint32_t header_bytes = 32 << 10;
  uint64_t body_bytes = 1 << 20;
  Duration request_timeout = std::chrono::seconds(10);  // From its first byte to its last.
  Duration idle_timeout = std::chrono::seconds(60);     // Between requests.
  Duration reply_timeout = std::chrono::seconds(30);
  size_t max_connections = 256;
};

class HttpServer {
 public:
  // What a connection leans on.
  struct Room {
    const Router& router;
    RememberedReplies& remembered;
    StateStream* stream;
  };

  // `stream`: what a WebSocket at StateStream::kPath is handed to; null: nothing is.
  HttpServer(runtime::Reactor& reactor, const Router& router, const HttpLimits& limits,
             StateStream* stream = nullptr);
  ~HttpServer();

  // Binds and listens. Port 0: one that is free.
  Status Open(const std::string& host, int port);
  int port() const;
  void Start();
  // Idempotent.
  void Stop();

 private:
  class StartTask;
  runtime::awaitable<void> Accept();

  runtime::Reactor& reactor_;
  const HttpLimits limits_;
  RememberedReplies remembered_;  // On the reactor.
  const Room room_;
  runtime::TaskGroup tasks_;
  runtime::tcp::acceptor acceptor_;
  bool started_ = false;
};

}  // namespace atl::broker
