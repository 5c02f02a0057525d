#include "checkpoint/rocks_store.h"

#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/listener.h>
#include <rocksdb/table.h>

#include <algorithm>
#include <array>
#include <cstdarg>
#include <cstdio>
#include <utility>

#include "base/failpoint.h"
#include "base/file.h"
#include "base/logging.h"

namespace atl::checkpoint {
namespace {

constexpr size_t kWriteBufferBytes = size_t{4} << 20;
constexpr size_t kBlockCacheBytes = size_t{1} << 20;
constexpr uint64_t kWalBytes = uint64_t{16} << 20;

Failpoint kWriting("checkpoint.writing");
Failpoint kWritten("checkpoint.written");
Failpoint kSyncing("checkpoint.syncing");
Failpoint kSynced("checkpoint.synced");

// RocksDB's warnings go where ours go, and it writes no LOG files of its own.
class LogBridge final : public rocksdb::Logger {
 public:
  LogBridge() : rocksdb::Logger(rocksdb::InfoLogLevel::WARN_LEVEL) {}
  using rocksdb::Logger::Logv;
  void Logv(const rocksdb::InfoLogLevel level, const char* format, va_list arguments) override {
    if (level < GetInfoLogLevel() || level > rocksdb::InfoLogLevel::FATAL_LEVEL) return;
    std::array<char, 512> line{};
    std::vsnprintf(line.data(), line.size(), format, arguments);
    LogWarning("checkpoint", "rocksdb: {}", line.data());
  }
};

Status FromRocks(const rocksdb::Status& status, const std::string& folder) {
  if (status.ok()) return OkStatus();
  const std::string text = status.ToString();
  if (status.IsCorruption()) return Corrupt("checkpoint store {}: {}", folder, text);
  if (status.IsNoSpace()) return ResourceExhausted("checkpoint store {}: {}", folder, text);
  if (text.find("lock file") != std::string::npos || text.find("lock hold") != std::string::npos)
    return FailedPrecondition("checkpoint store {} is in use by another process: {}", folder, text);
  return Unavailable("checkpoint store {}: {}", folder, text);
}

rocksdb::Slice ToSlice(std::string_view text) { return {text.data(), text.size()}; }
std::string_view ToView(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

// Small and quiet: the store holds a few megabytes beside logs of gigabytes, and an idle region
// must cost nothing, so no statistics threads, one flush and one compaction at a time.
rocksdb::Options StoreOptions() {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(kBlockCacheBytes, 0);
  rocksdb::Options options;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  options.create_if_missing = true;
  options.paranoid_checks = true;
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  options.write_buffer_size = kWriteBufferBytes;
  options.max_total_wal_size = kWalBytes;
  options.arena_block_size = size_t{64} << 10;
  options.max_background_jobs = 2;
  options.max_open_files = 64;
  options.compression = rocksdb::kNoCompression;
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  options.max_bgerror_resume_count = 0;  // Reopen() decides, not a background thread.
  options.info_log = std::make_shared<LogBridge>();
  return options;
}

void RaiseTo(std::atomic<int64_t>& mark, int64_t value) {
  int64_t seen = mark.load();
  while (seen < value && !mark.compare_exchange_weak(seen, value)) {
  }
}

// The first key after all that start with `prefix`; empty: there is none.
std::string PrefixEnd(std::string_view prefix) {
  std::string end(prefix);
  while (!end.empty() && static_cast<uint8_t>(end.back()) == 0xFF) end.pop_back();
  if (!end.empty()) end.back() = static_cast<char>(static_cast<uint8_t>(end.back()) + 1);
  return end;
}

}  // namespace

class RocksStore::ErrorKeeper final : public rocksdb::EventListener {
 public:
  void OnBackgroundError(rocksdb::BackgroundErrorReason /*reason*/,
                         rocksdb::Status* error) override {
    Keep(error->ToString());
  }
  void Keep(const std::string& cause) {
    MutexLock lock(&mutex_);
    if (!first_.ok()) return;
    first_ = Corrupt("checkpoint store failed: {}", cause);
    LogError("checkpoint", "no more writes until the store is reopened: {}", cause);
  }
  Status First() {
    MutexLock lock(&mutex_);
    return first_;
  }
  void Forget() {
    MutexLock lock(&mutex_);
    first_ = OkStatus();
  }

 private:
  Mutex mutex_;
  Status first_ ABSL_GUARDED_BY(mutex_);
};

class RocksStore::Use {
 public:
  explicit Use(RocksStore& store) : store_(store) {
    MutexLock lock(&store_.mutex_);
    database_ = store_.database_.get();
    if (database_ != nullptr) ++store_.users_;
  }
  ~Use() {
    if (database_ == nullptr) return;
    MutexLock lock(&store_.mutex_);
    if (--store_.users_ == 0) store_.unused_.SignalAll();
  }
  Use(const Use&) = delete;
  Use& operator=(const Use&) = delete;

  Status status() const {
    if (database_ != nullptr) return OkStatus();
    return Unavailable("checkpoint store {} is not open", store_.folder_);
  }
  rocksdb::DB* operator->() const { return database_; }

