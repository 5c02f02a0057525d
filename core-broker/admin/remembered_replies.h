// The Idempotency-Key header: a change that is asked for twice under one key happens once, and the
// second gets the first's reply (with "Idempotency-Replayed: true"). For whoever lost the answer of
// a long action and asks again. Kept in memory: a restart forgets, and moves of topics are refused
// twice by their plan's hash anyway. Bounded; the oldest goes first. One thread.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>

#include "core-broker/admin/router.h"

namespace atl::broker {

class RememberedReplies {
 public:
  static constexpr size_t kMost = 1000;
  static constexpr size_t kMostKeyBytes = 128;
  static constexpr size_t kMostReplyBytes = 64 << 10;  // A larger one is not kept.

  // Nothing: go on. 422 when the key came with another call, 400 when it is no key.
  std::optional<HttpReply> Find(const HttpCall& call) const;
  // What succeeded; a refused call may be tried again under its key.
  void Keep(const HttpCall& call, const HttpReply& reply);

 private:
  struct Remembered {
    std::string call;
    HttpReply reply;
  };
  std::map<std::string, Remembered> replies_;  // By key.
  std::deque<std::string> order_;
};

}  // namespace atl::broker
