#include "mirror/pull/kafka_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

#include "kafka/wire/schema/config.h"
#include "kafka/wire/schema/fetch.h"
#include "kafka/wire/schema/list_offsets.h"
#include "kafka/wire/schema/metadata.h"
#include "kafka/wire/schema/offset_for_leader_epoch.h"
#include "mirror/pull/fetch_session.h"

namespace atl::mirror {
namespace {

using runtime::awaitable;

// Above what was asked for: the first batch comes whole even when it is larger (KIP-74).
constexpr ByteCount kSlack{int64_t{64} << 20};
constexpr size_t kConfigsAtOnce = 200;

// Finds the place of an answer among the questions, which it names by topic and partition.
template <class Question>
class Places {
 public:
  explicit Places(const std::vector<Question>& questions) {
    for (size_t i = 0; i < questions.size(); ++i) {
      places_[std::tie(questions[i].at.topic, questions[i].at.partition)] = i;
    }
  }
  std::optional<size_t> Of(const TopicName& topic, PartitionId partition) const {
    const auto found = places_.find(std::tie(topic, partition));
    if (found == places_.end()) return std::nullopt;
    return found->second;
  }

 private:
  std::map<std::tuple<const TopicName&, const PartitionId&>, size_t> places_;
};

// Groups questions by topic, in their order, into a request's topics.
template <class Topics, class Question>
auto& TopicOf(Topics& topics, const Question& question, TopicName Topics::value_type::*name) {
  if (topics.empty() || topics.back().*name != question.at.topic) {
    topics.emplace_back().*name = question.at.topic;
  }
  return topics.back();
}

FetchedSlice FromWire(const TopicName& topic, const kafka::FetchPartitionData& data,
                      kafka::IsolationLevel isolation) {
  FetchedSlice slice;
  slice.at.topic = topic;
  slice.at.partition = data.partition_index;
  slice.error = data.error_code;
  slice.offsets.log_start = data.log_start_offset;
  slice.offsets.high_watermark = data.high_watermark;
  slice.records = data.records.view();
  if (isolation == kafka::IsolationLevel::kReadUncommitted) return slice;
  slice.offsets.high_watermark = data.last_stable_offset;
  if (!data.aborted_transactions) return slice;
  for (const kafka::AbortedTransaction& aborted : *data.aborted_transactions) {
    slice.aborted.push_back({aborted.producer_id, aborted.first_offset});
  }
  return slice;
}

class KafkaChannel final : public SourceChannel {
 public:
  KafkaChannel(std::unique_ptr<kafka::Connection> connection, kafka::IsolationLevel isolation)
      : connection_(std::move(connection)), isolation_(isolation) {}

  awaitable<StatusOr<FetchAnswer>> Fetch(FetchChange change) override;
  awaitable<StatusOr<FetchAnswer>> FetchOnce(std::vector<FetchSlice> slices,
                                             ByteCount most) override;
  awaitable<StatusOr<std::vector<EpochAnswer>>> EpochEnds(
      std::vector<EpochQuestion> questions) override;
  awaitable<StatusOr<std::vector<OffsetAnswer>>> Offsets(
      std::vector<OffsetQuestion> questions) override;
  kafka::PathSample path() const override { return connection_->path(); }
  ByteCount received_bytes() const override { return connection_->received_bytes(); }

 private:
  void NoteBytes(ByteCount received, FetchAnswer& answer) {
    answer.received_bytes = received;
    answer.sent_bytes = connection_->sent_bytes() - noted_sent_;
    noted_sent_ = connection_->sent_bytes();
  }

