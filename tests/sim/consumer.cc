#include "tests/sim/consumer.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "kafka/record/record_reader.h"

namespace atl::sim {
namespace {

using std::chrono::milliseconds;

constexpr size_t kReadBytes = 500;

}  // namespace

Consumer::Consumer(World& world, Oracle& oracle, TopicName topic, PartitionId partition,
                   const std::vector<std::unique_ptr<Region>>& regions)
    : world_(world),
      oracle_(oracle),
      group_(fmt::format("readers-of-{}-{}", topic.value(), partition.value())),
      topic_(std::move(topic)),
      partition_(partition),
      regions_(regions) {}

void Consumer::Start() {
  world_.At(world_.Between(milliseconds(50), milliseconds(400)), [this] {
    Poll();
    Start();
  });
}

// It stays where it is while that region owns the topic; else it goes to one that does.
bool Consumer::Choose() {
  const auto owned = [&](Region& region) {
    if (!region.up()) return false;
    const auto topic = region.process().catalog.view()->Find(topic_);
    return topic != nullptr && !topic->is_mirror();
  };
  if (region_ != nullptr && owned(*region_) && region_->boot() == boot_) return true;
  position_.reset();
  std::vector<Region*> owners;
  for (const auto& region : regions_) {
    if (!owned(*region)) continue;
    const auto topic = region->process().catalog.view()->Find(topic_);
    if (region->process().owners.HeldBecause(topic->id).empty()) owners.push_back(region.get());
  }
  if (owners.empty()) return false;
  Region* const next = owners[world_.random.Below(owners.size())];
  if (region_ != nullptr && region_ != next) world_.Reach(Mark::kGroupMoved);
  region_ = next;
  boot_ = next->boot();
  id_ = next->process().catalog.view()->Find(topic_)->id;
  return true;
}

void Consumer::Poll() {
  if (!Choose() || region_->paused_for() > Duration::zero()) return;
  const Region::Running running(*region_);
  const auto partition = PartitionOf(*region_, id_, partition_);
  if (!partition || !partition->offline_reason().empty()) return;
  if (!position_ && !GoOn(*partition)) return;
  // Kafka's auto.offset.reset=earliest.
  position_ = std::max(*position_, partition->offsets().log_start);
  if (!Read(*partition) || !region_->up()) return;
  if (world_.Chance(0.5)) Commit();
}

bool Consumer::GoOn(const broker::Partition& partition) {
  const auto stored = region_->process().groups.FetchOffset(group_, topic_, partition_);
  position_ = stored ? stored->offset : partition.offsets().log_start;
  world_.Note("{}: {} goes on at {}", region_->name(), group_.value(), position_->value());
  oracle_.OnGroupGoesOn(*region_, id_, partition_, *position_);
  return !world_.failure();
}

bool Consumer::Read(const broker::Partition& partition) {
  if (*position_ >= partition.offsets().high_watermark) return true;
  const StatusOr<Bytes> bytes = ReadRecords(partition, *position_, kReadBytes);
  if (!bytes.ok()) return false;
  for (BytesView rest = *bytes; !rest.empty();) {
    const StatusOr<kafka::BatchView> batch = kafka::BatchView::Parse(rest);
    if (!batch.ok()) return false;
    StatusOr<kafka::RecordReader> reader = kafka::RecordReader::Open(*batch);
    kafka::Record record;
    while (reader.ok() && *reader->Next(record)) {
      if (record.offset < *position_) continue;
      oracle_.OnDelivered(id_, partition_, std::string(AsText(*record.value)));
    }
    position_ = batch->header().next_offset();
    rest = rest.subspan(batch->bytes().size());
  }
  return true;
}

void Consumer::Commit() {
  broker::Coordinator::Commit commit;
  commit.group = group_;
  commit.items.push_back({.topic = topic_,
                          .partition = partition_,
                          .offset = *position_,
                          .epoch = kNoEpoch,
                          .metadata = {}});
  const Offset offset = *position_;
  region_->process().groups.CommitOffsets(
      std::move(commit), [this, offset](const broker::Coordinator::Errors& errors) {
        if (errors.front() != kafka::ErrorCode::kNone || !region_->up()) return;
        oracle_.OnCommitted(*region_, id_, partition_, offset);
      });
}

}  // namespace atl::sim
