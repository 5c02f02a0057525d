// What a power cut, a full disk and a failing one do to the file system in memory, case by case:
// the tests of everything above lean on it.
#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "base/memory_file.h"

#include <catch2/catch.hpp>

namespace atl {
namespace {

using Unsynced = MemoryFileSystem::Unsynced;
using Operation = MemoryFileSystem::Operation;

constexpr size_t kSector = 512;

Status Write(File& file, size_t at, std::string_view text) {
  const BytesView piece = AsBytes(text);
  return file.WriteAt(FilePosition(static_cast<int64_t>(at)), std::span(&piece, 1));
}

std::string Contents(FileSystem& fs, const std::string& path) {
  return std::string(AsText(ReadWholeFile(fs, path, ByteCount(1 << 24)).value()));
}

// A file whose name is durable, with `synced` synced and `unsynced` appended after that.
std::shared_ptr<File> MakeFile(MemoryFileSystem& fs, const std::string& path,
                               std::string_view synced, std::string_view unsynced = "") {
  REQUIRE(fs.CreateFolders(ParentPath(path)).ok());
  auto file = fs.Open(path, OpenMode::kCreate).value();
  REQUIRE(Write(*file, 0, synced).ok());
  REQUIRE(file->Sync().ok());
  REQUIRE(fs.SyncFolder(ParentPath(path)).ok());
  REQUIRE(Write(*file, synced.size(), unsynced).ok());
  return file;
}

void FailAll(MemoryFileSystem& fs, Operation failing, Status status) {
  fs.SetFault([failing, status](Operation operation, const std::string&) {
    return operation == failing ? status : OkStatus();
  });
}

TEST_CASE("kLost takes the unsynced bytes: appends, overwrites and truncations", "[crash]") {
  MemoryFileSystem fs;
  MakeFile(fs, "/d/appended", "synced", "+lost");
  const auto overwritten = MakeFile(fs, "/d/overwritten", "synced");
  REQUIRE(Write(*overwritten, 1, "XX").ok());
  const auto cut = MakeFile(fs, "/d/cut", "synced");
  REQUIRE(cut->Truncate(FilePosition(2)).ok());
  fs.Crash(Unsynced::kLost);
  REQUIRE(Contents(fs, "/d/appended") == "synced");
  REQUIRE(Contents(fs, "/d/overwritten") == "synced");
  REQUIRE(Contents(fs, "/d/cut") == "synced");
}

TEST_CASE("kKept keeps the unsynced bytes, and the next crash can't take them", "[crash]") {
  MemoryFileSystem fs;
  MakeFile(fs, "/d/f", "synced", "+kept");
  fs.Crash(Unsynced::kKept);
  REQUIRE(Contents(fs, "/d/f") == "synced+kept");
  fs.Crash(Unsynced::kLost);
  REQUIRE(Contents(fs, "/d/f") == "synced+kept");
}

TEST_CASE("kTorn keeps synced bytes, and of each written sector all or nothing", "[crash]") {
  const std::string synced(kSector + 100, 's');
  const std::string unsynced(5 * kSector, 'u');
  std::set<std::string> outcomes;
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    INFO("seed " << seed);
    MemoryFileSystem fs(seed);
    MakeFile(fs, "/d/f", synced, unsynced);
    fs.Crash(Unsynced::kTorn);
    const std::string torn = Contents(fs, "/d/f");
    REQUIRE(torn.size() >= synced.size());
    REQUIRE(torn.size() <= synced.size() + unsynced.size());
    REQUIRE(torn.starts_with(synced));
    for (size_t begin = synced.size(); begin < torn.size();) {
      const size_t end = std::min((begin / kSector + 1) * kSector, torn.size());
      const std::string sector = torn.substr(begin, end - begin);
      const bool survived = sector == std::string(sector.size(), 'u');
      REQUIRE((survived || sector == std::string(sector.size(), '\0')));
      begin = end;
    }
    outcomes.insert(torn);
  }
  // Everything is possible: nothing survived, all did, holes before survivors, zeros at the end.
  REQUIRE(outcomes.contains(synced));
  REQUIRE(outcomes.contains(synced + unsynced));
  REQUIRE(outcomes.size() > 50);
  REQUIRE(std::ranges::any_of(outcomes, [](const std::string& o) { return o.back() == '\0'; }));
}

TEST_CASE("kTorn leaves the old bytes where an overwritten sector did not survive", "[crash]") {
  std::set<std::string> outcomes;
  for (uint64_t seed = 1; seed <= 100; ++seed) {
    MemoryFileSystem fs(seed);
    const auto file = MakeFile(fs, "/d/f", std::string(3 * kSector, 's'));
    REQUIRE(Write(*file, kSector, std::string(kSector, 'u')).ok());
    fs.Crash(Unsynced::kTorn);
    outcomes.insert(Contents(fs, "/d/f"));
  }
  const std::string third(kSector, 's');
  const std::set<std::string> expected{third + third + third,
                                       third + std::string(kSector, 'u') + third};
  REQUIRE(outcomes == expected);
}

TEST_CASE("kTorn may undo an unsynced truncation, whole", "[crash]") {
  std::set<std::string> outcomes;
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    MemoryFileSystem fs(seed);
    REQUIRE(MakeFile(fs, "/d/f", "synced")->Truncate(FilePosition(2)).ok());
    fs.Crash(Unsynced::kTorn);
    outcomes.insert(Contents(fs, "/d/f"));
  }
  REQUIRE(outcomes == std::set<std::string>{"sy", "synced"});
}

