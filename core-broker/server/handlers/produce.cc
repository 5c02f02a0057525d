#include "core-broker/server/handlers/produce.h"

#include <algorithm>

#include "core-broker/server/handlers/lookup.h"
#include "kafka/record/batch_validate.h"
#include "kafka/record/batch_view.h"

namespace atl::broker {
namespace {

using kafka::ErrorCode;
using kafka::PartitionProduceResponse;

constexpr int16_t kAcksNone = 0;
constexpr int16_t kAcksLeader = 1;
constexpr int16_t kAcksAll = -1;

void Refuse(PartitionProduceResponse& response, ErrorCode error, std::string message) {
  response.error_code = error;
  response.base_offset = kNoOffset;
  if (!message.empty()) response.error_message = std::move(message);
}

void RefuseBatch(PartitionProduceResponse& response, kafka::Verdict verdict) {
  if (verdict.record_index.has_value()) {
    response.record_errors.push_back({*verdict.record_index, verdict.message});
  }
  Refuse(response, verdict.error, std::move(verdict.message));
}

// One Produce request under way: collects what its jobs report. Lives on the home reactor.
class ProduceCall {
 public:
  ProduceCall(ExchangePtr exchange, const kafka::ProduceRequest& request);
  void Start(const kafka::ProduceRequest& request, std::shared_ptr<ProduceCall> self);
  void JobDone() {
    if (--jobs_left_ == 0) Finish();
  }

  Exchange& exchange() const { return *exchange_; }
  int16_t acks() const { return acks_; }
  PartitionProduceResponse& At(size_t topic, size_t partition) {
    return response_.responses[topic].partition_responses[partition];
  }

 private:
  void Finish();

  const ExchangePtr exchange_;
  const int16_t acks_;
  kafka::ProduceResponse response_;
  size_t jobs_left_ = 0;
};

// The batches of one request for the partitions of one shard.
class AppendJob final : public runtime::ShardJob {
 public:
  struct Item {
    std::shared_ptr<Partition> partition;
    MutableBytes batch;
    int32_t records;
    size_t topic_at;
    size_t partition_at;
    AppendOutcome outcome;
  };

  AppendJob(std::shared_ptr<ProduceCall> call, int shard)
      : call_(std::move(call)),
        shard_(shard),
        after_(call_->acks() == kAcksAll ? runtime::CompleteAfter::kSync
                                         : runtime::CompleteAfter::kWrite) {}

  int shard() const { return shard_; }
  void Add(Item item) { items_.push_back(std::move(item)); }

  void Run(runtime::ShardTurn& turn) override {
    for (Item& item : items_) {
      item.partition->StageAppend(item.batch, item.outcome, after_);
      turn.Touch(item.partition);
    }
  }
  void Complete() override {
    for (Item& item : items_) Report(item);
    call_->JobDone();
  }
  runtime::CompleteAfter complete_after() const override { return after_; }
  runtime::Reactor* home() const override { return &call_->exchange().home(); }

 private:
  void Report(Item& item) {
    PartitionProduceResponse& response = call_->At(item.topic_at, item.partition_at);
    if (item.outcome.error != ErrorCode::kNone) {
      return Refuse(response, item.outcome.error, std::move(item.outcome.message));
    }
    if (!call_->exchange().broker().gate.MayAcknowledge(item.partition->identity().topic_id)) {
      return Refuse(response, ErrorCode::kNotLeaderOrFollower,
                    "this region's lease ended before the acknowledgement left");
    }
    PartitionTraffic& traffic = item.partition->traffic();
    traffic.produced_records += item.records;
    traffic.produced_bytes += static_cast<int64_t>(item.batch.size());
    response.base_offset = item.outcome.base_offset;
    response.log_append_time_ms = item.outcome.log_append_time;
    response.log_start_offset = item.outcome.log_start;
  }

