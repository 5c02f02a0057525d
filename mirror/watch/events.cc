#include "mirror/watch/events.h"

#include <string>

#include "base/failpoint.h"

namespace atl::mirror {
namespace {

Failpoint gap_recorded("mirror.gap_recorded");
Failpoint halted("mirror.halted");

checkpoint::Event ToEvent(const MirrorKey& key, const MirrorEvent& event, WallTime time) {
  return {.id = 0,
          .kind = event.kind,
          .time = time,
          .link = key.link,
          .topic = key.topic,
          .topic_id = key.topic_id,
          .partition = key.partition,
          .first = event.first,
          .end = event.end,
          .cause = event.cause,
          .source_epoch = event.epoch};
}

}  // namespace

Status Events::Record(const MirrorKey& key, const MirrorEvent& event, WallTime time) {
  const checkpoint::Event row = ToEvent(key, event, time);
  ASSIGN_OR_RETURN(const bool known, IsKnown(row));
  if (known) return OkStatus();
  const StatusOr<int64_t> id = table_.Append(row, checkpoint::Sync::kNow);
  RETURN_IF_ERROR(id.status());
  version_.fetch_add(1, std::memory_order_release);
  Count(row);
  if (event.kind == MirrorEvent::Kind::kGap) return gap_recorded.Hit();
  if (event.kind == MirrorEvent::Kind::kHalted) return halted.Hit();
  return OkStatus();
}

// The newest event of the kind and partition is the same one.
StatusOr<bool> Events::IsKnown(const checkpoint::Event& event) {
  const checkpoint::EventFilter same{.kind = event.kind,
                                     .link = event.link,
                                     .topic = {},
                                     .topic_id = event.topic_id,
                                     .partition = event.partition,
                                     .limit = 1};
  std::vector<Status> damaged;  // Rows that can't be read are no reason to record nothing.
  ASSIGN_OR_RETURN(const auto found, table_.List(same, &damaged));
  if (found.empty()) return false;
  const checkpoint::Event& newest = found.front();
  // Two owners' tails may have one range; the cause names the tail.
  const bool other_tail =
      event.kind == checkpoint::EventKind::kQuarantined && newest.cause != event.cause;
  return newest.first == event.first && newest.end == event.end && !other_tail;
}

std::shared_ptr<Counter> Events::CounterOf(const LinkName& link, const TopicName& topic,
                                           checkpoint::EventKind kind) {
  Labels labels{{"link", link.value()}, {"topic", topic.value()}};
  switch (kind) {
    case checkpoint::EventKind::kGap:
      return counters_.GetCounter("atoll_mirror_gap_records_total",
                                  "Offsets that the source no longer had when they were asked for.",
                                  labels);
    case checkpoint::EventKind::kDivergence:
      return counters_.GetCounter("atoll_mirror_divergence_total",
                                  "Partitions whose bytes turned out to differ from the source's.",
                                  labels);
    case checkpoint::EventKind::kHalted:
      return counters_.ErrorsOf(link, "verify", "bad_batch");
    case checkpoint::EventKind::kMismatch:
      return counters_.GetCounter("atoll_mirror_mismatch_total",
                                  "Batches that verification found to differ from the source's.",
                                  labels);
    case checkpoint::EventKind::kGeneration:
    case checkpoint::EventKind::kRetired:
      labels["cause"] = kind == checkpoint::EventKind::kRetired ? "deleted" : "recreated";
      return counters_.GetCounter(
          "atoll_mirror_source_reset_total",
          "Times the source turned out to be another one than was mirrored.", labels);
    default:
      return nullptr;
  }
}

void Events::Announce(const LinkName& link, const TopicName& topic) {
  for (const checkpoint::EventKind kind :
       {checkpoint::EventKind::kGap, checkpoint::EventKind::kDivergence,
        checkpoint::EventKind::kMismatch, checkpoint::EventKind::kGeneration}) {
    (void)CounterOf(link, topic, kind);
  }
}

void Events::Count(const checkpoint::Event& event) {
  const auto counter = CounterOf(event.link, event.topic, event.kind);
  if (counter == nullptr) return;
  const bool by_record = event.kind == checkpoint::EventKind::kGap;
  counter->Increment(by_record ? static_cast<double>((event.end - event.first).value()) : 1);
}

}  // namespace atl::mirror