TEST_CASE("The same seed and calls give the same damage", "[crash]") {
  const auto damage = [](uint64_t seed) {
    MemoryFileSystem fs(seed);
    MakeFile(fs, "/d/a", "s", std::string(20 * kSector, 'u'));
    MakeFile(fs, "/d/b", "s", std::string(20 * kSector, 'u'));
    fs.Crash(Unsynced::kTorn);
    return Contents(fs, "/d/a") + Contents(fs, "/d/b");
  };
  REQUIRE(damage(5) == damage(5));
  REQUIRE(damage(5) != damage(6));
}

TEST_CASE("Synced bytes survive every kind of crash", "[crash]") {
  const auto unsynced = GENERATE(Unsynced::kLost, Unsynced::kKept, Unsynced::kTorn);
  MemoryFileSystem fs;
  const auto file = MakeFile(fs, "/d/f", std::string(1000, 'a'), std::string(1000, 'b'));
  REQUIRE(Write(*file, 10, "mid").ok());
  REQUIRE(file->Truncate(FilePosition(1500)).ok());
  REQUIRE(file->Sync().ok());
  const std::string before = Contents(fs, "/d/f");
  fs.Crash(unsynced);
  REQUIRE(Contents(fs, "/d/f") == before);
}

TEST_CASE("A crash makes open files stale, and the file itself can be opened anew", "[crash]") {
  MemoryFileSystem fs;
  const auto file = MakeFile(fs, "/d/f", "x");
  fs.Crash(Unsynced::kKept);
  Bytes buffer(1);
  REQUIRE(file->ReadAt(FilePosition(0), buffer).status().code() == StatusCode::kFailedPrecondition);
  REQUIRE_FALSE(Write(*file, 0, "y").ok());
  REQUIRE_FALSE(file->Sync().ok());
  REQUIRE_FALSE(file->Truncate(FilePosition(0)).ok());
  REQUIRE_FALSE(file->Size().ok());
  REQUIRE(Contents(fs, "/d/f") == "x");
}

