// The Kafka listener: binds, accepts on reactor 0, and deals connections round-robin to the
// reactors, where they stay. Made, started and stopped by atoll/serve on the main thread; the
// reactors run from before Start() to after Stop().
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "core-broker/server/connection.h"
#include "runtime/reactor.h"

namespace atl::broker {

class Listener {
 public:
  Listener(Broker& broker, runtime::ReactorPool& reactors);
  ~Listener();

  // Binds and listens; nothing is accepted before Start(). Port 0: one that is free.
  Status Open(const std::string& host, int port);
  int port() const;
  bool is_open() const { return open_.load(); }  // From Start() to Drain() or Stop(). Any thread.
  void Start();
  // Stops accepting and waits until everything that clients have asked until now is answered: true,
  // or false after `patience`. Not from a reactor.
  bool Drain(Duration patience);
  // Stops accepting, closes all connections and waits for their coroutines. Idempotent.
  void Stop();

  int connection_count() const { return context_.open_connections.load(); }

 private:
  class StartTask;
  class AdoptTask;
  runtime::awaitable<void> Accept();
  static runtime::awaitable<void> Watch(Lane* lane);
  static runtime::awaitable<bool> DrainLane(Lane* lane, MonotonicTime deadline);

  ServerContext context_;
  runtime::ReactorPool& reactors_;
  std::vector<std::unique_ptr<Lane>> lanes_;  // One per reactor.
  runtime::TaskGroup accepting_;
  runtime::tcp::acceptor acceptor_;
  bool started_ = false;
  std::atomic<bool> open_{false};
};

}  // namespace atl::broker
