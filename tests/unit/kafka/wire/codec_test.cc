// What must hold for every message in every version, and the limits that protect the reader.
#include "kafka/wire/codec.h"

#include <limits>

#include "tests/unit/kafka/wire/all_messages.h"

#include <catch2/catch.hpp>

namespace atl::kafka {
namespace {

constexpr uint64_t kSeed = 20261124;

std::string Where(std::string_view name, int16_t version) {
  return fmt::format("{} v{}", name, version);
}

TEST_CASE("Every message gives the same bytes after a round trip", "[codec]") {
  Random random(kSeed);
  ForEachMessage([&]<class M>(const M&, int16_t version) {
    INFO(Where(MessageName<M>(), version));
    for (int i = 0; i < 20; ++i) {
      const Bytes encoded = EncodeBytes(RandomMessage<M>(random, version), version);
      const StatusOr<M> decoded = Decode<M>(encoded, version);
      REQUIRE(decoded.status() == OkStatus());
      REQUIRE(EncodeBytes(*decoded, version) == encoded);
    }
  });
}

TEST_CASE("Every prefix of every message is refused", "[codec]") {
  Random random(kSeed + 1);
  ForEachMessage([&]<class M>(const M&, int16_t version) {
    INFO(Where(MessageName<M>(), version));
    for (int i = 0; i < 4; ++i) {
      const Bytes encoded = EncodeBytes(RandomMessage<M>(random, version), version);
      for (size_t length = 0; length < encoded.size(); ++length) {
        REQUIRE(Decode<M>(BytesView(encoded).first(length), version).status().code() ==
                StatusCode::kDataLoss);
      }
    }
  });
}

TEST_CASE("A byte behind a response is refused, behind a request ignored", "[codec]") {
  Random random(kSeed + 2);
  ForEachMessage([&]<class M>(const M&, int16_t version) {
    INFO(Where(MessageName<M>(), version));
    Bytes encoded = EncodeBytes(RandomMessage<M>(random, version), version);
    encoded.push_back(std::byte{0});
    const StatusCode expected = RequestMessage<M> ? StatusCode::kOk : StatusCode::kDataLoss;
    REQUIRE(Decode<M>(encoded, version).status().code() == expected);
  });
}

TEST_CASE("Damaged messages are refused or read, and what is read can be written", "[codec]") {
  Random random(kSeed + 3);
  ForEachMessage([&]<class M>(const M&, int16_t version) {
    INFO(Where(MessageName<M>(), version));
    for (int i = 0; i < 60; ++i) {
      Bytes bytes = EncodeBytes(RandomMessage<M>(random, version), version);
      for (uint64_t flips = 1 + random.Below(4); flips > 0 && !bytes.empty(); --flips) {
        bytes[random.Below(bytes.size())] = static_cast<std::byte>(random.Next());
      }
      const StatusOr<M> decoded = Decode<M>(bytes, version);
      WireBuffer out;
      if (decoded.ok()) {
        REQUIRE(EncodeInto(out, *decoded, version) == OkStatus());
      } else {
        REQUIRE(decoded.status().code() == StatusCode::kDataLoss);
      }
    }
  });
}

TEST_CASE("Random bytes are refused or read", "[codec]") {
  Random random(kSeed + 4);
  ForEachMessage([&]<class M>(const M&, int16_t version) {
    INFO(Where(MessageName<M>(), version));
    for (int i = 0; i < 60; ++i) {
      Bytes bytes(random.Below(80));
      for (std::byte& byte : bytes) byte = static_cast<std::byte>(random.Next());
      const Status status = Decode<M>(bytes, version).status();
      REQUIRE((status.ok() || status.code() == StatusCode::kDataLoss));
    }
  });
}

TEST_CASE("A version outside the message's range is neither read nor written", "[codec]") {
  AllRequests::ForEach([&]<class R>(const R& request) {
    for (const int16_t version :
         {static_cast<int16_t>(R::kMinVersion - 1), static_cast<int16_t>(R::kMaxVersion + 1)}) {
      INFO(Where(R::kName, version));
      WireBuffer out;
      REQUIRE(Decode<R>(BytesView(), version).status().code() == StatusCode::kInvalidArgument);
      REQUIRE(EncodeInto(out, request, version).code() == StatusCode::kInvalidArgument);
      REQUIRE(out.empty());
    }
  });
}

// A message of the tests' own, small enough to write its bytes by hand.
struct Pair {
  int16_t number = 0;
  std::optional<std::string> text;
  static void Describe(auto& c, auto& m) {
    c.Field("number", m.number);
    c.Field("text", m.text, nullable(1));
  }
};
struct ProbeResponse;
struct ProbeRequest {
  using Response = ProbeResponse;
  static constexpr std::string_view kName = "Probe";
  static constexpr int16_t kApiKey = 1000;
  static constexpr int16_t kMinVersion = 0;
  static constexpr int16_t kMaxVersion = 3;
  static constexpr int16_t kFlexibleFrom = 2;

