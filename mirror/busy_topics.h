// Topics that a move has in hand: another move of one of them waits or is refused. Thread-safe, a
// leaf lock.
#pragma once

#include <optional>
#include <set>
#include <span>

#include "base/mutex.h"
#include "base/uuid.h"

namespace atl::mirror {

class BusyTopics {
 public:
  // All or none; answers the first one that another move has, if any.
  std::optional<TopicId> Take(std::span<const TopicId> topics) {
    MutexLock lock(&mutex_);
    for (const TopicId& topic : topics) {
      if (busy_.contains(topic)) return topic;
    }
    busy_.insert(topics.begin(), topics.end());
    return std::nullopt;
  }
  void Free(std::span<const TopicId> topics) {
    MutexLock lock(&mutex_);
    for (const TopicId& topic : topics) busy_.erase(topic);
  }

 private:
  Mutex mutex_;
  std::set<TopicId> busy_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace atl::mirror
