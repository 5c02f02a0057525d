// One client connection. Reads one frame at a time, serves it, and sends answers in the order of
// the requests. Requests are handled strictly one after the other, as clients expect of Kafka,
// except for Produce: the next frame is read while earlier batches are still on their way to the
// disk, so that a producer's pipeline fills the shards' turns.
//
// Lives on one reactor for life, owned by its two coroutines (reader, and a writer that only works
// while the socket is full). Sizes are checked before memory is taken; a frame grows under permits
// as its bytes arrive. Whatever a client does wrong ends in an error code or a closed connection
// with a counted reason.
#pragma once

#include <array>
#include <atomic>
#include <deque>
#include <list>
#include <memory>
#include <optional>
#include <string>

#include "base/logging.h"
#include "core-broker/server/handlers/exchange.h"
#include "core-broker/server/handlers/fetch_session.h"
#include "core-broker/server/outbox.h"
#include "core-broker/server/request_metrics.h"
#include "runtime/asio.h"
#include "runtime/task_group.h"
#include "runtime/timer.h"

namespace atl::broker {

class Connection;

// What all connections of a listener share.
struct ServerContext {
  Broker& broker;
  RequestMetrics metrics;
  std::shared_ptr<FrameMemory> memory;
  std::atomic<int> open_connections{0};
  LogThrottle closed_log{std::chrono::seconds(1)};  // Bad clients come in floods.
};

// One reactor's share of the connections; used on that reactor.
struct Lane {
  Lane(ServerContext& server_context, runtime::Reactor& home)
      : context(server_context), reactor(home), tasks(home, "kafka connections") {}
  // Closes what has been idle, slow or stuck for too long at `now`.
  void CloseExpired(MonotonicTime now);
  // Drains all; whether none has anything left.
  bool Drain();

  ServerContext& context;
  runtime::Reactor& reactor;
  runtime::TaskGroup tasks;
  std::list<Connection*> connections;
};

class Connection final : public ExchangeListener,
                         public Outbox::Listener,
                         public std::enable_shared_from_this<Connection> {
 public:
  Connection(Lane& lane, runtime::tcp::socket socket);
  ~Connection() override;

  // Spawns the coroutines.
  void Start();
  void Close(CloseReason reason, std::string_view detail = {});
  void CloseIfExpired(MonotonicTime now);
  // Before a stop: what has come until now is served, what comes later is left unread, and a long
  // poll is answered at once. Idempotent.
  void Drain();
  // The peer's host has the answer to all that came before Drain(). Who waits for the other members
  // of a group is not waited for.
  bool IsDrained() const;

  void OnAnswer(Exchange& exchange) override;
  void OnSent(const Exchange& exchange) override;

 private:
  static constexpr size_t kStashBytes = 4096;

  static runtime::awaitable<void> RunReader(std::shared_ptr<Connection> self);
  static runtime::awaitable<void> RunWriter(std::shared_ptr<Connection> self);
  // Each is false when the connection was closed.
  runtime::awaitable<bool> ReadFrame();
  runtime::awaitable<bool> ReadSize();
  runtime::awaitable<bool> ReadRest();
  // The count of bytes, 0 when there are none to serve (any more).
  runtime::awaitable<size_t> Receive(MutableBytes room);
  runtime::awaitable<bool> PermitMore();
  runtime::awaitable<void> Serve();
  // Waits until the answer to `exchange` has left.
  runtime::awaitable<void> Finish(ExchangePtr exchange);
  // False when the deadline came first.
  runtime::awaitable<bool> NextProgress(MonotonicTime deadline);

  bool CheckSize(int32_t size);
  void FillFromStash();
  void CloseOnReadError(const runtime::ErrorCode& error);
  // `exchange` is the caller's own pointer: the answer may end its place in pending_.
  void HandleDispatched(const ExchangePtr& exchange);
  void Pump();
  bool TooMuchUnanswered() const;
  MonotonicTime Now() const { return broker_.clock.Now(); }

  Lane& lane_;
  Broker& broker_;
  RequestMetrics& metrics_;
  runtime::tcp::socket socket_;
  const std::string peer_;
  FetchSessions fetch_sessions_;

  std::array<std::byte, kStashBytes> stash_;  // Read, but not of the frame before.
  size_t stash_size_ = 0;
  FrameBuffer frame_;
  std::deque<ExchangePtr> pending_;  // Not answered, or behind one that is not; in order.
  Outbox outbox_{*this};
  runtime::Event progress_;  // An answer left, or the end.
  runtime::Event blocked_;   // The writer has work, or the end.

  MonotonicTime last_active_;
  MonotonicTime last_sent_;
  MonotonicTime frame_started_ = MonotonicTime::max();  // Max: between frames.
  bool draining_ = false;
  std::optional<size_t> unread_;  // While draining: what is left of the bytes that had come.
  bool reader_ended_ = false;
  bool closed_ = false;
};

}  // namespace atl::broker
