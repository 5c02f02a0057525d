// Logs go to stderr, one line each: time, level, area, message. spdlog does the work behind
// LogLine. An area is the folder's name. What may come in floods goes through a LogThrottle.
#pragma once

#include <fmt/core.h>

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace atl {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

void SetLogLevel(LogLevel level);
bool LogEnabled(LogLevel level);
void LogLine(LogLevel level, std::string_view area, std::string_view message);

#define ATOLL_LOG_FUNCTION(Function, level)                                                        \
  template <class... Args>                                                                         \
  void Function(std::string_view area, fmt::format_string<Args...> format, Args&&... args) {       \
    if (LogEnabled(level)) LogLine(level, area, fmt::format(format, std::forward<Args>(args)...)); \
  }
ATOLL_LOG_FUNCTION(LogDebug, LogLevel::kDebug)
ATOLL_LOG_FUNCTION(LogInfo, LogLevel::kInfo)
ATOLL_LOG_FUNCTION(LogWarning, LogLevel::kWarning)
ATOLL_LOG_FUNCTION(LogError, LogLevel::kError)
#undef ATOLL_LOG_FUNCTION

// True at most once per `every`; counts what it held back.
class LogThrottle {
 public:
  explicit LogThrottle(Duration every) : every_(every) {}
  bool Allow(MonotonicTime now);
  int64_t held_back() const { return held_back_.load(std::memory_order_relaxed); }

 private:
  const Duration every_;
  std::atomic<int64_t> next_ns_{0};
  std::atomic<int64_t> held_back_{0};
};

}  // namespace atl
