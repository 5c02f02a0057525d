// What a partition knows of its idempotent producers (KIP-98, ProducerStateManager): pure. Per
// producer id the epoch and the last five batches, which answer a retry with the original offset
// and refuse what does not follow.
// Two steps, because a turn stages several batches of one producer before any is written: Stage()
// what was judged good, then Commit() when the write is done or Discard() when it is not. Check()
// sees what is staged. Single-threaded (the partition's shard).
#pragma once

#include <array>
#include <string>

#include "base/clock.h"
#include "base/hash_map.h"
#include "base/status.h"
#include "base/types.h"
#include "kafka/record/batch_view.h"
#include "kafka/wire/error_code.h"

namespace atl::broker {

class ProducerState {
 public:
  // Kafka's producer.id.expiration.ms.
  static constexpr Duration kExpiration = std::chrono::hours(24);

  struct Verdict {
    kafka::ErrorCode error = kafka::ErrorCode::kNone;
    std::string message;
    // The very batch is there already: answered with where it went, appended nowhere.
    bool duplicate = false;
    Offset base_offset = kNoOffset;
    Timestamp timestamp = kNoTimestamp;  // The original batch's largest.
  };

  // May a client's batch follow? Changes nothing.
  Verdict Check(const kafka::BatchHeader& batch) const;
  // The batch goes to base offset `batch.base_offset`. For a client's after Check; for a mirrored
  // or replayed one without: the owner has judged it. Control batches carry an epoch only.
  void Stage(const kafka::BatchHeader& batch, MonotonicTime now);
  void Commit();
  void Discard() { staged_.clear(); }
  // Forgets who has not written for kExpiration; a producer that comes back may start anywhere.
  // True when somebody went.
  bool Expire(MonotonicTime now);
  // The highest counter among the ids that `region` minted; -1: none.
  int64_t HighestOf(RegionOrdinal region) const;
  // After a replay of the log: forgets who has expired in `known`, and takes over its ages.
  void TakeAges(const ProducerState& known);
  size_t size() const { return producers_.size(); }
  ProducerEpoch Epoch(ProducerId id) const;  // 0 for a producer that is not known.

  // Committed state only. Ages are kept as durations: clocks differ between runs.
  Bytes Encode(MonotonicTime now) const;
  static StatusOr<ProducerState> Decode(BytesView bytes, MonotonicTime now);

 private:
  struct Batch {
    Sequence first;
    Sequence last;
    Offset base_offset;
    Timestamp timestamp;
  };
  struct Producer {
    ProducerEpoch epoch = kNoProducerEpoch;
    MonotonicTime last_seen{};
    std::array<Batch, 5> batches{};  // The oldest first.
    size_t count = 0;
    void Push(const Batch& batch);
  };
  using Producers = HashMap<ProducerId, Producer>;
  const Producer* Find(ProducerId id) const;

  Producers producers_;
  Producers staged_;  // Whole copies; what they hold replaces the committed ones.
};

}  // namespace atl::broker
