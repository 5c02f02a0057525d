// A whole broker in memory for tests: inline shards, memory file system and store, a clock turned
// by hand, and a reactor that runs when told to. TestClient speaks to it in encoded frames, through
// dispatch, as a connection would. Include after <catch2/catch.hpp>: it asserts.
#pragma once

// What a test leaves out of a message or a call has its default.
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/memory_file.h"
#include "checkpoint/memory_store.h"
#include "checkpoint/region_table.h"
#include "checkpoint/topic_table.h"
#include "core-broker/server/dispatch.h"
#include "core-broker/server/group_topics.h"
#include "core-broker/server/handlers/fetch_session.h"
#include "kafka/record/batch_builder.h"

namespace atl::broker {

// Admits clients unless the topic is a mirror by the test's word.
class TestGate final : public OwnershipGate {
 public:
  GateAnswer AdmitClient(const TopicId&) const override {
    if (!refusal.empty()) return {kafka::ErrorCode::kPolicyViolation, refusal, kNoEpoch};
    return {.message = {}, .epoch = epoch};
  }
  GateAnswer AdmitMirror(const TopicId&, const LinkName&) const override {
    return {.message = {}, .epoch = epoch};
  }
  std::string refusal;
  LeaderEpoch epoch = LeaderEpoch::First(RegionOrdinal(1));
};

class TestBroker {
 public:
  // What a test of threads and sockets needs to be real. By default nothing is.
  struct Real {
    Clock* clock = nullptr;
    FileSystem* files = nullptr;
    int shard_threads = 0;
  };
  explicit TestBroker(BrokerConfig config = DefaultConfig()) : TestBroker(std::move(config), {}) {}
  TestBroker(BrokerConfig config, const Real& real)
      : shards(real.shard_threads, Files(real), config.data_folder, metrics),
        blocking(std::min(real.shard_threads, 1), Files(real), config.data_folder, metrics),
        group_shard(std::min(real.shard_threads, 1), Files(real), config.data_folder, metrics) {
    FileSystem& used_files = Files(real);
    Clock& used = real.clock != nullptr ? *real.clock : clock;
    const PartitionContext context{used_files, used, metrics, states, gate};
    Catalog::Options options{.data_folder = config.data_folder,
                             .region = RegionOrdinal(1),
                             .defaults = TopicConfig(),
                             .seed = 1};
    REQUIRE(used_files.CreateFolders(config.data_folder).ok());
    catalog = std::make_unique<Catalog>(std::move(options), context, topics, shards);
    REQUIRE(catalog->Load(false).ok());
    GroupConfig at_once;
    at_once.limits.initial_rebalance_delay = Duration::zero();
    groups = std::make_unique<Coordinator>(at_once, store, group_shard, used, 1);
    REQUIRE(groups->Load().ok());
    group_topics = std::make_unique<GroupTopics>(*catalog, *groups);
    broker = std::make_unique<Broker>(Broker{.config = std::move(config),
                                             .catalog = *catalog,
                                             .gate = gate,
                                             .files = used_files,
                                             .shards = shards,
                                             .blocking = blocking,
                                             .producer_ids = producer_ids,
                                             .session_ids = session_ids,
                                             .groups = *groups,
                                             .metrics = metrics,
                                             .clock = used});
  }

  static BrokerConfig DefaultConfig() {
    BrokerConfig config;
    config.cluster_id = *Uuid::Parse("AAAAAAAAAAAAAAAAAAAAAQ");
    config.node_id = NodeId(1);
    config.region = RegionName("us-east");
    config.data_folder = "/data";
    config.advertised_host = "127.0.0.1";
    config.advertised_port = 9092;
    return config;
  }

  FileSystem& Files(const Real& real) { return real.files != nullptr ? *real.files : files; }
  void Poll() {  // Runs what is ready on the reactor.
    reactor.context().restart();
    reactor.context().poll();
  }

  // Makes a topic and gives its first partition.
  std::shared_ptr<Partition> MakeTopic(const std::string& name, int32_t partitions = 1,
                                       std::map<std::string, std::string> topic_config = {}) {
    TopicSpec spec;
    spec.name = TopicName(name);
    spec.partition_count = partitions;
    spec.config = std::move(topic_config);
    const CatalogOutcome outcome = catalog->Create(spec);
    INFO(outcome.message);
    REQUIRE(outcome.ok());
    return outcome.topic->partitions.front();
  }

  ManualClock clock;
  MemoryFileSystem files;
  Metrics metrics;
  checkpoint::MemoryStore store;
  checkpoint::TopicTable topics{store};
  checkpoint::PartitionStateTable states{store};
  checkpoint::RegionTable region{store};
  TestGate gate;
  runtime::StorageShards shards;
  runtime::StorageShards blocking;
  runtime::StorageShards group_shard;
  runtime::Reactor reactor{"test"};
  std::unique_ptr<Catalog> catalog;
  std::unique_ptr<Coordinator> groups;
  std::unique_ptr<GroupTopics> group_topics;
  ProducerIds producer_ids{region, RegionOrdinal(1),
                           [this] { return catalog->NextProducerCounter(); }};
  FetchSessionIds session_ids{1};
  std::unique_ptr<Broker> broker;
};

// An answer with the bytes that its records are views into.
template <kafka::ResponseMessage M>
struct Received {
  std::shared_ptr<Bytes> frame;
  M message;
  const M* operator->() const { return &message; }
};

// One connection's worth of state: requests go in as frames, answers come out as frames.
class TestClient final : public ExchangeListener {
 public:
  explicit TestClient(TestBroker& broker)
      : broker_(broker), sessions_(*broker.broker, broker.reactor) {}

