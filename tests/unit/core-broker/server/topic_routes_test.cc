#include <catch2/catch.hpp>

#include <boost/json/parse.hpp>

#include "core-broker/server/topic_routes.h"
#include "tests/unit/core-broker/server/test_broker.h"

namespace atl::broker {
namespace {

namespace json = boost::json;

class Api {
 public:
  Api() {
    RegisterTopicRoutes(router_, *broker.broker);
    RegisterStatusRoute(router_, *broker.broker,
                        {.ordinal = RegionOrdinal(1),
                         .version = "0.1.0",
                         .kafka_address = "127.0.0.1:9092",
                         .admin_address = "127.0.0.1:9644",
                         .started = broker.clock.Now()});
  }
  HttpReply Call(const std::string& method, const std::string& path, const std::string& body = {}) {
    return router_.Dispatch({.method = method, .path = path, .body = body});
  }
  TestBroker broker;

 private:
  Router router_;
};

TEST_CASE("A topic's life over the admin API") {
  Api api;
  const HttpReply made =
      api.Call("POST", "/v1/topics",
               R"({"name":"orders","partitions":2,"config":{"retention.ms":"60000"}})");
  REQUIRE(made.status == 201);
  TestClient client(api.broker);
  const Bytes batch = MakeBatch(3);
  client.Call(MakeProduce("orders", 1, batch));

  const json::value list = json::parse(api.Call("GET", "/v1/topics").body);
  const json::object& topic = list.at("topics").at(0).as_object();
  REQUIRE(topic.at("name") == "orders");
  REQUIRE(topic.at("partitionCount") == 2);
  REQUIRE(topic.at("owner") == 1);
  REQUIRE(topic.at("link").is_null());
  REQUIRE(topic.at("frozen") == false);
  REQUIRE(topic.at("sizeBytes").to_number<size_t>() == batch.size());

  const json::value described = json::parse(api.Call("GET", "/v1/topics/orders").body);
  REQUIRE(described.at("config").at("retention.ms") == "60000");
  const json::object& partition = described.at("partitions").at(1).as_object();
  REQUIRE(partition.at("highWatermark") == 3);
  REQUIRE(partition.at("durableEnd") == 3);
  REQUIRE(partition.at("offline").is_null());

  REQUIRE(json::parse(api.Call("DELETE", "/v1/topics/orders").body).at("deleted") == "orders");
  REQUIRE(api.Call("GET", "/v1/topics/orders").status == 404);
  REQUIRE(api.Call("DELETE", "/v1/topics/orders").status == 404);
}

TEST_CASE("Bad topics are refused with a reason and a way out") {
  Api api;
  REQUIRE(api.Call("POST", "/v1/topics", R"({"name":"there"})").status == 201);
  const std::vector<std::pair<std::string, int>> cases = {
      {"", 400},
      {"[]", 400},
      {"{\"name\":", 400},
      {R"({"name":7})", 400},
      {R"({"name":"a b"})", 400},
      {R"({"name":"a","partitions":0})", 400},
      {R"({"name":"a","partitions":1000000})", 400},
      {R"({"name":"a","partitions":"2"})", 400},
      {R"({"name":"a","config":{"retention.ms":5}})", 400},
      {R"({"name":"a","config":{"retention.ms":"soon"}})", 400},
      {std::string(R"({"name":"a","x":)") + std::string(40, '[') + std::string(40, ']') + "}", 400},
      {R"({"name":"there"})", 409},
  };
  for (const auto& [body, status] : cases) {
    INFO(body);
    const HttpReply reply = api.Call("POST", "/v1/topics", body);
    REQUIRE(reply.status == status);
    REQUIRE(json::parse(reply.body).at("error").at("code") == status);
  }
}

TEST_CASE("The status names the region and what is offline") {
  Api api;
  const auto partition = api.broker.MakeTopic("orders");
  api.broker.clock.Advance(std::chrono::seconds(5));
  const auto status = [&] { return json::parse(api.Call("GET", "/v1/status").body); };
  REQUIRE(status().at("region") == "us-east");
  REQUIRE(status().at("ordinal") == 1);
  REQUIRE(status().at("uptimeSeconds") == 5.0);
  REQUIRE(status().at("topics") == 1);
  REQUIRE(status().at("offlinePartitions").as_array().empty());

  Health health;
  AddPartitionCheck(health, *api.broker.broker);
  Router probes;
  health.Register(probes);
  REQUIRE(probes.Dispatch({.method = "GET", .path = "/readyz"}).status == 200);

  api.broker.files.SetFault([](MemoryFileSystem::Operation operation, const std::string& path) {
    const bool log_write =
        operation == MemoryFileSystem::Operation::kWrite && path.ends_with(".log");
    return log_write ? ResourceExhausted("{}: no space left", path) : OkStatus();
  });
  TestClient client(api.broker);
  const Bytes batch = MakeBatch(1);
  client.Call(MakeProduce("orders", 0, batch));
  const json::value offline = status();
  REQUIRE(offline.at("offlinePartitions").at(0).at("topic") == "orders");
  const HttpReply ready = probes.Dispatch({.method = "GET", .path = "/readyz"});
  REQUIRE(ready.status == 503);
  REQUIRE(ready.body.find("orders-0") != std::string::npos);
}

}  // namespace
}  // namespace atl::broker
