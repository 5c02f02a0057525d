// Every message there and back, and what a peer must not be able to send.
#include "mirror/control/codec.h"

#include <functional>

#include "mirror/control/control.pb.h"

#include <catch2/catch.hpp>

namespace atl::mirror {
namespace {

Uuid Id(uint8_t first) {
  std::array<uint8_t, 16> bytes{};
  bytes.fill(first);
  return Uuid(bytes);
}

checkpoint::OwnershipRecord Record(const std::string& name) {
  checkpoint::OwnershipRecord record;
  record.topic = Id(7);
  record.name = TopicName(name);
  record.epoch = LeaderEpoch(1281);
  record.owner = RegionOrdinal(1);
  record.owner_name = RegionName("us-east");
  record.state = checkpoint::OwnershipState::kFenced;
  record.cut = {Offset(5), Offset(0)};
  record.lineage = {{LeaderEpoch(257), RegionOrdinal(1), {Offset(0)}},
                    {LeaderEpoch(1281), RegionOrdinal(1), {Offset(5), Offset(0)}}};
  record.link = LinkName("from-us-east");
  record.reason = "umgezogen: für Wartung";
  record.time = WallTime(std::chrono::seconds(1'700'000'000));
  record.attempt = Id(8);
  return record;
}

Hello GoodHello() {
  Hello hello;
  hello.cluster_id = "cluster-a";
  hello.region = RegionName("us-east");
  hello.ordinal = RegionOrdinal(1);
  hello.link = LinkName("from-eu-west");
  hello.instance = 0xFEDCBA9876543210;
  hello.software = "atoll 0.1.0";
  hello.topics = {Record("orders"), Record("audit")};
  return hello;
}

GroupCommit Commit() {
  GroupCommit commit;
  commit.group = GroupId(std::string("any \0 byte\xFF", 11));
  commit.topic = TopicName("orders");
  commit.partition = PartitionId(3);
  commit.offset = Offset(99);
  commit.epoch = LeaderEpoch(1281);
  commit.metadata = "m\xFE";
  commit.committed = WallTime(std::chrono::milliseconds(12));
  return commit;
}

// What was decoded is encoded again to the same bytes: no field is lost on either way.
void CheckMessage(const ControlMessage& message) {
  const StatusOr<std::string> bytes = EncodeMessage(message);
  REQUIRE(bytes.status() == OkStatus());
  const StatusOr<ControlFrame> frame = DecodeFrame(AsBytes(*bytes));
  REQUIRE(frame.status() == OkStatus());
  REQUIRE(frame->version == kControlVersion);
  const auto* const again = std::get_if<ControlMessage>(&frame->body);
  REQUIRE(again != nullptr);
  REQUIRE(again->index() == message.index());
  REQUIRE(*EncodeMessage(*again) == *bytes);
}
void CheckRequest(const ControlRequest& request) {
  const StatusOr<std::string> bytes = EncodeRequest(42, request);
  const StatusOr<ControlFrame> frame = DecodeFrame(AsBytes(*bytes));
  REQUIRE(frame.status() == OkStatus());
  REQUIRE(frame->request == 42);
  const auto* const again = std::get_if<ControlRequest>(&frame->body);
  REQUIRE(again != nullptr);
  REQUIRE(again->index() == request.index());
  REQUIRE(*EncodeRequest(42, *again) == *bytes);
}
void CheckAnswer(const ControlAnswer& answer) {
  const StatusOr<std::string> bytes = EncodeAnswer(43, answer);
  const StatusOr<ControlFrame> frame = DecodeFrame(AsBytes(*bytes));
  REQUIRE(frame.status() == OkStatus());
  REQUIRE(frame->answers == 43);
  const auto* const again = std::get_if<StatusOr<ControlAnswer>>(&frame->body);
  REQUIRE(again != nullptr);
  REQUIRE((*again)->index() == answer.index());
  REQUIRE(*EncodeAnswer(43, *again) == *bytes);
}

std::string Bytes(const wire::Envelope& envelope) { return envelope.SerializeAsString(); }

std::string ErrorOf(const std::string& bytes) {
  const StatusOr<ControlFrame> frame = DecodeFrame(AsBytes(bytes));
  REQUIRE(frame.status().code() == StatusCode::kInvalidArgument);
  return std::string(StatusMessage(frame.status()));
}

// A good hello that `spoil` has changed.
std::string ErrorOfHello(const std::function<void(wire::Hello&)>& spoil) {
  wire::Envelope envelope;
  REQUIRE(envelope.ParseFromString(*EncodeMessage(GoodHello())));
  spoil(*envelope.mutable_hello());
  return ErrorOf(Bytes(envelope));
}

}  // namespace

TEST_CASE("Every message arrives as it was sent") {
  CheckMessage(GoodHello());
  CheckMessage(Refusal{"no"});
  CheckMessage(Heartbeat{77, true, WallTime(std::chrono::seconds(1'800'000'000))});
  CheckMessage(Heartbeat{77, true});
  CheckMessage(OwnershipNews{{Record("orders")}});
  GroupCommits commits;
  commits.sequence = 9;
  commits.part = GroupCommits::Part::kSnapshotEnd;
  commits.commits = {Commit()};
  CheckMessage(commits);
  MirrorPositions positions;
  positions.rows.push_back({Id(1), PartitionId(2), Offset(3), LeaderEpoch(257)});
  CheckMessage(positions);
  QuarantineNews quarantined;
  quarantined.rows.push_back({Id(1), PartitionId(2), LeaderEpoch(257), 40});
  CheckMessage(quarantined);
}

TEST_CASE("Every request and every answer arrives as it was sent, with its number") {
  FenceRequest fence;
  fence.attempt = Id(9);
  fence.deadline = std::chrono::seconds(5);
  fence.topics = {{Id(1), LeaderEpoch(257)}};
  CheckRequest(fence);
  CheckRequest(ReleaseRequest{Id(9)});
  CheckRequest(LiftRequest{Id(9)});
  CheckRequest(GroupsRequest{{TopicName("orders")}});
  CheckRequest(OwnershipRequest{{Record("orders")}});
  CheckRequest(EndsRequest{{Id(1), Id(2)}});
  CheckRequest(DigestsRequest{{{Id(1), PartitionId(0), Offset(5), Offset(10)}}});
  CheckAnswer(FenceAnswer{{{Id(1), LeaderEpoch(257), {Offset(5)}, "not the owner"}}});
  CheckAnswer(GroupsAnswer{{Commit()}});
  CheckAnswer(EndsAnswer{{{Id(1), LeaderEpoch(257), {Offset(5), kNoOffset}}}});
  CheckAnswer(Digests{{{Id(1), PartitionId(0), Offset(5), Offset(10), 0xFFFFFFFFFFFFFFFF, 3}}});
  CheckAnswer(Done());
}

TEST_CASE("A field of a record is the same after the way") {
  const StatusOr<ControlFrame> frame = DecodeFrame(AsBytes(*EncodeMessage(GoodHello())));
  const Hello& hello = std::get<Hello>(std::get<ControlMessage>(frame->body));
  REQUIRE(hello.cluster_id == "cluster-a");
  REQUIRE(hello.region == RegionName("us-east"));
  REQUIRE(hello.ordinal == RegionOrdinal(1));
  REQUIRE(hello.link == LinkName("from-eu-west"));
  REQUIRE(hello.software == "atoll 0.1.0");
  REQUIRE(hello.instance == 0xFEDCBA9876543210);
  REQUIRE(hello.topics == GoodHello().topics);
}

TEST_CASE("An error as answer keeps its code and its words") {
  const std::string bytes = *EncodeAnswer(1, FailedPrecondition("epoch {} is old", 257));
  const StatusOr<ControlFrame> frame = DecodeFrame(AsBytes(bytes));
  const auto& answer = std::get<StatusOr<ControlAnswer>>(frame->body);
  REQUIRE(answer.status().code() == StatusCode::kFailedPrecondition);
  REQUIRE(StatusMessage(answer.status()) == "epoch 257 is old");
  wire::Envelope odd;
  odd.set_version(1);
  odd.set_answers(1);
  odd.mutable_failure()->set_code(0);
  const StatusOr<ControlFrame> never_ok = DecodeFrame(AsBytes(Bytes(odd)));
  REQUIRE(std::get<StatusOr<ControlAnswer>>(never_ok->body).status().code() ==
          StatusCode::kUnknown);
}

TEST_CASE("An unknown kind and unknown fields are no error") {
  wire::Envelope envelope;
  envelope.set_version(7);
  envelope.set_request(5);
  std::string bytes = Bytes(envelope);
  bytes +=
      "\xA2\x06\x03"
      "abc";  // Field 100, three bytes.
  const StatusOr<ControlFrame> frame = DecodeFrame(AsBytes(bytes));
  REQUIRE(frame.status() == OkStatus());
  REQUIRE(std::holds_alternative<UnknownKind>(frame->body));
  REQUIRE(frame->request == 5);
  REQUIRE(frame->version == 7);

  const std::string more = *EncodeMessage(Heartbeat{3, false}) +
                           "\xA2\x06\x03"
                           "abc";
  const StatusOr<ControlFrame> beat = DecodeFrame(AsBytes(more));
  REQUIRE(std::get<Heartbeat>(std::get<ControlMessage>(beat->body)).sequence == 3);
}

TEST_CASE("What is cut short is refused or is another whole message, never more") {
  const std::string bytes = *EncodeMessage(GoodHello());
  for (size_t length = 0; length < bytes.size(); ++length) {
    const StatusOr<ControlFrame> frame = DecodeFrame(AsBytes(bytes).first(length));
    if (frame.ok()) REQUIRE(std::holds_alternative<UnknownKind>(frame->body));
  }
}

TEST_CASE("A violation says what and where") {
  struct Case {
    std::function<void(wire::Hello&)> spoil;
    std::string expected;
  };
  const std::vector<Case> cases = {
      {[](auto& h) { h.clear_cluster_id(); }, "hello.cluster_id: is empty"},
      {[](auto& h) { h.set_region("US"); }, "hello.region: no name: small letters, digits and `-`"},
      {[](auto& h) { h.set_region(""); }, "hello.region: is empty"},
      {[](auto& h) { h.set_region(std::string(64, 'a')); }, "hello.region: 64 bytes, at most 63"},
      {[](auto& h) { h.set_ordinal(0); }, "hello.ordinal: 0 is not between 1 and 250"},
      {[](auto& h) { h.set_ordinal(251); }, "hello.ordinal: 251 is not between 1 and 250"},
      {[](auto& h) { h.set_ordinal(-1); }, "hello.ordinal: -1 is not between 1 and 250"},
      {[](auto& h) { h.set_software("\xFF"); }, "hello.software: no text in UTF-8"},
      {[](auto& h) { h.set_software(std::string(5000, 'x')); },
       "hello.software: 5000 bytes, at most 4096"},
      {[](auto& h) { h.mutable_topics(1)->set_topic_id("short"); },
       "hello.topics[1].topic_id: an id of 5 bytes instead of 16"},
      {[](auto& h) { h.mutable_topics(0)->set_topic_id(std::string(16, '\0')); },
       "hello.topics[0].topic_id: an id of zeros"},
      {[](auto& h) { h.mutable_topics(0)->set_name("a/b"); },
       "hello.topics[0].name: no topic name"},
      {[](auto& h) { h.mutable_topics(0)->set_name(".."); }, "hello.topics[0].name: no topic name"},
      {[](auto& h) { h.mutable_topics(0)->set_epoch(-2); }, "hello.topics[0].epoch: epoch -2"},
      {[](auto& h) { h.mutable_topics(0)->set_state(3); }, "hello.topics[0].state: 3 is unknown"},
      {[](auto& h) { h.mutable_topics(0)->add_cut(-2); }, "hello.topics[0].cut: offset -2"},
      {[](auto& h) { h.mutable_topics(0)->mutable_cut()->Resize(10'001, 0); },
       "hello.topics[0].cut: 10001 offsets, at most 10000"},
      {[](auto& h) { h.mutable_topics(0)->mutable_lineage(1)->set_owner(999); },
       "hello.topics[0].lineage[1].owner: 999 is not between 0 and 250"},
      {[](auto& h) { h.mutable_topics(0)->set_time_ns(-1); }, "hello.topics[0].time: before 1970"},
  };
  for (const Case& one : cases) REQUIRE(ErrorOfHello(one.spoil) == one.expected);
}

TEST_CASE("A message is no request, a request no message, and nothing is both") {
  wire::Envelope envelope;
  envelope.set_version(1);
  envelope.mutable_done();
  REQUIRE(ErrorOf(Bytes(envelope)) == "kind 53: without the number of its request");
  envelope.set_request(1);
  REQUIRE(ErrorOf(Bytes(envelope)) == "kind 53: is no request");
  envelope.mutable_heartbeat();
  REQUIRE(ErrorOf(Bytes(envelope)) == "kind 12: is no request");
  envelope.clear_request();
  envelope.set_answers(1);
  REQUIRE(ErrorOf(Bytes(envelope)) == "kind 12: is no answer");
  envelope.set_request(1);
  REQUIRE(ErrorOf(Bytes(envelope)) == "envelope: a request and an answer at once");
  envelope.clear_request();
  envelope.set_version(0);
  REQUIRE(ErrorOf(Bytes(envelope)) == "envelope.version: 0");
  REQUIRE(ErrorOf("\xFF\xFF") == "envelope: 2 bytes that are no protobuf message");
}

TEST_CASE("Rows are counted before they become objects") {
  // Two bytes on the wire each: empty rows of MirrorPositions, empty lineage entries of one topic.
  std::string rows;
  for (size_t i = 0; i <= kMaxControlRows; ++i) rows += std::string("\x0A\x00", 2);
  wire::Envelope envelope;
  envelope.set_version(1);
  REQUIRE(envelope.mutable_mirror_positions()->ParseFromString(rows));
  REQUIRE(ErrorOf(Bytes(envelope)) == "a frame with more than 100000 rows");

  wire::Envelope deep;
  deep.set_version(1);
  wire::Ownership& record = *deep.mutable_ownership_news()->add_records();
  for (size_t i = 0; i <= kMaxControlLineages; ++i) record.add_lineage();
  REQUIRE(ErrorOf(Bytes(deep)) == "a frame with more than 100000 lineage entries");
  REQUIRE(ErrorOf(std::string(kMaxControlFrame + 1, '\0')) ==
          "a frame of 8388609 bytes, at most 8388608");
}

TEST_CASE("Digests are asked for by the thousand, not by the million") {
  DigestsRequest request;
  request.rows.assign(kMostDigestRows + 1, {Id(1), PartitionId(0), Offset(0), Offset(1)});
  REQUIRE(ErrorOf(*EncodeRequest(1, request)) == "digests_request.rows: 1025, at most 1024");
  request.rows.assign(1, {Id(1), PartitionId(0), Offset(2), Offset(1)});
  REQUIRE(ErrorOf(*EncodeRequest(1, request)) == "digests_request.rows[0].end: the window [2, 1)");
}

TEST_CASE("A hello that is too large for a frame is followed by the rest of its topics") {
  Hello hello = GoodHello();
  checkpoint::OwnershipRecord wide = Record("wide");
  wide.cut.assign(10'000, Offset(int64_t{1} << 60));
  hello.topics.assign(120, wide);
  REQUIRE(EncodeMessage(hello).status().code() == StatusCode::kResourceExhausted);
  const std::vector<std::string> frames = EncodeHello(hello);
  REQUIRE(frames.size() > 2);
  size_t topics = 0;
  for (size_t i = 0; i < frames.size(); ++i) {
    const StatusOr<ControlFrame> frame = DecodeFrame(AsBytes(frames[i]));
    REQUIRE(frame.status() == OkStatus());
    const ControlMessage& message = std::get<ControlMessage>(frame->body);
    if (i == 0) REQUIRE(std::get<Hello>(message).topics.empty());
    if (i > 0) topics += std::get<OwnershipNews>(message).records.size();
  }
  REQUIRE(topics == 120);
  REQUIRE(EncodeHello(GoodHello()).size() == 1);
}

TEST_CASE("A text that is too long, or no text, is cut where it is sent") {
  const std::string bytes = *EncodeMessage(Refusal{std::string(5000, 'x')});
  const StatusOr<ControlFrame> frame = DecodeFrame(AsBytes(bytes));
  REQUIRE(std::get<Refusal>(std::get<ControlMessage>(frame->body)).reason.size() == 4096);
  const std::string odd = *EncodeMessage(Refusal{"good\xFF and not"});
  const StatusOr<ControlFrame> cut = DecodeFrame(AsBytes(odd));
  REQUIRE(std::get<Refusal>(std::get<ControlMessage>(cut->body)).reason == "good");
}

}  // namespace atl::mirror
