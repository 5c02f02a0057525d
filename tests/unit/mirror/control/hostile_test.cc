// Bytes from nobody in particular at the control port: each ends its own connection, with a reason
// where there is somebody to tell, and the region's own peers notice nothing.
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket.hpp>

#include "mirror/control/codec.h"
#include "mirror/control/session.h"
#include "tests/unit/mirror/control/planes.h"

#include <catch2/catch.hpp>

namespace atl::mirror {
namespace {

namespace asio = runtime::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;

// A client by hand. Every read ends: the region hangs up on whoever is silent.
class Stranger {
 public:
  explicit Stranger(int port) : stream_(context_) {
    stream_.next_layer().connect({asio::ip::address_v4::loopback(), static_cast<uint16_t>(port)});
  }
  bool Shake(const std::string& path = "/v1/control",
             const std::string& protocol = "atoll.control.v1") {
    stream_.set_option(
        websocket::stream_base::decorator([protocol](websocket::request_type& request) {
          request.set(beast::http::field::sec_websocket_protocol, protocol);
        }));
    runtime::ErrorCode error;
    stream_.handshake("localhost", path, error);
    stream_.binary(true);
    return !error;
  }
  void Send(const std::string& bytes) {
    runtime::ErrorCode ignored;
    stream_.write(asio::buffer(bytes), ignored);
  }
  void SendText() {
    stream_.text(true);
    Send("hello");
  }
  void SendRaw(const std::string& bytes) {
    runtime::ErrorCode ignored;
    asio::write(stream_.next_layer(), asio::buffer(bytes), ignored);
  }
  std::string ReadRaw() {
    std::string all;
    runtime::ErrorCode error;
    asio::read(stream_.next_layer(), asio::dynamic_buffer(all), error);
    return all;
  }
  // The next frame that is no heartbeat; nothing when the region hung up.
  std::optional<ControlFrame> Read() {
    for (;;) {
      beast::flat_buffer buffer;
      runtime::ErrorCode error;
      stream_.read(buffer, error);
      if (error) return std::nullopt;
      const std::string bytes = beast::buffers_to_string(buffer.data());
      StatusOr<ControlFrame> frame = DecodeFrame(AsBytes(bytes));
      if (!frame.ok()) return std::nullopt;
      const auto* const message = std::get_if<ControlMessage>(&frame->body);
      if (message == nullptr || !std::holds_alternative<Heartbeat>(*message)) return *frame;
    }
  }
  // Why it was hung up on; empty: without a word.
  std::string ReasonOfEnd() {
    std::string reason;
    while (const std::optional<ControlFrame> frame = Read()) {
      const auto* const message = std::get_if<ControlMessage>(&frame->body);
      const auto* const refusal = message == nullptr ? nullptr : std::get_if<Refusal>(message);
      if (refusal != nullptr) reason = refusal->reason;
    }
    return reason;
  }
  // As region `name`.
  void Greet(const std::string& name, int32_t ordinal) {
    REQUIRE(Shake());
    Send(*EncodeMessage(SelfOf(name, ordinal)));
    const std::optional<ControlFrame> hello = Read();
    REQUIRE(hello.has_value());
    REQUIRE(std::holds_alternative<Hello>(std::get<ControlMessage>(hello->body)));
  }

