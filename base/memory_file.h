// A file system in memory that behaves as badly as disks do: what was not synced may vanish, be
// torn or survive at a crash; operations fail on command. For tests and the simulator. Not
// thread-safe.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "base/file.h"
#include "base/random.h"

namespace atl {

class MemoryFileSystem final : public FileSystem {
 public:
  explicit MemoryFileSystem(uint64_t seed = 1);
  ~MemoryFileSystem() override;

  StatusOr<std::shared_ptr<File>> Open(const std::string& path, OpenMode mode) override;
  StatusOr<bool> Exists(const std::string& path) override;
  Status Rename(const std::string& from, const std::string& to) override;
  Status Remove(const std::string& path) override;
  Status RemoveTree(const std::string& path) override;
  Status CreateFolders(const std::string& path) override;
  StatusOr<std::vector<std::string>> List(const std::string& folder) override;
  Status SyncFolder(const std::string& folder) override;
  Status SyncAll(const std::string& path) override;
  StatusOr<Space> SpaceAt(const std::string& path) override;

  // What a power cut does to bytes that were not synced.
  enum class Unsynced {
    kLost,
    kKept,
    kTorn
  };  // kTorn: a random subset of 512-byte sectors survives, the rest is zero.
  // All open files go stale (their calls fail); names that were not made durable by SyncFolder go
  // back, too.
  void Crash(Unsynced unsynced);

  enum class Operation { kOpen, kRead, kWrite, kSync, kRename, kRemove, kSyncFolder, kTruncate };
  // Asked before each operation; a status that is not OK is returned instead of doing it. A failed
  // kWrite keeps a random prefix; a failed kSync drops the unsynced bytes, and the next Sync() says
  // OK, as Linux does.
  using Fault = std::function<Status(Operation, const std::string& path)>;
  void SetFault(Fault fault) { fault_ = std::move(fault); }
  void SetCapacity(ByteCount capacity) { capacity_ = capacity; }
  // Flips one bit, for tests of damaged files.
  void FlipBit(const std::string& path, FilePosition at, int bit);

 private:
  friend class MemoryFile;
  struct Node;
  Status Ask(Operation operation, const std::string& path);
  int64_t UsedBytes() const;

  Random random_;
  Fault fault_;
  ByteCount capacity_{int64_t{1} << 40};
  std::map<std::string, std::shared_ptr<Node>> files_;  // As programs see it now.
  std::map<std::string, std::shared_ptr<Node>>
      durable_files_;  // As a crash would leave the folders.
  std::set<std::string> folders_;
  uint64_t generation_ = 0;  // Rises at a crash; files of an older one are stale.
};

}  // namespace atl
