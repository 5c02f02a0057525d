// The judge. It keeps what must be true in plain maps (the history of every partition, what was
// acknowledged, what each region had, who owned which topic) and looks at every region after every
// event. Invariants are numbered as in reference/reliability.md 3.2.
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

#include "tests/sim/history.h"
#include "tests/sim/mirror_driver.h"
#include "tests/sim/region.h"

namespace atl::sim {

class Oracle {
 public:
  Oracle(World& world, std::vector<std::unique_ptr<Region>>& regions)
      : world_(world), regions_(regions) {}

  int64_t NextProducer(const Region& region) { return ++producers_[region.ordinal().value()]; }
  std::string NextValue() { return fmt::format("value-{}", ++values_); }

  void OnAck(const Region& region, const TopicId& topic, PartitionId partition, Offset base,
             const std::vector<std::string>& values);
  // Is the acknowledged value in this region's log, as far as the log was ever seen?
  bool Has(const Region& region, const TopicId& topic, PartitionId partition,
           const std::string& value) const;
  // An acknowledgement leaves the region for a client.
  void OnAckLeaves(Region& region, const TopicId& topic);
  void OnDelivered(const TopicId& topic, PartitionId partition, std::string value);
  void OnPositionStored(const Region& region, const TopicId& topic, PartitionId partition,
                        Offset offset, const BatchKey& last_read);
  void OnCommitted(const Region& region, const TopicId& topic, PartitionId partition,
                   Offset offset);
  void OnGroupsRead(const Region& source, const std::vector<TopicId>& topics);
  void OnGroupGoesOn(Region& region, const TopicId& topic, PartitionId partition, Offset position);
  void OnReport(const checkpoint::FailoverRecord& report) { reports_.push_back(report); }
  void OnTopicDeleted(const TopicId& topic) { deleted_.insert(topic); }
  void OnBoot(const Region& region);

  // The calendar's clock jumps: ages of records by their timestamps say nothing.
  void TrustNoCalendar() { calendar_ = false; }

  // After every event.
  void Check();
  // Lag and state as a link reports them (S21).
  void CheckStatus(MirrorDriver& driver);
  // All of every log and quarantine, and every acknowledged record (S1, S3, S11); `complete`:
  // mirrors have all (L1).
  void CheckAll(bool complete);
  // Who owns the topic by the highest epoch; null: nobody ever did.
  Region* OwnerOf(const TopicId& topic) const;

 private:
  using Place = std::pair<TopicId, PartitionId>;
  struct Acked {
    Offset offset;
    std::optional<BatchKey> batch;  // None: its region went down in that event.
    bool cut = false;               // A forced move did not take it along.
  };
  struct Truth {
    History history;
    std::map<std::string, Acked> acked;
    Offset start{0};  // The highest log start that an owner ever had.
    std::map<LeaderEpoch, uint64_t> session_of_epoch;
  };
  // Who owns a topic, by the highest epoch anybody minted, and how that came about.
  struct Stint {
    LeaderEpoch epoch = kNoEpoch;
    int region = 0;
    bool planned = false;
    int from = 0;  // Of a planned move: whose epochs ended.
  };
  // Under a lease, last.
  struct Accepted {
    int region = 0;
    LeaderEpoch epoch = kNoEpoch;
  };
  // What one region has shown of a partition.
  struct Copy {
    Offset start{0};
    Offset end{0};
    History::Tip tip;
    bool had_data = false;
    bool owned = false;       // At the last look.
    bool ever_owned = false;  // Its log may go on where nobody has looked.
    Offset most{0};           // The highest end ever.
  };
  // What was looked at last: nothing new needs no second look.
  struct Seen {
    uint64_t boot = 0;
    Offset log_start, high_watermark, log_end;
    bool owned = false;
    friend bool operator==(const Seen&, const Seen&) = default;
  };
  // Where a mirror stands, since when, and when it last said why.
  struct Progress {
    uint64_t boot = 0;
    Offset applied_end = kNoOffset;
    MonotonicTime since{};
    MonotonicTime named_at{};
    MonotonicTime looked_at{};
  };
  using Key = std::pair<int, Place>;
  // Of each partition's one group.
  struct Group {
    std::set<std::string> delivered;
    int committed_in = 0;
    Offset committed = kNoOffset;
    Offset read_by_move = kNoOffset;  // What the last planned move was told.
    LeaderEpoch floor_epoch = kNoEpoch;
    Offset floor = kNoOffset;  // Under that epoch it goes on there, or later.
  };