 private:
  RocksStore& store_;
  rocksdb::DB* database_;
};

RocksStore::RocksStore(std::string folder, Access access)
    : folder_(std::move(folder)), access_(access), errors_(std::make_shared<ErrorKeeper>()) {}

RocksStore::~RocksStore() = default;

StatusOr<std::unique_ptr<RocksStore>> RocksStore::Open(const std::string& folder) {
  RETURN_IF_ERROR(PosixFileSystem().CreateFolders(folder));
  std::unique_ptr<RocksStore> store(new RocksStore(folder, Access::kReadWrite));
  RETURN_IF_ERROR(store->OpenDatabase());
  return store;
}

StatusOr<std::unique_ptr<RocksStore>> RocksStore::OpenReadOnly(const std::string& folder) {
  // Asked first, for RocksDB would make the folder.
  ASSIGN_OR_RETURN(const bool exists, PosixFileSystem().Exists(JoinPath(folder, "CURRENT")));
  if (!exists) return NotFound("{} holds no checkpoint store", folder);
  std::unique_ptr<RocksStore> store(new RocksStore(folder, Access::kReadOnly));
  RETURN_IF_ERROR(store->OpenDatabase());
  return store;
}

Status RocksStore::OpenDatabase() {
  rocksdb::Options options = StoreOptions();
  options.listeners.push_back(errors_);
  rocksdb::DB* opened = nullptr;
  const rocksdb::Status status = access_ == Access::kReadWrite
                                     ? rocksdb::DB::Open(options, folder_, &opened)
                                     : rocksdb::DB::OpenForReadOnly(options, folder_, &opened);
  RETURN_IF_ERROR(FromRocks(status, folder_));
  MutexLock lock(&mutex_);
  database_.reset(opened);
  return OkStatus();
}

StatusOr<std::optional<std::string>> RocksStore::Get(std::string_view key) {
  Use database(*this);
  RETURN_IF_ERROR(database.status());
  std::string value;
  const rocksdb::Status status = database->Get(rocksdb::ReadOptions(), ToSlice(key), &value);
  if (status.IsNotFound()) return std::optional<std::string>();
  RETURN_IF_ERROR(FromRocks(status, folder_));
  return std::optional<std::string>(std::move(value));
}

Status RocksStore::Write(const WriteBatch& batch, Sync sync) {
  if (access_ == Access::kReadOnly)
    return FailedPrecondition("checkpoint store {} is open for reading only", folder_);
  if (batch.empty()) return sync == Sync::kNow ? Flush() : OkStatus();
  Use database(*this);
  RETURN_IF_ERROR(database.status());
  RETURN_IF_ERROR(errors_->First());
  if (const Status hit = kWriting.Hit(); !hit.ok()) return Fail(hit);

  rocksdb::WriteBatch changes;
  for (const WriteBatch::Change& change : batch.changes) {
    const rocksdb::Status staged =
        change.value ? changes.Put(change.key, *change.value) : changes.Delete(change.key);
    if (!staged.ok()) return Fail(FromRocks(staged, folder_));
  }
  // Syncing this batch syncs every batch that was written before it began.
  const int64_t before = written_.load();
  rocksdb::WriteOptions options;
  options.sync = sync == Sync::kNow;
  const rocksdb::Status written = database->Write(options, &changes);
  if (!written.ok()) return Fail(FromRocks(written, folder_));
  if (sync == Sync::kNow) {
    RaiseTo(durable_, before);
  } else {
    written_.fetch_add(1);
  }
  if (const Status hit = kWritten.Hit(); !hit.ok()) return Fail(hit);
  return OkStatus();
}

Status RocksStore::Scan(std::string_view prefix, ScanOrder order, const ScanVisitor& visit) {
  Use database(*this);
  RETURN_IF_ERROR(database.status());
  const bool ascending = order == ScanOrder::kAscending;
  const std::unique_ptr<rocksdb::Iterator> at(database->NewIterator(rocksdb::ReadOptions()));
  const std::string end = PrefixEnd(prefix);
  if (ascending) {
    at->Seek(ToSlice(prefix));
  } else if (end.empty()) {
    at->SeekToLast();
  } else {
    at->SeekForPrev(end);
    if (at->Valid() && at->key() == rocksdb::Slice(end)) at->Prev();
  }
  while (at->Valid() && at->key().starts_with(ToSlice(prefix))) {
    ASSIGN_OR_RETURN(const ScanStep step, visit(ToView(at->key()), ToView(at->value())));
    if (step == ScanStep::kStop) return OkStatus();
    ascending ? at->Next() : at->Prev();
  }
  return FromRocks(at->status(), folder_);
}

Status RocksStore::Flush() {
  Use database(*this);
  RETURN_IF_ERROR(database.status());
  RETURN_IF_ERROR(errors_->First());
  const int64_t target = written_.load();
  if (durable_.load() >= target) return OkStatus();
  if (const Status hit = kSyncing.Hit(); !hit.ok()) return Fail(hit);
  const rocksdb::Status synced = database->FlushWAL(true);
  if (!synced.ok()) return Fail(FromRocks(synced, folder_));
  RaiseTo(durable_, target);
  if (const Status hit = kSynced.Hit(); !hit.ok()) return Fail(hit);
  return OkStatus();
}

// RocksDB replays the write-ahead log at open and syncs what it found into a table file, so what
// reads show afterwards is durable, also when the failure was a lost fsync.
Status RocksStore::Reopen() {
  std::unique_ptr<rocksdb::DB> old;
  {
    MutexLock lock(&mutex_);
    old = std::move(database_);  // Later calls find none; those under way finish first.
    while (users_ > 0) unused_.Wait(&mutex_);
  }
  const int64_t written = written_.load();
  if (old != nullptr) {
    if (const rocksdb::Status closed = old->Close(); !closed.ok())
      LogWarning("checkpoint", "closing {}: {}", folder_, closed.ToString());
    old.reset();
  }
  RETURN_IF_ERROR(OpenDatabase());
  RaiseTo(durable_, written);
  errors_->Forget();
  return OkStatus();
}

Status RocksStore::Fail(const Status& cause) {
  errors_->Keep(std::string(StatusMessage(cause)));
  return errors_->First();
}

}  // namespace atl::checkpoint
