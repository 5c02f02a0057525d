// Builds batches of format v2: for control markers, tests and the benchmark's load. Not on the
// mirror's path.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "kafka/record/batch_view.h"

namespace atl::kafka {

class BatchBuilder {
 public:
  struct Options {
    Offset base_offset{0};
    LeaderEpoch leader_epoch = kNoEpoch;
    Codec codec = Codec::kNone;
    ProducerId producer_id = kNoProducer;
    ProducerEpoch producer_epoch = kNoProducerEpoch;
    Sequence base_sequence = kNoSequence;
    bool transactional = false;
    bool control = false;
  };
  struct Header {
    std::string key;
    std::optional<std::string> value;
  };

  explicit BatchBuilder(Options options) : options_(options) {}
  // `delta` is the record's offset minus the base offset; it must rise. Without it: one after the
  // last.
  void Add(Timestamp timestamp, std::optional<BytesView> key, std::optional<BytesView> value,
           const std::vector<Header>& headers = {}, std::optional<int32_t> delta = {});
  int32_t record_count() const { return record_count_; }
  // The batch with its CRC. `last_offset_delta` overrides the last record's, as compaction leaves
  // it.
  StatusOr<Bytes> Build(std::optional<int32_t> last_offset_delta = {}) const;

  static Bytes ControlMarker(Options options, bool commit, Timestamp timestamp,
                             int32_t coordinator_epoch);

 private:
  Options options_;
  Bytes records_;
  int32_t record_count_ = 0;
  int32_t last_delta_ = -1;
  Timestamp first_timestamp_ = kNoTimestamp;
  Timestamp max_timestamp_ = kNoTimestamp;
};

}  // namespace atl::kafka
