// What a link shares with other threads: the snapshot that the API and metrics read, and the little
// that an operator's calls need while the link itself lives on its reactor. A leaf lock around
// plain values.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "mirror/verify/verify_run.h"
#include "mirror/watch/lag.h"

namespace atl::mirror {

struct LinkTopicRow {
  TopicName topic;  // As it is shown: here; of what flows into another topic: at the source.
  TopicName source_topic;
  TopicName local_topic;
  TopicId id;
  std::string state;
  std::string reason;
  bool paused = false;
  // Configuration: the source's that we copy, ours, and what of the first we can't take.
  std::map<std::string, std::string> wanted;
  std::map<std::string, std::string> applied;
  std::vector<std::string> refused_configs;
};

struct LinkSnapshot {
  LinkSample sample;
  std::vector<LinkTopicRow> topics;
  LinkCondition condition = LinkCondition::kConnecting;
  WallTime since{};     // When the condition was entered.
  bool loaded = false;  // The mirrors that are here from earlier are in it.
};

class LinkShared {
 public:
  std::shared_ptr<const LinkSnapshot> snapshot() const {
    MutexLock lock(&mutex_);
    return snapshot_;
  }
  void SetSnapshot(std::shared_ptr<const LinkSnapshot> snapshot) {
    MutexLock lock(&mutex_);
    snapshot_ = std::move(snapshot);
  }
  // As stored: the operator's pause, and the source's cluster id as first seen.
  bool wants_pause() const {
    MutexLock lock(&mutex_);
    return wants_pause_;
  }
  void SetWantsPause(bool paused) {
    MutexLock lock(&mutex_);
    wants_pause_ = paused;
  }
  // The newest run of `atoll verify`; null: none since the start.
  std::shared_ptr<VerifyRun> verify_run() const {
    MutexLock lock(&mutex_);
    return verify_run_;
  }
  void SetVerifyRun(std::shared_ptr<VerifyRun> run) {
    MutexLock lock(&mutex_);
    verify_run_ = std::move(run);
  }
  std::string known_cluster() const {
    MutexLock lock(&mutex_);
    return known_cluster_;
  }
  void SetKnownCluster(std::string cluster_id) {
    MutexLock lock(&mutex_);
    known_cluster_ = std::move(cluster_id);
  }

 private:
  mutable Mutex mutex_;
  std::shared_ptr<const LinkSnapshot> snapshot_ ABSL_GUARDED_BY(mutex_);
  std::shared_ptr<VerifyRun> verify_run_ ABSL_GUARDED_BY(mutex_);
  bool wants_pause_ ABSL_GUARDED_BY(mutex_) = false;
  std::string known_cluster_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace atl::mirror
