// Headers and whole frames, and the two exceptions of the protocol.
#include "kafka/wire/frame.h"

#include "base/memory_file.h"
#include "kafka/wire/api_table.h"
#include "tests/unit/kafka/wire/all_messages.h"

#include <catch2/catch.hpp>

namespace atl::kafka {
namespace {

void HandleNothing() {}
using Apis = ApiTable<Api<FetchRequest, &HandleNothing>, Api<ProduceRequest, &HandleNothing>,
                      Api<ApiVersionsRequest, &HandleNothing>>;

// The only frame in `out`, without its length, which must be right.
Bytes OneFrame(const WireBuffer& out) {
  const Bytes flat = *out.Flatten();
  REQUIRE(flat.size() >= kFrameLengthBytes);
  REQUIRE(LoadBig<int32_t>(flat.data()) == static_cast<int32_t>(flat.size() - kFrameLengthBytes));
  return Bytes(flat.begin() + kFrameLengthBytes, flat.end());
}

TEST_CASE("A request's header and body come out of its frame", "[frame]") {
  const auto version = GENERATE(int16_t{4}, int16_t{12});  // Header v1 and v2.
  const auto client = GENERATE(std::optional<std::string_view>(), "", "mirror-1");
  FetchRequest fetch;
  fetch.session_id = 4;
  fetch.min_bytes = 77;
  WireBuffer out;
  REQUIRE(EncodeRequest(out, CorrelationId(99), client, version, fetch) == OkStatus());
  const Bytes frame = OneFrame(out);
  BytesView rest = frame;
  const StatusOr<RequestHeader> header = ReadRequestHeader(rest, &Apis::FlexibleFrom);
  REQUIRE(header.ok());
  REQUIRE(header->api_key == 1);
  REQUIRE(header->api_version == version);
  REQUIRE(header->correlation_id == CorrelationId(99));
  REQUIRE(header->client_id == client);
  REQUIRE(Decode<FetchRequest>(rest, version)->min_bytes == 77);
}

TEST_CASE("A request header cut short is refused", "[frame]") {
  WireBuffer out;
  REQUIRE(EncodeRequest(out, CorrelationId(1), "client", 12, FetchRequest()) == OkStatus());
  const Bytes frame = OneFrame(out);
  constexpr size_t kHeaderBytes = 2 + 2 + 4 + 2 + 6 + 1;
  for (size_t length = 0; length < kHeaderBytes; ++length) {
    BytesView rest = BytesView(frame).first(length);
    REQUIRE(ReadRequestHeader(rest, &Apis::FlexibleFrom).status().code() == StatusCode::kDataLoss);
  }
  BytesView whole = BytesView(frame).first(kHeaderBytes);
  REQUIRE(ReadRequestHeader(whole, &Apis::FlexibleFrom).ok());
}

TEST_CASE("Tagged fields in a request header are stepped over", "[frame]") {
  // Fetch v12, correlation id 1, null client id, one tag (7) of two bytes, then the body.
  const std::string_view text("\x00\x01\x00\x0c\x00\x00\x00\x01\xff\xff\x01\x07\x02zzB", 16);
  BytesView rest = AsBytes(text);
  REQUIRE(ReadRequestHeader(rest, &Apis::FlexibleFrom).ok());
  REQUIRE(AsText(rest) == "B");
  for (size_t length = 10; length < 15; ++length) {
    BytesView cut = AsBytes(text.substr(0, length));
    REQUIRE_FALSE(ReadRequestHeader(cut, &Apis::FlexibleFrom).ok());
  }
}

TEST_CASE("A negative client id length is refused", "[frame]") {
  BytesView rest = AsBytes(std::string_view("\x00\x01\x00\x04\x00\x00\x00\x01\xff\xfe", 10));
  REQUIRE_FALSE(ReadRequestHeader(rest, &Apis::FlexibleFrom).ok());
}

TEST_CASE("Every response can be read from its frame in every version", "[frame]") {
  Random random(5);
  AllRequests::ForEach([&]<class R>(const R&) {
    using Response = typename R::Response;
    for (int16_t version = R::kMinVersion; version <= R::kMaxVersion; ++version) {
      INFO(R::kName << " v" << version);
      const auto response = RandomMessage<Response>(random, version);
      WireBuffer out;
      REQUIRE(EncodeResponse(out, CorrelationId(-7), version, response) == OkStatus());
      const Bytes frame = OneFrame(out);
      REQUIRE(*PeekCorrelationId(frame) == CorrelationId(-7));
      const StatusOr<Response> decoded = DecodeResponse<Response>(frame, version);
      REQUIRE(decoded.status() == OkStatus());
      REQUIRE(EncodeBytes(*decoded, version) == EncodeBytes(response, version));
    }
  });
}

TEST_CASE("Flexible responses have a tagged header, ApiVersions never", "[frame]") {
  WireBuffer fetch;
  REQUIRE(EncodeResponse(fetch, CorrelationId(1), 12, FetchResponse()) == OkStatus());
  REQUIRE(fetch.total_bytes() ==
          kFrameLengthBytes + 4 + 1 + EncodeBytes(FetchResponse(), 12).size());
  WireBuffer versions;
  REQUIRE(EncodeResponse(versions, CorrelationId(1), 3, ApiVersionsResponse()) == OkStatus());
  REQUIRE(versions.total_bytes() ==
          kFrameLengthBytes + 4 + EncodeBytes(ApiVersionsResponse(), 3).size());
}

TEST_CASE("An ApiVersions request of an unknown version is answered in v0 with the list",
          "[frame]") {
  WireBuffer out;
  REQUIRE(EncodeResponse(out, CorrelationId(3), 0, UnsupportedApiVersions(Apis::Advertised())) ==
          OkStatus());
  const StatusOr<ApiVersionsResponse> answer =
      DecodeResponse<ApiVersionsResponse>(OneFrame(out), 0);
  REQUIRE(answer.ok());
  REQUIRE(answer->error_code == ErrorCode::kUnsupportedVersion);
  REQUIRE(answer->api_keys.size() == 3);
  REQUIRE(answer->api_keys.back().api_key == 18);
}

TEST_CASE("A frame that cannot be encoded leaves the buffer as it was", "[frame]") {
  WireBuffer out;
  REQUIRE(EncodeResponse(out, CorrelationId(1), 12, FetchResponse()) == OkStatus());
  const Bytes before = *out.Flatten();
  const Bytes records(10);
  FetchResponse response;
  response.responses = {{TopicName("t"), {{}}}};
  response.responses[0].partitions[0].records = RecordData(records);
  response.responses.push_back({TopicName(std::string(40000, 'x')), {}});
  REQUIRE_FALSE(EncodeResponse(out, CorrelationId(2), 12, response).ok());
  REQUIRE(*out.Flatten() == before);
  REQUIRE(out.chunk_count() == 0);
}

TEST_CASE("Several frames share a buffer", "[frame]") {
  WireBuffer out;
  REQUIRE(EncodeResponse(out, CorrelationId(1), 0, ApiVersionsResponse()) == OkStatus());
  const size_t first = out.total_bytes();
  REQUIRE(EncodeResponse(out, CorrelationId(2), 0, ApiVersionsResponse()) == OkStatus());
  const Bytes flat = *out.Flatten();
  REQUIRE(LoadBig<int32_t>(flat.data() + first) ==
          static_cast<int32_t>(flat.size() - first - kFrameLengthBytes));
  REQUIRE(*PeekCorrelationId(BytesView(flat).subspan(first + kFrameLengthBytes)) ==
          CorrelationId(2));
}

TEST_CASE("Records leave by reference: bytes, owned bytes and file slices in order", "[frame]") {
  MemoryFileSystem fs;
  const std::shared_ptr<File> file = *fs.Open("/segment.log", OpenMode::kCreate);
  const BytesView contents = AsBytes("0123456789");
  REQUIRE(file->WriteAt(FilePosition(0), {&contents, 1}).ok());
  const auto owned = std::make_shared<const Bytes>(CopyBytes(AsBytes("owned")));
  const std::string_view view = "view";

  RecordData records;
  records.Append(AsBytes(view));
  records.Append(ShareBytes(owned));
  records.Append(FileSlice{file, FilePosition(3), ByteCount(4)});
  REQUIRE(records.total_bytes() == 13);
  FetchResponse response;
  response.responses = {{TopicName("t"), {{}, {}}}};
  response.responses[0].partitions[0].records = records;
  WireBuffer out;
  REQUIRE(EncodeResponse(out, CorrelationId(1), 12, response) == OkStatus());

  const std::vector<WirePiece> pieces = out.Pieces();
  REQUIRE(pieces.size() == 5);
  REQUIRE(std::get<BytesView>(pieces[1]).data() == AsBytes(view).data());
  REQUIRE(std::get<BytesView>(pieces[2]).data() == owned->data());
  REQUIRE(std::get<const FileSlice*>(pieces[3])->position == FilePosition(3));

  const Bytes frame = OneFrame(out);
  const StatusOr<FetchResponse> decoded = DecodeResponse<FetchResponse>(frame, 12);
  REQUIRE(decoded.ok());
  const RecordData& read = decoded->responses[0].partitions[0].records;
  REQUIRE(AsText(read.view()) == "viewowned3456");
  // A view into the frame, not a copy.
  REQUIRE(read.view().data() > frame.data());
  REQUIRE(read.view().data() < frame.data() + frame.size());
  REQUIRE(decoded->responses[0].partitions[1].records.is_null());
}

TEST_CASE("A file slice that its file no longer holds is an error", "[frame]") {
  MemoryFileSystem fs;
  WireBuffer out;
  out.AppendChunk(FileSlice{*fs.Open("/x", OpenMode::kCreate), FilePosition(0), ByteCount(4)});
  REQUIRE(out.Flatten().status().code() == StatusCode::kOutOfRange);
}

}  // namespace
}  // namespace atl::kafka
