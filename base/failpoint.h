// Named places where a test makes the process die, stop, fail or wait, compiled into release
// builds.
//   ATOLL_FAILPOINTS=name=abort|pause|errno:EIO|delay:50ms[#n][,name=...]
// #n: only the nth hit. Declare one per place, at namespace scope in the source that has the place:
//   Failpoint written("append.written");
// It must live as long as the process, and two can't share a name. A hit that nobody asked for is
// one relaxed load. Thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace atl {

class Failpoint {
 public:
  explicit Failpoint(const char* name);
  Failpoint(const Failpoint&) = delete;
  Failpoint& operator=(const Failpoint&) = delete;

  // For places that can report: abort does not return, pause stops the process until SIGCONT, delay
  // sleeps, errno:X gives the status of X.
  Status Hit() { return armed_.load(std::memory_order_relaxed) ? HitArmed() : OkStatus(); }
  // For places that can't fail: an errno is ignored there.
  void Pass() {
    if (armed_.load(std::memory_order_relaxed)) HitArmed().IgnoreError();
  }

  const char* name() const { return name_; }

  static std::vector<std::string> Names();  // Sorted.
  // Arms from the text above; unknown names and bad actions are kInvalidArgument. An empty text
  // disarms all.
  static Status Configure(std::string_view text);
  // What abort does; the simulator sets one that unwinds by a status instead of ending the process.
  using AbortHook = Status (*)(const Failpoint&);
  static void SetAbortHook(AbortHook hook);

 private:
  struct Order;  // One parsed item of Configure's text.
  Status HitArmed();

  const char* const name_;
  std::atomic<bool> armed_{false};
  std::atomic<int64_t> hits_{0};
  int64_t nth_ = 0;  // 0: every hit.
  enum class Action { kAbort, kPause, kErrno, kDelay } action_ = Action::kAbort;
  int64_t argument_ = 0;  // errno, or delay in ms.
};

}  // namespace atl
