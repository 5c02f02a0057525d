// The quarantine: what was in this region's logs and is not in the history of the topics' owners.
// Nothing is truncated that is not here first. Nothing leaves but by an operator's `drop`.
//   DATADIR/quarantine/TOPIC.TOPICID/PARTITION/FIRST-ID/00000000000000000123.log   the batches,
//   verbatim, in Kafka's segment format (kafka-dump-log reads it), and manifest.json beside them.
// A tail is written under FIRST-ID.partial, synced, and renamed: it is there whole or not at all.
// The id comes from the contents, so that a repetition after a crash finds the tail there and
// writes nothing twice.
// Thread-safe; everything blocks on the disk but List, Find and the metric. Failure: a tail that
// can't be written leaves nothing behind; one that can't be read is named in damaged(), never
// deleted, and found by LookAgain() once it can be.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "kafka/record/batch_view.h"
#include "mirror/ownership/quarantine_manifest.h"

namespace atl::mirror {

class Quarantine {
 public:
  struct Request {
    TopicName topic;
    TopicId topic_id;
    PartitionId partition;
    LinkName link;
    LeaderEpoch new_epoch;
    Offset first;
    Offset end;
    uint64_t attempt = 0;
    WallTime time{};
  };
  using Take = std::function<Status(const kafka::BatchView&)>;
  // Gives the tail's batches in order; called twice.
  using ReadTail = std::function<Status(const Take&)>;

  // Loads what is there; what an interrupted writing left is removed.
  static StatusOr<std::unique_ptr<Quarantine>> Open(FileSystem& files, Metrics& metrics,
                                                    std::string folder, RegionName region);

  // Durable when OK. Batches outside [first, end) are refused.
  StatusOr<QuarantinedTail> SetAside(const Request& request, const ReadTail& read);

  std::vector<QuarantinedTail> List() const;  // By topic, partition and first offset.
  StatusOr<QuarantinedTail> Find(const std::string& id) const;
  // "FOLDER: what is wrong with it".
  std::vector<std::string> damaged() const;
  // At what is damaged: a disk that failed to read may read now. Call it now and then.
  void LookAgain();
  // From `cursor` on, which moves behind what `take` was given; false from `take` ends it. Every
  // batch is checked by CRC: damage is kDataLoss naming file and position.
  Status Read(const QuarantinedTail& tail, TailCursor& cursor,
              const std::function<StatusOr<bool>(const kafka::BatchView&)>& take) const;
  // Raw bytes of one of its files, at most `most`; fewer only at its end.
  StatusOr<Bytes> ReadFile(const QuarantinedTail& tail, size_t file, FilePosition at,
                           ByteCount most) const;
  // Durable when OK.
  Status SaveProgress(const std::string& id, const ReinjectProgress& progress);
  Status Drop(const std::string& id);

 private:
  // What a first reading finds.
  struct Survey;
  Quarantine(FileSystem& files, Metrics& metrics, std::string folder, RegionName region);

  // A folder of ours; `depth`: how many of ours are above it.
  struct Damage {
    int depth = 0;
    std::string what;
  };

  Status Load();
  void LoadFolder(const std::string& folder, int depth, std::vector<std::string>& partial);
  Status LoadTail(const std::string& folder);
  void Damaged(const std::string& folder, int depth, const Status& status);
  void Undamaged(const std::string& folder);
  StatusOr<QuarantinedTail> ReadTailFolder(const std::string& folder) const;
  std::string PartitionFolder(const QuarantinedTail& tail) const;
  Status Write(QuarantinedTail& tail, const std::string& partial, const ReadTail& read);
  Status CheckFiles(const QuarantinedTail& tail) const;
  Status CheckSize(const QuarantinedTail& tail, size_t file, File& opened) const;
  void CollectMetrics(std::vector<MetricFamily>& out) const;

  FileSystem& files_;
  const std::string folder_;
  const RegionName region_;
  Mutex look_;           // One at a time: a second one could bring back what was dropped meanwhile.
  mutable Mutex mutex_;  // A leaf.
  std::map<std::string, QuarantinedTail> tails_ ABSL_GUARDED_BY(mutex_);  // By id.
  std::map<std::string, Damage> damaged_ ABSL_GUARDED_BY(mutex_);         // By folder.
  std::shared_ptr<void> collector_;                                       // Goes first.
};

}  // namespace atl::mirror
