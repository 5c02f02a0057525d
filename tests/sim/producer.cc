#include "tests/sim/producer.h"

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
                   PartitionId partition, Duration think)
    : world_(world),
      network_(network),
      oracle_(oracle),
      region_(region),
      topic_(std::move(topic)),
      partition_(partition),
      think_(think) {}

void Producer::Start() {
  world_.At(world_.Between(Duration::zero(), think_), [this] { Think(); });
}

void Producer::Think() {
  if (stopped_) return;
  if (values_.empty() && region_.up()) {
    const auto topic = region_.process().catalog.view()->Find(topic_);
    if (topic) {
      if (topic->id != topic_id_) NewIdentity();
      topic_id_ = topic->id;
      MakeBatch();
      Send();
      return;
    }
  }
  world_.At(think_, [this] { Think(); });
}

void Producer::NewIdentity() {
  id_ = ProducerId::Mint(region_.ordinal(), oracle_.NextProducer());
  sequence_ = Sequence(0);
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
  network_.Send(kClients, region_.ordinal().value(), [this, request] { Execute(request); });
  world_.At(kRequestTimeout, [this, request] {
    if (request == request_ && !values_.empty()) Send();
  });
}

// At the region.
void Producer::Execute(uint64_t request) {
  if (!region_.up()) return;
  const Region::Running running(region_);
  const auto reply = [this, request, boot = region_.boot()](const Answer& answer) {
    if (!region_.up() || region_.boot() != boot) return;
    network_.Send(region_.ordinal().value(), kClients,
                  [this, request, answer] { OnAnswer(request, answer); });
  };
  const auto partition = PartitionOf(region_, topic_id_, partition_);
  if (!partition) {
    reply({.error = ErrorCode::kUnknownTopicOrPartition, .base_offset = kNoOffset});
    return;
  }
  const int shard = region_.process().catalog.ShardOf(*partition);
  region_.InNextTurn([this, partition, shard, batch = batch_, reply] {
    region_.process().shards.Post(
        shard, std::make_unique<AppendJob>(
                   partition, batch, [reply](const broker::AppendOutcome& outcome) {
                     reply({.error = outcome.error, .base_offset = outcome.base_offset});
                   }));
  });
}

void Producer::OnAnswer(uint64_t request, const Answer& answer) {
  if (request != request_ || values_.empty()) return;
  switch (answer.error) {
    case ErrorCode::kNone:
      world_.Note("acked {}-{} [{}, {}) after {} tries", topic_.value(), partition_.value(),
                  answer.base_offset.value(),
                  answer.base_offset.value() + static_cast<int64_t>(values_.size()), tries_);
      world_.Reach(Mark::kAcked);
      if (tries_ > 1) world_.Reach(Mark::kDuplicateAnswered);
      oracle_.OnAck(topic_id_, partition_, answer.base_offset, values_);
      sequence_ = sequence_.Plus(static_cast<int32_t>(values_.size()));
      break;
    case ErrorCode::kOutOfOrderSequenceNumber:
    case ErrorCode::kUnknownProducerId:
      // All it sent was answered in order: the region has forgotten acknowledged batches.
      world_.Fail("S15", fmt::format("{}-{}: {} for sequence {} after {} tries", topic_.value(),
                                     partition_.value(), kafka::ErrorName(answer.error),
                                     sequence_.value(), tries_));
      return;
    case ErrorCode::kUnknownTopicOrPartition:
    case ErrorCode::kPolicyViolation:
      topic_id_ = {};  // Deleted, or being created anew: what was in flight is doubtful for ever.
      break;
    default:
      world_.At(milliseconds(100), [this, request] {
        if (request == request_ && !values_.empty()) Send();
      });
      return;
  }
  values_.clear();
  world_.At(world_.Between(milliseconds(1), think_), [this] { Think(); });
}

}  // namespace atl::sim
