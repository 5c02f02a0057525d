// The real file system: thin over the system's calls, every error with its call and path.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>

#include "base/check.h"
#include "base/file.h"

namespace atl {
namespace {

constexpr size_t kMaxPiecesPerCall = 1024;  // Linux's IOV_MAX.

Status Failed(int error, std::string_view call, std::string_view path) {
  return StatusFromErrno(error, fmt::format("{}: {}", path, call));
}

class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  bool is_open() const { return value_ >= 0; }
  int value() const { return value_; }

 private:
  const int value_;
};

class PosixFile final : public File {
 public:
  PosixFile(int descriptor, std::string path) : descriptor_(descriptor), path_(std::move(path)) {}

  StatusOr<size_t> ReadAt(FilePosition at, MutableBytes out) override {
    size_t got = 0;
    while (got < out.size()) {
      const ssize_t n = ::pread(descriptor_.value(), out.data() + got, out.size() - got,
                                at.value() + static_cast<off_t>(got));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return Failed(errno, "read", path_);
      if (n == 0) break;
      got += static_cast<size_t>(n);
    }
    return got;
  }

  Status WriteAt(FilePosition at, std::span<const BytesView> pieces) override {
    BytesView rest;  // What is left of a piece that a short write has split.
    while (true) {
      std::array<iovec, kMaxPiecesPerCall> vector;
      size_t filled = 0;
      const auto put = [&](BytesView piece) {
        if (!piece.empty()) {
          vector[filled++] = {const_cast<std::byte*>(piece.data()), piece.size()};
        }
      };
      put(rest);
      for (size_t i = 0; i < pieces.size() && filled < vector.size(); ++i) put(pieces[i]);
      if (filled == 0) return OkStatus();
      const ssize_t n =
          ::pwritev(descriptor_.value(), vector.data(), static_cast<int>(filled), at.value());
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return Failed(n < 0 ? errno : EIO, "write", path_);
      at = at + ByteCount(n);
      Skip(static_cast<size_t>(n), rest, pieces);
    }
  }

  Status Sync() override {
    return ::fdatasync(descriptor_.value()) == 0 ? OkStatus() : Failed(errno, "fdatasync", path_);
  }

  Status Truncate(FilePosition size) override {
    while (::ftruncate(descriptor_.value(), size.value()) != 0) {
      if (errno != EINTR) return Failed(errno, "truncate", path_);
    }
    return OkStatus();
  }

  StatusOr<ByteCount> Size() override {
    struct stat found {};
    if (::fstat(descriptor_.value(), &found) != 0) return Failed(errno, "stat", path_);
    return ByteCount(found.st_size);
  }

  int descriptor() const override { return descriptor_.value(); }
  const std::string& path() const override { return path_; }

 private:
  // Moves past the first `written` bytes of `rest` followed by `pieces`.
  static void Skip(size_t written, BytesView& rest, std::span<const BytesView>& pieces) {
    while (true) {
      const size_t step = std::min(written, rest.size());
      rest = rest.subspan(step);
      written -= step;
      if (written == 0) return;
      rest = pieces.front();
      pieces = pieces.subspan(1);
    }
  }

  const Descriptor descriptor_;
  const std::string path_;
};

class RealFileSystem final : public FileSystem {
 public:
  StatusOr<std::shared_ptr<File>> Open(const std::string& path, OpenMode mode) override {
    int flags = O_CLOEXEC | (mode == OpenMode::kRead ? O_RDONLY : O_RDWR);
    if (mode == OpenMode::kCreate) flags |= O_CREAT;
    const int descriptor = ::open(path.c_str(), flags, 0640);
    if (descriptor < 0) return Failed(errno, "open", path);
    return std::make_shared<PosixFile>(descriptor, path);
  }

  StatusOr<bool> Exists(const std::string& path) override {
    struct stat found {};
    if (::stat(path.c_str(), &found) == 0) return true;
    if (errno == ENOENT || errno == ENOTDIR) return false;
    return Failed(errno, "stat", path);
  }

  Status Rename(const std::string& from, const std::string& to) override {
    if (::rename(from.c_str(), to.c_str()) == 0) return OkStatus();
    return Failed(errno, "rename", fmt::format("{} to {}", from, to));
  }

  Status Remove(const std::string& path) override {
    if (::unlink(path.c_str()) == 0 || errno == ENOENT) return OkStatus();
    return Failed(errno, "remove", path);
  }

  Status RemoveTree(const std::string& path) override {
    std::error_code error;
    std::filesystem::remove_all(path, error);
    return error ? Failed(error.value(), "remove", path) : OkStatus();
  }

  Status CreateFolders(const std::string& path) override {
    std::error_code error;
    std::filesystem::create_directories(path, error);
    return error ? Failed(error.value(), "create folder", path) : OkStatus();
  }

  StatusOr<std::vector<std::string>> List(const std::string& folder) override {
    std::error_code error;
    std::vector<std::string> names;
    std::filesystem::directory_iterator entry(folder, error);
    for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
      names.push_back(entry->path().filename().string());
    }
    if (error) return Failed(error.value(), "list", folder);
    std::sort(names.begin(), names.end());
    return names;
  }

  Status SyncFolder(const std::string& folder) override {
    const Descriptor opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!opened.is_open()) return Failed(errno, "open folder", folder);
    return ::fsync(opened.value()) == 0 ? OkStatus() : Failed(errno, "fsync", folder);
  }

  Status SyncAll(const std::string& path) override {
    const Descriptor opened(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!opened.is_open()) return Failed(errno, "open", path);
    return ::syncfs(opened.value()) == 0 ? OkStatus() : Failed(errno, "syncfs", path);
  }

  StatusOr<Space> SpaceAt(const std::string& path) override {
    struct statvfs found {};
    if (::statvfs(path.c_str(), &found) != 0) return Failed(errno, "statvfs", path);
    const auto bytes = [&found](fsblkcnt_t blocks) {
      return ByteCount(static_cast<int64_t>(blocks * found.f_frsize));
    };
    return Space{.free = bytes(found.f_bavail), .total = bytes(found.f_blocks)};
  }
};

}  // namespace

FileSystem& PosixFileSystem() {
  static RealFileSystem fs;
  return fs;
}

}  // namespace atl
