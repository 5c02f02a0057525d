// A file system in memory that behaves as badly as disks do: what was not synced may vanish, be
// torn or survive at a crash; operations fail on command. For tests and the simulator; the same
// seed and calls give the same damage. Not thread-safe. Outlives the files opened from it.
//
// Bytes are durable by File::Sync or SyncAll, names (files and folders) by SyncFolder of the folder
// that holds them, which makes that folder and its parents durable too, or by SyncAll. A rename is
// one step: after a crash a file has its old name or its new one, never both, never none. Folders
// directly below the root are the disks' own and never vanish.
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
    kLost,  // The files are as they were at their last sync.
    kKept,
    // A random subset of the 512-byte sectors written since the last sync survives. A lost one has
    // its old bytes, or zeros past the synced size; the end of the file may be cut after the last
    // survivor; an unsynced truncation may be undone.
    kTorn,
  };
  // All open files go stale (their calls fail), and names that were not made durable go back.
  void Crash(Unsynced unsynced);

  // SyncAll asks as kSync with its path, RemoveTree as kRemove.
  enum class Operation { kOpen, kRead, kWrite, kSync, kRename, kRemove, kSyncFolder, kTruncate };
  // Asked before each operation; a status that is not OK is returned instead of doing it. A failed
  // kWrite keeps a random prefix; a failed kSync drops the unsynced bytes, and the next Sync() says
  // OK, as Linux does.
  using Fault = std::function<Status(Operation, const std::string& path)>;
  void SetFault(Fault fault) { fault_ = std::move(fault); }
  // A write past it keeps what fits and fails as a full disk does (kResourceExhausted).
  void SetCapacity(ByteCount capacity) { capacity_ = capacity; }
  // Flips one bit, for tests of damaged files; it is there after a crash, too.
  void FlipBit(const std::string& path, FilePosition at, int bit);

 private:
  friend class MemoryFile;
  class Node;
  using Names = std::map<std::string, std::shared_ptr<Node>>;
  Status Ask(Operation operation, const std::string& path);
  bool FolderExists(const std::string& path) const;
  ByteCount FreeBytes() const;
  void CommitName(const std::string& path);
  void CommitFolder(const std::string& folder);

  Random random_;
  Fault fault_;
  ByteCount capacity_{int64_t{1} << 40};
  Names files_;                            // As programs see them now.
  Names durable_files_;                    // As a crash would leave them.
  std::set<std::string> folders_;          // The root and "." are not listed.
  std::set<std::string> durable_folders_;  // Invariant: the parents of durable files are in it.
  uint64_t generation_ = 0;                // Rises at a crash; files of an older one are stale.
};

}  // namespace atl
