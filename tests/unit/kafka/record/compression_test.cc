#include "kafka/record/compression.h"

#include <lz4frame.h>
#include <snappy.h>

#include <string>

#include "base/random.h"
#include "tests/unit/kafka/record/batches.h"

#include <catch2/catch.hpp>

namespace atl::kafka {
namespace {

constexpr ByteCount kLimit{1 << 20};

Bytes Compressible(size_t count) {
  Bytes bytes(count);
  for (size_t i = 0; i < count; ++i) bytes[i] = static_cast<std::byte>("atoll"[i % 5]);
  return bytes;
}

Bytes Noise(size_t count, uint64_t seed) {
  Random random(seed);
  Bytes bytes(count);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(random.Next());
  return bytes;
}

TEST_CASE("What was packed unpacks to itself with every codec", "[compression]") {
  const Codec codec = GENERATE(from_range(std::begin(kAllCodecs), std::end(kAllCodecs)));
  const size_t count = GENERATE(size_t{0}, size_t{1}, size_t{100}, size_t{32768}, size_t{300000});
  for (const Bytes& plain : {Compressible(count), Noise(count, 1)}) {
    const StatusOr<Bytes> packed = Compress(codec, plain);
    REQUIRE(packed.ok());
    const StatusOr<Bytes> unpacked = Decompress(codec, *packed, kLimit);
    REQUIRE(unpacked.status() == OkStatus());
    REQUIRE(*unpacked == plain);
  }
}

TEST_CASE("Unpacking stops at the limit, not one byte later", "[compression]") {
  const Codec codec = GENERATE(from_range(std::begin(kAllCodecs), std::end(kAllCodecs)));
  const Bytes packed = *Compress(codec, Compressible(100'000));
  REQUIRE(Decompress(codec, packed, ByteCount(100'000)).ok());
  REQUIRE(Decompress(codec, packed, ByteCount(99'999)).status().code() ==
          StatusCode::kResourceExhausted);
  REQUIRE(Decompress(codec, packed, ByteCount(0)).status().code() ==
          StatusCode::kResourceExhausted);
}

TEST_CASE("A stream cut short is damage with every codec", "[compression]") {
  const Codec codec = GENERATE(Codec::kGzip, Codec::kLz4, Codec::kZstd, Codec::kSnappy);
  const Bytes packed = *Compress(codec, Compressible(5000));
  // The xerial header alone, and a cut at a block's end, are whole: only inside a block is damage.
  const size_t first = codec == Codec::kSnappy ? 17 : 0;
  for (size_t length = first; length < packed.size(); ++length) {
    INFO("codec " << static_cast<int>(codec) << ", " << length << " of " << packed.size());
    REQUIRE(Decompress(codec, BytesView(packed).first(length), kLimit).status().code() ==
            StatusCode::kDataLoss);
  }
}

TEST_CASE("Damaged and random streams are refused or unpacked within the limit", "[compression]") {
  const Codec codec = GENERATE(from_range(std::begin(kAllCodecs), std::end(kAllCodecs)));
  const Bytes packed = *Compress(codec, Compressible(3000));
  Random random(7);
  for (int i = 0; i < 400; ++i) {
    Bytes damaged = i % 4 == 0 ? Noise(random.Below(200), random.Next()) : packed;
    if (!damaged.empty()) damaged[random.Below(damaged.size())] ^= std::byte{0x41};
    const StatusOr<Bytes> unpacked = Decompress(codec, damaged, ByteCount(10'000));
    if (unpacked.ok()) {
      REQUIRE(unpacked->size() <= 10'000);
    } else {
      REQUIRE((unpacked.status().code() == StatusCode::kDataLoss ||
               unpacked.status().code() == StatusCode::kResourceExhausted));
    }
  }
}

TEST_CASE("Raw snappy, as librdkafka writes it, is read", "[compression]") {
  const Bytes plain = Compressible(40'000);
  std::string packed;
  snappy::Compress(reinterpret_cast<const char*>(plain.data()), plain.size(), &packed);
  REQUIRE(*Decompress(Codec::kSnappy, AsBytes(packed), kLimit) == plain);
}

TEST_CASE("A snappy block that claims more than it can hold is refused at once", "[compression]") {
  // Length 1,000,000 as a varint, then nothing to make it from.
  const std::string_view claim("\xc0\x84\x3d\x00", 4);
  REQUIRE(Decompress(Codec::kSnappy, AsBytes(claim), kLimit).status().code() ==
          StatusCode::kDataLoss);
}

TEST_CASE("An lz4 frame that announces more than is allowed is refused at once", "[compression]") {
  LZ4F_cctx* context = nullptr;
  REQUIRE(LZ4F_isError(LZ4F_createCompressionContext(&context, LZ4F_VERSION)) == 0);
  LZ4F_preferences_t preferences{};
  preferences.frameInfo.contentSize = 1ULL << 40;
  Bytes header(LZ4F_HEADER_SIZE_MAX);
  header.resize(LZ4F_compressBegin(context, header.data(), header.size(), &preferences));
  LZ4F_freeCompressionContext(context);
  // Nothing follows: only the announcement can be the reason.
  REQUIRE(Decompress(Codec::kLz4, header, kLimit).status().code() ==
          StatusCode::kResourceExhausted);
}

TEST_CASE("Bytes behind an lz4 frame are damage", "[compression]") {
  Bytes packed = *Compress(Codec::kLz4, Compressible(100));
  packed.push_back(std::byte{0});
  REQUIRE(Decompress(Codec::kLz4, packed, kLimit).status().code() == StatusCode::kDataLoss);
}

TEST_CASE("Gzip members and zstd frames may follow one another", "[compression]") {
  const Codec codec = GENERATE(Codec::kGzip, Codec::kZstd);
  Bytes packed = *Compress(codec, AsBytes("one "));
  const Bytes second = *Compress(codec, AsBytes("two"));
  packed.insert(packed.end(), second.begin(), second.end());
  REQUIRE(AsText(*Decompress(codec, packed, kLimit)) == "one two");
}

TEST_CASE("A codec that does not exist is refused", "[compression]") {
  const auto codec = static_cast<Codec>(5);
  REQUIRE(Compress(codec, BytesView()).status().code() == StatusCode::kInvalidArgument);
  REQUIRE(Decompress(codec, BytesView(), kLimit).status().code() == StatusCode::kDataLoss);
}

}  // namespace
}  // namespace atl::kafka
