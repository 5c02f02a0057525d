#include "checkpoint/memory_store.h"

#include <algorithm>
#include <utility>

namespace atl::checkpoint {

StatusOr<std::optional<std::string>> MemoryStore::Get(std::string_view key) {
  RETURN_IF_ERROR(Ask(Operation::kRead));
  MutexLock lock(&mutex_);
  const auto found = current_.find(key);
  if (found == current_.end()) return std::optional<std::string>();
  return std::optional<std::string>(found->second);
}

Status MemoryStore::Write(const WriteBatch& batch, Sync sync) {
  {
    MutexLock lock(&mutex_);
    if (!failure_.ok()) return failure_;
  }
  if (const Status fault = Ask(Operation::kWrite); !fault.ok()) return Fail(fault);
  if (!batch.empty()) {
    MutexLock lock(&mutex_);
    Apply(batch, current_);
    unsynced_.push_back(batch);
  }
  return sync == Sync::kNow ? Flush() : OkStatus();
}

Status MemoryStore::Scan(std::string_view prefix, ScanOrder order, const ScanVisitor& visit) {
  RETURN_IF_ERROR(Ask(Operation::kRead));
  std::vector<std::pair<std::string, std::string>> rows;
  {
    MutexLock lock(&mutex_);
    for (auto at = current_.lower_bound(prefix);
         at != current_.end() && at->first.starts_with(prefix); ++at)
      rows.push_back(*at);
  }
  if (order == ScanOrder::kDescending) std::reverse(rows.begin(), rows.end());
  for (const auto& [key, value] : rows) {
    ASSIGN_OR_RETURN(const ScanStep step, visit(key, value));
    if (step == ScanStep::kStop) break;
  }
  return OkStatus();
}

Status MemoryStore::Flush() {
  {
    MutexLock lock(&mutex_);
    if (!failure_.ok()) return failure_;
    if (unsynced_.empty()) return OkStatus();
  }
  if (const Status fault = Ask(Operation::kSync); !fault.ok()) return Fail(fault);
  MutexLock lock(&mutex_);
  KeepUnsynced(unsynced_.size());
  return OkStatus();
}

// As after a failed fsync on a real disk: what was not synced by then may be gone, so it is.
Status MemoryStore::Reopen() {
  RETURN_IF_ERROR(Ask(Operation::kRead));
  MutexLock lock(&mutex_);
  KeepUnsynced(failure_.ok() ? unsynced_.size() : 0);
  current_ = durable_;
  failure_ = OkStatus();
  return OkStatus();
}

void MemoryStore::Crash(size_t kept_batches) {
  MutexLock lock(&mutex_);
  KeepUnsynced(kept_batches);
  current_ = durable_;
  failure_ = OkStatus();
}

void MemoryStore::Crash(Random& random) { Crash(random.Below(unsynced_batches() + 1)); }

size_t MemoryStore::unsynced_batches() const {
  MutexLock lock(&mutex_);
  return unsynced_.size();
}

void MemoryStore::SetFault(Fault fault) {
  MutexLock lock(&mutex_);
  fault_ = std::move(fault);
}

MemoryStore::Image MemoryStore::Clone() const {
  MutexLock lock(&mutex_);
  return current_;
}

void MemoryStore::Rollback(Image image) {
  MutexLock lock(&mutex_);
  durable_ = std::move(image);
  current_ = durable_;
  unsynced_.clear();
}

void MemoryStore::KeepUnsynced(size_t batches) {
  batches = std::min(batches, unsynced_.size());
  for (size_t i = 0; i < batches; ++i) Apply(unsynced_[i], durable_);
  unsynced_.clear();
}

void MemoryStore::Apply(const WriteBatch& batch, Image& image) {
  for (const WriteBatch::Change& change : batch.changes) {
    if (change.value) {
      image.insert_or_assign(change.key, *change.value);
    } else {
      image.erase(change.key);
    }
  }
}

Status MemoryStore::Ask(Operation operation) {
  Fault fault;
  {
    MutexLock lock(&mutex_);
    fault = fault_;
  }
  return fault ? fault(operation) : OkStatus();
}

Status MemoryStore::Fail(const Status& cause) {
  MutexLock lock(&mutex_);
  if (failure_.ok()) failure_ = Corrupt("checkpoint store failed: {}", StatusMessage(cause));
  return failure_;
}

}  // namespace atl::checkpoint
