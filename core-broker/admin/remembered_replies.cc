#include "core-broker/admin/remembered_replies.h"

#include <algorithm>

namespace atl::broker {
namespace {

// All that makes a call what it is; parts can't run into each other, a path has no zero byte.
std::string Fingerprint(const HttpCall& call) {
  std::string print = call.method + '\0' + call.path;
  for (const auto& [name, value] : call.query) print += '\0' + name + '\0' + value;
  return print + '\0' + '\0' + call.body;
}

bool IsKey(const std::string& key) {
  return key.size() <= RememberedReplies::kMostKeyBytes &&
         std::all_of(key.begin(), key.end(), [](char c) { return c > ' ' && c < 0x7F; });
}

bool Concerns(const HttpCall& call) {
  return !call.idempotency_key.empty() && call.method != "GET";
}

}  // namespace

std::optional<HttpReply> RememberedReplies::Find(const HttpCall& call) const {
  if (!Concerns(call)) return std::nullopt;
  if (!IsKey(call.idempotency_key)) {
    return ErrorReply(400, "the Idempotency-Key is too long, or has more than visible ASCII",
                      "a UUID is a good key");
  }
  const auto found = replies_.find(call.idempotency_key);
  if (found == replies_.end()) return std::nullopt;
  if (found->second.call != Fingerprint(call)) {
    return ErrorReply(422, "this Idempotency-Key came with another call before",
                      "a new key for each thing that is to happen");
  }
  HttpReply reply = found->second.reply;
  reply.headers.emplace_back("Idempotency-Replayed", "true");
  return reply;
}

void RememberedReplies::Keep(const HttpCall& call, const HttpReply& reply) {
  if (!Concerns(call) || reply.status >= 300 || reply.body.size() > kMostReplyBytes) return;
  replies_[call.idempotency_key] = {Fingerprint(call), reply};
  order_.push_back(call.idempotency_key);
  if (order_.size() <= kMost) return;
  replies_.erase(order_.front());
  order_.pop_front();
}

}  // namespace atl::broker
