// The twin of RocksStore for tests and the simulator: same contract, same crash semantics, no disk
// and no threads. Crash() drops what was not synced; a seed may keep a prefix of the unsynced
// batches, as a real disk does. A fault hook makes any call fail. Clone() and Rollback() play an
// operator who restores an older disk.
// Thread-safe; no callback runs under the lock.
// Invariant: current_ == durable_ with all of unsynced_ applied in order.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/random.h"
#include "checkpoint/store.h"

namespace atl::checkpoint {

class MemoryStore final : public Store {
 public:
  enum class Operation { kRead, kWrite, kSync };
  // Asked before the operation; an error is its result, and final if it is a write or a sync.
  using Fault = std::function<Status(Operation)>;
  using Image = std::map<std::string, std::string, std::less<>>;

  StatusOr<std::optional<std::string>> Get(std::string_view key) override;
  Status Write(const WriteBatch& batch, Sync sync) override;
  Status Scan(std::string_view prefix, ScanOrder order, const ScanVisitor& visit) override;
  Status Flush() override;
  Status Reopen() override;

  // The process or the machine died; the store is as a new process opens it. Keeps the first
  // `kept_batches` of the unsynced batches (all, if there are fewer), or a random number of them.
  void Crash(size_t kept_batches = 0);
  void Crash(Random& random);
  size_t unsynced_batches() const;

  void SetFault(Fault fault);  // An empty one takes it away.

  Image Clone() const;         // What a reader sees now.
  void Rollback(Image image);  // All of it durable, whatever was written since is gone.

 private:
  static void Apply(const WriteBatch& batch, Image& image);
  // The first `batches` unsynced ones become durable, the others are forgotten.
  void KeepUnsynced(size_t batches) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Status Ask(Operation operation);
  Status Fail(const Status& cause);

  mutable Mutex mutex_;
  Image current_ ABSL_GUARDED_BY(mutex_);
  Image durable_ ABSL_GUARDED_BY(mutex_);
  std::vector<WriteBatch> unsynced_ ABSL_GUARDED_BY(mutex_);
  Status failure_ ABSL_GUARDED_BY(mutex_);
  Fault fault_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace atl::checkpoint