  // Sends, and runs the reactor until nothing is ready.
  template <kafka::RequestMessage R>
  ExchangePtr Send(const R& request, int16_t version) {
    kafka::WireBuffer wire;
    REQUIRE(kafka::EncodeRequest(wire, CorrelationId(next_id_++), "test", version, request).ok());
    return SendFrame(*wire.Flatten());
  }
  ExchangePtr SendFrame(BytesView frame) {  // With its length. Null when it is no request.
    FrameBuffer buffer(memory_, frame.size() - kafka::kFrameLengthBytes);
    while (!buffer.complete()) {
      buffer.Permit(memory_->budget().TryAcquire(buffer.wanted()));
      const MutableBytes room = buffer.room();
      std::memcpy(room.data(), frame.data() + kafka::kFrameLengthBytes + buffer.filled(),
                  room.size());
      buffer.Fill(room.size());
    }
    const Exchange::Context context{*broker_.broker, broker_.reactor, sessions_, this};
    auto admitted = Admit(context, std::move(buffer), broker_.broker->clock.Now());
    if (!admitted.ok()) return nullptr;
    dispatched_ = Dispatch(*admitted);
    broker_.Poll();
    return *admitted;
  }
  Dispatched last_dispatched() const { return dispatched_; }

  template <kafka::ResponseMessage M>  // The answer that has come; there must be one.
  Received<M> Take(const ExchangePtr& exchange, int16_t version) {
    REQUIRE(exchange != nullptr);
    REQUIRE(exchange->answer() == Answer::kReply);
    kafka::WireBuffer wire = exchange->TakeResponse();
    Received<M> received{std::make_shared<Bytes>(*wire.Flatten()), {}};
    auto decoded = kafka::DecodeResponse<M>(
        BytesView(*received.frame).subspan(kafka::kFrameLengthBytes), version);
    INFO(decoded.status().ToString());
    REQUIRE(decoded.ok());
    received.message = *std::move(decoded);
    return received;
  }
  template <kafka::RequestMessage R>
  Received<typename R::Response> Call(const R& request, int16_t version = R::kMaxVersion) {
    return Take<typename R::Response>(Send(request, version), version);
  }

  void OnAnswer(Exchange&) override { ++answers; }
  int answers = 0;

 private:
  TestBroker& broker_;
  FetchSessions sessions_;
  std::shared_ptr<FrameMemory> memory_ = std::make_shared<FrameMemory>(ByteCount(64 << 20));
  int32_t next_id_ = 1;
  Dispatched dispatched_ = Dispatched::kHandled;
};

// A batch of `count` records, as a producer sends it.
inline Bytes MakeBatch(int count, kafka::BatchBuilder::Options options = {},
                       int64_t timestamp = 1000, size_t value_bytes = 10) {
  kafka::BatchBuilder builder(options);
  const std::string value(value_bytes, 'v');
  for (int i = 0; i < count; ++i) {
    const std::string key = fmt::format("k{}", i);
    builder.Add(Timestamp(timestamp + i), AsBytes(key), AsBytes(value));
  }
  auto batch = builder.Build();
  REQUIRE(batch.ok());
  return *std::move(batch);
}

// For one partition of one topic; `batch` must outlive it.
inline kafka::ProduceRequest MakeProduce(const std::string& topic, int32_t partition,
                                         BytesView batch, int16_t acks = -1) {
  kafka::ProduceRequest request;
  request.acks = acks;
  request.timeout_ms = 1000;
  request.topic_data.push_back({.name = TopicName(topic), .partition_data = {}});
  request.topic_data[0].partition_data.push_back(
      {.index = PartitionId(partition), .records = kafka::RecordData(batch)});
  return request;
}

inline kafka::FetchRequest MakeFetch(const std::string& topic, int32_t partition, int64_t offset) {
  kafka::FetchRequest request;
  request.max_wait_ms = 500;
  request.min_bytes = 1;
  request.max_bytes = 1 << 20;
  request.topics.push_back({.topic = TopicName(topic), .partitions = {}});
  kafka::FetchPartition& asked = request.topics[0].partitions.emplace_back();
  asked.partition = PartitionId(partition);
  asked.fetch_offset = Offset(offset);
  asked.partition_max_bytes = 1 << 20;
  return request;
}

// What the response says of the first partition of the first topic.
inline const kafka::PartitionProduceResponse& First(const kafka::ProduceResponse& response) {
  REQUIRE(!response.responses.empty());
  REQUIRE(!response.responses[0].partition_responses.empty());
  return response.responses[0].partition_responses[0];
}
inline const kafka::FetchPartitionData& First(const kafka::FetchResponse& response) {
  REQUIRE(!response.responses.empty());
  REQUIRE(!response.responses[0].partitions.empty());
  return response.responses[0].partitions[0];
}

}  // namespace atl::broker
