// Store on RocksDB. Opened once per process on DATADIR/checkpoint (RocksDB's lock file refuses a
// second one); closed by the destructor, which must not overlap with any call. Thread-safe.
// Invariant: durable_ <= written_, both count lazy batches.
// Failure: the first failed write, sync or background error is kept and returned as kDataLoss by
// every later write until Reopen(), which replays the write-ahead log and checks what it reads.
//
// Why point-in-time recovery: a power cut leaves the unsynced tail of the write-ahead log torn,
// zeroed or with pages missing in the middle. Absolute consistency and tolerate-corrupted-tail
// refuse to open on some of these; point-in-time opens on all of them and yields a prefix of the
// batches, which is this interface's contract. It would equally cut at a flipped bit in the synced
// part; that is the same as a restored older store, and every reader treats the store as a claim
// that the logs check ("the log wins"). What the store does hold is never silently wrong: each
// value carries its own checksum over key and bytes (keys.h, value.h).
// Why no manual_wal_flush: callers write one batch per tick, so its one write(2) costs nothing, and
// kill -9 then loses no batch at all. Why no recycled log files: RocksDB 7.8 switches them off in
// every recovery mode that is acceptable here.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "base/mutex.h"
#include "checkpoint/store.h"

namespace rocksdb {
class DB;
}

namespace atl::checkpoint {

class RocksStore final : public Store {
 public:
  // Creates the folder if missing. kDataLoss: what is there can't be opened (the caller decides
  // whether to move it aside); kFailedPrecondition: another process has it open.
  static StatusOr<std::unique_ptr<RocksStore>> Open(const std::string& folder);
  // Opens without writing a byte; every write is refused. Beside a running owner it works nearly
  // always and never disturbs it (RocksDB promises no more): read quickly, on failure try again.
  static StatusOr<std::unique_ptr<RocksStore>> OpenReadOnly(const std::string& folder);
  ~RocksStore() override;

  StatusOr<std::optional<std::string>> Get(std::string_view key) override;
  Status Write(const WriteBatch& batch, Sync sync) override;
  Status Scan(std::string_view prefix, ScanOrder order, const ScanVisitor& visit) override;
  Status Flush() override;
  Status Reopen() override;

 private:
  // Keeps the first error, RocksDB's background threads' included; its listener has a share.
  class ErrorKeeper;
  // One call's hold on the open database: Reopen waits until nobody has one.
  class Use;
  enum class Access { kReadWrite, kReadOnly };

  RocksStore(std::string folder, Access access);
  Status OpenDatabase();
  Status Fail(const Status& cause);

  const std::string folder_;  // Constant after construction.
  const Access access_;       // Constant after construction.
  const std::shared_ptr<ErrorKeeper> errors_;
  std::atomic<int64_t> written_{0};
  std::atomic<int64_t> durable_{0};

  Mutex mutex_;
  CondVar unused_;  // users_ fell to 0.
  int users_ ABSL_GUARDED_BY(mutex_) = 0;
  // None while Reopen is at work, and after it failed.
  std::unique_ptr<rocksdb::DB> database_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace atl::checkpoint
