// A reactor: one io_context and the one thread that runs it. A connection, a timer or a link stays
// on its reactor for life, so what lives there needs no lock. Stalls of more than 10 ms are counted
// (atoll_reactor_stalls_total) and logged.
//
// Owned by a ReactorPool. Start() makes the thread; Stop() ends it after the handlers that are
// ready have run.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/metrics.h"

namespace atl::runtime {

// One step that a reactor takes for somebody on another thread. Named objects, not lambdas
// (GCC 12.2, and profiles).
class ReactorTask {
 public:
  virtual ~ReactorTask() = default;
  virtual void RunOnReactor() = 0;
};

class Reactor {
 public:
  explicit Reactor(std::string name);
  ~Reactor();
  Reactor(const Reactor&) = delete;
  Reactor& operator=(const Reactor&) = delete;

  void Start();
  void Stop();

  // Any thread: one wake-up for all of `tasks`, which then run in order on this reactor's thread.
  void Post(std::vector<std::unique_ptr<ReactorTask>> tasks);

  boost::asio::io_context& context() { return context_; }
  boost::asio::io_context::executor_type executor() { return context_.get_executor(); }
  bool is_current() const;
  bool started() const { return thread_.joinable(); }
  int64_t stalls() const { return stalls_.load(std::memory_order_relaxed); }
  const std::string& name() const { return name_; }

 private:
  class StallWatch;

  const std::string name_;
  boost::asio::io_context context_{1};
  std::optional<boost::asio::executor_work_guard<boost::asio::io_context::executor_type>> work_;
  std::thread thread_;
  std::atomic<int64_t> stalls_{0};
};

// The process's reactors. Reactor 0 accepts and deals out connections.
class ReactorPool {
 public:
  explicit ReactorPool(int count);
  ~ReactorPool();
  void Start();
  void Stop();
  int size() const { return static_cast<int>(reactors_.size()); }
  Reactor& at(int index) { return *reactors_[static_cast<size_t>(index)]; }
  // Round-robin, any thread.
  Reactor& Next();
  // For a metrics collector: atoll_reactor_stalls_total{reactor}.
  void AppendMetrics(std::vector<MetricFamily>& out) const;

 private:
  std::vector<std::unique_ptr<Reactor>> reactors_;
  std::atomic<unsigned> next_{0};
};

}  // namespace atl::runtime