TEST_CASE("A new file's name is lost without SyncFolder, however well its bytes were synced",
          "[crash]") {
  MemoryFileSystem fs;
  REQUIRE(fs.CreateFolders("/d").ok());
  REQUIRE(fs.Open("/d/f", OpenMode::kCreate).value()->Sync().ok());
  SECTION("without") {
    fs.Crash(Unsynced::kKept);
    REQUIRE_FALSE(fs.Exists("/d/f").value());
  }
  SECTION("with") {
    REQUIRE(fs.SyncFolder("/d").ok());
    fs.Crash(Unsynced::kLost);
    REQUIRE(fs.Exists("/d/f").value());
  }
  SECTION("with the sync of another folder only") {
    REQUIRE(fs.CreateFolders("/other").ok());
    REQUIRE(fs.SyncFolder("/other").ok());
    fs.Crash(Unsynced::kLost);
    REQUIRE_FALSE(fs.Exists("/d/f").value());
  }
}

TEST_CASE("A rename goes back without SyncFolder; with it a replaced file is gone", "[crash]") {
  MemoryFileSystem fs;
  MakeFile(fs, "/d/f", "old");
  MakeFile(fs, "/d/f.tmp", "new");
  REQUIRE(fs.Rename("/d/f.tmp", "/d/f").ok());
  SECTION("without") {
    fs.Crash(Unsynced::kKept);
    REQUIRE(Contents(fs, "/d/f") == "old");
    REQUIRE(Contents(fs, "/d/f.tmp") == "new");
  }
  SECTION("with") {
    REQUIRE(fs.SyncFolder("/d").ok());
    fs.Crash(Unsynced::kKept);
    REQUIRE(Contents(fs, "/d/f") == "new");
    REQUIRE_FALSE(fs.Exists("/d/f.tmp").value());
  }
}

TEST_CASE("A rename between folders is one step, whichever folder was synced", "[crash]") {
  MemoryFileSystem fs;
  MakeFile(fs, "/a/f", "x");
  REQUIRE(fs.CreateFolders("/b").ok());
  REQUIRE(fs.Rename("/a/f", "/b/g").ok());
  const auto synced = GENERATE(as<std::string>(), "", "/a", "/b");
  if (!synced.empty()) REQUIRE(fs.SyncFolder(synced).ok());
  fs.Crash(Unsynced::kLost);
  REQUIRE(fs.Exists("/a/f").value() == synced.empty());
  REQUIRE(fs.Exists("/b/g").value() == !synced.empty());
  REQUIRE(Contents(fs, synced.empty() ? "/a/f" : "/b/g") == "x");
}

TEST_CASE("A removed file comes back without SyncFolder, with what it last synced", "[crash]") {
  MemoryFileSystem fs;
  MakeFile(fs, "/d/f", "synced", "+lost");
  REQUIRE(fs.Remove("/d/f").ok());
  SECTION("without") {
    fs.Crash(Unsynced::kLost);
    REQUIRE(Contents(fs, "/d/f") == "synced");
  }
  SECTION("with") {
    REQUIRE(fs.SyncFolder("/d").ok());
    fs.Crash(Unsynced::kLost);
    REQUIRE_FALSE(fs.Exists("/d/f").value());
  }
  SECTION("made anew under the same name, without") {
    REQUIRE(Write(*fs.Open("/d/f", OpenMode::kCreate).value(), 0, "other").ok());
    fs.Crash(Unsynced::kLost);
    REQUIRE(Contents(fs, "/d/f") == "synced");
  }
}

TEST_CASE("A folder and its parents become durable by SyncFolder of it or of its parent",
          "[crash]") {
  MemoryFileSystem fs;
  REQUIRE(fs.CreateFolders("/d/x/y").ok());
  SECTION("neither: the folder is lost, the disk's own is not") {
    fs.Crash(Unsynced::kKept);
    REQUIRE_FALSE(fs.Exists("/d/x").value());
    REQUIRE(fs.Exists("/d").value());
  }
  SECTION("of it") {
    REQUIRE(fs.SyncFolder("/d/x/y").ok());
    fs.Crash(Unsynced::kLost);
    REQUIRE(fs.Exists("/d/x/y").value());
  }
  SECTION("of its parent's parent: only what is directly inside") {
    REQUIRE(fs.SyncFolder("/d").ok());
    fs.Crash(Unsynced::kLost);
    REQUIRE(fs.Exists("/d/x").value());
    REQUIRE_FALSE(fs.Exists("/d/x/y").value());
  }
}

