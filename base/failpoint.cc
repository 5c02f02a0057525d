#include "base/failpoint.h"

#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <map>
#include <thread>
#include <utility>

#include "base/check.h"
#include "base/mutex.h"

namespace atl {
namespace {

struct Registry {
  Mutex mutex;
  // Also guards every failpoint's action; only the armed flag is read without it.
  std::map<std::string, Failpoint*, std::less<>> by_name ABSL_GUARDED_BY(mutex);
  Failpoint::AbortHook abort_hook ABSL_GUARDED_BY(mutex) = nullptr;
};

// Never destroyed: failpoints of static objects may be hit while the program ends.
Registry& TheRegistry() {
  static Registry* const registry = new Registry;
  return *registry;
}

constexpr std::array kErrnoNames{
    std::pair{std::string_view("EIO"), EIO},
    std::pair{std::string_view("ENOSPC"), ENOSPC},
    std::pair{std::string_view("EDQUOT"), EDQUOT},
    std::pair{std::string_view("ENOENT"), ENOENT},
    std::pair{std::string_view("EACCES"), EACCES},
    std::pair{std::string_view("EROFS"), EROFS},
    std::pair{std::string_view("ENOMEM"), ENOMEM},
    std::pair{std::string_view("EMFILE"), EMFILE},
    std::pair{std::string_view("EAGAIN"), EAGAIN},
    std::pair{std::string_view("EPIPE"), EPIPE},
    std::pair{std::string_view("ETIMEDOUT"), ETIMEDOUT},
    std::pair{std::string_view("ECONNRESET"), ECONNRESET},
    std::pair{std::string_view("ECONNREFUSED"), ECONNREFUSED},
};

bool Strip(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

bool ParseNumber(std::string_view text, int64_t& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && value >= 0;
}

}  // namespace

struct Failpoint::Order {
  std::string_view name;
  Action action = Action::kAbort;
  int64_t argument = 0;
  int64_t nth = 0;

  // "name=action[:argument][#n]"
  static StatusOr<Order> Parse(std::string_view text) {
    Order order;
    const size_t equals = text.find('=');
    if (equals == std::string_view::npos) {
      return InvalidArgument("failpoint '{}': want name=action", text);
    }
    order.name = text.substr(0, equals);
    std::string_view action = text.substr(equals + 1);
    if (const size_t hash = action.find('#'); hash != std::string_view::npos) {
      if (!ParseNumber(action.substr(hash + 1), order.nth) || order.nth == 0) {
        return InvalidArgument("failpoint '{}': want a number above 0 after #", text);
      }
      action = action.substr(0, hash);
    }
    if (!order.ParseAction(action)) {
      return InvalidArgument(
          "failpoint '{}': want abort, pause, errno:NAME or delay:<number>ms after =", text);
    }
    return order;
  }

 private:
  bool ParseAction(std::string_view text) {
    if (text == "abort" || text == "pause") {
      action = text == "abort" ? Action::kAbort : Action::kPause;
      return true;
    }
    if (Strip(text, "delay:") && text.ends_with("ms")) {
      action = Action::kDelay;
      return ParseNumber(text.substr(0, text.size() - 2), argument);
    }
    if (!Strip(text, "errno:")) return false;
    action = Action::kErrno;
    for (const auto& [error_name, number] : kErrnoNames) {
      if (text == error_name) argument = number;
    }
    return argument != 0;
  }
};

Failpoint::Failpoint(const char* name) : name_(name) {
  Registry& registry = TheRegistry();
  MutexLock lock(&registry.mutex);
  const bool added = registry.by_name.emplace(name, this).second;
  CHECK(added, "two failpoints are called {}", name);
}

std::vector<std::string> Failpoint::Names() {
  Registry& registry = TheRegistry();
  MutexLock lock(&registry.mutex);
  std::vector<std::string> names;
  for (const auto& [name, failpoint] : registry.by_name) names.push_back(name);
  return names;
}

Status Failpoint::Configure(std::string_view text) {
  std::vector<Order> orders;
  while (!text.empty()) {
    const size_t comma = text.find(',');
    ASSIGN_OR_RETURN(orders.emplace_back(), Order::Parse(text.substr(0, comma)));
    text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
  }
  Registry& registry = TheRegistry();
  MutexLock lock(&registry.mutex);
  for (const Order& order : orders) {
    if (!registry.by_name.contains(order.name)) {
      return InvalidArgument("failpoint '{}' does not exist", order.name);
    }
  }
  for (const auto& [name, failpoint] : registry.by_name) {
    failpoint->armed_.store(false, std::memory_order_relaxed);
  }
  for (const Order& order : orders) {
    Failpoint& failpoint = *registry.by_name.find(order.name)->second;
    failpoint.hits_ = 0;
    failpoint.nth_ = order.nth;
    failpoint.action_ = order.action;
    failpoint.argument_ = order.argument;
    failpoint.armed_.store(true, std::memory_order_relaxed);
  }
  return OkStatus();
}

void Failpoint::SetAbortHook(AbortHook hook) {
  Registry& registry = TheRegistry();
  MutexLock lock(&registry.mutex);
  registry.abort_hook = hook;
}

Status Failpoint::HitArmed() {
  Action action = Action::kAbort;
  int64_t argument = 0;
  AbortHook abort_hook = nullptr;
  {
    Registry& registry = TheRegistry();
    MutexLock lock(&registry.mutex);
    const int64_t hit = ++hits_;
    if (!armed_.load(std::memory_order_relaxed) || (nth_ != 0 && hit != nth_)) return OkStatus();
    action = action_;
    argument = argument_;
    abort_hook = registry.abort_hook;
  }
  switch (action) {
    case Action::kAbort:
      if (abort_hook != nullptr) return abort_hook(*this);
      fmt::print(stderr, "failpoint {}: abort\n", name_);
      std::abort();
    case Action::kPause:
      // Stops the whole process, as a frozen machine would; whoever sends SIGCONT lets it go on.
      std::raise(SIGSTOP);
      return OkStatus();
    case Action::kErrno:
      return StatusFromErrno(static_cast<int>(argument), fmt::format("failpoint {}", name_));
    case Action::kDelay:
      std::this_thread::sleep_for(std::chrono::milliseconds(argument));
      return OkStatus();
  }
  return OkStatus();
}

}  // namespace atl
