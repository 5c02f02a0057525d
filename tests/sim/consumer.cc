#include "tests/sim/consumer.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "core-broker/server/handlers/lookup.h"
#include "kafka/record/record_reader.h"

namespace atl::sim {
namespace {

using std::chrono::milliseconds;

constexpr size_t kReadBytes = 500;
constexpr Duration kLongestStall = std::chrono::seconds(8);
constexpr Duration kLongestStay = std::chrono::seconds(2);

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
  // Now and then it stands still, as processes do.
  const bool stalls = world_.Chance(0.02);
  const Duration longest = stalls ? kLongestStall : milliseconds(400);
  world_.At(world_.Between(milliseconds(50), longest), [this] {
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
  if (region_ != nullptr && owned(*region_) && region_->boot() == boot_) {
    leaves_at_.reset();
    return true;
  }
  // It takes a while until it is told to go.
  if (position_ && !leaves_at_) {
    leaves_at_ = world_.clock.Now() + world_.Between(Duration::zero(), kLongestStay);
  }
  if (leaves_at_ && world_.clock.Now() < *leaves_at_) return false;
  Leave();
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

// Clients commit once more when they close.
void Consumer::Leave() {
  leaves_at_.reset();
  const auto position = std::exchange(position_, std::nullopt);
  if (!position || !region_->up() || region_->boot() != boot_ || !world_.Chance(0.5)) return;
  if (region_->paused_for() > Duration::zero()) return;
  const Region::Running running(*region_);
  const auto partition = PartitionOf(*region_, id_, partition_);
  if (partition) Commit(*partition, *position);
}

void Consumer::Poll() {
  if (!Choose() || region_->paused_for() > Duration::zero()) return;
  const Region::Running running(*region_);
  const auto partition = PartitionOf(*region_, id_, partition_);
  if (!partition || !partition->offline_reason().empty()) return;
  if (!position_ && !GoOn(*partition)) return;
  // Before the next fetch tells it that the log was cut.
  if (world_.Chance(0.1)) return Commit(*partition, *position_);
  // Its group has sent it away, or its fetch was fenced (KIP-320): it begins again.
  if (Known(*partition, *position_) != position_ && !GoOn(*partition)) return;
  // Kafka's auto.offset.reset=earliest.
  if (*position_ < partition->offsets().log_start) {
    position_ = partition->offsets().log_start;
    epoch_ = kNoEpoch;
    last_read_.reset();
  }
  if (!Read(*partition) || !region_->up()) return;
  if (world_.Chance(0.5)) Commit(*partition, *position_);
}

bool Consumer::GoOn(const broker::Partition& partition) {
  const auto stored = region_->process().groups.FetchOffset(group_, topic_, partition_);
  position_ = stored ? stored->offset : partition.offsets().log_start;
  epoch_ = stored ? stored->epoch : kNoEpoch;
  last_read_.reset();
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
    epoch_ = batch->header().leader_epoch;
    last_read_ = BatchKey{batch->header().base_offset, epoch_};
    rest = rest.subspan(batch->bytes().size());
  }
  return true;
}

std::optional<Offset> Consumer::Known(const broker::Partition& partition, Offset position) const {
  const auto topic = region_->process().catalog.view()->Find(id_);
  return partition.PositionOf(position, epoch_, broker::CurrentEpoch(*topic, partition));
}

// As the broker's handler does it.
void Consumer::Commit(const broker::Partition& partition, Offset position) {
  const bool trusts = world_.Plants(Mutation::kTrustCommits);
  const auto known = trusts ? position : Known(partition, position);
  if (known != position) world_.Reach(Mark::kOldCommit);
  if (!known) return;
  const Offset offset = *known;
  if (offset == position && last_read_) {
    oracle_.OnPositionStored(*region_, id_, partition_, offset, *last_read_);
  }
  broker::Coordinator::Commit commit;
  commit.group = group_;
  commit.items.push_back({.topic = topic_,
                          .partition = partition_,
                          .offset = offset,
                          .epoch = epoch_,
                          .metadata = {}});
  region_->process().groups.CommitOffsets(
      std::move(commit), [this, offset](const broker::Coordinator::Errors& errors) {
        if (errors.front() != kafka::ErrorCode::kNone || !region_->up()) return;
        oracle_.OnCommitted(*region_, id_, partition_, offset);
      });
}

}  // namespace atl::sim