  const std::shared_ptr<ProduceCall> call_;
  const int shard_;
  const runtime::CompleteAfter after_;
  std::vector<Item> items_;  // Not touched after Run() but by the outcomes' writers.
};

ProduceCall::ProduceCall(ExchangePtr exchange, const kafka::ProduceRequest& request)
    : exchange_(std::move(exchange)), acks_(request.acks) {
  response_.responses.resize(request.topic_data.size());
  for (size_t i = 0; i < request.topic_data.size(); ++i) {
    const kafka::TopicProduceData& topic = request.topic_data[i];
    response_.responses[i].name = topic.name;
    response_.responses[i].partition_responses.resize(topic.partition_data.size());
    for (size_t j = 0; j < topic.partition_data.size(); ++j) {
      At(i, j).index = topic.partition_data[j].index;
    }
  }
}

// What makes a whole request void.
kafka::Verdict CheckRequest(const kafka::ProduceRequest& request) {
  if (request.acks != kAcksNone && request.acks != kAcksLeader && request.acks != kAcksAll) {
    return {ErrorCode::kInvalidRequiredAcks, fmt::format("acks is {}", request.acks), {}};
  }
  // InitProducerId has refused the id already; see init_producer_id.h for the choice of the error.
  if (request.transactional_id.has_value()) {
    return {ErrorCode::kTransactionalIdAuthorizationFailed,
            "transactions are not served by this region",
            {}};
  }
  return {};
}

kafka::Verdict CheckBatch(BytesView records, const kafka::ProduceRules& rules,
                          int32_t& record_count) {
  kafka::Verdict verdict = kafka::ValidateProduced(records, rules);
  if (!verdict.ok()) return verdict;
  const auto header = kafka::BatchHeader::Parse(records);
  if (header.ok()) record_count = header->record_count;
  if (header.ok() && header->is_transactional()) {
    return {ErrorCode::kInvalidTxnState, "a transactional batch outside a transaction", {}};
  }
  return verdict;
}

void ProduceCall::Start(const kafka::ProduceRequest& request, std::shared_ptr<ProduceCall> self) {
  Broker& broker = exchange_->broker();
  const kafka::Verdict whole = CheckRequest(request);
  const auto view = broker.catalog.view();
  const Timestamp now = ToTimestamp(broker.clock.WallNow());
  std::vector<std::unique_ptr<AppendJob>> jobs;

  for (size_t i = 0; i < request.topic_data.size(); ++i) {
    const kafka::TopicProduceData& topic_data = request.topic_data[i];
    const std::shared_ptr<const Topic> topic = view->Find(topic_data.name);
    kafka::ProduceRules rules;
    if (topic != nullptr) rules = topic->config.ToProduceRules(exchange_->version(), now);
    for (size_t j = 0; j < topic_data.partition_data.size(); ++j) {
      const kafka::PartitionProduceData& data = topic_data.partition_data[j];
      auto found = FindPartition(*view, topic_data.name, data.index).partition;
      kafka::Verdict verdict = whole;
      if (verdict.ok() && found == nullptr) verdict.error = ErrorCode::kUnknownTopicOrPartition;
      int32_t records = 0;
      if (verdict.ok()) verdict = CheckBatch(data.records.view(), rules, records);
      if (!verdict.ok()) {
        RefuseBatch(At(i, j), std::move(verdict));
        continue;
      }
      const int shard = broker.catalog.ShardOf(*found);
      auto job = std::find_if(jobs.begin(), jobs.end(),
                              [shard](const auto& one) { return one->shard() == shard; });
      if (job == jobs.end()) {
        job = jobs.insert(job, std::make_unique<AppendJob>(self, shard));
      }
      // The bytes lie in the exchange's own frame; only the codec's view of them is const.
      auto* bytes = const_cast<std::byte*>(data.records.view().data());
      (*job)->Add(
          {std::move(found), MutableBytes(bytes, data.records.view().size()), records, i, j, {}});
    }
  }
  jobs_left_ = jobs.size();
  if (jobs.empty()) return Finish();
  for (auto& job : jobs) {
    const int shard = job->shard();
    broker.shards.Post(shard, std::move(job));
  }
}

void ProduceCall::Finish() {
  if (acks_ != kAcksNone) return exchange_->Reply(response_);
  const ErrorCode error = FirstError(response_);
  if (error == ErrorCode::kNone) return exchange_->ReplyNothing();
  // The only way to tell a client that asked for no answer.
  exchange_->Break(fmt::format("acks=0 and {}", kafka::ErrorName(error)), error);
}

}  // namespace

void HandleProduce(ExchangePtr exchange, kafka::ProduceRequest request) {
  auto call = std::make_shared<ProduceCall>(std::move(exchange), request);
  call->Start(request, call);
}

}  // namespace atl::broker
