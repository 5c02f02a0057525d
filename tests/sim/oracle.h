// The judge. It keeps what must be true in plain maps (the canonical log of every partition, what
// was acknowledged, what each mirror had) and looks at every region after every event. Invariants
// are numbered as in reference/reliability.md 3.2.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "tests/sim/mirror_driver.h"
#include "tests/sim/region.h"

namespace atl::sim {

class Oracle {
 public:
  Oracle(World& world, std::vector<std::unique_ptr<Region>>& regions)
      : world_(world), regions_(regions) {}

  int64_t NextProducer() { return ++producers_; }
  std::string NextValue() { return fmt::format("value-{}", ++values_); }

  void OnAck(const TopicId& topic, PartitionId partition, Offset base,
             const std::vector<std::string>& values);
  void OnTopicDeleted(const TopicId& topic) { deleted_.insert(topic); }
  void OnBoot(const Region& region);

  // After every event.
  void Check();
  // Lag and state as a link reports them (S21).
  void CheckStatus(MirrorDriver& driver);
  // All of every log, and every acknowledged record (S1, S3); `complete`: mirrors have all (L1).
  void CheckAll(bool complete);

 private:
  struct Batch {
    Bytes bytes;
    Offset end;
    MonotonicTime visible;
  };
  // The canonical log of one partition: what its owner has shown to anybody.
  struct Truth {
    Region* owner = nullptr;
    std::map<Offset, Batch> batches;
    Offset end{0};
    Offset start{0};  // The highest log start that the owner ever had.
    std::map<Offset, std::string> acked;
    std::map<std::string, Offset> values;
    std::map<LeaderEpoch, uint64_t> session_of_epoch;
  };
  // What one mirror has shown.
  struct Copy {
    Offset start{0};
    Offset end{0};
    bool had_data = false;
  };
  using Place = std::pair<TopicId, PartitionId>;
  // What was looked at last: nothing new needs no second look.
  struct Seen {
    uint64_t boot = 0;
    Offset log_start, high_watermark, log_end;
    friend bool operator==(const Seen&, const Seen&) = default;
  };

  void CheckRegion(Region& region);
  void CheckPartition(Region& region, const broker::Topic& topic,
                      const broker::Partition& partition, bool stored);
  void CheckOwned(Region& region, const broker::Topic& topic, const broker::Partition& partition);
  void CheckMirror(Region& region, const broker::Topic& topic, const broker::Partition& partition);
  void CheckStartOfMirror(Region& region, const Place& place, const Copy& before,
                          const broker::PartitionOffsets& now, const Truth& truth);
  void CheckPosition(Region& region, const broker::Topic& topic,
                     const broker::Partition& partition);
  void Extend(Region& region, Truth& truth, const broker::Partition& partition, Offset end);
  void Learn(Region& region, Truth& truth, const kafka::BatchView& batch, const Place& place);
  // The bytes of [from, end) of a partition are the canonical ones.
  void Compare(const Region& region, const Truth& truth, const broker::Partition& partition,
               Offset from, Offset end, const char* invariant);
  bool HasGapEvent(Region& region, const Place& place, Offset first, Offset end);
  static std::string Where(const Region& region, const broker::Partition& partition);

  World& world_;
  std::vector<std::unique_ptr<Region>>& regions_;
  std::map<Place, Truth> truths_;
  std::map<std::pair<int, Place>, Copy> copies_;
  std::map<std::pair<int, Place>, Seen> seen_;
  std::map<int, uint64_t> store_writes_;
  std::set<TopicId> deleted_;
  std::set<int> just_started_;  // Regions that have just started.
  bool recovering_ = false;  // The partition that is looked at was read from disk by this process.
  int64_t producers_ = 0;
  int64_t values_ = 0;
};

}  // namespace atl::sim
