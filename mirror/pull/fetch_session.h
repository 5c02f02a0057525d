// The bookkeeping of one incremental fetch session (KIP-227): what stands asked, what changed since
// the last request, and which id and epoch the next request carries. Pure; one owner.
//
// A broker that knows no sessions (answers id 0) is asked for everything each time, from another
// partition on each time, so that none starves the others.
#pragma once

#include <map>

#include "kafka/wire/schema/fetch.h"
#include "mirror/pull/source.h"

namespace atl::mirror {

class FetchSession {
 public:
  void Set(const FetchSlice& slice);
  void Drop(const PartitionAtSource& at);

  // Session fields, topics and forgotten topics of the next request. Ask once per answer.
  void Fill(kafka::FetchRequest& request);

  enum class Verdict {
    kGood,
    kStartAgain,  // The broker forgot the session: fill again, the request will be a full one.
  };
  Verdict OnAnswer(kafka::ErrorCode error, int32_t session_id);

 private:
  struct Ask {
    Offset offset;
    ByteCount most;
  };
  using Asks = std::map<TopicName, std::map<PartitionId, Ask>>;

  void FillWhole(kafka::FetchRequest& request);

  Asks asked_;    // What stands.
  Asks changed_;  // Of those, what the broker does not know yet.
  std::map<TopicName, std::map<PartitionId, bool>> dropped_;
  int32_t id_ = 0;
  int32_t epoch_ = 0;  // 0: the next request is a full one and opens a session.
  size_t rotation_ = 0;
};

}  // namespace atl::mirror
