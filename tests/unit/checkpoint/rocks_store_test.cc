#include "checkpoint/rocks_store.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include "base/failpoint.h"
#include "base/random.h"
#include "tests/support/temp_folder.h"

#include <catch2/catch.hpp>

namespace atl::checkpoint {
namespace {

namespace fs = std::filesystem;

std::unique_ptr<RocksStore> Open(const std::string& folder) {
  StatusOr<std::unique_ptr<RocksStore>> store = RocksStore::Open(folder);
  REQUIRE(store.ok());
  return *std::move(store);
}

void Put(Store& store, const std::string& key, const std::string& value, Sync sync) {
  WriteBatch batch;
  batch.Put(key, value);
  REQUIRE(store.Write(batch, sync).ok());
}

std::map<std::string, std::string> All(Store& store) {
  std::map<std::string, std::string> rows;
  REQUIRE(store
              .Scan("", ScanOrder::kAscending,
                    [&](std::string_view key, std::string_view value) -> StatusOr<ScanStep> {
                      rows.emplace(key, value);
                      return ScanStep::kContinue;
                    })
              .ok());
  return rows;
}

// What a new process would find had this one been killed now.
void CopyAsKilled(const std::string& from, const std::string& to) {
  fs::copy(from, to, fs::copy_options::recursive);
  fs::remove(fs::path(to) / "LOCK");
}

fs::path WriteAheadLog(const std::string& folder) {
  fs::path newest;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder))
    if (entry.path().extension() == ".log" && entry.path() > newest) newest = entry.path();
  REQUIRE_FALSE(newest.empty());
  return newest;
}

