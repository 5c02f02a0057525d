#include "core-broker/server/handlers/delete_records.h"

#include <algorithm>
#include <utility>

#include "core-broker/server/handlers/lookup.h"

namespace atl::broker {
namespace {

using kafka::DeleteRecordsPartitionResult;
using kafka::ErrorCode;

constexpr Offset kLowestLowWatermark{-1};  // What Kafka answers with an error.

// One DeleteRecords request under way. Lives on the home reactor.
class DeleteRecordsCall {
 public:
  explicit DeleteRecordsCall(ExchangePtr exchange) : exchange_(std::move(exchange)) {}
  void Start(const kafka::DeleteRecordsRequest& request, std::shared_ptr<DeleteRecordsCall> self);
  void JobDone() {
    if (--jobs_left_ == 0) exchange_->Reply(response_);
  }
  Exchange& exchange() const { return *exchange_; }
  DeleteRecordsPartitionResult& At(size_t topic, size_t partition) {
    return response_.topics[topic].partitions[partition];
  }

 private:
  const ExchangePtr exchange_;
  kafka::DeleteRecordsResponse response_;
  size_t jobs_left_ = 0;
};

class AdvanceJob final : public runtime::ShardJob {
 public:
  struct Item {
    std::shared_ptr<Partition> partition;
    Offset before;
    size_t topic_at;
    size_t partition_at;
    ErrorCode error = ErrorCode::kNone;
    Offset log_start{};
  };
  AdvanceJob(std::shared_ptr<DeleteRecordsCall> call, int shard)
      : call_(std::move(call)), shard_(shard) {}
  int shard() const { return shard_; }
  void Add(Item item) { items_.push_back(std::move(item)); }

  void Run(runtime::ShardTurn& turn) override {
    for (Item& item : items_) {
      item.error = item.partition->AdvanceLogStart(item.before);
      item.log_start = item.partition->offsets().log_start;
      turn.Touch(item.partition);
    }
  }
  void Complete() override {
    for (const Item& item : items_) {
      DeleteRecordsPartitionResult& result = call_->At(item.topic_at, item.partition_at);
      result.error_code = item.error;
      if (item.error == ErrorCode::kNone) result.low_watermark = item.log_start;
    }
    call_->JobDone();
  }
  runtime::Reactor* home() const override { return &call_->exchange().home(); }

 private:
  const std::shared_ptr<DeleteRecordsCall> call_;
  const int shard_;
  std::vector<Item> items_;
};

ErrorCode CheckDeletion(const Broker& broker, const FoundPartition& found) {
  if (found.partition == nullptr) return ErrorCode::kUnknownTopicOrPartition;
  const GateAnswer gate = broker.gate.AdmitClient(found.topic->id);
  if (gate.error != ErrorCode::kNone) return gate.error;
  const std::string policy = found.topic->config.Get("cleanup.policy");
  if (policy.find("delete") == std::string::npos) return ErrorCode::kPolicyViolation;
  return ErrorCode::kNone;
}

void DeleteRecordsCall::Start(const kafka::DeleteRecordsRequest& request,
                              std::shared_ptr<DeleteRecordsCall> self) {
  Broker& broker = exchange_->broker();
  const auto view = broker.catalog.view();
  std::vector<std::unique_ptr<AdvanceJob>> jobs;
  for (size_t i = 0; i < request.topics.size(); ++i) {
    const kafka::DeleteRecordsTopic& topic = request.topics[i];
    auto& answer = response_.topics.emplace_back();
    answer.name = topic.name;
    for (size_t j = 0; j < topic.partitions.size(); ++j) {
      auto& result = answer.partitions.emplace_back();
      result.partition_index = topic.partitions[j].partition_index;
      result.low_watermark = kLowestLowWatermark;
      FoundPartition found = FindPartition(*view, topic.name, result.partition_index);
      result.error_code = CheckDeletion(broker, found);
      if (result.error_code != ErrorCode::kNone) continue;
      const int shard = broker.catalog.ShardOf(*found.partition);
      auto job = std::find_if(jobs.begin(), jobs.end(),
                              [shard](const auto& one) { return one->shard() == shard; });
      if (job == jobs.end()) job = jobs.insert(job, std::make_unique<AdvanceJob>(self, shard));
      (*job)->Add({.partition = std::move(found.partition),
                   .before = topic.partitions[j].offset,
                   .topic_at = i,
                   .partition_at = j});
    }
  }
  jobs_left_ = jobs.size();
  if (jobs.empty()) return exchange_->Reply(response_);
  for (auto& job : jobs) {
    const int shard = job->shard();
    broker.shards.Post(shard, std::move(job));
  }
}

}  // namespace

void HandleDeleteRecords(ExchangePtr exchange, kafka::DeleteRecordsRequest request) {
  auto call = std::make_shared<DeleteRecordsCall>(std::move(exchange));
  call->Start(request, call);
}

}  // namespace atl::broker
