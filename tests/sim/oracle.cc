#include "tests/sim/oracle.h"

#include <algorithm>
#include <utility>

#include "kafka/record/record_reader.h"

namespace atl::sim {
namespace {

constexpr size_t kAll = 64 << 20;

// Walks the batches of `bytes`; false from `visit` stops.
Status ForEachBatch(BytesView bytes, const std::function<bool(const kafka::BatchView&)>& visit) {
  while (!bytes.empty()) {
    ASSIGN_OR_RETURN(const kafka::BatchView batch, kafka::BatchView::Parse(bytes));
    if (!visit(batch)) return OkStatus();
    bytes = bytes.subspan(batch.bytes().size());
  }
  return OkStatus();
}

int64_t SegmentCount(Region& region, const broker::Partition& partition) {
  const broker::Partition::Identity& identity = partition.identity();
  const std::string topic =
      broker::Catalog::TopicFolder(kDataFolder, identity.topic, identity.topic_id);
  const auto names = region.files().List(fmt::format("{}/{}", topic, identity.partition.value()));
  if (!names.ok()) return 0;
  return std::ranges::count_if(*names, [](const std::string& n) { return n.ends_with(".log"); });
}

}  // namespace

std::string Oracle::Where(const Region& region, const broker::Partition& partition) {
  return fmt::format("{}: {}-{} ({})", region.name(), partition.identity().topic.value(),
                     partition.identity().partition.value(),
                     partition.identity().topic_id.ToString());
}

void Oracle::OnAck(const TopicId& topic, PartitionId partition, Offset base,
                   const std::vector<std::string>& values) {
  Truth& truth = truths_[{topic, partition}];
  for (size_t i = 0; i < values.size(); ++i) {
    const Offset offset = base + RecordCount(static_cast<int64_t>(i));
    truth.acked[offset] = values[i];
    const auto found = truth.values.find(values[i]);
    // Appended in the event in which its owner stopped in order: looked at when it serves again.
    const bool unseen = found == truth.values.end() && truth.owner && !truth.owner->up();
    if (unseen) continue;
    if (found == truth.values.end() || found->second != offset) {
      world_.Fail(
          "S1",
          fmt::format("'{}' was acknowledged at offset {} and is {}", values[i], offset.value(),
                      found == truth.values.end() ? std::string("nowhere")
                                                  : fmt::format("at {}", found->second.value())));
      return;
    }
  }
}

void Oracle::OnBoot(const Region& region) { just_started_.insert(region.ordinal().value()); }

void Oracle::Check() {
  for (const auto& region : regions_) {
    if (world_.failure()) return;
    if (region->up()) CheckRegion(*region);
  }
}

void Oracle::CheckRegion(Region& region) {
  const int number = region.ordinal().value();
  const auto view = region.process().catalog.view();
  const bool started = just_started_.erase(number) > 0;
  const uint64_t writes = region.store_writes();
  const bool stored = std::exchange(store_writes_[number], writes) != writes;
  for (const auto& [name, topic] : view->by_name) {
    for (const auto& partition : topic->partitions) {
      CheckPartition(region, *topic, *partition, stored);
      if (world_.failure()) return;
    }
  }
  if (!started) return;
  // Earlier generations don't change any more; by id, so that every run looks in one order.
  std::map<TopicId, std::shared_ptr<const broker::Topic>> frozen;
  for (const auto& [id, topic] : view->by_id) {
    if (topic->frozen) frozen[id] = topic;
  }
  for (const auto& [id, topic] : frozen) {
    for (const auto& partition : topic->partitions) {
      CheckPartition(region, *topic, *partition, stored);
    }
  }
}

void Oracle::CheckPartition(Region& region, const broker::Topic& topic,
                            const broker::Partition& partition, bool stored) {
  const Place place{topic.id, partition.identity().partition};
  const broker::PartitionOffsets offsets = partition.offsets();
  Seen& seen = seen_[{region.ordinal().value(), place}];
  const Seen now{.boot = region.boot(),
                 .log_start = offsets.log_start,
                 .high_watermark = offsets.high_watermark,
                 .log_end = offsets.log_end};
  if (seen == now && !stored) return;
  if (!partition.offline_reason().empty()) return;
  recovering_ = seen.boot != now.boot;
  seen = now;
  if (topic.is_mirror()) {
    CheckMirror(region, topic, partition);
    CheckPosition(region, topic, partition);
  } else {
    CheckOwned(region, topic, partition);
  }
  // A log that was read from disk again is compared as a whole.
  if (!recovering_ || world_.failure()) return;
  Compare(region, truths_[place], partition, offsets.log_start, offsets.high_watermark,
          topic.is_mirror() ? "S3" : "S1");
}

void Oracle::CheckOwned(Region& region, const broker::Topic& topic,
                        const broker::Partition& partition) {
  const Place place{topic.id, partition.identity().partition};
  Truth& truth = truths_[place];
  truth.owner = &region;
  const broker::PartitionOffsets offsets = partition.offsets();
  if (offsets.log_start > offsets.high_watermark || offsets.high_watermark > offsets.durable_end ||
      offsets.durable_end > offsets.log_end) {
    world_.Fail("S1", fmt::format("{}: log start {}, high watermark {}, durable end {}, end {}",
                                  Where(region, partition), offsets.log_start.value(),
                                  offsets.high_watermark.value(), offsets.durable_end.value(),
                                  offsets.log_end.value()));
    return;
  }
  if (offsets.high_watermark < truth.end) {
    world_.Fail("S1", fmt::format("{}: offsets up to {} were visible, now it ends at {}",
                                  Where(region, partition), truth.end.value(),
                                  offsets.high_watermark.value()));
    return;
  }
  if (offsets.log_start < truth.start && !region.rolled_back()) {
    world_.Fail("S2", fmt::format("{}: records before {} were deleted, now it starts at {}",
                                  Where(region, partition), truth.start.value(),
                                  offsets.log_start.value()));
    return;
  }
  truth.start = std::max(truth.start, offsets.log_start);
  if (offsets.high_watermark > truth.end) {
    Extend(region, truth, partition, offsets.high_watermark);
  }
}

void Oracle::Extend(Region& region, Truth& truth, const broker::Partition& partition, Offset end) {
  const Place place{partition.identity().topic_id, partition.identity().partition};
  while (truth.end < end && !world_.failure()) {
    const Offset before = truth.end;
    const StatusOr<Bytes> bytes = ReadRecords(partition, truth.end, kAll);
    const Status status = bytes.ok() ? ForEachBatch(*bytes,
                                                    [&](const kafka::BatchView& batch) {
                                                      Learn(region, truth, batch, place);
                                                      return !world_.failure();
                                                    })
                                     : bytes.status();
    if (!status.ok() || truth.end == before) {
      world_.Fail("S1", fmt::format("{}: can't be read at {}: {}", Where(region, partition),
                                    before.value(), StatusMessage(status)));
    }
  }
}

void Oracle::Learn(Region& region, Truth& truth, const kafka::BatchView& batch,
                   const Place& place) {
  const kafka::BatchHeader& header = batch.header();
  if (header.base_offset < truth.end) return;
  if (header.base_offset != truth.end || !batch.CrcMatches()) {
    world_.Fail("S1",
                fmt::format("{}: a batch at {} where {} was expected (CRC {})", region.name(),
                            header.base_offset.value(), truth.end.value(), batch.CrcMatches()));
    return;
  }
  // A tail that nobody had seen before the crash is of the process that died.
  const uint64_t session = region.session() - (recovering_ ? 1 : 0);
  const auto [known, is_new] = truth.session_of_epoch.emplace(header.leader_epoch, session);
  if (!region.rolled_back() && !recovering_ && known->second != session) {
    world_.Fail("S8", fmt::format("{}: epoch {} is used again after an unclean stop", region.name(),
                                  header.leader_epoch.value()));
    return;
  }
  if (is_new && truth.session_of_epoch.size() > 1) world_.Reach(Mark::kEpochRaised);
  StatusOr<kafka::RecordReader> reader = kafka::RecordReader::Open(batch);
  kafka::Record record;
  while (reader.ok() && *reader->Next(record)) {
    const std::string value(AsText(*record.value));
    const auto [found, fresh] = truth.values.emplace(value, record.offset);
    if (fresh) continue;
    world_.Fail("S5", fmt::format("{}: '{}' is at {} and at {} of {}-{}", region.name(), value,
                                  found->second.value(), record.offset.value(),
                                  place.first.ToString(), place.second.value()));
    return;
  }
  truth.batches[header.base_offset] = {.bytes = CopyBytes(batch.bytes()),
                                       .end = header.next_offset(),
                                       .visible = world_.clock.Now()};
  truth.end = header.next_offset();
}

void Oracle::Compare(const Region& region, const Truth& truth, const broker::Partition& partition,
                     Offset from, Offset end, const char* invariant) {
  Offset at = from;
  while (at < end && !world_.failure()) {
    const Offset before = at;
    const StatusOr<Bytes> bytes = ReadRecords(partition, at, kAll);
    const Status status =
        bytes.ok()
            ? ForEachBatch(
                  *bytes,
                  [&](const kafka::BatchView& batch) {
                    const kafka::BatchHeader& header = batch.header();
                    if (header.base_offset >= end) return false;
                    // Every canonical batch is there, and there is nothing else.
                    const auto want = truth.batches.upper_bound(at);
                    const bool known = want != truth.batches.begin() &&
                                       std::prev(want)->second.end > at &&
                                       std::prev(want)->first == header.base_offset;
                    if (!known ||
                        !std::ranges::equal(std::prev(want)->second.bytes, batch.bytes())) {
                      world_.Fail(
                          invariant,
                          fmt::format("{}: the batch at {} is [{}, {}) of epoch {}; the "
                                      "owner {}",
                                      Where(region, partition), at.value(),
                                      header.base_offset.value(), header.next_offset().value(),
                                      header.leader_epoch.value(),
                                      known ? "has other bytes" : "has another one"));
                      return false;
                    }
                    at = header.next_offset();
                    return true;
                  })
            : bytes.status();
    if (!world_.failure() && (!status.ok() || at == before)) {
      world_.Fail(invariant, fmt::format("{}: can't be read at {}: {}", Where(region, partition),
                                         before.value(), StatusMessage(status)));
    }
  }
}

void Oracle::CheckMirror(Region& region, const broker::Topic& topic,
                         const broker::Partition& partition) {
  const Place place{topic.id, partition.identity().partition};
  Truth& truth = truths_[place];
  Copy& copy = copies_[{region.ordinal().value(), place}];
  const broker::PartitionOffsets offsets = partition.offsets();
  const bool empty = offsets.log_start == offsets.high_watermark;
  if (!empty && offsets.log_end > truth.end) {
    world_.Fail("S3",
                fmt::format("{}: ends at {}, the owner has shown {}", Where(region, partition),
                            offsets.log_end.value(), truth.end.value()));
    return;
  }
  CheckStartOfMirror(region, place, copy, offsets, truth);
  if (world_.failure()) return;
  const Offset from = std::max(copy.end, offsets.log_start);
  if (offsets.high_watermark > from) {
    Compare(region, truth, partition, from, offsets.high_watermark, "S3");
  }
  copy.start = offsets.log_start;
  copy.end = offsets.high_watermark;
  copy.had_data = copy.had_data || !empty;
}

void Oracle::CheckStartOfMirror(Region& region, const Place& place, const Copy& before,
                                const broker::PartitionOffsets& now, const Truth& truth) {
  if (!before.had_data) return;
  if (now.log_start > before.start && now.log_start > truth.start) {
    world_.Fail("S4", fmt::format("{}: a mirror trimmed up to {}, its owner never above {}",
                                  region.name(), now.log_start.value(), truth.start.value()));
    return;
  }
  const bool jumped = before.end > Offset(0) && now.log_start > before.end;
  if (jumped && !HasGapEvent(region, place, before.end, now.log_start)) {
    world_.Fail("S4", fmt::format("{}: offsets [{}, {}) are missing without a recorded gap",
                                  region.name(), before.end.value(), now.log_start.value()));
    return;
  }
  // An empty log may begin anew a little lower: at the batch that the source's start lies in.
  const bool empty = before.start == before.end;
  if (!jumped && !empty && now.high_watermark < before.end) {
    world_.Fail("S6", fmt::format("{}: a mirror had [{}, {}) durable and has [{}, {})",
                                  region.name(), before.start.value(), before.end.value(),
                                  now.log_start.value(), now.high_watermark.value()));
  }
}

bool Oracle::HasGapEvent(Region& region, const Place& place, Offset first, Offset end) {
  const auto events = region.process().events.List({.kind = checkpoint::EventKind::kGap,
                                                    .topic_id = place.first,
                                                    .partition = place.second,
                                                    .limit = 1000});
  if (!events.ok()) return false;
  return std::ranges::any_of(*events, [&](const checkpoint::Event& event) {
    return event.first <= first && event.end >= end;
  });
}

void Oracle::CheckPosition(Region& region, const broker::Topic& topic,
                           const broker::Partition& partition) {
  if (region.rolled_back()) return;  // A restored store may claim anything: the log wins.
  const auto position =
      region.process().mirrors.Position(topic.link, topic.id, partition.identity().partition);
  if (!position.ok() || !*position) return;
  const Offset durable = partition.offsets().durable_end;
  if ((*position)->applied_end <= durable) return;
  world_.Fail("S6",
              fmt::format("{}: the checkpoint says {}, durable is {}", Where(region, partition),
                          (*position)->applied_end.value(), durable.value()));
}

void Oracle::CheckStatus(MirrorDriver& driver) {
  // An answer is as old as it was under way: until it is given up.
  constexpr double kEpsilon = 3.2;
  constexpr double kHeartbeatSeconds = 10;
  for (const auto& [key, slot] : driver.slots()) {
    const mirror::MirrorStatus status = driver.StatusOf(*slot);
    const auto found = truths_.find(key);
    if (found == truths_.end() || deleted_.contains(key.first)) continue;
    const Truth& truth = found->second;
    const StatusOr<mirror::SinkEnd> sink = slot->sink->End();
    if (!sink.ok()) continue;
    const std::string where =
        fmt::format("{} {}-{} ({})", driver.plan().name.value(), slot->mirror.key().topic.value(),
                    key.second.value(), mirror::MirrorStateName(status.state));
    if (status.applied_end > sink->durable_end && sink->durable_end >= sink->log_start) {
      world_.Fail("S21", fmt::format("{}: says {} is durable here, {} is", where,
                                     status.applied_end.value(), sink->durable_end.value()));
      return;
    }
    if (status.source_end > truth.end) {
      world_.Fail("S21", fmt::format("{}: says the source ends at {}, it never showed more than {}",
                                     where, status.source_end.value(), truth.end.value()));
      return;
    }
    if (!status.lag.seconds) continue;
    const auto missing = truth.batches.lower_bound(sink->durable_end);
    const double true_lag = missing == truth.batches.end()
                                ? 0
                                : ToSeconds(world_.clock.Now() - missing->second.visible);
    if (*status.lag.seconds + kHeartbeatSeconds + kEpsilon < true_lag) {
      world_.Fail("S21", fmt::format("{}: reports a lag of {:.3f} s, it is {:.3f} s", where,
                                     *status.lag.seconds, true_lag));
      return;
    }
  }
}

void Oracle::CheckAll(bool complete) {
  for (const auto& [place, truth] : truths_) {
    if (world_.failure()) return;
    if (!truth.owner || deleted_.contains(place.first)) continue;
    if (!truth.owner->up()) continue;
    const auto partition = PartitionOf(*truth.owner, place.first, place.second);
    if (!partition) {
      world_.Fail("S1", fmt::format("{}: topic {} is not there any more", truth.owner->name(),
                                    place.first.ToString()));
      return;
    }
    const broker::PartitionOffsets offsets = partition->offsets();
    Compare(*truth.owner, truth, *partition, offsets.log_start, offsets.high_watermark, "S1");
    if (SegmentCount(*truth.owner, *partition) > 1) world_.Reach(Mark::kRolled);
    if (!truth.acked.empty() && truth.acked.rbegin()->first >= offsets.high_watermark) {
      world_.Fail("S1",
                  fmt::format("{}: offset {} was acknowledged, the log ends at {}",
                              Where(*truth.owner, *partition), truth.acked.rbegin()->first.value(),
                              offsets.high_watermark.value()));
    }
    for (const auto& region : regions_) {
      if (world_.failure() || region.get() == truth.owner || !region->up()) continue;
      const auto copy = PartitionOf(*region, place.first, place.second);
      if (!copy) {
        if (complete) {
          world_.Fail("L1", fmt::format("{}: has no mirror of {}", region->name(),
                                        Where(*truth.owner, *partition)));
        }
        continue;
      }
      const broker::PartitionOffsets there = copy->offsets();
      Compare(*region, truth, *copy, there.log_start, there.high_watermark, "S3");
      if (complete && there.high_watermark != offsets.high_watermark) {
        world_.Fail("L1",
                    fmt::format("{}: ends at {}, the owner at {}", Where(*region, *copy),
                                there.high_watermark.value(), offsets.high_watermark.value()));
      }
    }
  }
}

}  // namespace atl::sim
