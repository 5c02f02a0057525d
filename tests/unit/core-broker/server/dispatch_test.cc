#include <catch2/catch.hpp>

#include "core-broker/server/request_metrics.h"
#include "tests/unit/core-broker/server/test_broker.h"

namespace atl::broker {
namespace {

using kafka::ErrorCode;

TEST_CASE("ApiVersions lists exactly what is served, with Kafka's repair for Produce") {
  TestBroker broker;
  TestClient client(broker);
  kafka::ApiVersionsRequest request;
  request.client_software_name = "test";
  request.client_software_version = "1.0";
  const int16_t version = GENERATE(as<int16_t>(), 0, 1, 2, 3, 4);
  const auto answer = client.Call(request, version);
  REQUIRE(answer->error_code == ErrorCode::kNone);
  REQUIRE(answer->api_keys.size() == Apis::kRows.size());
  for (const kafka::ApiVersion& api : answer->api_keys) {
    const kafka::ApiRow* row = Apis::Find(api.api_key);
    REQUIRE(row != nullptr);
    REQUIRE(api.max_version == row->max_version);
    REQUIRE(api.min_version == (api.api_key == 0 ? 0 : row->min_version));
  }
}

TEST_CASE("An unknown version of ApiVersions is answered in version 0 with error 35") {
  TestBroker broker;
  TestClient client(broker);
  Bytes frame(4 + 10);
  StoreBig<int32_t>(frame.data(), 10);
  StoreBig<int16_t>(frame.data() + 4, 18);
  StoreBig<int16_t>(frame.data() + 6, 99);
  StoreBig<int32_t>(frame.data() + 8, 7);
  StoreBig<int16_t>(frame.data() + 12, -1);
  // Version 99 has a flexible header: one byte for its tags.
  frame.push_back(std::byte{0});
  StoreBig<int32_t>(frame.data(), 11);
  const ExchangePtr exchange = client.SendFrame(frame);
  const auto answer = client.Take<kafka::ApiVersionsResponse>(exchange, 0);
  REQUIRE(answer->error_code == ErrorCode::kUnsupportedVersion);
  REQUIRE(answer->api_keys.size() == 1);
  REQUIRE(answer->api_keys[0].api_key == 18);
}

TEST_CASE("ApiVersions checks the client's name for itself") {
  TestBroker broker;
  TestClient client(broker);
  for (const auto& [name, good] : std::vector<std::pair<std::string, bool>>{{"librdkafka", true},
                                                                            {"a", true},
                                                                            {"a-b.c9", true},
                                                                            {"", false},
                                                                            {"-a", false},
                                                                            {"a.", false},
                                                                            {"a b", false},
                                                                            {"\xC3\xA4", false}}) {
    kafka::ApiVersionsRequest request;
    request.client_software_name = name;
    request.client_software_version = "1";
    const auto answer = client.Call(request);
    INFO(name);
    REQUIRE(answer->error_code == (good ? ErrorCode::kNone : ErrorCode::kInvalidRequest));
  }
}

Bytes MetadataFrame() {
  kafka::WireBuffer wire;
  kafka::MetadataRequest request;
  request.topics.emplace().push_back({.topic_id = {}, .name = TopicName("orders")});
  REQUIRE(kafka::EncodeRequest(wire, CorrelationId(1), "test", 12, request).ok());
  return *wire.Flatten();
}

TEST_CASE("Frames that are no requests never reach a handler") {
  TestBroker broker;
  TestClient client(broker);
  const Bytes good = MetadataFrame();
  REQUIRE(client.SendFrame(good) != nullptr);
  SECTION("every prefix is refused") {
    for (size_t size = kafka::kFrameLengthBytes + 1; size < good.size(); ++size) {
      const ExchangePtr exchange = client.SendFrame(BytesView(good).first(size));
      const bool refused =
          exchange == nullptr || client.last_dispatched() == Dispatched::kMalformed;
      REQUIRE(refused);
    }
  }
  SECTION("bytes behind the body are ignored, as Kafka does") {
    Bytes longer = good;
    longer.push_back(std::byte{0});
    client.SendFrame(longer);
    REQUIRE(client.last_dispatched() == Dispatched::kHandled);
  }
  SECTION("an API that is not served closes the connection") {
    Bytes unknown = good;
    for (const int16_t key : std::vector<int16_t>{4, 24, 71, 999, -1}) {
      StoreBig<int16_t>(unknown.data() + 4, key);
      client.SendFrame(unknown);
      REQUIRE(client.last_dispatched() == Dispatched::kUnknownApi);
    }
  }
  SECTION(
      "a version that is not served closes the connection, the advertised ones of Produce too") {
    Bytes version = good;
    StoreBig<int16_t>(version.data() + 6, 13);
    client.SendFrame(version);
    REQUIRE(client.last_dispatched() == Dispatched::kUnsupportedVersion);
    StoreBig<int16_t>(version.data() + 4, 0);
    StoreBig<int16_t>(version.data() + 6, 2);
    client.SendFrame(version);
    REQUIRE(client.last_dispatched() == Dispatched::kUnsupportedVersion);
  }
}

TEST_CASE("Random bodies for every API and version end in an answer or a refusal") {
  const uint64_t seed = 20261124;
  INFO("seed " << seed);
  Random random(seed);
  TestBroker broker;
  broker.MakeTopic("orders");
  TestClient client(broker);
  for (const kafka::ApiRow& row : Apis::kRows) {
    for (int round = 0; round < 40; ++round) {
      const int16_t span = static_cast<int16_t>(row.max_version - row.min_version + 1);
      const auto version = static_cast<int16_t>(
          row.min_version + static_cast<int16_t>(random.Below(static_cast<uint64_t>(span))));
      Bytes frame(4 + 10 + 1 + random.Below(200));
      for (std::byte& byte : frame) {
        // Small numbers are more often well-formed.
        byte = static_cast<std::byte>(random.Below(random.OneIn(4) ? 256 : 4));
      }
      StoreBig<int32_t>(frame.data(), static_cast<int32_t>(frame.size() - 4));
      StoreBig<int16_t>(frame.data() + 4, row.key);
      StoreBig<int16_t>(frame.data() + 6, version);
      StoreBig<int16_t>(frame.data() + 12, -1);
      const ExchangePtr exchange = client.SendFrame(frame);
      if (exchange == nullptr || client.last_dispatched() != Dispatched::kHandled) continue;
      if (exchange->parked() != nullptr) exchange->parked()->OnDeadline();
      REQUIRE(exchange->answer() != Answer::kPending);
    }
  }
}

TEST_CASE("Requests are counted by API and by the first error of their answer") {
  TestBroker broker;
  broker.MakeTopic("orders");
  TestClient client(broker);
  RequestMetrics metrics(broker.metrics);
  const Bytes batch = MakeBatch(1);
  metrics.Observe(*client.Send(MakeProduce("orders", 0, batch), 9), broker.clock.Now());
  metrics.Observe(*client.Send(MakeProduce("orders", 4, batch), 9), broker.clock.Now());
  const std::string text = broker.metrics.Text();
  REQUIRE(text.find("atoll_broker_requests_total{api=\"Produce\",error=\"NONE\"} 1") !=
          std::string::npos);
  REQUIRE(text.find("api=\"Produce\",error=\"UNKNOWN_TOPIC_OR_PARTITION\"} 1") !=
          std::string::npos);
  REQUIRE(
      text.find("atoll_broker_request_duration_seconds_count{api=\"Produce\",phase=\"local\"} 2") !=
      std::string::npos);
}

}  // namespace
}  // namespace atl::broker
