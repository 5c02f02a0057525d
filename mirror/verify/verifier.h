// Compares the mirrors of one link with their source, all the time: once a second what was applied
// since, faster while there is more, starting where it stopped before a restart. What it found is
// durable, and seen by other threads in status().
//
// Threads: Load and Compare block, on the verifying thread, one call at a time; the rest from any
// thread, under a leaf lock. An operator's decision counts at once for status() and before the next
// comparison for the checks.
// Without a control connection nothing is compared and status() says so.
#pragma once

#include <map>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/mutex.h"
#include "mirror/verify/compare.h"

namespace atl::mirror {

class Verifier {
 public:
  struct Context {
    LinkName link;
    const broker::Catalog& catalog;
    checkpoint::Store& store;
    const Clock& clock;
    AskDigests ask;  // Null: this link has no control connection.
  };
  explicit Verifier(Context context) : context_(std::move(context)) {}

  Status Load();
  // True: there is more to compare, and it moves. Partitions that are no target any more are
  // forgotten once this link does not mirror them.
  bool Compare(const std::vector<VerifyTarget>& targets);
  // What a run on demand found about its targets; on the verifying thread.
  void TakeOver(const std::vector<VerifyTarget>& targets, const std::vector<PartitionCheck>& found);

  VerifyStatus status(const TopicId& topic, PartitionId partition) const;
  std::optional<PartitionCheck::Mismatch> mismatch(const TopicId& topic,
                                                   PartitionId partition) const;
  // About every partition of the topic that has a mismatch.
  void Decide(const TopicId& topic, bool skip);
  bool available() const { return context_.ask != nullptr; }
  const AskDigests& ask() const { return context_.ask; }

 private:
  using Key = std::pair<TopicId, PartitionId>;
  struct Entry {
    PartitionCheck check;
    checkpoint::VerifiedRecord written;
  };
  struct Seen {
    VerifyStatus status;
    std::optional<PartitionCheck::Mismatch> mismatch;
  };

  Entry& EntryOf(const VerifyTarget& target);
  void ApplyDecisions();
  void Forget(const std::vector<VerifyTarget>& targets, checkpoint::WriteBatch& batch);
  void Keep(checkpoint::WriteBatch batch);
  void Show();

  const Context context_;
  std::map<Key, Entry> entries_;  // On the verifying thread.

  mutable Mutex mutex_;
  std::map<Key, Seen> seen_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::pair<TopicId, bool>> decisions_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace atl::mirror
