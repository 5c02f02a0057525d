// What one connection still has to send: frames, bounded by count and bytes. Any thread pushes, the
// session's writer takes; the session is told on its reactor. A queue that overflows is closed: the
// peer does not keep up, and both sides begin anew with a whole state. A leaf lock.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "base/mutex.h"
#include "runtime/reactor.h"

namespace atl::mirror {

// Told on the reactor; held weakly.
class OutgoingOwner {
 public:
  virtual ~OutgoingOwner() = default;
  virtual void OnQueued() = 0;
  virtual void OnOverrun() = 0;
};

class Outgoing {
 public:
  static constexpr size_t kMaxFrames = 8192;
  static constexpr size_t kMaxBytes = size_t{64} << 20;
  static constexpr int kMaxOpenRequests = 256;  // Of the peer, not answered yet.

  // `session`: its number, never used twice.
  Outgoing(runtime::Reactor& reactor, uint64_t session) : reactor_(reactor), session_(session) {}
  void Bind(std::weak_ptr<OutgoingOwner> owner) { owner_ = std::move(owner); }

  uint64_t session() const { return session_; }
  // False: the connection is over, or with this frame it is.
  bool Push(std::string frame);
  std::optional<std::string> Take();
  // Drops what waits, lets `last` (if any) out, and takes nothing more.
  void Finish(std::optional<std::string> last);

  // False: the peer has too many requests open.
  bool OpenRequest();
  void CloseRequest();

 private:
  enum class Told { kQueued, kOverrun };
  class TellTask;
  enum class State { kOpen, kOverrun, kFinished };
  State Add(std::string frame, bool& first);

  runtime::Reactor& reactor_;
  const uint64_t session_;
  std::weak_ptr<OutgoingOwner> owner_;  // Constant after Bind().
  Mutex mutex_;
  std::deque<std::string> frames_ ABSL_GUARDED_BY(mutex_);
  size_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  int open_requests_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace atl::mirror
