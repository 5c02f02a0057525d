// What every file system can do with the port alone.
#include "base/file.h"

namespace atl {

StatusOr<Bytes> ReadWholeFile(FileSystem& fs, const std::string& path, ByteCount limit) {
  ASSIGN_OR_RETURN(const std::shared_ptr<File> file, fs.Open(path, OpenMode::kRead));
  ASSIGN_OR_RETURN(const ByteCount size, file->Size());
  if (size > limit) {
    return ResourceExhausted("{}: {} bytes are more than the {} allowed", path, size.value(),
                             limit.value());
  }
  Bytes contents(static_cast<size_t>(size.value()));
  ASSIGN_OR_RETURN(const size_t got, file->ReadAt(FilePosition(0), contents));
  contents.resize(got);  // It may have been cut meanwhile.
  return contents;
}

Status WriteWholeFile(FileSystem& fs, const std::string& path, BytesView contents) {
  const std::string temporary = path + ".tmp";
  {
    ASSIGN_OR_RETURN(const std::shared_ptr<File> file, fs.Open(temporary, OpenMode::kCreate));
    RETURN_IF_ERROR(file->Truncate(FilePosition(0)));  // A crash may have left an older one.
    RETURN_IF_ERROR(file->WriteAt(FilePosition(0), std::span(&contents, 1)));
    RETURN_IF_ERROR(file->Sync());
  }
  RETURN_IF_ERROR(fs.Rename(temporary, path));
  return fs.SyncFolder(ParentPath(path));
}

std::string JoinPath(std::string_view folder, std::string_view name) {
  if (folder.empty()) return std::string(name);
  return fmt::format("{}{}{}", folder, folder.back() == '/' ? "" : "/", name);
}

std::string ParentPath(std::string_view path) {
  while (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
  const size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return ".";
  path = path.substr(0, slash);
  while (!path.empty() && path.back() == '/') path.remove_suffix(1);
  return path.empty() ? "/" : std::string(path);
}

}  // namespace atl
