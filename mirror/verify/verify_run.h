// One `atoll verify`: what is to be compared, how far it is, and what it found. The link that it
// belongs to drives it; the API reads report() from any thread, under a leaf lock.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "mirror/verify/compare.h"

namespace atl::mirror {

struct VerifyFinding {
  TopicName topic;
  PartitionId partition;
  bool mismatch = false;  // Else the partition could not be compared (to its end).
  VerifyRange batch{kNoOffset, kNoOffset};
  std::string what;
};

struct VerifyReport {
  uint64_t id = 0;
  bool deep = false;
  bool digests = false;  // By digests over the control connection; else by fetching.
  WallTime started{};
  std::optional<WallTime> ended;  // Nothing: it runs.
  int64_t partitions = 0;
  int64_t partitions_done = 0;
  RecordCount offsets{0};  // To compare, as known at the start.
  RecordCount offsets_done{0};
  ByteCount bytes{0};  // Fetched and compared.
  std::vector<VerifyFinding> findings;
  // Partitions that can't be compared, and why. No finding: nobody claims that they differ.
  struct Incomparable {
    TopicName topic;
    PartitionId partition;
    std::string why;
  };
  std::vector<Incomparable> incomparable;
};

class VerifyRun {
 public:
  VerifyRun(uint64_t id, bool deep, bool digests, std::vector<VerifyTarget> targets, WallTime now);

  const std::vector<VerifyTarget>& targets() const { return targets_; }
  bool deep() const { return deep_; }
  bool digests() const { return digests_; }

  // One exchange of digests; blocks, on a verifying thread. False: over, one way or the other.
  bool CompareOnce(const broker::CatalogView& view, const AskDigests& ask, WallTime now);
  // By fetching, per target: what there is to compare, how far it got (so many bytes more), and the
  // end of it: with what the check has, or a reason why it could not be compared.
  void Begin(size_t target, const VerifyRange& range);
  void Reach(size_t target, Offset to, ByteCount bytes);
  void Finish(size_t target);
  void Fail(size_t target, std::string what);
  void End(WallTime now);

  PartitionCheck& check(size_t target) { return checks_[target]; }
  const std::vector<PartitionCheck>& checks() const { return checks_; }
  VerifyReport report() const;

 private:
  const bool deep_;
  const bool digests_;
  const std::vector<VerifyTarget> targets_;  // Those that can be compared.
  // The driver's, one per target.
  std::vector<PartitionCheck> checks_;
  std::vector<Offset> reached_;  // kNoOffset: not begun.

  mutable Mutex mutex_;
  VerifyReport report_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace atl::mirror
