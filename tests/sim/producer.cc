#include "tests/sim/producer.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "kafka/record/batch_builder.h"
#include "kafka/record/batch_validate.h"
#include "tests/sim/source_service.h"

namespace atl::sim {
namespace {

using kafka::ErrorCode;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration kRequestTimeout = seconds(2);
constexpr double kRestarts = 0.05;  // Before a batch.

// One produced batch on the partition's shard, as the broker's handler does it.
class AppendJob final : public runtime::ShardJob {
 public:
  AppendJob(std::shared_ptr<broker::Partition> partition, Bytes batch,
            std::function<void(const broker::AppendOutcome&)> done)
      : partition_(std::move(partition)), batch_(std::move(batch)), done_(std::move(done)) {}
  void Run(runtime::ShardTurn& turn) override {
    turn.Touch(partition_);
    partition_->StageAppend(batch_, outcome_);
  }
  void Complete() override { done_(outcome_); }

 private:
  const std::shared_ptr<broker::Partition> partition_;
  Bytes batch_;
  broker::AppendOutcome outcome_;
  const std::function<void(const broker::AppendOutcome&)> done_;
};

}  // namespace

Producer::Producer(World& world, Network& network, Oracle& oracle, Region& region, TopicName topic,
                   PartitionId partition, Duration think,
                   const std::vector<std::unique_ptr<Region>>& regions)
    : world_(world),
      network_(network),
      oracle_(oracle),
      regions_(regions),
      region_(&region),
      topic_(std::move(topic)),
      partition_(partition),
      think_(think) {}

void Producer::Start() {
  stopped_ = false;
  acked_ = 0;
  world_.At(world_.Between(Duration::zero(), think_), [this] { Think(); });
}

void Producer::Think() {
  if (stopped_) return;
  if (!region_->up()) Refresh();
  if (values_.empty() && region_->up()) {
    const auto topic = region_->process().catalog.view()->Find(topic_);
    if (topic) {
      const bool restarts = world_.Chance(kRestarts);
      if (restarts || topic->id != topic_id_) NewIdentity();
      topic_id_ = topic->id;
      MakeBatch();
      Send();
      return;
    }
  }
  world_.At(think_, [this] { Think(); });
}

// Of the region that it talks to now.
void Producer::NewIdentity() {
  const bool alike = world_.Plants(Mutation::kSameProducers);
  id_ = ProducerId::Mint(alike ? RegionOrdinal(1) : region_->ordinal(),
                         oracle_.NextProducer(*region_));
  sequence_ = Sequence(0);
  last_acked_.clear();
}

// Any region that says it owns the topic: in a split there are two. Else any other one.
void Producer::Refresh() {
  std::vector<Region*> owners;
  for (const auto& region : regions_) {
    if (!region->up()) continue;
    const auto topic = region->process().catalog.view()->Find(topic_);
    if (topic && !topic->is_mirror()) owners.push_back(region.get());
  }
  if (owners.size() > 1) world_.Reach(Mark::kSplit);
  Region* const next = owners.empty() ? regions_[world_.random.Below(regions_.size())].get()
                                      : owners[world_.random.Below(owners.size())];
  if (next != region_) world_.Reach(Mark::kProducerMoved);
  region_ = next;
}

// What was in flight is doubtful for ever.
void Producer::GiveUp() {
  values_.clear();
  topic_id_ = {};
}

bool Producer::AnywhereKnown() const {
  return std::ranges::any_of(regions_, [&](const auto& region) {
    if (!region->up()) return true;
    const auto topic = region->process().catalog.view()->Find(topic_id_);
    return topic != nullptr && !topic->frozen;
  });
}

void Producer::MakeBatch() {
  kafka::BatchBuilder builder(
      {.producer_id = id_, .producer_epoch = ProducerEpoch(0), .base_sequence = sequence_});
  const Timestamp now = ToTimestamp(world_.clock.WallNow());
  const uint64_t count = 1 + world_.random.Below(5);
  for (uint64_t i = 0; i < count; ++i) {
    std::string value = oracle_.NextValue();
    value.append(world_.random.Below(60), '.');
    builder.Add(now, std::nullopt, AsBytes(value));
    values_.push_back(std::move(value));
  }
  batch_ = *builder.Build();
  tries_ = 0;
}

void Producer::Send() {
  const uint64_t request = ++request_;
  ++tries_;
  if (tries_ > 1 && world_.Plants(Mutation::kForgetProducers)) {
    NewIdentity();
    std::vector<std::string> values = std::exchange(values_, {});
    kafka::BatchBuilder builder(
        {.producer_id = id_, .producer_epoch = ProducerEpoch(0), .base_sequence = sequence_});
    for (const std::string& value : values) {
      builder.Add(ToTimestamp(world_.clock.WallNow()), std::nullopt, AsBytes(value));
    }
    batch_ = *builder.Build();
    values_ = std::move(values);
  }
  network_.Send(kClients, region_->ordinal().value(),
                [this, request, region = region_] { Execute(request, *region); });
  world_.At(kRequestTimeout, [this, request] {
    if (request != request_ || values_.empty()) return;
    if (!region_->up() || world_.Chance(0.3)) Refresh();
    Send();
  });
}

// At the region.
void Producer::Execute(uint64_t request, Region& region) {
  if (!region.up()) return;
  const Region::Running running(region);
  const auto partition = PartitionOf(region, topic_id_, partition_);
  if (!partition) {
    Reply(request, region, {.error = ErrorCode::kUnknownTopicOrPartition, .base_offset = {}});
    return;
  }
  const auto done = [this, request, &region](const broker::AppendOutcome& outcome) {
    region.Answer([this, request, &region, error = outcome.error, base = outcome.base_offset] {
      Reply(request, region, {.error = error, .base_offset = base});
    });
  };
  const int shard = region.process().catalog.ShardOf(*partition);
  region.InNextTurn([&region, partition, shard, batch = batch_, done] {
    region.process().shards.Post(shard, std::make_unique<AppendJob>(partition, batch, done));
  });
}

// As the broker's handler puts its answer together.
void Producer::Reply(uint64_t request, Region& region, Answer answer) {
  if (answer.error == ErrorCode::kNone) {
    const bool may = region.process().gate.MayAcknowledge(topic_id_);
    if (may || world_.Plants(Mutation::kAckUnasked)) {
      oracle_.OnAckLeaves(region, topic_id_);
    } else {
      answer.error = ErrorCode::kNotLeaderOrFollower;
      world_.Reach(Mark::kAckRefused);
    }
  }
  network_.Send(region.ordinal().value(), kClients,
                [this, request, &region, answer] { OnAnswer(request, region, answer); });
}

void Producer::OnAnswer(uint64_t request, Region& from, const Answer& answer) {
  if (request != request_ || values_.empty()) return;
  const auto again = [this, request] {
    if (request == request_ && !values_.empty()) Send();
  };
  switch (answer.error) {
    case ErrorCode::kNone:
      world_.Note("{} acked {}-{} [{}, {}) after {} tries", from.name(), topic_.value(),
                  partition_.value(), answer.base_offset.value(),
                  answer.base_offset.value() + static_cast<int64_t>(values_.size()), tries_);
      world_.Reach(Mark::kAcked);
      if (tries_ > 1) world_.Reach(Mark::kDuplicateAnswered);
      oracle_.OnAck(from, topic_id_, partition_, answer.base_offset, values_);
      sequence_ = sequence_.Plus(static_cast<int32_t>(values_.size()));
      last_acked_ = values_.back();
      ++acked_;
      break;
    case ErrorCode::kOutOfOrderSequenceNumber:
    case ErrorCode::kUnknownProducerId:
    case ErrorCode::kInvalidProducerEpoch:
      // All it sent was answered in order: where the last of it is, nothing may be forgotten. What
      // is the first of an identity, or of another epoch than its only one, is taken for somebody
      // else's.
      if (sequence_ == Sequence(0) || answer.error == ErrorCode::kInvalidProducerEpoch ||
          oracle_.Has(from, topic_id_, partition_, last_acked_)) {
        world_.Fail("S15", fmt::format("{}: {}-{}: {} for sequence {} after {} tries", from.name(),
                                       topic_.value(), partition_.value(),
                                       kafka::ErrorName(answer.error), sequence_.value(), tries_));
        return;
      }
      GiveUp();
      break;
    case ErrorCode::kUnknownTopicOrPartition:
    case ErrorCode::kPolicyViolation:
    case ErrorCode::kNotLeaderOrFollower:
      Refresh();
      if (AnywhereKnown()) {
        world_.At(milliseconds(100), again);
        return;
      }
      GiveUp();  // Deleted, or being created anew.
      break;
    default:
      world_.At(milliseconds(100), again);
      return;
  }
  values_.clear();
  world_.At(world_.Between(milliseconds(1), think_), [this] { Think(); });
}

}  // namespace atl::sim
