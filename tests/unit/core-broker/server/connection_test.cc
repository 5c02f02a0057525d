#include <catch2/catch.hpp>

#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <csignal>

#include "core-broker/server/listener.h"
#include "tests/support/temp_folder.h"
#include "tests/unit/core-broker/server/test_broker.h"

namespace atl::broker {
namespace {

namespace asio = runtime::asio;
using kafka::ErrorCode;
using runtime::tcp;

// A broker behind a real loopback socket: real files, threads and clock.
class Served {
 public:
  explicit Served(BrokerConfig config = TestBroker::DefaultConfig())
      : broker_(WithFolder(std::move(config), folder_.path()),
                {.clock = &SystemClock(), .files = &PosixFileSystem(), .shard_threads = 2}),
        reactors_(2),
        listener_(*broker_.broker, reactors_) {
    std::signal(SIGPIPE, SIG_IGN);
    REQUIRE(listener_.Open("127.0.0.1", 0).ok());
    broker_.MakeTopic("orders", 4);
    reactors_.Start();
    listener_.Start();
  }
  ~Served() {
    listener_.Stop();
    broker_.shards.Stop();
    broker_.blocking.Stop();
    reactors_.Stop();
  }

  int port() const { return listener_.port(); }
  Listener& listener() { return listener_; }
  TestBroker& broker() { return broker_; }
  // Counted when the connection has ended on our side, which the client can't see: waits for it.
  bool ClosedFor(const std::string& reason) {
    const std::string line = "atoll_broker_connections_closed_total{reason=\"" + reason + "\"} 1";
    for (int i = 0; i < 2'000'000; ++i) {
      if (broker_.metrics.Text().find(line) != std::string::npos) return true;
    }
    return false;
  }

 private:
  static BrokerConfig WithFolder(BrokerConfig config, const std::string& folder) {
    config.data_folder = folder;
    return config;
  }

  TempFolder folder_;
  TestBroker broker_;
  runtime::ReactorPool reactors_;
  Listener listener_;
};

// A blocking client.
class SocketClient {
 public:
  explicit SocketClient(const Served& served) : socket_(context_) {
    socket_.connect(
        {asio::ip::address_v4::loopback(), static_cast<asio::ip::port_type>(served.port())});
  }
  template <kafka::RequestMessage R>
  void Send(const R& request, int16_t version = R::kMaxVersion) {
    kafka::WireBuffer wire;
    REQUIRE(kafka::EncodeRequest(wire, CorrelationId(next_id_++), "test", version, request).ok());
    SendBytes(*wire.Flatten());
  }
  void SendBytes(BytesView bytes) {
    runtime::ErrorCode ignored;  // The broker may have closed already; the test looks at reads.
    asio::write(socket_, asio::buffer(bytes.data(), bytes.size()), ignored);
  }
  // The next frame with its length, or nothing when the broker closes.
  std::optional<Bytes> ReadFrame() {
    Bytes frame(4);
    runtime::ErrorCode error;
    asio::read(socket_, asio::buffer(frame.data(), 4), error);
    if (error) return std::nullopt;
    frame.resize(4 + static_cast<size_t>(LoadBig<int32_t>(frame.data())));
    asio::read(socket_, asio::buffer(frame.data() + 4, frame.size() - 4), error);
    if (error) return std::nullopt;
    return frame;
  }
  template <kafka::ResponseMessage M>
  M Read(int16_t version = M::Request::kMaxVersion) {
    auto frame = ReadFrame();
    REQUIRE(frame.has_value());
    frame_ = *std::move(frame);
    const BytesView body = BytesView(frame_).subspan(4);
    last_id_ = *kafka::PeekCorrelationId(body);
    auto decoded = kafka::DecodeResponse<M>(body, version);
    REQUIRE(decoded.ok());
    return *std::move(decoded);
  }
  CorrelationId last_id() const { return last_id_; }
  tcp::socket& socket() { return socket_; }

