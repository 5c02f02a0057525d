// Files, as a port: the only way to the disk outside RocksDB. Production uses PosixFileSystem;
// tests and the simulator use MemoryFileSystem (base/memory_file.h), which drops or tears what was
// not synced. Every error carries the path and the cause. A failed Sync() is final for that file:
// the kernel may have dropped the pages and the next call would lie, so callers close, reopen and
// verify, and never retry.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/status.h"
#include "base/types.h"

namespace atl {

// One open file. Reads may run on any thread, at the same time as one writer.
class File {
 public:
  virtual ~File() = default;
  // Reads up to out.size() bytes from `at`; fewer only at the end of the file.
  virtual StatusOr<size_t> ReadAt(FilePosition at, MutableBytes out) = 0;
  // Writes all pieces one after the other at `at` (pwritev), or fails; after a failure any prefix
  // may be there.
  virtual Status WriteAt(FilePosition at, std::span<const BytesView> pieces) = 0;
  // fdatasync: on OK everything written so far, and the file's size, is durable.
  virtual Status Sync() = 0;
  virtual Status Truncate(FilePosition size) = 0;
  virtual StatusOr<ByteCount> Size() = 0;
  // The descriptor for sendfile, or -1 where there is none.
  virtual int descriptor() const { return -1; }
  virtual const std::string& path() const = 0;
};

// A stretch of a file, kept alive with it: how record batches travel from a segment to a socket
// without being read.
struct FileSlice {
  std::shared_ptr<File> file;
  FilePosition position;
  ByteCount length;
};

enum class OpenMode {
  kRead,
  kReadWrite,
  kCreate
};  // kCreate: read and write, made if missing, never truncated.

class FileSystem {
 public:
  virtual ~FileSystem() = default;
  virtual StatusOr<std::shared_ptr<File>> Open(const std::string& path, OpenMode mode) = 0;
  virtual StatusOr<bool> Exists(const std::string& path) = 0;
  virtual Status Rename(const std::string& from, const std::string& to) = 0;
  virtual Status Remove(const std::string& path) = 0;  // A file. Missing is OK.
  virtual Status RemoveTree(
      const std::string& path) = 0;  // A folder with all in it. Missing is OK.
  virtual Status CreateFolders(const std::string& path) = 0;  // With parents; existing is OK.
  virtual StatusOr<std::vector<std::string>> List(const std::string& folder) = 0;  // Names, sorted.
  // Makes creations, renames and removals in `folder` durable.
  virtual Status SyncFolder(const std::string& folder) = 0;
  // syncfs: everything written to the file system that holds `path` is durable. For rounds that
  // touch many files.
  virtual Status SyncAll(const std::string& path) = 0;
  struct Space {
    ByteCount free;
    ByteCount total;
  };
  virtual StatusOr<Space> SpaceAt(const std::string& path) = 0;
};

// Thread-safe, lives for ever.
FileSystem& PosixFileSystem();

// The whole file, at most `limit` bytes (kResourceExhausted above).
StatusOr<Bytes> ReadWholeFile(FileSystem& fs, const std::string& path, ByteCount limit);
// Writes `path` whole or not at all: temporary file, sync, rename, folder sync.
Status WriteWholeFile(FileSystem& fs, const std::string& path, BytesView contents);
std::string JoinPath(std::string_view folder, std::string_view name);
std::string ParentPath(std::string_view path);

}  // namespace atl
