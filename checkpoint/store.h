// The durable key-value store under everything that is not a log: one small interface with two
// implementations, RocksStore (RocksDB) and MemoryStore (its twin for tests and the simulator, with
// the same crash semantics). The tables beside this file give keys and values their types; nobody
// else calls Put or Get with bytes of their own.
// Threads: every call is safe from any thread and may block on the disk; reactors don't call it.
// Crash semantics: batches become durable whole and in the order in which they were written. After
// a crash the store holds all synced batches and perhaps some of the later ones: always a prefix.
// Failure: a failed write or sync is final. Every later write returns kDataLoss with the first
// cause, until Reopen(). Reads go on as long as the implementation can serve them.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"

namespace atl::checkpoint {

enum class Sync {
  kNow,   // Write returns when the batch is durable.
  kLazy,  // Durable at the next Flush() or Write(kNow); the owner of the store flushes every tick.
};

// Changes that become durable together or not at all. Applied in order: the last one to a key wins.
struct WriteBatch {
  struct Change {
    std::string key;
    std::optional<std::string> value;  // None: delete. Deleting a missing key is no error.
  };
  std::vector<Change> changes;

  void Put(std::string key, std::string value) {
    changes.push_back({std::move(key), std::move(value)});
  }
  void Delete(std::string key) { changes.push_back({std::move(key), std::nullopt}); }
  bool empty() const { return changes.empty(); }
};

enum class ScanOrder { kAscending, kDescending };  // By the bytes of the key.
enum class ScanStep { kContinue, kStop };
// An error ends the scan and becomes its result. The views live for the call. May call the store.
using ScanVisitor = std::function<StatusOr<ScanStep>(std::string_view key, std::string_view value)>;

class Store {
 public:
  virtual ~Store() = default;

  // A missing key is an empty optional, never an error.
  virtual StatusOr<std::optional<std::string>> Get(std::string_view key) = 0;
  virtual Status Write(const WriteBatch& batch, Sync sync) = 0;
  // Visits the keys that start with `prefix`, as they were when the scan began.
  virtual Status Scan(std::string_view prefix, ScanOrder order, const ScanVisitor& visit) = 0;
  // The group sync: on OK everything written before the call is durable. Free when nothing is new.
  virtual Status Flush() = 0;
  // After a failure: closes, opens again and verifies. On OK what reads show is durable.
  virtual Status Reopen() = 0;
};

}  // namespace atl::checkpoint
