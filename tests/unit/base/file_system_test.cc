// What both file systems promise alike: every case runs on the real one and on the one in memory.
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/memory_file.h"

#include <catch2/catch.hpp>

namespace atl {
namespace {

// A folder of its own for one test, on either file system.
class TestFolder {
 public:
  explicit TestFolder(bool real) : real_(real) {
    if (!real) {
      REQUIRE(memory_.CreateFolders(path_).ok());
      return;
    }
    std::string name =
        JoinPath(std::getenv("TMPDIR") ? std::getenv("TMPDIR") : "/tmp", "atoll-file-test-XXXXXX");
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~TestFolder() { fs().RemoveTree(path_).IgnoreError(); }
  FileSystem& fs() { return real_ ? PosixFileSystem() : memory_; }
  std::string At(std::string_view name) const { return JoinPath(path_, name); }

 private:
  const bool real_;
  MemoryFileSystem memory_;
  std::string path_ = "/test";
};

Status Write(File& file, int64_t at, std::string_view text) {
  const BytesView piece = AsBytes(text);
  return file.WriteAt(FilePosition(at), std::span(&piece, 1));
}

std::string Contents(FileSystem& fs, const std::string& path) {
  return std::string(AsText(ReadWholeFile(fs, path, ByteCount(1 << 24)).value()));
}

TEST_CASE("Open finds, makes or refuses a file by its mode", "[file]") {
  TestFolder folder(GENERATE(true, false));
  FileSystem& fs = folder.fs();
  const std::string path = folder.At("f");
  REQUIRE(fs.Open(path, OpenMode::kRead).status().code() == StatusCode::kNotFound);
  REQUIRE(fs.Open(path, OpenMode::kReadWrite).status().code() == StatusCode::kNotFound);
  REQUIRE(Write(*fs.Open(path, OpenMode::kCreate).value(), 0, "abc").ok());
  REQUIRE(fs.Open(path, OpenMode::kCreate).value()->Size().value() == ByteCount(3));
  const auto reader = fs.Open(path, OpenMode::kRead).value();
  REQUIRE(reader->path() == path);
  REQUIRE_FALSE(Write(*reader, 0, "x").ok());
  const std::string orphan = folder.At("none/f");
  REQUIRE(fs.Open(orphan, OpenMode::kCreate).status().code() == StatusCode::kNotFound);
}

TEST_CASE("A write of many pieces lands whole, empty pieces and all", "[file]") {
  TestFolder folder(GENERATE(true, false));
  const auto file = folder.fs().Open(folder.At("f"), OpenMode::kCreate).value();
  std::vector<std::string> texts;
  std::string expected;
  for (int i = 0; i < 5000; ++i) {  // More than one pwritev takes.
    texts.push_back(i % 7 == 0 ? "" : fmt::format("<{}>", i));
    expected += texts.back();
  }
  std::vector<BytesView> pieces;
  for (const std::string& text : texts) pieces.push_back(AsBytes(text));
  REQUIRE(file->WriteAt(FilePosition(0), pieces).ok());
  REQUIRE(Contents(folder.fs(), folder.At("f")) == expected);
  REQUIRE(file->WriteAt(FilePosition(0), {}).ok());
  REQUIRE(file->Sync().ok());
}

TEST_CASE("Reads stop at the end, holes are zeros, truncation cuts and extends", "[file]") {
  TestFolder folder(GENERATE(true, false));
  const auto file = folder.fs().Open(folder.At("f"), OpenMode::kCreate).value();
  REQUIRE(Write(*file, 4, "tail").ok());
  Bytes buffer(16);
  REQUIRE(file->ReadAt(FilePosition(0), buffer).value() == 8);
  REQUIRE(AsText(BytesView(buffer).first(8)) == std::string_view("\0\0\0\0tail", 8));
  REQUIRE(file->ReadAt(FilePosition(6), MutableBytes(buffer).first(1)).value() == 1);
  REQUIRE(buffer[0] == std::byte{'i'});
  REQUIRE(file->ReadAt(FilePosition(8), buffer).value() == 0);
  REQUIRE(file->ReadAt(FilePosition(100), buffer).value() == 0);
  REQUIRE(file->Truncate(FilePosition(5)).ok());
  REQUIRE(file->Truncate(FilePosition(7)).ok());
  REQUIRE(Contents(folder.fs(), folder.At("f")) == std::string_view("\0\0\0\0t\0\0", 7));
  REQUIRE_FALSE(file->ReadAt(FilePosition(-1), buffer).ok());
  REQUIRE_FALSE(Write(*file, -1, "x").ok());
  REQUIRE_FALSE(file->Truncate(FilePosition(-1)).ok());
}

TEST_CASE("Folders are made with their parents, listed in order and removed whole", "[file]") {
  TestFolder folder(GENERATE(true, false));
  FileSystem& fs = folder.fs();
  REQUIRE(fs.CreateFolders(folder.At("b/c/d")).ok());
  REQUIRE(fs.CreateFolders(folder.At("b/c")).ok());
  REQUIRE(fs.Open(folder.At("b/z"), OpenMode::kCreate).ok());
  REQUIRE(fs.Open(folder.At("b/a"), OpenMode::kCreate).ok());
  REQUIRE(fs.List(folder.At("b")).value() == std::vector<std::string>{"a", "c", "z"});
  REQUIRE(fs.List(folder.At("b/c/d")).value().empty());
  REQUIRE(fs.List(folder.At("none")).status().code() == StatusCode::kNotFound);
  REQUIRE(fs.Exists(folder.At("b/c")).value());
  REQUIRE_FALSE(fs.Remove(folder.At("b/c")).ok());
  REQUIRE_FALSE(fs.CreateFolders(folder.At("b/a/below-a-file")).ok());
  REQUIRE(fs.RemoveTree(folder.At("b")).ok());
  REQUIRE_FALSE(fs.Exists(folder.At("b")).value());
  REQUIRE_FALSE(fs.Exists(folder.At("b/c/d")).value());
  REQUIRE(fs.RemoveTree(folder.At("b")).ok());
}

TEST_CASE("Renames replace files, move whole folders, and open files go along", "[file]") {
  TestFolder folder(GENERATE(true, false));
  FileSystem& fs = folder.fs();
  const auto file = fs.Open(folder.At("new"), OpenMode::kCreate).value();
  REQUIRE(Write(*file, 0, "new").ok());
  REQUIRE(Write(*fs.Open(folder.At("old"), OpenMode::kCreate).value(), 0, "old").ok());
  REQUIRE(fs.Rename(folder.At("new"), folder.At("old")).ok());
  REQUIRE(Contents(fs, folder.At("old")) == "new");
  REQUIRE_FALSE(fs.Exists(folder.At("new")).value());
  REQUIRE(Write(*file, 3, "er").ok());
  REQUIRE(Contents(fs, folder.At("old")) == "newer");
  REQUIRE(fs.Rename(folder.At("none"), folder.At("x")).code() == StatusCode::kNotFound);
  REQUIRE(fs.CreateFolders(folder.At("from/sub")).ok());
  REQUIRE(Write(*fs.Open(folder.At("from/sub/f"), OpenMode::kCreate).value(), 0, "deep").ok());
  REQUIRE(fs.Rename(folder.At("from"), folder.At("to")).ok());
  REQUIRE(Contents(fs, folder.At("to/sub/f")) == "deep");
  REQUIRE_FALSE(fs.Exists(folder.At("from")).value());
  REQUIRE(fs.CreateFolders(folder.At("full/x")).ok());
  REQUIRE_FALSE(fs.Rename(folder.At("to"), folder.At("full")).ok());
}

TEST_CASE("A removed file lives on for those who have it open", "[file]") {
  TestFolder folder(GENERATE(true, false));
  FileSystem& fs = folder.fs();
  const auto file = fs.Open(folder.At("f"), OpenMode::kCreate).value();
  REQUIRE(Write(*file, 0, "kept").ok());
  REQUIRE(fs.Remove(folder.At("f")).ok());
  REQUIRE(fs.Remove(folder.At("f")).ok());
  REQUIRE(file->Size().value() == ByteCount(4));
  REQUIRE_FALSE(fs.Exists(folder.At("f")).value());
}

TEST_CASE("Whole files are written over, and read only below the limit", "[file]") {
  TestFolder folder(GENERATE(true, false));
  FileSystem& fs = folder.fs();
  const std::string path = folder.At("f");
  // What a crash between write and rename leaves behind does not get into the next file.
  REQUIRE(Write(*fs.Open(path + ".tmp", OpenMode::kCreate).value(), 0, "a longer leftover").ok());
  REQUIRE(WriteWholeFile(fs, path, AsBytes("first")).ok());
  REQUIRE(WriteWholeFile(fs, path, AsBytes("2nd")).ok());
  REQUIRE(Contents(fs, path) == "2nd");
  REQUIRE(fs.List(ParentPath(path)).value() == std::vector<std::string>{"f"});
  REQUIRE(ReadWholeFile(fs, path, ByteCount(3)).ok());
  REQUIRE(ReadWholeFile(fs, path, ByteCount(2)).status().code() == StatusCode::kResourceExhausted);
  REQUIRE(ReadWholeFile(fs, folder.At("none"), ByteCount(9)).status().code() ==
          StatusCode::kNotFound);
}

TEST_CASE("Syncs and space are there for a path that exists, and say so when it does not",
          "[file]") {
  TestFolder folder(GENERATE(true, false));
  FileSystem& fs = folder.fs();
  REQUIRE(fs.SyncFolder(folder.At("")).ok());
  REQUIRE(fs.SyncAll(folder.At("")).ok());
  const FileSystem::Space space = fs.SpaceAt(folder.At("")).value();
  REQUIRE(space.free > ByteCount(0));
  REQUIRE(space.total >= space.free);
  const std::string none = folder.At("none");
  REQUIRE(fs.SyncFolder(none).code() == StatusCode::kNotFound);
  REQUIRE(fs.SyncAll(none).code() == StatusCode::kNotFound);
  REQUIRE(fs.SpaceAt(none).status().code() == StatusCode::kNotFound);
}

TEST_CASE("Only the real file system has descriptors for sendfile", "[file]") {
  TestFolder real(true);
  REQUIRE(real.fs().Open(real.At("f"), OpenMode::kCreate).value()->descriptor() >= 0);
  TestFolder memory(false);
  REQUIRE(memory.fs().Open(memory.At("f"), OpenMode::kCreate).value()->descriptor() == -1);
}

TEST_CASE("An error names the path, the call and the cause", "[file]") {
  TestFolder folder(true);
  const std::string path = folder.At("none");
  const Status status = folder.fs().Open(path, OpenMode::kRead).status();
  REQUIRE(StatusMessage(status) == path + ": open: No such file or directory");
}

}  // namespace
}  // namespace atl
