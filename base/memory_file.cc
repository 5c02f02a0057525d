#include "base/memory_file.h"

#include <algorithm>
#include <filesystem>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/memory_node.h"

namespace atl {
namespace {

// One spelling per path: no doubled or trailing slashes, no "." or ".." inside.
std::string Normal(const std::string& path) {
  std::string normal = std::filesystem::path(path).lexically_normal().string();
  while (normal.size() > 1 && normal.back() == '/') normal.pop_back();
  return normal.empty() ? "." : normal;
}

bool IsRoot(std::string_view path) { return path == "/" || path == "."; }

bool IsBelow(std::string_view path, std::string_view folder) {
  if (IsRoot(folder)) return folder == "/" ? path.starts_with('/') : !path.starts_with('/');
  return path.size() > folder.size() && path.starts_with(folder) && path[folder.size()] == '/';
}

template <class Container>
std::vector<std::string> PathsBelow(const Container& container, const std::string& folder) {
  std::vector<std::string> paths;
  for (const auto& item : container) {
    if constexpr (std::is_same_v<typename Container::value_type, std::string>) {
      if (IsBelow(item, folder)) paths.push_back(item);
    } else {
      if (IsBelow(item.first, folder)) paths.push_back(item.first);
    }
  }
  return paths;
}

Status Missing(const std::string& path) { return NotFound("{}: no such file or folder", path); }

}  // namespace

class MemoryFile final : public File {
 public:
  MemoryFile(MemoryFileSystem& fs, std::shared_ptr<MemoryFileSystem::Node> node, std::string path,
             OpenMode mode)
      : fs_(fs),
        node_(std::move(node)),
        path_(std::move(path)),
        writable_(mode != OpenMode::kRead),
        generation_(fs.generation_) {}

  StatusOr<size_t> ReadAt(FilePosition at, MutableBytes out) override {
    RETURN_IF_ERROR(Check(at));
    RETURN_IF_ERROR(fs_.Ask(MemoryFileSystem::Operation::kRead, path_));
    const Bytes& bytes = node_->bytes();
    const size_t from = std::min(static_cast<size_t>(at.value()), bytes.size());
    const size_t length = std::min(out.size(), bytes.size() - from);
    std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(from), length, out.begin());
    return length;
  }

  Status WriteAt(FilePosition at, std::span<const BytesView> pieces) override {
    RETURN_IF_ERROR(CheckChange(at));
    size_t total = 0;
    for (const BytesView piece : pieces) total += piece.size();
    Status outcome = fs_.Ask(MemoryFileSystem::Operation::kWrite, path_);
    size_t kept = outcome.ok() ? total : static_cast<size_t>(fs_.random_.Below(total + 1));
    const size_t limit = Writable(static_cast<size_t>(at.value()));
    if (kept > limit) {
      kept = limit;
      outcome = ResourceExhausted("{}: write: No space left on device", path_);
    }
    size_t position = static_cast<size_t>(at.value());
    for (const BytesView piece : pieces) {
      const size_t length = std::min(piece.size(), kept);
      node_->Write(position, piece.first(length));
      position += length;
      kept -= length;
    }
    return outcome;
  }

  Status Sync() override {
    RETURN_IF_ERROR(CheckChange(FilePosition(0)));
    const Status asked = fs_.Ask(MemoryFileSystem::Operation::kSync, path_);
    if (asked.ok()) {
      node_->Sync();
    } else {
      node_->DropUnsynced();
    }
    return asked;
  }

  Status Truncate(FilePosition size) override {
    RETURN_IF_ERROR(CheckChange(size));
    RETURN_IF_ERROR(fs_.Ask(MemoryFileSystem::Operation::kTruncate, path_));
    node_->Resize(static_cast<size_t>(size.value()));
    return OkStatus();
  }

  StatusOr<ByteCount> Size() override {
    RETURN_IF_ERROR(Check(FilePosition(0)));
    return ByteCount(static_cast<int64_t>(node_->bytes().size()));
  }

  const std::string& path() const override { return path_; }

