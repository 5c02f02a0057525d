#include "kafka/client/connection.h"

#include <functional>

#include "kafka/client/client.h"
#include "kafka/wire/schema/fetch.h"
#include "kafka/wire/schema/metadata.h"
#include "tests/unit/kafka/client/fake_broker.h"

#include <catch2/catch.hpp>

namespace atl::kafka {
namespace {

using namespace std::chrono_literals;
using Reply = FakeBroker::Reply;
using Request = FakeBroker::Request;

const std::vector<ApiVersion> kApis = {{1, 4, 17}, {3, 0, 13}, {18, 0, 4}};

Reply Plain(Bytes bytes) {
  Reply reply;
  reply.bytes = std::move(bytes);
  return reply;
}

MetadataResponse SomeMetadata(uint16_t port) {
  MetadataResponse response;
  response.brokers.push_back({NodeId(7), "127.0.0.1", port, {}});
  response.cluster_id = "cluster";
  return response;
}

// What a connection to a broker with this script says to one Metadata call.
struct Outcome {
  Status open;
  Status call;
  bool still_open = false;
  int16_t version = -1;
  PathSample path;
  MetadataResponse answer;
};

class Rig {
 public:
  explicit Rig(FakeBroker::Script script)
      : reactor_("test"), group_(reactor_, "test"), broker_(reactor_, std::move(script)) {
    options_.stall_timeout = 60ms;
    options_.connect_timeout = 200ms;
  }

  Outcome Call(CallLimits limits = {}) {
    group_.Spawn(broker_.Run());
    Outcome outcome;
    group_.Spawn(Talk(outcome, limits));
    reactor_.context().run();
    StopTasks(reactor_, group_);
    return outcome;
  }

  ConnectionOptions& options() { return options_; }
  uint16_t port() const { return broker_.port(); }

 private:
  runtime::awaitable<void> Talk(Outcome& outcome, CallLimits limits) {
    BrokerAddress address;
    address.host = "127.0.0.1";
    address.port = broker_.port();
    auto connection = co_await Connection::Open(reactor_, SystemClock(), pool_, address, options_);
    outcome.open = connection.status();
    if (connection.ok()) {
      outcome.version = (*connection)->VersionFor<MetadataRequest>().value_or(-1);
      const MetadataRequest request;
      auto answer = co_await (*connection)->Call(request, limits);
      outcome.call = answer.status();
      if (answer.ok()) outcome.answer = answer->message;
      outcome.still_open = (*connection)->is_open();
      outcome.path = (*connection)->path();
    }
    reactor_.context().stop();
  }

