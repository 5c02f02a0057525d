// The way back of one request: any thread, once; a second answer is dropped and said. A reply that
// is destroyed without an answer answers so itself, so that no peer waits for its deadline.
#pragma once

#include <atomic>
#include <memory>

#include "mirror/control/messages.h"
#include "mirror/control/outgoing.h"

namespace atl::mirror {

class ReplyOnce {
 public:
  // `outgoing` has counted the request (OpenRequest).
  ReplyOnce(std::shared_ptr<Outgoing> outgoing, uint64_t number)
      : outgoing_(std::move(outgoing)), number_(number) {}
  ~ReplyOnce();
  ReplyOnce(const ReplyOnce&) = delete;
  ReplyOnce& operator=(const ReplyOnce&) = delete;

  void Answer(const StatusOr<ControlAnswer>& answer);

 private:
  const std::shared_ptr<Outgoing> outgoing_;
  const uint64_t number_;
  std::atomic<bool> answered_{false};
};

}  // namespace atl::mirror