TEST_CASE("Removing and renaming whole folders follows the sync of the folder above", "[crash]") {
  MemoryFileSystem fs;
  MakeFile(fs, "/d/topic/0/f", "x");
  const bool synced = GENERATE(false, true);
  SECTION("removed") {
    REQUIRE(fs.RemoveTree("/d/topic").ok());
    if (synced) REQUIRE(fs.SyncFolder("/d").ok());
    fs.Crash(Unsynced::kLost);
    REQUIRE(fs.Exists("/d/topic/0/f").value() == !synced);
    REQUIRE(fs.Exists("/d/topic").value() == !synced);
  }
  SECTION("renamed") {
    REQUIRE(fs.Rename("/d/topic", "/d/gone").ok());
    if (synced) REQUIRE(fs.SyncFolder("/d").ok());
    fs.Crash(Unsynced::kLost);
    REQUIRE(fs.Exists("/d/topic").value() == !synced);
    REQUIRE(Contents(fs, synced ? "/d/gone/0/f" : "/d/topic/0/f") == "x");
  }
}

TEST_CASE("SyncAll makes all bytes and names durable at once", "[crash]") {
  MemoryFileSystem fs;
  REQUIRE(fs.CreateFolders("/d/x").ok());
  REQUIRE(Write(*fs.Open("/d/x/f", OpenMode::kCreate).value(), 0, "bytes").ok());
  REQUIRE(fs.SyncAll("/d").ok());
  fs.Crash(Unsynced::kLost);
  REQUIRE(Contents(fs, "/d/x/f") == "bytes");
}

TEST_CASE("A failed sync drops the unsynced bytes, and the next one lies, as Linux does",
          "[fault]") {
  MemoryFileSystem fs;
  const auto file = MakeFile(fs, "/d/f", "synced", "+lost");
  FailAll(fs, Operation::kSync, StatusFromErrno(5, "sync"));
  SECTION("of the file") { REQUIRE(file->Sync().code() == StatusCode::kDataLoss); }
  SECTION("of everything") { REQUIRE(fs.SyncAll("/d").code() == StatusCode::kDataLoss); }
  fs.SetFault(nullptr);
  REQUIRE(file->Sync().ok());
  REQUIRE(Contents(fs, "/d/f") == "synced");
  fs.Crash(Unsynced::kKept);
  REQUIRE(Contents(fs, "/d/f") == "synced");
}

TEST_CASE("A failed write keeps a random prefix", "[fault]") {
  std::set<size_t> kept;
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    MemoryFileSystem fs(seed);
    const auto file = MakeFile(fs, "/d/f", "");
    FailAll(fs, Operation::kWrite, StatusFromErrno(5, "write"));
    const BytesView pieces[] = {AsBytes("ab"), AsBytes("cd")};
    REQUIRE(file->WriteAt(FilePosition(0), pieces).code() == StatusCode::kDataLoss);
    const std::string contents = Contents(fs, "/d/f");
    REQUIRE(std::string_view("abcd").starts_with(contents));
    kept.insert(contents.size());
  }
  REQUIRE(kept == std::set<size_t>{0, 1, 2, 3, 4});
}

