#include "core-broker/partition/producer_state.h"

#include <algorithm>
#include <vector>

#include "core-broker/partition/snapshot.h"

namespace atl::broker {
namespace {

constexpr int8_t kSnapshotVersion = 1;
constexpr size_t kProducerBytes = 8 + 2 + 8 + 1;

ProducerState::Verdict Refuse(kafka::ErrorCode error, std::string message) {
  return {.error = error, .message = std::move(message)};
}

}  // namespace

void ProducerState::Producer::Push(const Batch& batch) {
  if (count == batches.size()) {
    std::copy(batches.begin() + 1, batches.end(), batches.begin());
    --count;
  }
  batches[count++] = batch;
}

const ProducerState::Producer* ProducerState::Find(ProducerId id) const {
  if (const auto staged = staged_.find(id); staged != staged_.end()) return &staged->second;
  const auto known = producers_.find(id);
  return known == producers_.end() ? nullptr : &known->second;
}

ProducerEpoch ProducerState::Epoch(ProducerId id) const {
  const Producer* producer = Find(id);
  return producer == nullptr ? ProducerEpoch(0) : producer->epoch;
}

ProducerState::Verdict ProducerState::Check(const kafka::BatchHeader& batch) const {
  if (!batch.has_producer()) return {};
  const Producer* producer = Find(batch.producer_id);
  if (producer == nullptr) return {};  // Expired, trimmed or new: any sequence may come.
  if (batch.producer_epoch < producer->epoch) {
    return Refuse(kafka::ErrorCode::kInvalidProducerEpoch,
                  fmt::format("producer {} has epoch {}, the batch {}", batch.producer_id.value(),
                              producer->epoch.value(), batch.producer_epoch.value()));
  }
  const bool same_epoch = batch.producer_epoch == producer->epoch;
  for (size_t i = 0; same_epoch && i < producer->count; ++i) {
    const Batch& known = producer->batches[i];
    if (known.first != batch.base_sequence || known.last != batch.last_sequence()) continue;
    return {.message = {},
            .duplicate = true,
            .base_offset = known.base_offset,
            .timestamp = known.timestamp};
  }
  const bool follows_batch = same_epoch && producer->count > 0;
  const Sequence expected =
      follows_batch ? producer->batches[producer->count - 1].last.Plus(1) : Sequence(0);
  if (batch.base_sequence == expected) return {};
  return Refuse(kafka::ErrorCode::kOutOfOrderSequenceNumber,
                fmt::format("producer {} epoch {} continues at sequence {}, the batch begins at {}",
                            batch.producer_id.value(), batch.producer_epoch.value(),
                            expected.value(), batch.base_sequence.value()));
}

void ProducerState::Stage(const kafka::BatchHeader& batch, MonotonicTime now) {
  if (!batch.has_producer()) return;
  const Producer* known = Find(batch.producer_id);
  Producer producer = known == nullptr ? Producer{} : *known;
  if (producer.epoch != batch.producer_epoch) {
    producer.epoch = batch.producer_epoch;
    producer.count = 0;
  }
  producer.last_seen = now;
  if (!batch.is_control() && batch.base_sequence != kNoSequence) {
    producer.Push(
        {batch.base_sequence, batch.last_sequence(), batch.base_offset, batch.max_timestamp});
  }
  staged_[batch.producer_id] = producer;
}

void ProducerState::Commit() {
  for (const auto& [id, producer] : staged_) producers_[id] = producer;
  staged_.clear();
}

bool ProducerState::Expire(MonotonicTime now) {
  const size_t before = producers_.size();
  for (auto it = producers_.begin(); it != producers_.end();) {
    const auto current = it++;
    if (now - current->second.last_seen >= kExpiration) producers_.erase(current);
  }
  return producers_.size() != before;
}

int64_t ProducerState::HighestOf(RegionOrdinal region) const {
  int64_t highest = -1;
  const ProducerId first = ProducerId::Mint(region, 0);
  const ProducerId end = ProducerId::Mint(RegionOrdinal(region.value() + 1), 0);
  for (const auto& [id, producer] : producers_) {
    if (id >= first && id < end) highest = std::max(highest, id.value() - first.value());
  }
  return highest;
}

void ProducerState::TakeAges(const ProducerState& known) {
  for (auto it = producers_.begin(); it != producers_.end();) {
    const auto current = it++;
    const auto found = known.producers_.find(current->first);
    if (found == known.producers_.end()) {
      producers_.erase(current);
    } else {
      current->second.last_seen = found->second.last_seen;
    }
  }
}

Bytes ProducerState::Encode(MonotonicTime now) const {
  std::vector<ProducerId> ids;
  for (const auto& [id, producer] : producers_) ids.push_back(id);
  std::sort(ids.begin(), ids.end());
  SnapshotWriter out(kSnapshotVersion);
  out.Put(static_cast<uint32_t>(ids.size()));
  for (const ProducerId id : ids) {
    const Producer& producer = producers_.at(id);
    out.Put(id.value());
    out.Put(producer.epoch.value());
    out.Put(static_cast<int64_t>((now - producer.last_seen).count()));
    out.Put(static_cast<int8_t>(producer.count));
    for (size_t i = 0; i < producer.count; ++i) {
      const Batch& batch = producer.batches[i];
      out.Put(batch.first.value());
      out.Put(batch.last.value());
      out.Put(batch.base_offset.value());
      out.Put(batch.timestamp.value());
    }
  }
  return std::move(out).Take();
}

StatusOr<ProducerState> ProducerState::Decode(BytesView bytes, MonotonicTime now) {
  SnapshotReader in(bytes, kSnapshotVersion);
  ProducerState state;
  const size_t count = in.GetCount(kProducerBytes);
  for (size_t i = 0; i < count && in.ok(); ++i) {
    const ProducerId id(in.Get<int64_t>());
    Producer producer;
    producer.epoch = ProducerEpoch(in.Get<int16_t>());
    producer.last_seen = now - Duration(in.Get<int64_t>());
    const auto batches = static_cast<size_t>(in.Get<uint8_t>());
    if (batches > producer.batches.size()) return Corrupt("producer snapshot: {} batches", batches);
    for (size_t b = 0; b < batches; ++b) {
      const Sequence first(in.Get<int32_t>());
      const Sequence last(in.Get<int32_t>());
      const Offset base(in.Get<int64_t>());
      producer.Push({first, last, base, Timestamp(in.Get<int64_t>())});
    }
    state.producers_[id] = producer;
  }
  if (!in.complete()) return Corrupt("producer snapshot: {} bytes do not parse", bytes.size());
  return state;
}

}  // namespace atl::broker