  const std::unique_ptr<kafka::Connection> connection_;
  const kafka::IsolationLevel isolation_;
  ByteCount noted_sent_{0};
  FetchSession session_;
};

kafka::FetchRequest NewFetch(ByteCount most, kafka::IsolationLevel isolation) {
  kafka::FetchRequest request;
  request.isolation_level = isolation;
  request.max_bytes = static_cast<int32_t>(std::min<int64_t>(most.value(), INT32_MAX));
  return request;
}

kafka::CallLimits FetchLimits(ByteCount most, Duration wait) {
  kafka::CallLimits limits;
  limits.wait = wait;
  limits.most = most + kSlack;
  return limits;
}

awaitable<StatusOr<FetchAnswer>> KafkaChannel::Fetch(FetchChange change) {
  for (const PartitionAtSource& at : change.drop) session_.Drop(at);
  for (const FetchSlice& slice : change.set) session_.Set(slice);
  kafka::FetchRequest request = NewFetch(change.most, isolation_);
  request.min_bytes = 1;
  request.max_wait_ms = static_cast<int32_t>(
      std::chrono::duration_cast<std::chrono::milliseconds>(change.max_wait).count());
  const kafka::CallLimits limits = FetchLimits(change.most, change.max_wait);
  // Twice at most: a broker that forgets every session at once is asked sessionless by its id 0.
  for (int tries = 0; tries < 3; ++tries) {
    session_.Fill(request);
    auto answer = co_await connection_->Call(request, limits);
    CO_RETURN_IF_ERROR(answer.status());
    kafka::FetchResponse& response = answer->message;
    const auto verdict = session_.OnAnswer(response.error_code, response.session_id);
    if (verdict == FetchSession::Verdict::kStartAgain) continue;
    if (response.error_code != kafka::ErrorCode::kNone) {
      co_return Unavailable("Fetch: {}", kafka::ErrorName(response.error_code));
    }
    FetchAnswer result;
    for (const kafka::FetchableTopicResponse& topic : response.responses) {
      for (const kafka::FetchPartitionData& data : topic.partitions) {
        result.slices.push_back(FromWire(topic.topic, data, isolation_));
      }
    }
    result.bytes = std::move(answer->bytes);
    NoteBytes(answer->wire_bytes, result);
    co_return result;
  }
  co_return Unavailable("Fetch: the broker forgets its fetch sessions at once");
}

awaitable<StatusOr<FetchAnswer>> KafkaChannel::FetchOnce(std::vector<FetchSlice> slices,
                                                         ByteCount most) {
  kafka::FetchRequest request = NewFetch(most, isolation_);
  for (const FetchSlice& slice : slices) {
    auto& topic = TopicOf(request.topics, slice, &kafka::FetchTopic::topic);
    kafka::FetchPartition& partition = topic.partitions.emplace_back();
    partition.partition = slice.at.partition;
    partition.fetch_offset = slice.offset;
    partition.partition_max_bytes =
        static_cast<int32_t>(std::min<int64_t>(slice.most.value(), INT32_MAX));
  }
  const kafka::CallLimits limits = FetchLimits(most, Duration(0));
  auto answer = co_await connection_->Call(request, limits);
  CO_RETURN_IF_ERROR(answer.status());
  if (answer->message.error_code != kafka::ErrorCode::kNone) {
    co_return Unavailable("Fetch: {}", kafka::ErrorName(answer->message.error_code));
  }
  FetchAnswer result;
  for (const FetchSlice& slice : slices) {
    FetchedSlice& missing = result.slices.emplace_back();
    missing.at = slice.at;
    missing.error = kafka::ErrorCode::kUnknownServerError;
  }
  const Places<FetchSlice> places(slices);
  for (const kafka::FetchableTopicResponse& topic : answer->message.responses) {
    for (const kafka::FetchPartitionData& data : topic.partitions) {
      const std::optional<size_t> place = places.Of(topic.topic, data.partition_index);
      if (place.has_value()) result.slices[*place] = FromWire(topic.topic, data, isolation_);
    }
  }
  result.bytes = std::move(answer->bytes);
  NoteBytes(answer->wire_bytes, result);
  co_return result;
}

awaitable<StatusOr<std::vector<EpochAnswer>>> KafkaChannel::EpochEnds(
    std::vector<EpochQuestion> questions) {
  const bool knows = connection_->VersionFor<kafka::OffsetForLeaderEpochRequest>().ok();
  std::vector<EpochAnswer> result(questions.size());
  if (!knows) co_return result;  // Kafka before 2.1: no epochs to compare.
  kafka::OffsetForLeaderEpochRequest request;
  request.replica_id = NodeId(-1);  // A consumer.
  for (const EpochQuestion& question : questions) {
    auto& topic = TopicOf(request.topics, question, &kafka::OffsetForLeaderTopic::topic);
    kafka::OffsetForLeaderPartition& partition = topic.partitions.emplace_back();
    partition.partition = question.at.partition;
    partition.leader_epoch = question.epoch;
  }
  auto answer = co_await connection_->Call(request, kafka::CallLimits());
  CO_RETURN_IF_ERROR(answer.status());
  for (EpochAnswer& missing : result) missing.error = kafka::ErrorCode::kUnknownServerError;
  const Places<EpochQuestion> places(questions);
  for (const kafka::OffsetForLeaderTopicResult& topic : answer->message.topics) {
    for (const kafka::EpochEndOffset& end : topic.partitions) {
      const std::optional<size_t> place = places.Of(topic.topic, end.partition);
      if (!place.has_value()) continue;
      result[*place].error = end.error_code;
      result[*place].epoch = end.leader_epoch;
      result[*place].end = end.end_offset;
    }
  }
  co_return result;
}

awaitable<StatusOr<std::vector<OffsetAnswer>>> KafkaChannel::Offsets(
    std::vector<OffsetQuestion> questions) {
  kafka::ListOffsetsRequest request;
  request.isolation_level = isolation_;
  for (const OffsetQuestion& question : questions) {
    auto& topic = TopicOf(request.topics, question, &kafka::ListOffsetsTopic::name);
    kafka::ListOffsetsPartition& partition = topic.partitions.emplace_back();
    partition.partition_index = question.at.partition;
    partition.timestamp = question.time;
  }
  auto answer = co_await connection_->Call(request, kafka::CallLimits());
  CO_RETURN_IF_ERROR(answer.status());
  OffsetAnswer missing;
  missing.error = kafka::ErrorCode::kUnknownServerError;
  std::vector<OffsetAnswer> result(questions.size(), missing);
  const Places<OffsetQuestion> places(questions);
  for (const kafka::ListOffsetsTopicResponse& topic : answer->message.topics) {
    for (const kafka::ListOffsetsPartitionResponse& data : topic.partitions) {
      const std::optional<size_t> place = places.Of(topic.name, data.partition_index);
      if (!place.has_value()) continue;
      result[*place].error = data.error_code;
      result[*place].offset = data.offset;
    }
  }
  co_return result;
}

// Partition ids must be 0..n-1, each once.
bool TakePartitions(const kafka::MetadataResponseTopic& wire, TopicAtSource& topic) {
  std::vector<bool> seen(wire.partitions.size(), false);
  topic.partitions.resize(wire.partitions.size());
  for (const kafka::MetadataResponsePartition& partition : wire.partitions) {
    const int32_t id = partition.partition_index.value();
    if (id < 0 || static_cast<size_t>(id) >= seen.size() || seen[static_cast<size_t>(id)]) {
      return false;
    }
    seen[static_cast<size_t>(id)] = true;
    SourcePartition& taken = topic.partitions[static_cast<size_t>(id)];
    taken.leader = partition.leader_id;
    taken.epoch = partition.leader_epoch;
  }
  return true;
}

}  // namespace

kafka::Client::Options ClientOptions(const config::Link& link, std::string_view purpose) {
  kafka::Client::Options options;
  for (const config::Endpoint& endpoint : link.source.bootstrap_servers) {
    options.bootstrap.push_back({endpoint.host, endpoint.port});
  }
  options.connection.client_id = fmt::format("atoll-{}-{}", purpose, link.name.value());
  return options;
}

KafkaSource::KafkaSource(runtime::Reactor& reactor, const Clock& clock,
                         std::shared_ptr<kafka::BufferPool> buffers, kafka::Client::Options options,
                         kafka::IsolationLevel isolation)
    : client_(reactor, clock, std::move(buffers), std::move(options)), isolation_(isolation) {}

awaitable<StatusOr<ClusterAtSource>> KafkaSource::Describe() {
  kafka::MetadataRequest request;
  request.allow_auto_topic_creation = false;
  auto metadata = co_await client_.Metadata(std::move(request));
  CO_RETURN_IF_ERROR(metadata.status());
  ClusterAtSource cluster;
  cluster.cluster_id = client_.metadata().cluster_id();
  cluster.nodes = client_.metadata().nodes();
  for (const kafka::MetadataResponseTopic& wire : metadata->topics) {
    if (!wire.name.has_value()) continue;
    TopicAtSource& topic = cluster.topics.emplace_back();
    topic.name = *wire.name;
    topic.id = wire.topic_id;
    topic.internal = wire.is_internal;
    topic.error = wire.error_code;
    if (!TakePartitions(wire, topic)) topic.error = kafka::ErrorCode::kUnknownServerError;
  }
  std::sort(cluster.topics.begin(), cluster.topics.end(),
            [](const TopicAtSource& a, const TopicAtSource& b) { return a.name < b.name; });
  co_return cluster;
}

awaitable<StatusOr<TopicConfigs>> KafkaSource::Configs(std::vector<TopicName> topics) {
  TopicConfigs configs;
  for (size_t begin = 0; begin < topics.size(); begin += kConfigsAtOnce) {
    kafka::DescribeConfigsRequest request;
    const size_t end = std::min(topics.size(), begin + kConfigsAtOnce);
    for (size_t i = begin; i < end; ++i) {
      kafka::DescribeConfigsResource& resource = request.resources.emplace_back();
      resource.resource_type = kafka::ConfigResourceType::kTopic;
      resource.resource_name = topics[i].value();
    }
    auto answer = co_await client_.Call(std::move(request), kafka::CallLimits());
    CO_RETURN_IF_ERROR(answer.status());
    for (const kafka::DescribeConfigsResult& result : answer->message.results) {
      if (result.error_code != kafka::ErrorCode::kNone) continue;
      auto& values = configs[TopicName(result.resource_name)];
      for (const kafka::DescribeConfigsResourceResult& config : result.configs) {
        if (config.value.has_value() && !config.is_sensitive) values[config.name] = *config.value;
      }
    }
  }
  co_return configs;
}

awaitable<StatusOr<std::unique_ptr<SourceChannel>>> KafkaSource::Open(NodeId node) {
  auto connection = co_await client_.Connect(node);
  CO_RETURN_IF_ERROR(connection.status());
  co_return std::make_unique<KafkaChannel>(*std::move(connection), isolation_);
}

}  // namespace atl::mirror
