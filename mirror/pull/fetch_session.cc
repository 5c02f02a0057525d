#include "mirror/pull/fetch_session.h"

#include <algorithm>
#include <utility>

namespace atl::mirror {
namespace {

kafka::FetchPartition ToWire(PartitionId partition, Offset offset, ByteCount most) {
  kafka::FetchPartition wire;
  wire.partition = partition;
  wire.fetch_offset = offset;
  wire.partition_max_bytes = static_cast<int32_t>(std::min<int64_t>(most.value(), INT32_MAX));
  return wire;
}

}  // namespace

void FetchSession::Set(const FetchSlice& slice) {
  const Ask ask{slice.offset, slice.most};
  asked_[slice.at.topic][slice.at.partition] = ask;
  changed_[slice.at.topic][slice.at.partition] = ask;
  const auto dropped = dropped_.find(slice.at.topic);
  if (dropped != dropped_.end()) dropped->second.erase(slice.at.partition);
}

void FetchSession::Drop(const PartitionAtSource& at) {
  const auto topic = asked_.find(at.topic);
  if (topic == asked_.end() || topic->second.erase(at.partition) == 0) return;
  if (topic->second.empty()) asked_.erase(topic);
  const auto changed = changed_.find(at.topic);
  if (changed != changed_.end()) changed->second.erase(at.partition);
  dropped_[at.topic][at.partition] = true;
}

void FetchSession::Fill(kafka::FetchRequest& request) {
  request.session_id = id_;
  request.session_epoch = epoch_;
  request.topics.clear();
  request.forgotten_topics_data.clear();
  const Asks changed = std::exchange(changed_, {});
  const auto dropped = std::exchange(dropped_, {});
  if (epoch_ == 0) return FillWhole(request);
  for (const auto& [name, partitions] : changed) {
    if (partitions.empty()) continue;
    kafka::FetchTopic& topic = request.topics.emplace_back();
    topic.topic = name;
    for (const auto& [id, ask] : partitions) {
      topic.partitions.push_back(ToWire(id, ask.offset, ask.most));
    }
  }
  for (const auto& [name, partitions] : dropped) {
    if (partitions.empty()) continue;
    kafka::ForgottenTopic& topic = request.forgotten_topics_data.emplace_back();
    topic.topic = name;
    for (const auto& [id, yes] : partitions) topic.partitions.push_back(id);
  }
}

void FetchSession::FillWhole(kafka::FetchRequest& request) {
  std::vector<std::pair<const TopicName*, kafka::FetchPartition>> all;
  for (const auto& [name, partitions] : asked_) {
    for (const auto& [id, ask] : partitions) {
      all.emplace_back(&name, ToWire(id, ask.offset, ask.most));
    }
  }
  if (all.empty()) return;
  const auto first = all.begin() + static_cast<std::ptrdiff_t>(rotation_++ % all.size());
  std::rotate(all.begin(), first, all.end());
  // A topic may come twice, at the beginning and at the end; sessions and Kafka both allow it.
  for (const auto& [name, partition] : all) {
    if (request.topics.empty() || request.topics.back().topic != *name) {
      request.topics.emplace_back().topic = *name;
    }
    request.topics.back().partitions.push_back(partition);
  }
}

FetchSession::Verdict FetchSession::OnAnswer(kafka::ErrorCode error, int32_t session_id) {
  const bool forgotten = error == kafka::ErrorCode::kFetchSessionIdNotFound ||
                         error == kafka::ErrorCode::kInvalidFetchSessionEpoch ||
                         error == kafka::ErrorCode::kFetchSessionTopicIdError;
  if (forgotten) {
    id_ = 0;
    epoch_ = 0;
    return Verdict::kStartAgain;
  }
  id_ = session_id;
  if (session_id == 0) {
    epoch_ = 0;
  } else {
    epoch_ = epoch_ == INT32_MAX ? 1 : epoch_ + 1;
  }
  return Verdict::kGood;
}

}  // namespace atl::mirror