  void CheckRegion(Region& region);
  void CheckPartition(Region& region, const broker::Topic& topic,
                      const broker::Partition& partition, bool stored);
  void CheckOffsets(Region& region, const broker::Topic& topic, const broker::Partition& partition,
                    const Copy& before);
  void CheckStartOfMirror(Region& region, const Place& place, const Copy& before,
                          const broker::PartitionOffsets& now, const Truth& truth);
  void CheckPosition(Region& region, const broker::Topic& topic,
                     const broker::Partition& partition);
  void CheckTruncation(Region& region, const Place& place, Copy& copy, Offset end);
  void CheckClamped(Region& region, const Place& place, Offset end);
  // Walks the log from `from` to `end` and continues the path that ends with `tip`.
  void Follow(Region& region, const broker::Topic& topic, const broker::Partition& partition,
              Offset from, Offset end, History::Tip& tip);
  bool FollowBatch(Region& region, const broker::Topic& topic, const broker::Partition& partition,
                   const kafka::BatchView& batch, Offset& at, History::Tip& tip);
  void Learn(Region& region, const broker::Partition& partition, const kafka::BatchView& batch,
             const History::Tip& tip);
  void CheckProgress(const MirrorDriver& driver, const Place& place,
                     const mirror::MirrorStatus& status, Offset source_end,
                     const std::string& where);
  bool HasGapEvent(Region& region, const Place& place, Offset first, Offset end);

  void CheckLeases();  // oracle_leases.cc

  // oracle_moves.cc
  void CheckAccepting(Region& owner, const broker::Topic& topic);
  void CheckStint(Region& region, const broker::Topic& topic);
  void JudgeAcked(const Region& region, const Place& place, const Stint& stint, bool moved);
  void JudgeLateAck(const Place& place, const std::string& value, Acked& acked);
  std::set<BatchKey> Quarantined(Region& region, const Place& place);
  bool IsUnread(Region& region, const Place& place) const;
  void CheckQuarantine(Region& region, bool complete);
  void CheckKept();
  void CheckReports();
  void CheckEqual(Region& owner, const broker::Topic& topic, const broker::Partition& partition,
                  bool complete);
  Region* RegionOf(int number) const;

  static std::string Where(const Region& region, const broker::Partition& partition);

  World& world_;
  std::vector<std::unique_ptr<Region>>& regions_;
  std::map<Place, Truth> truths_;
  std::map<TopicId, Stint> stints_;
  std::map<TopicId, Accepted> accepted_;
  std::map<Key, Copy> copies_;
  std::map<Key, Seen> seen_;
  std::map<Place, Group> groups_;
  std::map<Key, std::set<BatchKey>> removed_;  // By truncations; the quarantine must have them.
  // Deleted by an owner, or below the start of a log that was truncated.
  std::map<Place, std::set<BatchKey>> trimmed_;
  std::map<std::tuple<int, int, Place>, Progress> progress_;  // By target and source.
  std::map<int, uint64_t> store_writes_;
  std::vector<checkpoint::FailoverRecord> reports_;
  std::set<TopicId> deleted_;
  std::set<int> just_started_;  // Regions that have just started.
  bool calendar_ = true;
  bool recovering_ = false;  // The partition that is looked at was read from disk by this process.
  std::map<int, int64_t> producers_;  // Ids that each region gave.
  int64_t values_ = 0;
};

}  // namespace atl::sim