TEST_CASE("Every other operation fails on command and then has done nothing", "[fault]") {
  MemoryFileSystem fs;
  const auto file = MakeFile(fs, "/d/f", "abc");
  const Status fault = Unavailable("on command");
  const auto failing = [&](Operation operation, auto action) {
    FailAll(fs, operation, fault);
    REQUIRE(action().code() == StatusCode::kUnavailable);
    fs.SetFault(nullptr);
    REQUIRE(Contents(fs, "/d/f") == "abc");
  };
  Bytes buffer(3);
  failing(Operation::kOpen, [&] { return fs.Open("/d/new", OpenMode::kCreate).status(); });
  REQUIRE_FALSE(fs.Exists("/d/new").value());
  failing(Operation::kRead, [&] { return file->ReadAt(FilePosition(0), buffer).status(); });
  failing(Operation::kTruncate, [&] { return file->Truncate(FilePosition(0)); });
  failing(Operation::kRename, [&] { return fs.Rename("/d/f", "/d/g"); });
  failing(Operation::kRemove, [&] { return fs.Remove("/d/f"); });
  failing(Operation::kRemove, [&] { return fs.RemoveTree("/d"); });
  REQUIRE(fs.Open("/d/unsynced", OpenMode::kCreate).ok());
  failing(Operation::kSyncFolder, [&] { return fs.SyncFolder("/d"); });
  fs.Crash(Unsynced::kKept);
  REQUIRE_FALSE(fs.Exists("/d/unsynced").value());
}

TEST_CASE("A fault sees the path, so that one file can fail alone", "[fault]") {
  MemoryFileSystem fs;
  const auto good = MakeFile(fs, "/d/good", "");
  const auto bad = MakeFile(fs, "/d/bad", "");
  fs.SetFault([](Operation, const std::string& path) {
    return path == "/d/bad" ? StatusFromErrno(5, path) : OkStatus();
  });
  REQUIRE(Write(*good, 0, "x").ok());
  REQUIRE_FALSE(Write(*bad, 0, "x").ok());
}

TEST_CASE("A full disk takes what fits, still takes overwrites, and recovers when space comes",
          "[fault]") {
  MemoryFileSystem fs;
  const auto file = MakeFile(fs, "/d/f", "12345678");
  MakeFile(fs, "/d/other", "1234");
  fs.SetCapacity(ByteCount(15));
  REQUIRE(fs.SpaceAt("/d").value().free == ByteCount(3));
  REQUIRE(Write(*file, 8, "abcde").code() == StatusCode::kResourceExhausted);
  REQUIRE(Contents(fs, "/d/f") == "12345678abc");
  REQUIRE(Write(*file, 0, "overwrite").ok());
  REQUIRE(Write(*file, 100, "x").code() == StatusCode::kResourceExhausted);
  REQUIRE(fs.Remove("/d/other").ok());
  REQUIRE(Write(*file, 11, "de").ok());
  REQUIRE(file->Truncate(FilePosition(0)).ok());
  REQUIRE(fs.SpaceAt("/d").value().free == ByteCount(15));
}

TEST_CASE("A flipped bit is there at once and after a crash", "[fault]") {
  MemoryFileSystem fs;
  MakeFile(fs, "/d/f", "aaa");
  fs.FlipBit("/d/f", FilePosition(1), 1);
  REQUIRE(Contents(fs, "/d/f") == "aca");
  fs.Crash(Unsynced::kLost);
  REQUIRE(Contents(fs, "/d/f") == "aca");
}

TEST_CASE("A whole file written is there after a crash, or not at all", "[crash]") {
  for (int failing = 0; failing < 12; ++failing) {
    MemoryFileSystem fs(static_cast<uint64_t>(failing) + 1);
    REQUIRE(fs.CreateFolders("/d").ok());
    REQUIRE(WriteWholeFile(fs, "/d/f", AsBytes("old")).ok());
    int calls = 0;
    fs.SetFault([&](Operation, const std::string&) {
      return calls++ == failing ? Unavailable("cut") : OkStatus();
    });
    const bool written = WriteWholeFile(fs, "/d/f", AsBytes("new")).ok();
    fs.SetFault(nullptr);
    fs.Crash(Unsynced::kTorn);
    const std::string contents = Contents(fs, "/d/f");
    REQUIRE((contents == "new" || (contents == "old" && !written)));
  }
}

}  // namespace
}  // namespace atl
