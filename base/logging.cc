#include "base/logging.h"

#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <algorithm>
#include <memory>

namespace atl {
namespace {

spdlog::level::level_enum ToSpdlog(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

// Never destroyed: static objects may log while the program ends.
spdlog::logger& TheLogger() {
  static spdlog::logger* const logger = [] {
    auto* made = new spdlog::logger("atoll", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_formatter(std::make_unique<spdlog::pattern_formatter>(
        "%Y-%m-%dT%H:%M:%S.%eZ %l %v", spdlog::pattern_time_type::utc));
    made->set_level(spdlog::level::info);
    return made;
  }();
  return *logger;
}

bool IsControl(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }

// A message may quote what a client or a peer sent: it stays one line.
std::string OneLine(std::string_view message) {
  std::string line;
  for (const char c : message) {
    if (IsControl(c)) {
      line += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    } else {
      line.push_back(c);
    }
  }
  return line;
}

}  // namespace

void SetLogLevel(LogLevel level) { TheLogger().set_level(ToSpdlog(level)); }

bool LogEnabled(LogLevel level) { return TheLogger().should_log(ToSpdlog(level)); }

void LogLine(LogLevel level, std::string_view area, std::string_view message) {
  if (std::any_of(message.begin(), message.end(), IsControl)) {
    TheLogger().log(ToSpdlog(level), "{} {}", area, OneLine(message));
  } else {
    TheLogger().log(ToSpdlog(level), "{} {}", area, message);
  }
}

bool LogThrottle::Allow(MonotonicTime now) {
  const int64_t now_ns = now.time_since_epoch().count();
  int64_t next_ns = next_ns_.load(std::memory_order_relaxed);
  if (now_ns >= next_ns && next_ns_.compare_exchange_strong(next_ns, now_ns + every_.count(),
                                                            std::memory_order_relaxed)) {
    return true;
  }
  held_back_.fetch_add(1, std::memory_order_relaxed);
  return false;
}

}  // namespace atl
