#include "core-broker/server/handlers/fetch_session.h"

#include <algorithm>

namespace atl::broker {
namespace {

using kafka::ErrorCode;

constexpr int32_t kInitialEpoch = 0;
constexpr int32_t kFinalEpoch = -1;
constexpr int16_t kFirstVersionWithSessions = 7;

size_t CountPartitions(const kafka::FetchRequest& request) {
  size_t count = 0;
  for (const kafka::FetchTopic& topic : request.topics) count += topic.partitions.size();
  return count;
}

void PutAll(FetchSet& set, const kafka::FetchRequest& request) {
  for (const kafka::FetchTopic& topic : request.topics) {
    for (const kafka::FetchPartition& partition : topic.partitions) {
      set.Put(topic.topic, partition);
    }
  }
}

}  // namespace

OpenedFetch FetchSessions::Open(const kafka::FetchRequest& request, int16_t version) {
  if (CountPartitions(request) > kMostPartitions) return {.error = ErrorCode::kInvalidRequest};
  const bool sessionless =
      version < kFirstVersionWithSessions || request.session_epoch == kFinalEpoch;
  if (!sessionless && request.session_epoch != kInitialEpoch) return Continue(request);

  if (request.session_id != 0) Drop(request.session_id);
  OpenedFetch opened{.set = std::make_shared<FetchSet>(broker_, home_)};
  if (!sessionless) opened.set->Listen();
  PutAll(*opened.set, request);
  // A session without partitions would have nothing to remember.
  if (sessionless || opened.set->size() == 0) return opened;

  opened.session_id = broker_.session_ids.Next();
  sessions_.push_front({.id = opened.session_id, .set = opened.set});
  if (sessions_.size() > kMost) sessions_.pop_back();
  return opened;
}

OpenedFetch FetchSessions::Continue(const kafka::FetchRequest& request) {
  const auto session = std::find_if(sessions_.begin(), sessions_.end(),
                                    [&](const auto& one) { return one.id == request.session_id; });
  if (session == sessions_.end()) return {.error = ErrorCode::kFetchSessionIdNotFound};
  if (session->next_epoch != request.session_epoch) {
    return {.error = ErrorCode::kInvalidFetchSessionEpoch};
  }
  if (session->set->size() + CountPartitions(request) > kMostPartitions) {
    return {.error = ErrorCode::kInvalidRequest};
  }
  session->next_epoch = NextEpoch(session->next_epoch);
  sessions_.splice(sessions_.begin(), sessions_, session);
  for (const kafka::ForgottenTopic& topic : request.forgotten_topics_data) {
    for (const PartitionId partition : topic.partitions) {
      session->set->Forget(topic.topic, partition);
    }
  }
  PutAll(*session->set, request);
  return {.session_id = session->id, .set = session->set, .full = false};
}

void FetchSessions::Drop(int32_t id) {
  std::erase_if(sessions_, [id](const FetchSession& session) { return session.id == id; });
}

}  // namespace atl::broker