std::string ReadBytes(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void WriteBytes(const fs::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

// Batch i puts "key" = i and "i" = i: after any crash the rows must be those of a prefix.
void WriteBatches(Store& store, int first, int end, Sync sync) {
  for (int i = first; i < end; ++i) {
    WriteBatch batch;
    batch.Put("key", std::to_string(i));
    batch.Put(std::to_string(i), std::string(300, 'x'));
    REQUIRE(store.Write(batch, sync).ok());
  }
}

// How many of WriteBatches' batches the store holds; fails if they are no prefix.
int PrefixOf(Store& store) {
  const auto rows = All(store);
  if (rows.empty()) return 0;
  const int last = std::stoi(rows.at("key"));
  for (int i = 0; i <= last; ++i) REQUIRE(rows.contains(std::to_string(i)));
  REQUIRE(rows.size() == static_cast<size_t>(last) + 2);
  return last + 1;
}

struct ArmedFailpoints {
  explicit ArmedFailpoints(const std::string& text) { REQUIRE(Failpoint::Configure(text).ok()); }
  ~ArmedFailpoints() { Failpoint::Configure("").IgnoreError(); }
};

}  // namespace

TEST_CASE("Killing the process loses no batch, lazy ones included", "[checkpoint]") {
  const TempFolder folder;
  const std::string live = folder.path() + "/live";
  const std::string killed = folder.path() + "/killed";
  const auto store = Open(live);
  Put(*store, "synced", "1", Sync::kNow);
  Put(*store, "lazy", "2", Sync::kLazy);
  CopyAsKilled(live, killed);
  REQUIRE(All(*Open(killed)) == std::map<std::string, std::string>{{"synced", "1"}, {"lazy", "2"}});
}

TEST_CASE("A store opened again after an orderly stop has everything", "[checkpoint]") {
  const TempFolder folder;
  { WriteBatches(*Open(folder.path()), 0, 50, Sync::kLazy); }
  for (int i = 0; i < 3; ++i) REQUIRE(PrefixOf(*Open(folder.path())) == 50);
}

TEST_CASE("A write-ahead log torn at any byte opens with a prefix of the batches", "[checkpoint]") {
  const TempFolder folder;
  const std::string live = folder.path() + "/live";
  const auto store = Open(live);
  WriteBatches(*store, 0, 20, Sync::kNow);
  const std::string whole = ReadBytes(WriteAheadLog(live));
  const std::string torn = folder.path() + "/torn";
  int last = 0;
  for (size_t size = 0; size <= whole.size(); size += 97) {
    CopyAsKilled(live, torn);
    WriteBytes(WriteAheadLog(torn), whole.substr(0, size));
    const int prefix = PrefixOf(*Open(torn));
    REQUIRE(prefix >= last);
    last = prefix;
    fs::remove_all(torn);
  }
  REQUIRE(last >= 19);
}

TEST_CASE("A tail of zeros, garbage or lost pages in the write-ahead log opens with a prefix",
          "[checkpoint]") {
  const uint64_t seed = 20261124;
  INFO("seed " << seed);
  Random random(seed);
  const TempFolder folder;
  const std::string live = folder.path() + "/live";
  const auto store = Open(live);
  WriteBatches(*store, 0, 20, Sync::kNow);
  const size_t synced_bytes = ReadBytes(WriteAheadLog(live)).size();
  WriteBatches(*store, 20, 60, Sync::kLazy);
  const std::string whole = ReadBytes(WriteAheadLog(live));
  const std::string torn = folder.path() + "/torn";
  for (int round = 0; round < 30; ++round) {
    CopyAsKilled(live, torn);
    std::string bytes = whole;
    const size_t at = synced_bytes + random.Below(bytes.size() - synced_bytes);
    const size_t count = std::min<size_t>(1 + random.Below(4096), bytes.size() - at);
    for (size_t i = at; i < at + count; ++i)
      bytes[i] = round % 2 == 0 ? '\0' : static_cast<char>(random.Below(256));
    WriteBytes(WriteAheadLog(torn), bytes);
    const int prefix = PrefixOf(*Open(torn));
    REQUIRE(prefix >= 20);
    REQUIRE(prefix <= 60);
    fs::remove_all(torn);
  }
}

TEST_CASE("A failed write or sync of RocksDB ends all writes until the store is reopened",
          "[checkpoint]") {
  const TempFolder folder;
  const auto store = Open(folder.path());
  Put(*store, "before", "1", Sync::kLazy);
  const std::string failpoint = GENERATE("checkpoint.writing", "checkpoint.written",
                                         "checkpoint.syncing", "checkpoint.synced");
  Status failed;
  {
    const ArmedFailpoints armed(failpoint + "=errno:EIO");
    WriteBatch batch;
    batch.Put("during", "1");
    failed = store->Write(batch, Sync::kLazy);
    if (failed.ok()) failed = store->Flush();
  }
  REQUIRE(failed.code() == StatusCode::kDataLoss);
  REQUIRE(std::string(StatusMessage(failed)).starts_with("checkpoint store failed: "));
  WriteBatch after;
  after.Put("after", "1");
  REQUIRE(store->Write(after, Sync::kLazy) == failed);
  REQUIRE(store->Write(after, Sync::kNow) == failed);
  REQUIRE(store->Flush() == failed);
  REQUIRE(store->Get("before").ok());  // Reads go on.

  REQUIRE(store->Reopen().ok());
  REQUIRE(store->Write(after, Sync::kNow).ok());
  const auto rows = All(*store);
  REQUIRE(rows.contains("before"));
  REQUIRE(rows.contains("after"));
}

TEST_CASE("A second owner of the same folder is refused", "[checkpoint]") {
  const TempFolder folder;
  const auto store = Open(folder.path());
  const auto second = RocksStore::Open(folder.path());
  REQUIRE(second.status().code() == StatusCode::kFailedPrecondition);
}

TEST_CASE("A store that was damaged at rest says so instead of guessing", "[checkpoint]") {
  const TempFolder folder;
  { Put(*Open(folder.path()), "a", std::string(10'000, 'x'), Sync::kNow); }
  { REQUIRE(Open(folder.path())->Flush().ok()); }  // The first open made a table file.
  fs::path table;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder.path()))
    if (entry.path().extension() == ".sst") table = entry.path();
  REQUIRE_FALSE(table.empty());

  SECTION("a flipped byte in a table") {
    std::string bytes = ReadBytes(table);
    bytes[5'000] = static_cast<char>(bytes[5'000] ^ 1);
    WriteBytes(table, bytes);
    const auto store = RocksStore::Open(folder.path());
    const Status status = store.ok() ? (*store)->Get("a").status() : store.status();
    REQUIRE(status.code() == StatusCode::kDataLoss);
  }
  SECTION("a missing table") {
    fs::remove(table);
    REQUIRE(RocksStore::Open(folder.path()).status().code() == StatusCode::kDataLoss);
  }
}

TEST_CASE("A store opened for reading leaves every file as it was and refuses writes",
          "[checkpoint]") {
  const TempFolder folder;
  const auto owner = Open(folder.path());
  Put(*owner, "a", "1", Sync::kNow);
  const auto contents = [&] {
    std::map<std::string, std::string> files;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder.path()))
      files[entry.path().filename().string()] = ReadBytes(entry.path());
    return files;
  };
  const auto before = contents();
  {
    const auto reader = RocksStore::OpenReadOnly(folder.path());
    REQUIRE(reader.ok());
    REQUIRE(All(**reader) == std::map<std::string, std::string>{{"a", "1"}});
    REQUIRE((*reader)->Write(WriteBatch{}, Sync::kNow).code() == StatusCode::kFailedPrecondition);
  }
  REQUIRE(contents() == before);
  Put(*owner, "b", "2", Sync::kNow);
}

TEST_CASE("Opening for reading where no store is fails and creates nothing", "[checkpoint]") {
  const TempFolder folder;
  const std::string missing = folder.path() + "/missing";
  REQUIRE(RocksStore::OpenReadOnly(missing).status().code() == StatusCode::kNotFound);
  REQUIRE_FALSE(fs::exists(missing));
}

}  // namespace atl::checkpoint