 private:
  Status Check(FilePosition at) const {
    if (generation_ != fs_.generation_) {
      return FailedPrecondition("{}: opened before the crash", path_);
    }
    if (at.value() < 0) return InvalidArgument("{}: position {}", path_, at.value());
    return OkStatus();
  }
  Status CheckChange(FilePosition at) const {
    RETURN_IF_ERROR(Check(at));
    return writable_ ? OkStatus() : FailedPrecondition("{}: opened for reading only", path_);
  }
  // How many bytes fit at `from` before the disk is full; overwriting costs nothing.
  size_t Writable(size_t from) const {
    const size_t size = node_->bytes().size();
    const size_t end = size + static_cast<size_t>(fs_.FreeBytes().value());
    return end > from ? end - from : 0;
  }

  MemoryFileSystem& fs_;
  const std::shared_ptr<MemoryFileSystem::Node> node_;
  const std::string path_;
  const bool writable_;
  const uint64_t generation_;
};

MemoryFileSystem::MemoryFileSystem(uint64_t seed) : random_(seed) {}
MemoryFileSystem::~MemoryFileSystem() = default;

StatusOr<std::shared_ptr<File>> MemoryFileSystem::Open(const std::string& path, OpenMode mode) {
  const std::string name = Normal(path);
  RETURN_IF_ERROR(Ask(Operation::kOpen, name));
  if (FolderExists(name)) return FailedPrecondition("{}: open: is a folder", path);
  if (!files_.contains(name)) {
    if (mode != OpenMode::kCreate || !FolderExists(ParentPath(name))) return Missing(path);
    files_[name] = std::make_shared<Node>();
  }
  return std::make_shared<MemoryFile>(*this, files_[name], path, mode);
}

StatusOr<bool> MemoryFileSystem::Exists(const std::string& path) {
  const std::string name = Normal(path);
  return files_.contains(name) || FolderExists(name);
}

Status MemoryFileSystem::Rename(const std::string& from, const std::string& to) {
  const std::string source = Normal(from);
  const std::string target = Normal(to);
  RETURN_IF_ERROR(Ask(Operation::kRename, source));
  if (source == target) return OkStatus();
  if (!FolderExists(ParentPath(target))) return Missing(to);
  if (const auto found = files_.find(source); found != files_.end()) {
    if (FolderExists(target)) return FailedPrecondition("{}: rename: is a folder", to);
    files_[target] = std::move(found->second);
    files_.erase(source);
    return OkStatus();
  }
  if (!folders_.contains(source)) return Missing(from);
  if (files_.contains(target) || IsBelow(target, source)) {
    return FailedPrecondition("{}: rename of a folder: not possible", to);
  }
  if (!PathsBelow(files_, target).empty() || !PathsBelow(folders_, target).empty()) {
    return FailedPrecondition("{}: rename: the folder is not empty", to);
  }
  for (const std::string& path : PathsBelow(files_, source)) {
    files_[target + path.substr(source.size())] = std::move(files_[path]);
    files_.erase(path);
  }
  for (const std::string& path : PathsBelow(folders_, source)) {
    folders_.insert(target + path.substr(source.size()));
    folders_.erase(path);
  }
  folders_.erase(source);
  folders_.insert(target);
  return OkStatus();
}

Status MemoryFileSystem::Remove(const std::string& path) {
  const std::string name = Normal(path);
  RETURN_IF_ERROR(Ask(Operation::kRemove, name));
  if (FolderExists(name)) return FailedPrecondition("{}: remove: is a folder", path);
  files_.erase(name);
  return OkStatus();
}

Status MemoryFileSystem::RemoveTree(const std::string& path) {
  const std::string name = Normal(path);
  RETURN_IF_ERROR(Ask(Operation::kRemove, name));
  for (const std::string& file : PathsBelow(files_, name)) files_.erase(file);
  for (const std::string& folder : PathsBelow(folders_, name)) folders_.erase(folder);
  files_.erase(name);
  folders_.erase(name);
  return OkStatus();
}

Status MemoryFileSystem::CreateFolders(const std::string& path) {
  for (std::string folder = Normal(path); !IsRoot(folder); folder = ParentPath(folder)) {
    if (files_.contains(folder)) return FailedPrecondition("{}: is a file", folder);
    folders_.insert(folder);
    if (IsRoot(ParentPath(folder))) durable_folders_.insert(folder);
  }
  return OkStatus();
}

StatusOr<std::vector<std::string>> MemoryFileSystem::List(const std::string& folder) {
  const std::string parent = Normal(folder);
  if (!FolderExists(parent)) return Missing(folder);
  std::vector<std::string> names;
  const auto add = [&](const std::string& path) {
    if (ParentPath(path) == parent) names.push_back(path.substr(path.rfind('/') + 1));
  };
  for (const auto& [path, node] : files_) add(path);
  for (const std::string& path : folders_) add(path);
  std::sort(names.begin(), names.end());
  return names;
}