 private:
  asio::io_context context_;
  tcp::socket socket_;
  Bytes frame_;
  int32_t next_id_ = 1;
  CorrelationId last_id_;
};

TEST_CASE("Produced batches come back over a socket, sent from the segment files") {
  Served served;
  SocketClient client(served);
  const Bytes batch = MakeBatch(100, {}, 1000, 10'000);  // Far above what a socket buffers at once.
  for (int i = 0; i < 5; ++i) {
    client.Send(MakeProduce("orders", 1, batch));
    const auto produced = client.Read<kafka::ProduceResponse>();
    REQUIRE(First(produced).base_offset == Offset(100 * i));
  }
  kafka::FetchRequest request = MakeFetch("orders", 1, 0);
  request.max_bytes = 50 << 20;
  request.topics[0].partitions[0].partition_max_bytes = 50 << 20;
  client.Send(request);
  const auto fetched = client.Read<kafka::FetchResponse>();
  const BytesView records = First(fetched).records.view();
  REQUIRE(records.size() == 5 * batch.size());
  for (size_t i = 0; i < 5; ++i) {
    const BytesView one = records.subspan(i * batch.size(), batch.size());
    REQUIRE(std::ranges::equal(one.subspan(kafka::kBatchCrcStart),
                               BytesView(batch).subspan(kafka::kBatchCrcStart)));
  }
}

TEST_CASE("Pipelined produce keeps its order, and answers leave in the order of the requests") {
  Served served;
  SocketClient client(served);
  constexpr int kRequests = 300;
  std::vector<Bytes> batches;
  for (int i = 0; i < kRequests; ++i) {
    batches.push_back(MakeBatch(1, {.producer_id = ProducerId(7),
                                    .producer_epoch = ProducerEpoch(0),
                                    .base_sequence = Sequence(i)}));
  }
  for (int i = 0; i < kRequests; ++i) {
    client.Send(MakeProduce("orders", 0, batches[static_cast<size_t>(i)]));
    if (i % 100 == 99) client.Send(kafka::FindCoordinatorRequest{});
  }
  int32_t id = 1;
  for (int i = 0; i < kRequests; ++i) {
    const auto answer = client.Read<kafka::ProduceResponse>();
    REQUIRE(client.last_id() == CorrelationId(id++));
    REQUIRE(First(answer).error_code == ErrorCode::kNone);
    REQUIRE(First(answer).base_offset == Offset(i));
    if (i % 100 != 99) continue;
    client.Read<kafka::FindCoordinatorResponse>();
    REQUIRE(client.last_id() == CorrelationId(id++));
  }
}

TEST_CASE("A waiting fetch is woken by another connection's append") {
  Served served;
  SocketClient consumer(served);
  SocketClient producer(served);
  kafka::FetchRequest request = MakeFetch("orders", 2, 0);
  request.session_epoch = 0;
  request.max_wait_ms = 60'000;
  consumer.Send(request);
  const Bytes batch = MakeBatch(1);
  producer.Send(MakeProduce("orders", 2, batch));
  producer.Read<kafka::ProduceResponse>();
  const auto fetched = consumer.Read<kafka::FetchResponse>();
  REQUIRE(First(fetched).records.view().size() == batch.size());
  REQUIRE(fetched.session_id > 0);
}

TEST_CASE("A fetch that waits in vain is answered when its time is over") {
  Served served;
  SocketClient consumer(served);
  kafka::FetchRequest request = MakeFetch("orders", 2, 0);
  request.max_wait_ms = 20;
  consumer.Send(request);
  REQUIRE(First(consumer.Read<kafka::FetchResponse>()).records.empty());
}

TEST_CASE("A frame in many pieces, and many frames in one piece, are the same frames") {
  Served served;
  SocketClient client(served);
  kafka::WireBuffer wire;
  for (int i = 0; i < 3; ++i) {
    REQUIRE(
        kafka::EncodeRequest(wire, CorrelationId(i), "test", 12, kafka::MetadataRequest{}).ok());
  }
  const Bytes bytes = *wire.Flatten();
  SECTION("byte by byte") {
    for (const std::byte& byte : bytes) client.SendBytes({&byte, 1});
  }
  SECTION("at once") { client.SendBytes(bytes); }
  for (int i = 0; i < 3; ++i) {
    REQUIRE(client.Read<kafka::MetadataResponse>().topics.size() == 1);
    REQUIRE(client.last_id() == CorrelationId(i));
  }
}

struct BadFrame {
  const char* what;
  const char* reason;
  Bytes bytes;
};

Bytes Sized(int32_t size, size_t more, int16_t key = 3, int16_t version = 0) {
  Bytes bytes(4 + more);
  StoreBig<int32_t>(bytes.data(), size);
  if (more >= 4) {
    StoreBig<int16_t>(bytes.data() + 4, key);
    StoreBig<int16_t>(bytes.data() + 6, version);
  }
  return bytes;
}

TEST_CASE("Bad frames close their connection with a counted reason, and nobody else's") {
  const std::vector<BadFrame> cases = {
      {"a negative size", "bad_frame", Sized(-1, 0)},
      {"a size of 0", "bad_frame", Sized(0, 0)},
      {"a size above the limit", "frame_too_large", Sized(INT32_MAX, 0)},
      {"a header that ends too early", "bad_request", Sized(3, 3)},
      {"a body that ends too early", "bad_request", Sized(10, 10)},
      {"an unknown API", "unsupported_api", Sized(12, 12, 999)},
      {"an unknown version", "unsupported_api", Sized(12, 12, 3, 99)},
      {"a TLS greeting", "frame_too_large",
       [] {
         Bytes hello = Sized(0x16030100, 8);
         return hello;
       }()},
      {"HTTP", "frame_too_large", CopyBytes(AsBytes("GET / HTTP/1.1\r\n\r\n"))},
  };
  for (const BadFrame& bad : cases) {
    INFO(bad.what);
    Served served;
    SocketClient bystander(served);
    SocketClient client(served);
    client.SendBytes(bad.bytes);
    REQUIRE_FALSE(client.ReadFrame().has_value());
    REQUIRE(served.ClosedFor(bad.reason));
    bystander.Send(kafka::MetadataRequest{});
    REQUIRE(bystander.Read<kafka::MetadataResponse>().topics.size() == 1);
  }
}

TEST_CASE("acks=0 with an error closes the connection") {
  Served served;
  SocketClient client(served);
  Bytes batch = MakeBatch(1);
  client.Send(MakeProduce("orders", 0, batch, 0));
  client.Send(kafka::MetadataRequest{});
  REQUIRE(client.Read<kafka::MetadataResponse>().topics.size() == 1);  // No answer in between.
  batch.back() ^= std::byte{1};
  client.Send(MakeProduce("orders", 0, batch, 0));
  REQUIRE_FALSE(client.ReadFrame().has_value());
  REQUIRE(served.ClosedFor("request_failed"));
}

TEST_CASE("More connections than allowed are closed at once") {
  BrokerConfig config = TestBroker::DefaultConfig();
  config.max_connections = 1;
  Served served(config);
  SocketClient first(served);
  first.Send(kafka::MetadataRequest{});
  first.Read<kafka::MetadataResponse>();
  SocketClient second(served);
  REQUIRE_FALSE(second.ReadFrame().has_value());
  REQUIRE(served.ClosedFor("too_many"));
}

TEST_CASE("A broker that stops lets go of waiting and half-read requests") {
  Served served;
  SocketClient waiting(served);
  kafka::FetchRequest request = MakeFetch("orders", 2, 0);
  request.max_wait_ms = 60'000;
  waiting.Send(request);
  SocketClient half(served);
  half.SendBytes(Sized(1000, 20));
  SocketClient idle(served);
  // The destructor would hang if one of them were not let go.
}

TEST_CASE("A broker that drains answers what has come, a long poll at once, and nothing after") {
  Served served;
  SocketClient producer(served);
  SocketClient poller(served);
  for (SocketClient* client : {&producer, &poller}) {  // Both are accepted.
    client->socket().set_option(tcp::no_delay(true));
    client->Send(kafka::MetadataRequest{});
    client->Read<kafka::MetadataResponse>();
  }
  kafka::FetchRequest poll = MakeFetch("orders", 2, 0);
  poll.max_wait_ms = 60'000;
  poller.Send(poll);
  constexpr int kRequests = 50;
  for (int i = 0; i < kRequests; ++i) producer.Send(MakeProduce("orders", 1, MakeBatch(1)));
  // What was sent before has come when what was sent later is answered.
  SocketClient later(served);
  later.Send(kafka::MetadataRequest{});
  later.Read<kafka::MetadataResponse>();
  REQUIRE(served.listener().Drain(std::chrono::seconds(30)));
  for (int i = 0; i < kRequests; ++i) {
    const auto produced = producer.Read<kafka::ProduceResponse>();
    REQUIRE(First(produced).base_offset == Offset(i));
  }
  REQUIRE(First(poller.Read<kafka::FetchResponse>()).error_code == ErrorCode::kNone);
  producer.Send(MakeProduce("orders", 1, MakeBatch(1)));
  REQUIRE(served.listener().Drain(std::chrono::seconds(30)));
  served.listener().Stop();
  REQUIRE_FALSE(producer.ReadFrame().has_value());
  REQUIRE_FALSE(poller.ReadFrame().has_value());
}

TEST_CASE("A drain is over at its deadline when a client does not take its answers") {
  Served served;
  SocketClient deaf(served);
  const Bytes batch = MakeBatch(100, {}, 1000, 10'000);
  constexpr int kBatches = 20;  // Together far above what two sockets buffer.
  for (int i = 0; i < kBatches; ++i) {
    deaf.Send(MakeProduce("orders", 1, batch));
    deaf.Read<kafka::ProduceResponse>();
  }
  kafka::FetchRequest request = MakeFetch("orders", 1, 0);
  request.max_bytes = 50 << 20;
  request.topics[0].partitions[0].partition_max_bytes = 50 << 20;
  deaf.Send(request);
  Bytes start(4);  // The answer has begun.
  asio::read(deaf.socket(), asio::buffer(start.data(), start.size()));
  REQUIRE_FALSE(served.listener().Drain(std::chrono::milliseconds(20)));
}

// Time-outs, without waiting for them: the lane is asked to look at a later time.
TEST_CASE("Idle and half-read connections end when their time is over") {
  TestBroker broker;
  RequestMetrics observed(broker.metrics);
  ServerContext context{.broker = *broker.broker,
                        .metrics = RequestMetrics(broker.metrics),
                        .memory = std::make_shared<FrameMemory>(ByteCount(1 << 20))};
  Lane lane(context, broker.reactor);
  tcp::acceptor acceptor(broker.reactor.context(), {asio::ip::address_v4::loopback(), 0});
  tcp::socket client(broker.reactor.context());
  client.connect(acceptor.local_endpoint());
  context.open_connections = 1;
  std::make_shared<Connection>(lane, acceptor.accept())->Start();
  const bool half = GENERATE(false, true);
  if (half) {
    const Bytes bytes = Sized(1000, 20);
    asio::write(client, asio::buffer(bytes.data(), bytes.size()));
    broker.Poll();
  }
  const Duration limit =
      half ? broker.broker->config.frame_timeout : broker.broker->config.idle_timeout;
  lane.CloseExpired(broker.clock.Now() + limit - std::chrono::milliseconds(1));
  broker.Poll();
  REQUIRE(lane.connections.size() == 1);
  lane.CloseExpired(broker.clock.Now() + limit);
  broker.Poll();
  REQUIRE(lane.connections.empty());
  REQUIRE(context.open_connections == 0);
  const std::string reason = half ? "frame_timeout" : "idle";
  REQUIRE(broker.metrics.Text().find("closed_total{reason=\"" + reason + "\"} 1") !=
          std::string::npos);
}

}  // namespace
}  // namespace atl::broker
