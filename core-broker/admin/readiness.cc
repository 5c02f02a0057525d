#include "core-broker/admin/readiness.h"

#include <atomic>
#include <utility>

namespace atl::broker {

struct Readiness::Beat {
  std::atomic<bool> waiting{false};
  std::atomic<MonotonicTime> asked{MonotonicTime()};
};

// A job that does nothing: it runs when its shard has come to the end of what was before it.
class Readiness::Pulse final : public runtime::ShardJob {
 public:
  explicit Pulse(std::shared_ptr<Beat> beat) : beat_(std::move(beat)) {}
  void Run(runtime::ShardTurn&) override { beat_->waiting = false; }
  void Complete() override {}
  runtime::CompleteAfter complete_after() const override { return runtime::CompleteAfter::kWrite; }

 private:
  const std::shared_ptr<Beat> beat_;
};

Readiness::Readiness(Room room) : room_(std::move(room)), looked_(room_.clock.Now()) {
  for (int shard = 0; shard < room_.shards.size(); ++shard) {
    beats_.push_back(std::make_shared<Beat>());
  }
}

void Readiness::AddChecks(Health& health) const {
  const auto phase_is_not = [this](Phase phase, std::string message) {
    return [this, phase, message = std::move(message)] {
      MutexLock lock(&mutex_);
      return phase_ != phase ? OkStatus() : Unavailable("{}", message);
    };
  };
  health.AddCheck("startup", phase_is_not(Phase::kStarting, "the region is starting"));
  health.AddCheck("shutdown", phase_is_not(Phase::kStopping,
                                           "the region is stopping: clients are answered what "
                                           "they have asked, and nobody is let in"));
  health.AddCheck("store", [this] { return CheckStore(); });
  health.AddCheck("data-dir", [this] { return CheckData(); });
  health.AddCheck("storage-shards", [this] { return CheckShards(); });
}

void Readiness::Enter(Phase phase) {
  MutexLock lock(&mutex_);
  phase_ = phase;
}

void Readiness::Look(const Status& store) {
  const Status data = LookAtData();
  MutexLock lock(&mutex_);
  store_ = store;
  data_ = data;
  looked_ = room_.clock.Now();
}

Status Readiness::LookAtData() const {
  // On a file system that became read-only, or is gone, it can't be opened for writing.
  const auto opened =
      room_.files.Open(JoinPath(room_.data_folder, room_.marker), OpenMode::kReadWrite);
  RETURN_IF_ERROR(opened.status());
  ASSIGN_OR_RETURN(const FileSystem::Space space, room_.files.SpaceAt(room_.data_folder));
  if (space.free >= kLeastFree) return OkStatus();
  return ResourceExhausted("{} MiB are left on the disk of {}, less than {}",
                           space.free.value() >> 20, room_.data_folder, kLeastFree.value() >> 20);
}

void Readiness::AskShards() {
  for (size_t i = 0; i < beats_.size(); ++i) {
    const std::shared_ptr<Beat>& beat = beats_[i];
    if (beat->waiting) continue;
    beat->asked = room_.clock.Now();
    beat->waiting = true;
    room_.shards.Post(static_cast<int>(i), std::make_unique<Pulse>(beat));
  }
}

Status Readiness::CheckStore() const {
  MutexLock lock(&mutex_);
  const Duration silent = room_.clock.Now() - looked_;
  if (silent <= kPatience) return store_;
  return Unavailable("no sync of the store has ended for {:.0f} s", ToSeconds(silent));
}

Status Readiness::CheckData() const {
  MutexLock lock(&mutex_);
  return data_;
}

Status Readiness::CheckShards() const {
  const MonotonicTime now = room_.clock.Now();
  for (size_t i = 0; i < beats_.size(); ++i) {
    const Duration silent = now - beats_[i]->asked.load();
    if (!beats_[i]->waiting || silent <= kPatience) continue;
    return Unavailable("storage shard {} has not turned for {:.0f} s: does the disk hang?", i,
                       ToSeconds(silent));
  }
  return OkStatus();
}

}  // namespace atl::broker