  std::shared_ptr<BufferPool> pool_ = BufferPool::Create(ByteCount(1 << 20));
  ConnectionOptions options_;
  runtime::Reactor reactor_;
  runtime::TaskGroup group_;
  FakeBroker broker_;
};

// Answers ApiVersions well and everything else as `other` says.
Outcome Ask(FakeBroker::Script other, CallLimits limits = {}) {
  Rig rig([&](const Request& request) {
    if (request.header.api_key != 18) return other(request);
    return Plain(FakeBroker::Encode(request, FakeBroker::Versions(kApis)));
  });
  return rig.Call(limits);
}

TEST_CASE("A connection agrees on the newest common version", "[client]") {
  const Outcome outcome = Ask([](const Request& request) {
    REQUIRE(request.header.api_version == 12);
    REQUIRE(request.header.client_id == "atoll");
    return Plain(FakeBroker::Encode(request, SomeMetadata(9)));
  });
  REQUIRE(outcome.call.ok());
  REQUIRE(outcome.still_open);
  REQUIRE(outcome.answer.cluster_id == "cluster");
  REQUIRE(outcome.path.round_trip.has_value());
}

TEST_CASE("An old broker that refuses ApiVersions v3 is asked in v0", "[client]") {
  std::vector<int16_t> asked;
  Rig rig([&](const Request& request) {
    if (request.header.api_key == 3) {
      return Plain(FakeBroker::Encode(request, SomeMetadata(9)));
    }
    asked.push_back(request.header.api_version);
    if (request.header.api_version > 0) {
      return Plain(FakeBroker::EncodeFor(request, 0, UnsupportedApiVersions({{18, 0, 0}})));
    }
    return Plain(FakeBroker::Encode(request, FakeBroker::Versions({{3, 0, 4}, {18, 0, 0}})));
  });
  const Outcome outcome = rig.Call();
  REQUIRE(outcome.call.ok());
  REQUIRE(asked == std::vector<int16_t>{3, 0});
  REQUIRE(outcome.version == 4);
}

TEST_CASE("Without a common version the call is refused and nothing is sent", "[client]") {
  Rig rig([](const Request& request) {
    REQUIRE(request.header.api_key == 18);
    return Plain(FakeBroker::Encode(request, FakeBroker::Versions({{3, 90, 99}})));
  });
  const Outcome outcome = rig.Call();
  REQUIRE(outcome.open.ok());
  REQUIRE(outcome.call.code() == StatusCode::kUnimplemented);
  REQUIRE(outcome.still_open);
}

TEST_CASE("Answers that break the protocol close the connection", "[client]") {
  struct Case {
    const char* name;
    std::function<Bytes(Bytes good)> damage;
  };
  const auto with_length = [](int32_t length) {
    return [length](Bytes good) {
      StoreBig(good.data(), length);
      return good;
    };
  };
  const std::vector<Case> cases = {
      {"negative length", with_length(-1)},
      {"length without room for a correlation id", with_length(3)},
      {"length above what is accepted", with_length(INT32_MAX)},
      {"bytes behind the frame",
       [](Bytes good) {
         good.resize(good.size() + 1);
         return good;
       }},
      {"another request's correlation id",
       [](Bytes good) {
         StoreBig(good.data() + 4, int32_t{4711});
         return good;
       }},
      {"an array count that lies",
       [](Bytes good) {
         good[13] = std::byte{0x7f};
         return good;
       }},
      {"a body that ends too early",
       [](Bytes good) {
         good.resize(good.size() - 3);
         StoreBig(good.data(), static_cast<int32_t>(good.size() - 4));
         return good;
       }},
  };
  for (const Case& bad : cases) {
    INFO(bad.name);
    const Outcome outcome = Ask([&](const Request& request) {
      return Plain(bad.damage(FakeBroker::Encode(request, SomeMetadata(9))));
    });
    REQUIRE(outcome.call.code() == StatusCode::kDataLoss);
    REQUIRE_FALSE(outcome.still_open);
  }
}

TEST_CASE("A peer that is no Kafka broker is refused at once", "[client]") {
  Rig rig(
      [](const Request&) { return Plain(CopyBytes(AsBytes("HTTP/1.1 400 Bad Request\r\n\r\n"))); });
  const Outcome outcome = rig.Call();
  REQUIRE(outcome.open.code() == StatusCode::kDataLoss);
}

TEST_CASE("A truncated answer is an error of the connection", "[client]") {
  const Outcome outcome = Ask([](const Request& request) {
    Reply reply = Plain(FakeBroker::Encode(request, SomeMetadata(9)));
    reply.bytes.resize(reply.bytes.size() / 2);
    reply.close = true;
    return reply;
  });
  REQUIRE(outcome.call.code() == StatusCode::kUnavailable);
  REQUIRE_FALSE(outcome.still_open);
}

TEST_CASE("A broker that never answers is given up", "[client]") {
  const Outcome outcome = Ask([](const Request&) {
    Reply reply;
    reply.silent = true;
    return reply;
  });
  REQUIRE(outcome.call.code() == StatusCode::kDeadlineExceeded);
  REQUIRE_FALSE(outcome.still_open);
}

TEST_CASE("A broker that accepts and never negotiates is given up", "[client]") {
  Rig rig([](const Request&) {
    Reply reply;
    reply.silent = true;
    return reply;
  });
  REQUIRE(rig.Call().open.code() == StatusCode::kDeadlineExceeded);
}

// The livelock of peer-baseline.md 0.3: an answer that outlives a timeout is never asked for again.
TEST_CASE("A slow answer that keeps coming outlives every timeout", "[client]") {
  const Outcome outcome = Ask([](const Request& request) {
    Reply reply = Plain(FakeBroker::Encode(request, SomeMetadata(9)));
    reply.chunk = reply.bytes.size() / 6;
    reply.pause = 25ms;  // 150 ms in all, 60 are allowed without a byte.
    return reply;
  });
  REQUIRE(outcome.call.ok());
  REQUIRE(outcome.still_open);
}

TEST_CASE("An answer larger than asked for is refused before it is received", "[client]") {
  CallLimits limits;
  limits.most = ByteCount(1000);
  const Outcome outcome = Ask(
      [](const Request& request) {
        MetadataResponse response = SomeMetadata(9);
        response.brokers[0].host = std::string(2000, 'x');
        return Plain(FakeBroker::Encode(request, response));
      },
      limits);
  REQUIRE(outcome.call.code() == StatusCode::kDataLoss);
}

TEST_CASE("A large answer arrives whole and its speed is measured", "[client]") {
  CallLimits limits;
  const Outcome outcome = Ask(
      [](const Request& request) {
        MetadataResponse response = SomeMetadata(9);
        for (int i = 0; i < 120; ++i) {
          MetadataResponseTopic topic;
          topic.name = TopicName(std::string(30000, 'a'));
          response.topics.push_back(topic);
        }
        return Plain(FakeBroker::Encode(request, response));
      },
      limits);
  REQUIRE(outcome.call.ok());
  REQUIRE(outcome.answer.topics.size() == 120);
  REQUIRE(outcome.path.goodput.has_value());
  REQUIRE(*outcome.path.goodput > 0);
}

TEST_CASE("Nobody listening is unavailable", "[client]") {
  runtime::Reactor reactor("test");
  runtime::TaskGroup group(reactor, "test");
  uint16_t port = 0;
  {
    FakeBroker gone(reactor, {});
    port = gone.port();
  }
  Status status;
  const auto dial = [](runtime::Reactor& on, uint16_t to, Status& out) -> runtime::awaitable<void> {
    BrokerAddress address;
    address.host = "127.0.0.1";
    address.port = to;
    ConnectionOptions options;
    auto pool = BufferPool::Create(ByteCount(0));
    auto connection =
        co_await Connection::Open(on, SystemClock(), std::move(pool), address, options);
    out = connection.status();
  };
  group.Spawn(dial(reactor, port, status));
  reactor.context().run();
  REQUIRE(status.code() == StatusCode::kUnavailable);
}

TEST_CASE("Cancelling a call ends it and the connection can be destroyed", "[client]") {
  runtime::Reactor reactor("test");
  runtime::TaskGroup brokers(reactor, "brokers");
  runtime::TaskGroup group(reactor, "test");
  int calls = 0;
  FakeBroker broker(reactor, [&](const Request& request) {
    if (request.header.api_key == 18) {
      return Plain(FakeBroker::Encode(request, FakeBroker::Versions(kApis)));
    }
    ++calls;
    Reply reply;
    reply.silent = true;
    return reply;
  });
  brokers.Spawn(broker.Run());
  const auto talk = [](runtime::Reactor& on, uint16_t port) -> runtime::awaitable<void> {
    BrokerAddress address;
    address.host = "127.0.0.1";
    address.port = port;
    ConnectionOptions options;
    auto pool = BufferPool::Create(ByteCount(0));
    auto connection =
        co_await Connection::Open(on, SystemClock(), std::move(pool), address, options);
    const MetadataRequest request;
    CallLimits limits;
    (void)co_await (*connection)->Call(request, limits);
  };
  group.Spawn(talk(reactor, broker.port()));
  while (calls == 0) reactor.context().run_one();
  StopTasks(reactor, group);
  REQUIRE(group.size() == 0);
  StopTasks(reactor, brokers);
}

TEST_CASE("The client goes on to the next bootstrap address", "[client]") {
  runtime::Reactor reactor("test");
  runtime::TaskGroup group(reactor, "test");
  uint16_t own_port = 0;
  FakeBroker broker(reactor, [&](const Request& request) {
    if (request.header.api_key == 18) {
      return Plain(FakeBroker::Encode(request, FakeBroker::Versions(kApis)));
    }
    return Plain(FakeBroker::Encode(request, SomeMetadata(own_port)));
  });
  own_port = broker.port();
  uint16_t dead_port = 0;
  {
    FakeBroker gone(reactor, {});
    dead_port = gone.port();
  }
  Client::Options options;
  options.bootstrap = {{"127.0.0.1", dead_port}, {"127.0.0.1", own_port}};
  auto pool = BufferPool::Create(ByteCount(0));
  Client client(reactor, SystemClock(), pool, options);
  group.Spawn(broker.Run());
  const auto talk = [](Client& to, runtime::Reactor& on) -> runtime::awaitable<void> {
    MetadataRequest request;
    auto answer = co_await to.Metadata(request);
    REQUIRE(answer.ok());
    auto unknown = co_await to.Connect(NodeId(8));
    REQUIRE(unknown.status().code() == StatusCode::kNotFound);
    on.context().stop();
  };
  group.Spawn(talk(client, reactor));
  reactor.context().run();
  StopTasks(reactor, group);
  REQUIRE(client.metadata().cluster_id() == "cluster");
  REQUIRE(client.metadata().Address(NodeId(7))->port == own_port);
}

TEST_CASE("Metadata that no cluster gives changes nothing", "[client]") {
  MetadataCache cache;
  REQUIRE(cache.Update(SomeMetadata(9)).ok());
  MetadataResponse twice = SomeMetadata(10);
  twice.brokers.push_back(twice.brokers[0]);
  REQUIRE(cache.Update(twice).code() == StatusCode::kDataLoss);
  REQUIRE(cache.Update(SomeMetadata(0)).code() == StatusCode::kDataLoss);
  MetadataResponse empty;
  REQUIRE(cache.Update(empty).code() == StatusCode::kUnavailable);
  REQUIRE(cache.Address(NodeId(7))->port == 9);
}

}  // namespace
}  // namespace atl::kafka
