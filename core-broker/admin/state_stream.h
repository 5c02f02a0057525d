// GET /v1/stream, a WebSocket: what the console and scripts watch instead of polling. A reader gets
// every section whole, then what changes, each section at most twice a second, and a "tick" once a
// second that shows the stream is alive. ?sections=links,events narrows it. It only speaks: a
// message from a reader ends the connection, and so does falling behind (close code 1008 with the
// reason).
//
// Lives on the admin reactor, which only queues and writes: rows are read, serialized and compared
// on a blocking shard, while somebody is connected. Bounded: readers, and what waits for each.
#pragma once

#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "core-broker/admin/router.h"
#include "core-broker/admin/state_book.h"
#include "runtime/asio.h"
#include "runtime/storage_shards.h"
#include "runtime/task_group.h"
#include "runtime/timer.h"

namespace atl::broker {

struct StreamLimits {
  size_t max_readers = 32;
  size_t max_queued_messages = 256;  // Of one reader; more: it is dropped.
  size_t max_queued_bytes = size_t{16} << 20;
  Duration every = std::chrono::milliseconds(500);       // Between two messages about a section.
  Duration look_every = std::chrono::milliseconds(250);  // So that a lone change is not late.
  Duration tick_every = std::chrono::seconds(1);
};

class StateStream {
 public:
  static constexpr std::string_view kPath = "/v1/stream";
  // All rows of a section; nothing: they are as they were at the last call.
  using Read = std::function<std::optional<StateRows>()>;
  using Request = boost::beast::http::request<boost::beast::http::string_body>;

  // Both outlive this. `reading`: one thread, nobody else's; stopped after this and before what the
  // sections read is destroyed.
  StateStream(runtime::Reactor& reactor, runtime::StorageShards& reading, const Clock& clock,
              const StreamLimits& limits = {});
  ~StateStream();

  // Before Start. `read` runs on the shard and may block.
  void AddSection(std::string name, Read read);
  // From the main thread, with the reactor running.
  void Start();
  void Stop();

  // --- For the HTTP server, on the reactor ---
  // Why this call can't become a stream; nothing: Serve() it.
  std::optional<HttpReply> Refusal(const HttpCall& call) const;
  // From the handshake until the reader leaves or is dropped.
  runtime::awaitable<void> Serve(boost::beast::tcp_stream stream, Request request, HttpCall call);

 private:
  class Reader;
  class ReadJob;
  class StartTask;
  struct Section;
  struct Sections;
  struct Round;

  runtime::awaitable<void> Run();
  void Deliver(const Round& round);
  std::set<std::string> Wanted(const HttpCall& call) const;

  runtime::Reactor& reactor_;
  runtime::StorageShards& reading_;
  const Clock& clock_;
  const StreamLimits limits_;
  const std::shared_ptr<Sections> sections_;  // Its state is the shard's.
  std::set<std::string> names_;
  runtime::TaskGroup tasks_;
  runtime::Event joined_;
  std::list<std::shared_ptr<Reader>> readers_;
  bool started_ = false;
};

// GET /v1/stream of somebody who does not speak WebSocket.
void RegisterStreamRoute(Router& router);

}  // namespace atl::broker
