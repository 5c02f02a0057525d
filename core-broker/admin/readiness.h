// What a region knows about itself for /readyz, besides its partitions: is it starting or stopping,
// can it write, and do its storage shards turn. Asks nobody outside the process: another region
// that is gone makes this one no less ready.
//
// Look() runs once a second where it may block, AskShards() beside it on the admin reactor; checks,
// there too, only read what was found. A look that does not come back is itself a finding.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/file.h"
#include "base/mutex.h"
#include "core-broker/admin/health.h"
#include "runtime/storage_shards.h"

namespace atl::broker {

class Readiness {
 public:
  enum class Phase { kStarting, kServing, kStopping };
  static constexpr Duration kPatience = std::chrono::seconds(10);
  static constexpr ByteCount kLeastFree{32 << 20};

  // All outlive this. `marker`: a file of the data folder that is always there.
  struct Room {
    const Clock& clock;
    FileSystem& files;
    std::string data_folder;
    std::string marker;
    runtime::StorageShards& shards;
  };
  explicit Readiness(Room room);

  // startup, shutdown, store, data-dir, storage-shards
  void AddChecks(Health& health) const;
  void Enter(Phase phase);
  // One at a time. `store`: how its last sync went.
  void Look(const Status& store);
  // For a sign of life, each that has answered the last time. Not after the shards were stopped.
  void AskShards();

 private:
  class Pulse;
  struct Beat;  // One shard's.

  Status CheckStore() const;
  Status CheckData() const;
  Status CheckShards() const;
  Status LookAtData() const;

  const Room room_;
  std::vector<std::shared_ptr<Beat>> beats_;  // One per shard; constant.
  mutable Mutex mutex_;
  Phase phase_ ABSL_GUARDED_BY(mutex_) = Phase::kStarting;
  Status store_ ABSL_GUARDED_BY(mutex_);
  Status data_ ABSL_GUARDED_BY(mutex_);
  MonotonicTime looked_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace atl::broker
