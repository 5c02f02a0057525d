#include "core-broker/admin/health.h"

#include <utility>

namespace atl::broker {
namespace {

constexpr const char* kPlainText = "text/plain; charset=utf-8";

}  // namespace

void Health::AddCheck(std::string name, Check check) {
  checks_.push_back({std::move(name), std::move(check)});
}

void Health::Register(Router& router) const {
  router.Add("GET", "/livez",
             [](const HttpCall&) { return HttpReply{.body = "ok\n", .content_type = kPlainText}; });
  router.Add("GET", "/readyz", [this](const HttpCall& call) { return Ready(call); });
}

HttpReply Health::Ready(const HttpCall& call) const {
  std::string lines;
  bool ready = true;
  for (const Named& named : checks_) {
    const Status status = named.check();
    ready = ready && status.ok();
    // Failures are always told, the rest on demand.
    if (!status.ok()) {
      lines += fmt::format("[-]{} failed: {}\n", named.name, StatusMessage(status));
    } else if (call.query.contains("verbose")) {
      lines += fmt::format("[+]{} ok\n", named.name);
    }
  }
  lines += ready ? "ready\n" : "not ready\n";
  return {.status = ready ? 200 : 503, .body = std::move(lines), .content_type = kPlainText};
}

}  // namespace atl::broker
