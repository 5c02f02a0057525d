// Requests of ours that wait for their answer. The caller's thread blocks in Await; the control
// reactor completes a call with its answer, its deadline or the end of its connection, each call
// once: an answer that nobody waits for is told apart and ignored. A leaf lock.
#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/status.h"
#include "mirror/control/messages.h"

namespace atl::mirror {

class Calls {
 public:
  // A new call over `session`; its number is never used twice.
  uint64_t Begin(uint64_t session, MonotonicTime deadline);
  // It was not sent.
  void Drop(uint64_t number);
  // Blocks until it is complete. Once per call that was begun and not dropped.
  StatusOr<ControlAnswer> Await(uint64_t number);

  // False: no such call is open over this session.
  bool Complete(uint64_t session, uint64_t number, StatusOr<ControlAnswer> answer);
  void FailSession(uint64_t session, const Status& status);
  void Expire(MonotonicTime now);
  // Fails all, now and from now on.
  void Stop();

 private:
  struct Call {
    uint64_t session = 0;
    MonotonicTime deadline{};
    std::optional<StatusOr<ControlAnswer>> answer;
  };

  Mutex mutex_;
  CondVar completed_;
  uint64_t last_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  std::map<uint64_t, Call> calls_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace atl::mirror
