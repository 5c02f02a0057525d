// Whether the control listener takes connections, for /readyz. Thread-safe; a leaf lock.
#pragma once

#include <string>
#include <utility>

#include "base/clock.h"
#include "base/mutex.h"
#include "base/status.h"

namespace atl::mirror {

class Listening {
 public:
  // accept() is tried again ten times meanwhile; not refused again, it is over.
  static constexpr Duration kRefusedFor = std::chrono::seconds(1);

  void Begin() { SetOpen(true); }
  void End() { SetOpen(false); }
  // The system refused an accept().
  void OnRefused(Status why, MonotonicTime now) {
    MutexLock lock(&mutex_);
    refused_ = std::move(why);
    refused_at_ = now;
  }

  Status Check(MonotonicTime now) const {
    MutexLock lock(&mutex_);
    if (!open_) return Unavailable("it takes no connections");
    const bool over = refused_.ok() || now - refused_at_ > kRefusedFor;
    return over ? OkStatus() : refused_;
  }

 private:
  void SetOpen(bool open) {
    MutexLock lock(&mutex_);
    open_ = open;
  }

  mutable Mutex mutex_;
  bool open_ ABSL_GUARDED_BY(mutex_) = false;
  Status refused_ ABSL_GUARDED_BY(mutex_);
  MonotonicTime refused_at_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace atl::mirror