  std::vector<Pair> pairs;
  std::optional<std::vector<int32_t>> numbers;
  int8_t late = 5;
  std::optional<std::string> label;
  int64_t epoch = -1;

  static void Describe(auto& c, auto& m) {
    c.Field("pairs", m.pairs, until(2));
    c.Field("numbers", m.numbers, nullable(1));
    c.Field("late", m.late, since(1).until(2));
    c.Tagged(0, "label", m.label, since(2));
    c.Tagged(3, "epoch", m.epoch, since(3), int64_t{-1});
  }
};
struct ProbeResponse {
  using Request = ProbeRequest;
  static void Describe(auto&, auto&) {}
};

Bytes Hex(std::string_view hex) {
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  Bytes bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += hex[i] == ' ' ? 1 : 2) {
    if (hex[i] == ' ') continue;
    bytes.push_back(static_cast<std::byte>(digit(hex[i]) << 4 | digit(hex[i + 1])));
  }
  return bytes;
}

void CheckRefused(std::string_view hex, int16_t version, std::string_view reason) {
  const Status status = Decode<ProbeRequest>(Hex(hex), version).status();
  INFO(hex << ": " << StatusMessage(status));
  REQUIRE(status.code() == StatusCode::kDataLoss);
  REQUIRE(StatusMessage(status).find(reason) != std::string_view::npos);
}

TEST_CASE("Classic and flexible encodings differ in lengths and tags only", "[codec]") {
  ProbeRequest probe;
  probe.pairs = {{258, "ab"}, {-1, std::nullopt}};
  probe.numbers = {7};
  probe.late = 9;
  probe.label = std::string("x");
  probe.epoch = 2;
  // v0 has no null: it is written as empty. Fields that a version lacks are left out.
  REQUIRE(EncodeBytes(probe, 0) == Hex("00000002 0102 0002 6162 ffff 0000 00000001 00000007"));
  REQUIRE(EncodeBytes(probe, 1) == Hex("00000002 0102 0002 6162 ffff ffff 00000001 00000007 09"));
  REQUIRE(EncodeBytes(probe, 2) ==
          Hex("03 0102 03 6162 00 ffff 00 00 02 00000007 09 01 00 02 02 78"));
  REQUIRE(EncodeBytes(probe, 3) == Hex("02 00000007 02 00 02 02 78 03 08 0000000000000002"));
  probe.numbers = std::nullopt;
  probe.label = std::nullopt;
  probe.epoch = -1;
  REQUIRE(EncodeBytes(probe, 3) == Hex("00 00"));
}

TEST_CASE("A field that a version lacks keeps its default", "[codec]") {
  const StatusOr<ProbeRequest> probe = Decode<ProbeRequest>(Hex("00000000 00000000"), 0);
  REQUIRE(probe.ok());
  REQUIRE(probe->late == 5);
  REQUIRE(probe->epoch == -1);
  REQUIRE(probe->numbers.has_value());
}

TEST_CASE("Null is read only where a version has it", "[codec]") {
  CheckRefused("00000000 ffffffff", 0, "numbers: null where null is not allowed");
  CheckRefused("00000001 0000 ffff 00000000", 0, "text: null where null is not allowed");
  CheckRefused("ffffffff 00000000", 0, "pairs: null where null is not allowed");
  const StatusOr<ProbeRequest> probe = Decode<ProbeRequest>(Hex("00000000 ffffffff 05"), 1);
  REQUIRE(probe.ok());
  REQUIRE_FALSE(probe->numbers.has_value());
}

TEST_CASE("Lengths that lie are refused before anything is allocated", "[codec]") {
  CheckRefused("7fffffff 00000000", 0, "pairs: length above the bytes left");
  CheckRefused("00000002 0000 0000 0000", 0, "pairs: array count above the bytes left");
  CheckRefused("80000000 00000000", 0, "pairs: negative length");
  CheckRefused("00000001 0000 7fff 61 00000000", 0, "text: length above the bytes left");
  CheckRefused("00000000 00000002 00000000", 0, "numbers: array count above the bytes left");
  CheckRefused("ffffffff0f 00 00", 2, "pairs: length above the bytes left");
  CheckRefused("ffffffffff 00 00", 2, "pairs: bad varint");
}

TEST_CASE("Tagged fields: unknown ones are stepped over, wrong ones refused", "[codec]") {
  const StatusOr<ProbeRequest> probe =
      Decode<ProbeRequest>(Hex("00 03 01 02 aabb 03 08 0000000000000004 7f 00"), 3);
  REQUIRE(probe.ok());
  REQUIRE(probe->epoch == 4);
  // The tag exists, but not yet in v2: unknown.
  REQUIRE(Decode<ProbeRequest>(Hex("01 00 09 01 03 01 aa"), 2)->epoch == -1);
  CheckRefused("00 01 03 07 00000000000000", 3, "epoch: ends too early");
  CheckRefused("00 01 03 09 000000000000000000", 3, "epoch: a tagged field does not fill its size");
  CheckRefused("00 02 03 08 0000000000000004 03 08 0000000000000004", 3, "tags do not rise");
  CheckRefused("00 01 05 05 00", 3, "ends too early");
  CheckRefused("00 41", 3, "more tagged fields than a struct may have");
}

TEST_CASE("As many unknown tags as are allowed are read", "[codec]") {
  Bytes bytes = Hex("00 40");
  for (int tag = 10; tag < 10 + 64; ++tag) {
    bytes.push_back(static_cast<std::byte>(tag));
    bytes.push_back(std::byte{0});
  }
  REQUIRE(Decode<ProbeRequest>(bytes, 3).ok());
}

TEST_CASE("Arrays cannot take many times the frame's size in memory", "[codec]") {
  // Four bytes on the wire make a struct of several tens of bytes.
  constexpr int32_t kCount = 2'000'000;
  Bytes bytes(4 + size_t{kCount} * 4 + 4);
  StoreBig(bytes.data(), kCount);
  const Status status = Decode<ProbeRequest>(bytes, 0).status();
  REQUIRE(StatusMessage(status).find("arrays take too much memory") != std::string_view::npos);
  // The same shape within the slack is served.
  constexpr int32_t kFewer = 200'000;
  bytes.resize(4 + size_t{kFewer} * 4 + 4);
  StoreBig(bytes.data(), kFewer);
  REQUIRE(Decode<ProbeRequest>(bytes, 0).ok());
}

TEST_CASE("A string too long for its length field fails the encoding and leaves no bytes",
          "[codec]") {
  ProbeRequest probe;
  const auto version = GENERATE(int16_t{1}, int16_t{2});
  WireBuffer out;
  out.Append(AsBytes("before"));
  probe.pairs = {{1, std::string(std::numeric_limits<int16_t>::max(), 'x')}};
  REQUIRE(EncodeInto(out, probe, version) == OkStatus());
  out.Rewind(6, 0);
  probe.pairs[0].text->push_back('x');
  REQUIRE(EncodeInto(out, probe, version).code() == StatusCode::kInvalidArgument);
  REQUIRE(out.total_bytes() == 6);
}

}  // namespace
}  // namespace atl::kafka
