#include "kafka/record/compression.h"

#include <lz4frame.h>
#include <snappy.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <limits>
#include <memory>

namespace atl::kafka {
namespace {

// What a stream unpacks to: grows as bytes come, so that a small batch that claims to be large
// costs little, and never holds more than one byte above the limit.
class BoundedOutput {
 public:
  explicit BoundedOutput(ByteCount limit) : limit_(static_cast<size_t>(limit.value())) {}

  // Free room, at least one byte as long as the limit is not passed.
  MutableBytes Room() {
    if (used_ == bytes_.size()) {
      constexpr size_t kFirstBytes = size_t{16} << 10;
      bytes_.resize(std::min(std::max(kFirstBytes, used_ * 2), limit_ + 1));
    }
    return MutableBytes(bytes_).subspan(used_);
  }
  void Commit(size_t count) { used_ += count; }
  bool over_limit() const { return used_ > limit_; }
  Status LimitStatus() const {
    return ResourceExhausted("records unpack to more than {} bytes", limit_);
  }
  Bytes Finish() && {
    bytes_.resize(used_);
    return std::move(bytes_);
  }

 private:
  const size_t limit_;
  Bytes bytes_;
  size_t used_ = 0;  // Invariant: used_ <= bytes_.size() <= limit_ + 1.
};

// zlib counts in 32 bits and its input pointer is not const.
Bytef* ZlibPointer(const std::byte* at) {
  return const_cast<Bytef*>(reinterpret_cast<const Bytef*>(at));
}
bool FitsZlib(BytesView bytes) { return bytes.size() <= std::numeric_limits<uInt>::max(); }
constexpr int kGzipWindowBits = MAX_WBITS + 16;  // 16: a gzip header instead of zlib's.

StatusOr<Bytes> GzipCompress(BytesView plain) {
  if (!FitsZlib(plain)) return InvalidArgument("gzip: {} bytes are too many", plain.size());
  z_stream stream{};
  if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzipWindowBits, 8,
                   Z_DEFAULT_STRATEGY) != Z_OK) {
    return ResourceExhausted("gzip: no memory");
  }
  const std::unique_ptr<z_stream, int (*)(z_stream*)> closer(&stream, &deflateEnd);
  Bytes packed(deflateBound(&stream, plain.size()));
  stream.next_in = ZlibPointer(plain.data());
  stream.avail_in = static_cast<uInt>(plain.size());
  stream.next_out = ZlibPointer(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  if (deflate(&stream, Z_FINISH) != Z_STREAM_END) return InternalError("gzip: deflate failed");
  packed.resize(stream.total_out);
  return packed;
}

StatusOr<Bytes> GzipDecompress(BytesView packed, ByteCount limit) {
  if (!FitsZlib(packed)) return Corrupt("gzip: {} bytes are too many", packed.size());
  z_stream stream{};
  if (inflateInit2(&stream, kGzipWindowBits) != Z_OK) return ResourceExhausted("gzip: no memory");
  const std::unique_ptr<z_stream, int (*)(z_stream*)> closer(&stream, &inflateEnd);
  stream.next_in = ZlibPointer(packed.data());
  stream.avail_in = static_cast<uInt>(packed.size());
  BoundedOutput out(limit);
  while (true) {
    const MutableBytes room = out.Room();
    stream.next_out = ZlibPointer(room.data());
    stream.avail_out = static_cast<uInt>(room.size());
    const int result = inflate(&stream, Z_NO_FLUSH);
    out.Commit(room.size() - stream.avail_out);
    if (out.over_limit()) return out.LimitStatus();
    if (result == Z_STREAM_END) {
      if (stream.avail_in == 0) return std::move(out).Finish();
      // Another member follows, as gzip allows.
      if (inflateReset(&stream) != Z_OK) return InternalError("gzip: inflateReset failed");
      continue;
    }
    // Z_BUF_ERROR: neither input nor room; there is always room, so the stream is cut short.
    if (result != Z_OK) {
      return Corrupt("gzip: {}", stream.msg != nullptr ? stream.msg : "ends too early");
    }
  }
}

// The Java client frames snappy as xerial does: a header, then blocks of (length i32, raw snappy).
constexpr std::array<unsigned char, 8> kXerialMagic = {0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0};
constexpr size_t kXerialHeaderBytes = 16;  // Magic, version i32, lowest compatible version i32.
constexpr size_t kXerialBlockBytes = size_t{32} << 10;
// No snappy element makes more than 64 bytes from three, so a larger claim is a lie.
constexpr size_t kSnappyMaxRatio = 22;

const char* CharPointer(BytesView bytes) { return reinterpret_cast<const char*>(bytes.data()); }

StatusOr<Bytes> SnappyCompress(BytesView plain) {
  Bytes packed(kXerialHeaderBytes);
  std::memcpy(packed.data(), kXerialMagic.data(), kXerialMagic.size());
  StoreBig(packed.data() + 8, int32_t{1});
  StoreBig(packed.data() + 12, int32_t{1});
  while (!plain.empty()) {
    const BytesView block = plain.first(std::min(plain.size(), kXerialBlockBytes));
    plain = plain.subspan(block.size());
    const size_t at = packed.size();
    packed.resize(at + 4 + snappy::MaxCompressedLength(block.size()));
    size_t length = 0;
    snappy::RawCompress(CharPointer(block), block.size(),
                        reinterpret_cast<char*>(packed.data() + at + 4), &length);
    StoreBig(packed.data() + at, static_cast<int32_t>(length));
    packed.resize(at + 4 + length);
  }
  return packed;
}

Status SnappyAppendBlock(BytesView block, ByteCount limit, Bytes& plain) {
  size_t length = 0;
  if (!snappy::GetUncompressedLength(CharPointer(block), block.size(), &length) ||
      length / kSnappyMaxRatio > block.size()) {
    return Corrupt("snappy: a block of {} bytes claims to unpack to {}", block.size(), length);
  }
  if (length > static_cast<size_t>(limit.value()) - plain.size()) {
    return ResourceExhausted("records unpack to more than {} bytes", limit.value());
  }
  const size_t before = plain.size();
  plain.resize(before + length);
  if (!snappy::RawUncompress(CharPointer(block), block.size(),
                             reinterpret_cast<char*>(plain.data() + before))) {
    return Corrupt("snappy: a damaged block of {} bytes", block.size());
  }
  return OkStatus();
}

StatusOr<Bytes> SnappyDecompress(BytesView packed, ByteCount limit) {
  Bytes plain;
  const bool framed = packed.size() >= kXerialHeaderBytes &&
                      std::memcmp(packed.data(), kXerialMagic.data(), kXerialMagic.size()) == 0;
  if (!framed) {
    RETURN_IF_ERROR(SnappyAppendBlock(packed, limit, plain));
    return plain;
  }
  BytesView rest = packed.subspan(kXerialHeaderBytes);
  while (!rest.empty()) {
    if (rest.size() < 4) return Corrupt("snappy: {} bytes after the last block", rest.size());
    const auto length = LoadBig<int32_t>(rest.data());
    rest = rest.subspan(4);
    if (length < 0 || static_cast<size_t>(length) > rest.size()) {
      return Corrupt("snappy: a block of {} bytes, {} left", length, rest.size());
    }
    RETURN_IF_ERROR(SnappyAppendBlock(rest.first(static_cast<size_t>(length)), limit, plain));
    rest = rest.subspan(static_cast<size_t>(length));
  }
  return plain;
}

StatusOr<Bytes> Lz4Compress(BytesView plain) {
  LZ4F_preferences_t preferences{};
  // Kafka's Java reader knows independent blocks only.
  preferences.frameInfo.blockMode = LZ4F_blockIndependent;
  preferences.frameInfo.blockSizeID = LZ4F_max64KB;
  Bytes packed(LZ4F_compressFrameBound(plain.size(), &preferences));
  const size_t length =
      LZ4F_compressFrame(packed.data(), packed.size(), plain.data(), plain.size(), &preferences);
  if (LZ4F_isError(length) != 0) return InternalError("lz4: {}", LZ4F_getErrorName(length));
  packed.resize(length);
  return packed;
}

StatusOr<Bytes> Lz4Decompress(BytesView packed, ByteCount limit) {
  LZ4F_dctx* raw_context = nullptr;
  if (LZ4F_isError(LZ4F_createDecompressionContext(&raw_context, LZ4F_VERSION)) != 0) {
    return ResourceExhausted("lz4: no memory");
  }
  const std::unique_ptr<LZ4F_dctx, LZ4F_errorCode_t (*)(LZ4F_dctx*)> context(
      raw_context, &LZ4F_freeDecompressionContext);
  LZ4F_frameInfo_t frame{};
  size_t consumed = packed.size();
  const size_t begin = LZ4F_getFrameInfo(context.get(), &frame, packed.data(), &consumed);
  if (LZ4F_isError(begin) != 0) return Corrupt("lz4: {}", LZ4F_getErrorName(begin));
  if (frame.contentSize > static_cast<uint64_t>(limit.value())) {
    return ResourceExhausted("lz4: {} bytes announced, {} allowed", frame.contentSize,
                             limit.value());
  }
  BytesView rest = packed.subspan(consumed);
  BoundedOutput out(limit);
  size_t wanted = begin;  // Zero when the frame is at its end.
  while (wanted != 0) {
    const MutableBytes room = out.Room();
    size_t written = room.size();
    size_t read = rest.size();
    wanted = LZ4F_decompress(context.get(), room.data(), &written, rest.data(), &read, nullptr);
    if (LZ4F_isError(wanted) != 0) return Corrupt("lz4: {}", LZ4F_getErrorName(wanted));
    rest = rest.subspan(read);
    out.Commit(written);
    if (out.over_limit()) return out.LimitStatus();
    if (wanted != 0 && read == 0 && written == 0) return Corrupt("lz4: ends too early");
  }
  if (!rest.empty()) return Corrupt("lz4: {} bytes after the frame", rest.size());
  return std::move(out).Finish();
}

StatusOr<Bytes> ZstdCompress(BytesView plain) {
  Bytes packed(ZSTD_compressBound(plain.size()));
  const size_t length =
      ZSTD_compress(packed.data(), packed.size(), plain.data(), plain.size(), ZSTD_CLEVEL_DEFAULT);
  if (ZSTD_isError(length) != 0) return InternalError("zstd: {}", ZSTD_getErrorName(length));
  packed.resize(length);
  return packed;
}

StatusOr<Bytes> ZstdDecompress(BytesView packed, ByteCount limit) {
  const std::unique_ptr<ZSTD_DCtx, size_t (*)(ZSTD_DCtx*)> context(ZSTD_createDCtx(),
                                                                   &ZSTD_freeDCtx);
  if (context == nullptr) return ResourceExhausted("zstd: no memory");
  ZSTD_inBuffer in{packed.data(), packed.size(), 0};
  BoundedOutput out(limit);
  size_t wanted = 1;
  // Several frames may follow one another; `wanted` is zero at the end of each.
  while (wanted != 0 || in.pos < in.size) {
    const MutableBytes room = out.Room();
    const size_t read_before = in.pos;
    ZSTD_outBuffer chunk{room.data(), room.size(), 0};
    wanted = ZSTD_decompressStream(context.get(), &chunk, &in);
    if (ZSTD_isError(wanted) != 0) return Corrupt("zstd: {}", ZSTD_getErrorName(wanted));
    out.Commit(chunk.pos);
    if (out.over_limit()) return out.LimitStatus();
    if (wanted != 0 && chunk.pos == 0 && in.pos == read_before) {
      return Corrupt("zstd: ends too early");
    }
  }
  return std::move(out).Finish();
}

}  // namespace

StatusOr<Bytes> Compress(Codec codec, BytesView plain) {
  switch (codec) {
    case Codec::kNone:
      return CopyBytes(plain);
    case Codec::kGzip:
      return GzipCompress(plain);
    case Codec::kSnappy:
      return SnappyCompress(plain);
    case Codec::kLz4:
      return Lz4Compress(plain);
    case Codec::kZstd:
      return ZstdCompress(plain);
  }
  return InvalidArgument("codec {} does not exist", static_cast<int>(codec));
}

StatusOr<Bytes> Decompress(Codec codec, BytesView packed, ByteCount limit) {
  switch (codec) {
    case Codec::kNone:
      if (packed.size() > static_cast<size_t>(limit.value())) {
        return ResourceExhausted("{} bytes of records, {} allowed", packed.size(), limit.value());
      }
      return CopyBytes(packed);
    case Codec::kGzip:
      return GzipDecompress(packed, limit);
    case Codec::kSnappy:
      return SnappyDecompress(packed, limit);
    case Codec::kLz4:
      return Lz4Decompress(packed, limit);
    case Codec::kZstd:
      return ZstdDecompress(packed, limit);
  }
  return Corrupt("codec {} does not exist", static_cast<int>(codec));
}

}  // namespace atl::kafka