 private:
  asio::io_context context_;
  websocket::stream<runtime::tcp::socket> stream_;
};

// A region with a peer that must stay connected whatever strangers do.
struct Besieged {
  Besieged() : region(SelfOf("us-east", 1)), peer(SelfOf("eu-west", 2)) {
    port = region.Open();
    peer.Open({LinkTo("us-east", port)});
    region.Start();
    peer.Start();
    region.seen.Await("+eu-west");
    peer.seen.Await("+us-east");
  }
  // At a test's end: the peer noticed nothing and is heard.
  void Holds() {
    REQUIRE(region.seen.count("-eu-west") == 0);
    REQUIRE(peer.plane->Send(RegionName("us-east"), GroupCommits()));
    region.seen.Await("eu-west:0");
  }
  TestPlane region;
  TestPlane peer;
  int port = 0;
};

}  // namespace

TEST_CASE("What is no WebSocket of ours is answered 400 and hung up on") {
  Besieged besieged;
  for (const char* request :
       {"GET /v1/control HTTP/1.1\r\nHost: x\r\n\r\n", "GET / HTTP/1.1\r\nHost: x\r\n\r\n"}) {
    Stranger stranger(besieged.port);
    stranger.SendRaw(request);
    REQUIRE_THAT(stranger.ReadRaw(), Catch::StartsWith("HTTP/1.1 400"));
  }
  REQUIRE_FALSE(Stranger(besieged.port).Shake("/v1/other"));
  REQUIRE_FALSE(Stranger(besieged.port).Shake("/v1/control", "chat"));
  for (const std::string& bytes :
       {std::string("\x16\x03\x01\x00\xA5\x01", 6) + std::string(500, '\0'),
        std::string(20'000, 'x'), "GET /v1/control HTTP/1.1\r\nX: " + std::string(20'000, 'x')}) {
    Stranger stranger(besieged.port);
    stranger.SendRaw(bytes);
    (void)stranger.ReadRaw();  // Ends.
  }
  besieged.Holds();
}

TEST_CASE("The first message is a hello, and whole, and binary, and protobuf") {
  Besieged besieged;
  const auto reason = [&](const std::string& bytes) {
    Stranger stranger(besieged.port);
    REQUIRE(stranger.Shake());
    stranger.Send(bytes);
    return stranger.ReasonOfEnd();
  };
  REQUIRE(reason(*EncodeMessage(Heartbeat())) == "the first message is no hello");
  REQUIRE(reason(*EncodeRequest(1, GroupsRequest())) == "the first message is no hello");
  REQUIRE(reason("\xFF\xFF\xFF") == "envelope: 3 bytes that are no protobuf message");
  REQUIRE(reason("") == "envelope.version: 0");
  Hello bad = SelfOf("stranger", 3);
  bad.ordinal = RegionOrdinal(0);
  REQUIRE(reason(*EncodeMessage(bad)) == "hello.ordinal: 0 is not between 1 and 250");
  Stranger writer(besieged.port);
  REQUIRE(writer.Shake());
  writer.SendText();
  REQUIRE(writer.ReasonOfEnd() == "a text message; all of ours are binary");
  besieged.Holds();
}

TEST_CASE("A frame above the limit ends the connection before it is read") {
  Besieged besieged;
  Stranger stranger(besieged.port);
  stranger.Greet("stranger", 3);
  stranger.Send(std::string(kMaxControlFrame + 1, 'x'));
  REQUIRE(stranger.ReasonOfEnd().empty());
  besieged.region.seen.Await("-stranger");
  REQUIRE(besieged.region.peer("stranger").reason == "a frame of more than 8388608 bytes");
  besieged.Holds();
}

TEST_CASE("A peer that floods is hung up on and told why") {
  Besieged besieged;
  Stranger stranger(besieged.port);
  stranger.Greet("stranger", 3);
  const std::string frame = *EncodeMessage(MirrorPositions());
  for (int i = 0; i < 2 * static_cast<int>(Session::kMessageBurst); ++i) stranger.Send(frame);
  besieged.region.seen.Await("-stranger");
  REQUIRE(besieged.region.peer("stranger").reason == "more than 2000 messages a second");
  besieged.Holds();
}

TEST_CASE("A second hello, and a message in a wrong place, end the connection") {
  Besieged besieged;
  Stranger twice(besieged.port);
  twice.Greet("stranger", 3);
  twice.Send(*EncodeMessage(SelfOf("stranger", 3)));
  REQUIRE(twice.ReasonOfEnd() == "a second hello");
  Stranger refuses(besieged.port);
  refuses.Greet("stranger", 3);
  refuses.Send(*EncodeMessage(Refusal{"I don't like you"}));
  besieged.region.seen.Await("-stranger", 2);
  REQUIRE(besieged.region.peer("stranger").reason == "refused by the peer: I don't like you");
  besieged.Holds();
}

TEST_CASE("An unknown kind is skipped, as a request it is answered so; odd answers are ignored") {
  Besieged besieged;
  Stranger stranger(besieged.port);
  stranger.Greet("stranger", 3);
  const std::string version("\x08\x01", 2);
  stranger.Send(version +
                "\xA2\x06\x03"
                "abc");
  stranger.Send(version + std::string("\x10\x05", 2) +
                "\xA2\x06\x03"
                "abc");  // Request 5.
  const std::optional<ControlFrame> answer = stranger.Read();
  REQUIRE(answer.has_value());
  REQUIRE(answer->answers == 5);
  REQUIRE(std::get<StatusOr<ControlAnswer>>(answer->body).status().code() ==
          StatusCode::kUnimplemented);
  for (const uint64_t number : {1, 1, 99})
    stranger.Send(*EncodeAnswer(number, ControlAnswer(Done())));
  stranger.Send(*EncodeMessage(GroupCommits()));
  besieged.region.seen.Await("stranger:0");
  REQUIRE(besieged.region.peer("stranger").connected);
  besieged.Holds();
}

TEST_CASE("More requests at once than allowed end the connection") {
  Mutex kept_lock;
  std::vector<ControlRooms::Reply> kept;
  TestPlane patient(SelfOf("patient", 9));
  patient.rooms.OnRequest<GroupsRequest>(
      [&](const RegionName&, const GroupsRequest&, ControlRooms::Reply reply) {
        MutexLock lock(&kept_lock);
        kept.push_back(std::move(reply));
      });
  const int port = patient.Open();
  patient.Start();
  Stranger stranger(port);
  stranger.Greet("stranger", 3);
  for (uint64_t i = 1; i <= Outgoing::kMaxOpenRequests + 1; ++i)
    stranger.Send(*EncodeRequest(i, GroupsRequest()));
  REQUIRE(stranger.ReasonOfEnd() == "more than 256 requests at once");
  MutexLock lock(&kept_lock);
  REQUIRE(kept.size() == static_cast<size_t>(Outgoing::kMaxOpenRequests));
}

TEST_CASE("Who is slow with handshake or hello, and who falls silent, is hung up on") {
  TestPlane region(SelfOf("us-east", 1), std::chrono::milliseconds(150));
  const int port = region.Open();
  region.Start();
  Stranger mute(port);
  REQUIRE(mute.ReadRaw().empty());
  Stranger slow(port);
  slow.SendRaw("GET /v1/con");
  REQUIRE(slow.ReadRaw().empty());
  Stranger shy(port);
  REQUIRE(shy.Shake());
  REQUIRE(shy.ReasonOfEnd() == "no hello in time");
  Stranger silent(port);
  silent.Greet("silent", 3);
  region.seen.Await("-silent");
  REQUIRE(region.peer("silent").reason == "silent");
}

TEST_CASE("Strangers who only connect are few at a time") {
  TestPlane region(SelfOf("us-east", 1));
  const int port = region.Open();
  region.Start();
  std::vector<std::unique_ptr<Stranger>> crowd;
  for (int i = 0; i < 64; ++i) crowd.push_back(std::make_unique<Stranger>(port));
  REQUIRE(crowd[0]->Shake());  // Held.
  Stranger one_more(port);
  REQUIRE(one_more.ReadRaw().empty());  // Closed at once.
  crowd.clear();
}

}  // namespace atl::mirror
