// Fetch sessions (KIP-227): the fetcher names its partitions once, and later requests and answers
// carry only what changed. The sessions of one connection live and die with it, on its reactor; a
// client that comes back on a new connection starts with a full fetch, as clients do anyway.
#pragma once

#include <list>
#include <memory>

#include "core-broker/server/handlers/fetch_set.h"

namespace atl::broker {

struct FetchSession {
  int32_t id = 0;  // 0: no session, the set serves one fetch.
  int32_t next_epoch = 1;
  std::shared_ptr<FetchSet> set = nullptr;
};

struct OpenedFetch {
  kafka::ErrorCode error = kafka::ErrorCode::kNone;
  int32_t session_id = 0;
  std::shared_ptr<FetchSet> set = nullptr;
  bool full = true;
};

class FetchSessions {
 public:
  // More on one connection than any client opens; the least recently used one gives way.
  static constexpr size_t kMost = 8;
  // Partitions of one session. More is INVALID_REQUEST.
  static constexpr size_t kMostPartitions = 100'000;

  FetchSessions(Broker& broker, runtime::Reactor& home) : broker_(broker), home_(home) {}

  // Applies the request to its session, or makes one, and gives the partitions to read.
  OpenedFetch Open(const kafka::FetchRequest& request, int16_t version);
  size_t size() const { return sessions_.size(); }

  static constexpr int32_t NextEpoch(int32_t epoch) { return epoch == INT32_MAX ? 1 : epoch + 1; }

 private:
  OpenedFetch Continue(const kafka::FetchRequest& request);
  void Drop(int32_t id);

  Broker& broker_;
  runtime::Reactor& home_;
  std::list<FetchSession> sessions_;  // The most recently used one first.
};

}  // namespace atl::broker
