#include "core-broker/server/handlers/fetch_set.h"

#include <algorithm>
#include <utility>

#include "core-broker/server/handlers/lookup.h"

namespace atl::broker {

using kafka::ErrorCode;

FetchSet::FetchSet(Broker& broker, runtime::Reactor& home)
    : broker_(broker), signal_(std::make_shared<FetchSignal>(home)), view_(broker.catalog.view()) {}

FetchSet::~FetchSet() {
  if (!listening_) return;
  for (const Slot& slot : slots_) {
    if (slot.partition != nullptr) slot.partition->Unlisten(*signal_);
  }
}

void FetchSet::Put(const TopicName& topic, const kafka::FetchPartition& asked) {
  const auto [entry, added] = index_.try_emplace({topic, asked.partition}, 0);
  if (added) {
    if (unused_.empty()) {
      unused_.push_back(static_cast<uint32_t>(slots_.size()));
      slots_.emplace_back();
    }
    entry->second = unused_.back();
    unused_.pop_back();
    Slot& slot = slots_[entry->second];
    slot.topic = topic;
    slot.used = true;
    slot.asked = asked;
    Resolve(entry->second);
  }
  slots_[entry->second].asked = asked;
  MakePending(entry->second);
}

void FetchSet::Forget(const TopicName& topic, PartitionId partition) {
  const auto entry = index_.find({topic, partition});
  if (entry == index_.end()) return;
  const uint32_t at = entry->second;
  index_.erase(entry);
  if (listening_ && slots_[at].partition != nullptr) slots_[at].partition->Unlisten(*signal_);
  if (slots_[at].pending) std::erase(pending_, at);
  slots_[at] = {};
  unused_.push_back(at);
}

void FetchSet::Listen() {
  if (std::exchange(listening_, true)) return;
  for (uint32_t at = 0; at < slots_.size(); ++at) {
    if (slots_[at].partition != nullptr) slots_[at].partition->Listen(signal_, at);
  }
}

void FetchSet::MakePending(uint32_t at) {
  if (!slots_[at].used || std::exchange(slots_[at].pending, true)) return;
  pending_.push_back(at);
}

void FetchSet::Resolve(uint32_t at) {
  Slot& slot = slots_[at];
  FoundPartition found = FindPartition(*view_, slot.topic, slot.asked.partition);
  slot.found_topic = std::move(found.topic);
  if (found.partition == slot.partition) return;
  if (listening_ && slot.partition != nullptr) slot.partition->Unlisten(*signal_);
  slot.partition = std::move(found.partition);
  if (listening_ && slot.partition != nullptr) slot.partition->Listen(signal_, at);
}

// Topics come, go, are recreated and change their epoch; all of that changes the view's version.
void FetchSet::FollowCatalog() {
  std::shared_ptr<const CatalogView> view = broker_.catalog.view();
  if (view->version == view_->version) return;
  view_ = std::move(view);
  for (uint32_t at = 0; at < slots_.size(); ++at) {
    if (!slots_[at].used) continue;
    Resolve(at);
    MakePending(at);
  }
}

bool FetchSet::Refuse(const Slot& slot, kafka::FetchPartitionData& data) const {
  if (slot.partition == nullptr) {
    data.error_code = ErrorCode::kUnknownTopicOrPartition;
    return true;
  }
  data.error_code =
      CheckEpoch(slot.asked.current_leader_epoch, CurrentEpoch(*slot.found_topic, *slot.partition));
  if (data.error_code != ErrorCode::kNone) return true;
  if (slot.asked.last_fetched_epoch == kNoEpoch) return false;

  // The fetcher has a log of its own: does it go on where ours does? (KIP-595)
  const EpochEnd end = slot.partition->EndOfEpoch(slot.asked.last_fetched_epoch);
  const PartitionOffsets offsets = slot.partition->offsets();
  if (end.epoch == kNoEpoch || slot.asked.fetch_offset < offsets.log_start) {
    data.error_code = ErrorCode::kOffsetOutOfRange;
    return true;
  }
  if (end.epoch >= slot.asked.last_fetched_epoch && end.end >= slot.asked.fetch_offset)
    return false;
  data.diverging_epoch = kafka::FetchEpochEndOffset{.epoch = end.epoch, .end_offset = end.end};
  data.high_watermark = offsets.high_watermark;
  data.last_stable_offset = offsets.last_stable;
  data.log_start_offset = offsets.log_start;
  return true;
}

FetchSet::Found FetchSet::Look(const FetchLimits& limits, ByteCount used,
                               FetchReading::Entry& entry) const {
  const Slot& slot = slots_[entry.slot];
  kafka::FetchPartitionData& data = entry.data;
  data.partition_index = slot.asked.partition;
  data.high_watermark = kNoOffset;
  data.records = kafka::RecordData::Empty();
  if (Refuse(slot, data)) return Found::kAtOnce;

  const ByteCount asked_bytes(std::max(slot.asked.partition_max_bytes, 0));
  ReadRequest request{.offset = slot.asked.fetch_offset,
                      .max_bytes = std::min(asked_bytes, limits.max_bytes - used),
                      .whole_first_batch = used == ByteCount(0),
                      .isolation = limits.isolation};
  ReadOutcome outcome = slot.partition->Read(request);
  if (outcome.error != ErrorCode::kNone) {
    data.error_code = outcome.error;
    return Found::kAtOnce;
  }
  data.high_watermark = outcome.offsets.high_watermark;
  data.last_stable_offset = outcome.offsets.last_stable;
  data.log_start_offset = outcome.offsets.log_start;
  if (limits.isolation == Isolation::kReadCommitted) {
    auto& aborted = data.aborted_transactions.emplace();
    aborted.reserve(outcome.aborted.size());
    for (const AbortedTransaction& one : outcome.aborted) {
      aborted.push_back({one.producer_id, one.first_offset});
    }
  }
  for (FileSlice& slice : outcome.slices) data.records.Append(std::move(slice));
  if (outcome.bytes > ByteCount(0)) {
    entry.records = std::max(outcome.end - slot.asked.fetch_offset, RecordCount(0));
    return Found::kData;
  }
  const Offset readable =
      limits.isolation == Isolation::kReadCommitted ? data.last_stable_offset : data.high_watermark;
  entry.has_more = slot.asked.fetch_offset < readable;
  const bool changed = data.high_watermark != slot.high_watermark ||
                       data.last_stable_offset != slot.last_stable ||
                       data.log_start_offset != slot.log_start;
  if (changed) return Found::kChanged;
  return entry.has_more ? Found::kStarved : Found::kIdle;
}

FetchReading FetchSet::Read(const FetchLimits& limits) {
  FollowCatalog();
  dirty_.clear();
  signal_->TakeDirty(dirty_);
  for (const uint32_t at : dirty_) {
    if (at < slots_.size()) MakePending(at);
  }

  FetchReading reading;
  std::vector<uint32_t> still_pending;
  still_pending.reserve(pending_.size());
  for (size_t i = 0; i < pending_.size(); ++i) {
    const uint32_t at = pending_[i];
    if (!limits.full && reading.bytes > ByteCount(0) && reading.bytes >= limits.max_bytes) {
      still_pending.insert(still_pending.end(), pending_.begin() + static_cast<ptrdiff_t>(i),
                           pending_.end());
      break;
    }
    FetchReading::Entry entry{.slot = at, .data = {}};
    const Found found = Look(limits, std::min(reading.bytes, limits.max_bytes), entry);
    if (found == Found::kAtOnce) reading.answers_at_once = true;
    // In a full answer idle partitions have their place too, and stay in line for the next look.
    if (found == Found::kIdle && !limits.full) {
      slots_[at].pending = false;
      continue;
    }
    still_pending.push_back(at);
    if (found == Found::kStarved && !limits.full) continue;
    reading.bytes += ByteCount(static_cast<int64_t>(entry.data.records.total_bytes()));
    reading.entries.push_back(std::move(entry));
  }
  pending_ = std::move(still_pending);
  return reading;
}

std::vector<kafka::FetchableTopicResponse> FetchSet::Commit(FetchReading reading) {
  std::vector<kafka::FetchableTopicResponse> topics;
  std::vector<uint32_t> served;
  for (FetchReading::Entry& entry : reading.entries) {
    Slot& slot = slots_[entry.slot];
    const bool failed = entry.data.error_code != ErrorCode::kNone;
    slot.high_watermark = failed ? kNoOffset : entry.data.high_watermark;
    slot.last_stable = failed ? kNoOffset : entry.data.last_stable_offset;
    slot.log_start = failed ? kNoOffset : entry.data.log_start_offset;
    slot.pending = false;
    // What had data has more, or the client will move its offset; what did not fit comes next; an
    // error is told until the client reacts.
    if (failed || entry.has_more || entry.data.diverging_epoch.has_value() ||
        !entry.data.records.empty()) {
      served.push_back(entry.slot);
    }
    if (!entry.data.records.empty()) {
      PartitionTraffic& traffic = slot.partition->traffic();
      traffic.consumed_records += entry.records.value();
      traffic.consumed_bytes += static_cast<int64_t>(entry.data.records.total_bytes());
    }
    if (topics.empty() || topics.back().topic != slot.topic) {
      topics.push_back({.topic = slot.topic, .partitions = {}});
    }
    topics.back().partitions.push_back(std::move(entry.data));
  }
  std::erase_if(pending_, [this](uint32_t at) { return !slots_[at].pending; });
  for (const uint32_t at : served) MakePending(at);
  return topics;
}

}  // namespace atl::broker
