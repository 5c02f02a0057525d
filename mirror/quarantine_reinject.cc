#include "mirror/quarantine_reinject.h"

#include <algorithm>
#include <utility>

#include "base/failpoint.h"
#include "base/logging.h"
#include "kafka/wire/schema/init_producer_id.h"
#include "kafka/wire/schema/metadata.h"
#include "kafka/wire/schema/produce.h"
#include "mirror/pull/blocking.h"

namespace atl::mirror {
namespace {

using kafka::ErrorCode;
using runtime::awaitable;

Failpoint confirmed("quarantine.reinject_confirmed");

constexpr ByteCount kKeptBuffers{1 << 20};
// Short: the admin thread waits for a slice, and an operator can ask again.
constexpr std::chrono::milliseconds kProduceTimeout{2'000};
constexpr Duration kConnectTimeout = std::chrono::seconds(3);
constexpr Duration kStallTimeout = std::chrono::seconds(3);

// The sequence is not the next one there: the owner lost the producer, or its log was cut.
bool IsForgotten(ErrorCode error) {
  return error == ErrorCode::kOutOfOrderSequenceNumber || error == ErrorCode::kUnknownProducerId ||
         error == ErrorCode::kInvalidProducerEpoch;
}

class Reinjection {
 public:
  Reinjection(const ReinjectContext& context, QuarantinedTail tail,
              std::vector<kafka::BrokerAddress> owner)
      : context_(context),
        tail_(std::move(tail)),
        client_(context_.reactor, context_.clock, kafka::BufferPool::Create(kKeptBuffers),
                ClientOptions(std::move(owner))) {}

  awaitable<StatusOr<ReinjectProgress>> Run(MonotonicTime until);

 private:
  struct Prepared {
    Status status;
    ReinjectChunk chunk;
  };
  static kafka::Client::Options ClientOptions(std::vector<kafka::BrokerAddress> owner) {
    kafka::Client::Options options;
    options.bootstrap = std::move(owner);
    options.connection.client_id = "atoll-quarantine";
    options.connection.connect_timeout = kConnectTimeout;
    options.connection.stall_timeout = kStallTimeout;
    return options;
  }

  awaitable<Status> Connect();
  awaitable<Status> TakeProducer();
  awaitable<Status> Save();
  awaitable<Status> Prepare();
  awaitable<Status> Send();
  awaitable<StatusOr<ErrorCode>> Produce();
  void Confirm();

  const ReinjectContext context_;
  QuarantinedTail tail_;
  kafka::Client client_;
  std::unique_ptr<kafka::Connection> connection_;
  ReinjectChunk chunk_;  // The next one.
  std::string refusal_;  // What the owner said with an error.
};

// Where the partition's records are accepted now.
awaitable<Status> Reinjection::Connect() {
  kafka::MetadataRequest request;
  request.allow_auto_topic_creation = false;
  request.topics.emplace().emplace_back().name = tail_.topic;
  StatusOr<kafka::MetadataResponse> answer = co_await client_.Metadata(std::move(request));
  CO_RETURN_IF_ERROR(answer.status());
  NodeId leader(-1);
  for (const kafka::MetadataResponseTopic& topic : answer->topics) {
    const bool same = topic.topic_id.is_zero() || topic.topic_id == tail_.topic_id;
    if (topic.error_code != ErrorCode::kNone) {
      co_return Unavailable("the owner says {} of topic `{}`", kafka::ErrorName(topic.error_code),
                            tail_.topic.value());
    }
    if (!same) {
      co_return FailedPrecondition(
          "topic `{}` has the id {} there, the tail is of {}: it was deleted and made anew",
          tail_.topic.value(), topic.topic_id.ToString(), tail_.topic_id.ToString());
    }
    for (const kafka::MetadataResponsePartition& partition : topic.partitions) {
      if (partition.partition_index == tail_.partition) leader = partition.leader_id;
    }
  }
  if (leader < NodeId(0)) {
    co_return Unavailable("partition {} of `{}` has no leader there", tail_.partition.value(),
                          tail_.topic.value());
  }
  StatusOr<std::unique_ptr<kafka::Connection>> opened = co_await client_.Connect(leader);
  CO_RETURN_IF_ERROR(opened.status());
  connection_ = *std::move(opened);
  co_return OkStatus();
}

// A new producer, durable before its first record leaves.
awaitable<Status> Reinjection::TakeProducer() {
  kafka::InitProducerIdRequest request;
  kafka::CallLimits limits;
  limits.wait = kProduceTimeout;
  const auto answer = co_await connection_->Call(request, limits);
  CO_RETURN_IF_ERROR(answer.status());
  if (answer->message.error_code != ErrorCode::kNone) {
    co_return Unavailable("the owner gives no producer id: {}",
                          kafka::ErrorName(answer->message.error_code));
  }
  ReinjectProgress& progress = tail_.progress;
  if (progress.next == kNoOffset) progress.next = tail_.first;
  progress.producer_id = answer->message.producer_id;
  progress.producer_epoch = answer->message.producer_epoch;
  progress.sequence = Sequence(0);
  const Status saved = co_await Save();
  co_return saved;
}

awaitable<Status> Reinjection::Save() {
  std::function<Status()> work = [&quarantine = context_.quarantine, id = tail_.id,
                                  progress = tail_.progress] {
    return quarantine.SaveProgress(id, progress);
  };
  const Status saved =
      co_await RunBlocking<Status>(context_.copying, context_.reactor, std::move(work));
  co_return saved;
}

awaitable<Status> Reinjection::Prepare() {
  std::function<Prepared()> work = [&quarantine = context_.quarantine, tail = tail_] {
    Prepared prepared;
    const StatusOr<TailFates> fates = TailFates::Of(quarantine, tail);
    prepared.status = fates.status();
    if (!fates.ok()) return prepared;
    StatusOr<ReinjectChunk> chunk = NextChunk(quarantine, tail, *fates, tail.progress);
    prepared.status = chunk.status();
    if (chunk.ok()) prepared.chunk = *std::move(chunk);
    return prepared;
  };
  Prepared prepared =
      co_await RunBlocking<Prepared>(context_.copying, context_.reactor, std::move(work));
  chunk_ = std::move(prepared.chunk);
  co_return prepared.status;
}

awaitable<StatusOr<ErrorCode>> Reinjection::Produce() {
  kafka::ProduceRequest request;
  request.acks = -1;
  request.timeout_ms = static_cast<int32_t>(kProduceTimeout.count());
  kafka::TopicProduceData& topic = request.topic_data.emplace_back();
  topic.name = tail_.topic;
  kafka::PartitionProduceData& partition = topic.partition_data.emplace_back();
  partition.index = tail_.partition;
  partition.records = kafka::RecordData(BytesView(chunk_.batch));
  kafka::CallLimits limits;
  limits.wait = kProduceTimeout;
  const auto answer = co_await connection_->Call(request, limits);
  CO_RETURN_IF_ERROR(answer.status());
  const auto& responses = answer->message.responses;
  if (responses.size() != 1 || responses[0].partition_responses.size() != 1) {
    co_return Corrupt("the owner's answer to a produce names no partition");
  }
  const kafka::PartitionProduceResponse& response = responses[0].partition_responses[0];
  refusal_ = response.error_message.value_or("");
  co_return response.error_code;
}

awaitable<Status> Reinjection::Send() {
  const StatusOr<ErrorCode> answer = co_await Produce();
  CO_RETURN_IF_ERROR(answer.status());
  if (*answer == ErrorCode::kNone || *answer == ErrorCode::kDuplicateSequenceNumber) {
    co_return OkStatus();
  }
  if (IsForgotten(*answer)) {
    LogWarning("quarantine", "{}-{}: the owner answers {} at offset {}: a new producer goes on",
               tail_.topic.value(), tail_.partition.value(), kafka::ErrorName(*answer),
               tail_.progress.next.value());
    const Status taken = co_await TakeProducer();
    CO_RETURN_IF_ERROR(taken);
    co_return MakeStatus(StatusCode::kAborted, "the owner has forgotten the producer");
  }
  co_return Unavailable("the owner refuses the records from offset {} on: {}{}{}",
                        tail_.progress.next.value(), kafka::ErrorName(*answer),
                        refusal_.empty() ? "" : ": ", refusal_);
}

void Reinjection::Confirm() {
  ReinjectProgress& progress = tail_.progress;
  progress.next = chunk_.next;
  progress.at = chunk_.at;
  progress.produced += chunk_.records;
  progress.left_out += chunk_.left_out;
  progress.done = chunk_.last;
  progress.sequence = progress.sequence.Plus(chunk_.records);
}

awaitable<StatusOr<ReinjectProgress>> Reinjection::Run(MonotonicTime until) {
  if (tail_.progress.done) co_return tail_.progress;
  const Status connected = co_await Connect();
  CO_RETURN_IF_ERROR(connected);
  if (tail_.progress.producer_id == kNoProducer) {
    const Status taken = co_await TakeProducer();
    CO_RETURN_IF_ERROR(taken);
  }
  bool renewed = false;
  while (!tail_.progress.done && context_.clock.Now() < until) {
    const Status prepared = co_await Prepare();
    CO_RETURN_IF_ERROR(prepared);
    Status sent = OkStatus();
    if (chunk_.records > 0) sent = co_await Send();
    // With a new producer's sequence the batch is another one; once is enough to try.
    if (sent.code() == StatusCode::kAborted && !renewed) {
      renewed = true;
      continue;
    }
    CO_RETURN_IF_ERROR(sent);
    CO_RETURN_IF_ERROR(confirmed.Hit());
    renewed = false;
    Confirm();
    const Status saved = co_await Save();
    CO_RETURN_IF_ERROR(saved);
  }
  co_return tail_.progress;
}

}  // namespace

awaitable<StatusOr<ReinjectProgress>> ReinjectSlice(ReinjectContext context, QuarantinedTail tail,
                                                    std::vector<kafka::BrokerAddress> owner,
                                                    MonotonicTime until) {
  const auto reinjection =
      std::make_unique<Reinjection>(context, std::move(tail), std::move(owner));
  StatusOr<ReinjectProgress> reached = co_await reinjection->Run(until);
  co_return reached;
}

}  // namespace atl::mirror