Status MemoryFileSystem::SyncFolder(const std::string& folder) {
  const std::string name = Normal(folder);
  RETURN_IF_ERROR(Ask(Operation::kSyncFolder, name));
  if (!FolderExists(name)) return Missing(folder);
  CommitFolder(name);
  return OkStatus();
}

Status MemoryFileSystem::SyncAll(const std::string& path) {
  const std::string name = Normal(path);
  if (!files_.contains(name) && !FolderExists(name)) return Missing(path);
  const Status asked = Ask(Operation::kSync, name);
  for (const auto& [file, node] : files_) {
    if (asked.ok()) {
      node->Sync();
    } else {
      node->DropUnsynced();
    }
  }
  if (!asked.ok()) return asked;
  durable_files_ = files_;
  durable_folders_ = folders_;
  return OkStatus();
}

StatusOr<FileSystem::Space> MemoryFileSystem::SpaceAt(const std::string& path) {
  const std::string name = Normal(path);
  if (!files_.contains(name) && !FolderExists(name)) return Missing(path);
  return Space{.free = FreeBytes(), .total = capacity_};
}

void MemoryFileSystem::Crash(Unsynced unsynced) {
  ++generation_;
  files_ = durable_files_;
  folders_ = durable_folders_;
  for (const auto& [path, node] : files_) node->Crash(unsynced, random_);
}

void MemoryFileSystem::FlipBit(const std::string& path, FilePosition at, int bit) {
  const auto found = files_.find(Normal(path));
  CHECK(found != files_.end(), "no file {}", path);
  found->second->FlipBit(static_cast<size_t>(at.value()), bit);
}

Status MemoryFileSystem::Ask(Operation operation, const std::string& path) {
  return fault_ ? fault_(operation, path) : OkStatus();
}

bool MemoryFileSystem::FolderExists(const std::string& path) const {
  return IsRoot(path) || folders_.contains(path);
}

ByteCount MemoryFileSystem::FreeBytes() const {
  ByteCount used;
  for (const auto& [path, node] : files_) {
    used += ByteCount(static_cast<int64_t>(node->bytes().size()));
  }
  return std::max(capacity_ - used, ByteCount(0));
}

// Makes durable what `path` is now: this file, or nothing. A file that moved takes its whole rename
// along.
void MemoryFileSystem::CommitName(const std::string& path) {
  const auto durable = durable_files_.find(path);
  const auto present = files_.find(path);
  const bool nothing_new = durable != durable_files_.end() && present != files_.end() &&
                           durable->second == present->second;
  if (nothing_new) return;  // The rule for most names of a folder: keeps its sync linear.
  if (durable != durable_files_.end()) {
    const std::shared_ptr<Node> node = durable->second;
    durable_files_.erase(durable);
    for (const auto& [name, other] : files_) {
      if (other == node) durable_files_[name] = node;
    }
  }
  if (present == files_.end()) return;
  std::erase_if(durable_files_, [&](const auto& item) { return item.second == present->second; });
  durable_files_[path] = present->second;
}

void MemoryFileSystem::CommitFolder(const std::string& folder) {
  const auto is_child = [&](const std::string& path) { return ParentPath(path) == folder; };
  for (const std::string& path : PathsBelow(durable_files_, folder)) {
    if (is_child(path) || !FolderExists(ParentPath(path))) CommitName(path);
  }
  for (const std::string& path : PathsBelow(files_, folder)) {
    if (is_child(path)) CommitName(path);
  }
  for (const std::string& path : PathsBelow(durable_folders_, folder)) {
    if (!folders_.contains(path)) durable_folders_.erase(path);
  }
  for (const std::string& path : PathsBelow(folders_, folder)) {
    if (is_child(path)) durable_folders_.insert(path);
  }
  // A journal that holds a name holds all that led to it.
  const auto commit_parents = [this](std::string path) {
    for (; !IsRoot(path); path = ParentPath(path)) durable_folders_.insert(path);
  };
  commit_parents(folder);
  for (const auto& [path, node] : durable_files_) commit_parents(ParentPath(path));
}

}  // namespace atl
