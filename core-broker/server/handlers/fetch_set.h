// The partitions that one fetcher follows, and what it has been told about each: the heart of
// Fetch, for sessions (KIP-227) and for single fetches alike. A partition is "pending" when it may
// have something to say; only pending ones are looked at, so that an incremental fetch over many
// idle partitions costs nothing for them.
//
// Lives on one reactor. Read() looks, Commit() makes what it saw the answer; a Read() that is
// thrown away (too few bytes yet) changes nothing the client could notice.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/hash_map.h"
#include "core-broker/server/handlers/broker.h"
#include "core-broker/server/handlers/fetch_signal.h"
#include "kafka/wire/schema/fetch.h"

namespace atl::broker {

struct FetchLimits {
  ByteCount max_bytes;  // Of the whole response; a first batch may be larger (KIP-74).
  Isolation isolation = Isolation::kReadUncommitted;
  bool full = true;  // Every partition is answered, not only the changed ones.
};

// What one look at the partitions found.
struct FetchReading {
  struct Entry {
    uint32_t slot;
    kafka::FetchPartitionData data;
    bool has_more = false;   // Records that did not fit into this answer.
    RecordCount records{0};  // Offsets that the answer covers.
  };
  std::vector<Entry> entries;  // In the order of the answer.
  ByteCount bytes{0};
  bool answers_at_once = false;  // An error or a divergence: no waiting.
};

class FetchSet {
 public:
  FetchSet(Broker& broker, runtime::Reactor& home);
  ~FetchSet();  // Stops listening.
  FetchSet(const FetchSet&) = delete;
  FetchSet& operator=(const FetchSet&) = delete;

  // Adds a partition, or changes what is asked of it.
  void Put(const TopicName& topic, const kafka::FetchPartition& asked);
  void Forget(const TopicName& topic, PartitionId partition);
  size_t size() const { return index_.size(); }

  // From now on every partition, also those added later, tells signal() when it moves.
  void Listen();
  FetchSignal& signal() { return *signal_; }

  FetchReading Read(const FetchLimits& limits);
  // Partitions that got data go to the end of the line, so that a hot one can't starve others.
  std::vector<kafka::FetchableTopicResponse> Commit(FetchReading reading);

 private:
  struct Slot {
    TopicName topic;
    kafka::FetchPartition asked;
    std::shared_ptr<const Topic> found_topic;
    std::shared_ptr<Partition> partition;  // Null while unknown.
    bool used = false;
    bool pending = false;
    // As last sent; kNoOffset: nothing yet, or an error.
    Offset high_watermark = kNoOffset;
    Offset last_stable = kNoOffset;
    Offset log_start = kNoOffset;
  };
  // kStarved: nothing to say, because what there is does not fit any more.
  enum class Found { kIdle, kStarved, kChanged, kData, kAtOnce };

  void MakePending(uint32_t at);
  void Resolve(uint32_t at);
  void FollowCatalog();
  Found Look(const FetchLimits& limits, ByteCount used, FetchReading::Entry& entry) const;
  // Fills in an error of the request against this partition; false when there is none.
  bool Refuse(const Slot& slot, kafka::FetchPartitionData& data) const;

  Broker& broker_;
  const std::shared_ptr<FetchSignal> signal_;
  bool listening_ = false;
  std::shared_ptr<const CatalogView> view_;
  std::vector<Slot> slots_;
  std::vector<uint32_t> unused_;   // Slots for reuse.
  std::vector<uint32_t> pending_;  // In order of service. Invariant: slots_[i].pending for each.
  std::map<std::pair<TopicName, PartitionId>, uint32_t> index_;
  std::vector<uint32_t> dirty_;  // Scratch.
};

}  // namespace atl::broker
