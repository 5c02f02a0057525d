// Everything that owners of one partition have ever shown, as a tree of batches: each stands behind
// the one that its owner had before it. A log is a path of this tree. Two logs that have the same
// batch (base offset and epoch) are the same up to there, whoever owned it in between; where owners
// took over at a cut, paths part.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/types.h"

namespace atl::sim {

struct BatchKey {
  Offset base;
  LeaderEpoch epoch;
  friend auto operator<=>(const BatchKey&, const BatchKey&) = default;
};

class History {
 public:
  struct Batch {
    Bytes bytes;
    Offset end;
    std::optional<BatchKey> before;  // None: the first of a log.
    MonotonicTime visible{};
  };
  // Where a value was seen: a client that sends again to another owner may have it on two paths.
  struct Spot {
    BatchKey batch;
    Offset offset;
  };
  using Tip = std::optional<BatchKey>;  // The last batch of a log; none: it is empty.

  const Batch* Find(const BatchKey& key) const;
  void Add(const BatchKey& key, Batch batch);
  void AddValue(const std::string& value, const Spot& spot) { spots_[value].push_back(spot); }
  const std::vector<Spot>& SpotsOf(const std::string& value) const;
  Offset end() const { return end_; }  // The highest that any owner has shown.
  // The highest that the owner has shown under its epochs in [from, below).
  Offset EndOf(RegionOrdinal owner, LeaderEpoch from, LeaderEpoch below) const;
  bool empty() const { return batches_.empty(); }

  // Is `key` in the log that ends with `tip`?
  bool Has(const Tip& tip, const BatchKey& key) const;
  std::set<BatchKey> Path(const Tip& tip) const;
  // Of that log, the batches that reach beyond `offset`; the last one first.
  std::vector<BatchKey> Beyond(const Tip& tip, Offset offset) const;
  // The last batch of that log that ends at or below `offset`.
  Tip Below(const Tip& tip, Offset offset) const;
  // Since when something is visible in that log that one which ends at `offset` does not have.
  std::optional<MonotonicTime> OldestBeyond(const Tip& tip, Offset offset) const;

 private:
  std::map<BatchKey, Batch> batches_;
  std::map<std::string, std::vector<Spot>> spots_;
  Offset end_{0};
};

}  // namespace atl::sim
