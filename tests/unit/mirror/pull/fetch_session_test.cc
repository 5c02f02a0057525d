#include "mirror/pull/fetch_session.h"

#include <catch2/catch.hpp>

namespace atl::mirror {
namespace {

using kafka::ErrorCode;
using Verdict = FetchSession::Verdict;

FetchSlice Slice(const char* topic, int partition, int64_t offset) {
  FetchSlice slice;
  slice.at.topic = TopicName(topic);
  slice.at.partition = PartitionId(partition);
  slice.offset = Offset(offset);
  slice.most = ByteCount(100);
  return slice;
}

// "a-0@5 b-1@0 | a-2" : what a request asks and forgets.
std::string Text(FetchSession& session, kafka::FetchRequest& request) {
  session.Fill(request);
  std::string text;
  for (const auto& topic : request.topics) {
    for (const auto& partition : topic.partitions) {
      text += fmt::format("{}-{}@{} ", topic.topic.value(), partition.partition.value(),
                          partition.fetch_offset.value());
    }
  }
  text += "|";
  for (const auto& topic : request.forgotten_topics_data) {
    for (const PartitionId id : topic.partitions) {
      text += fmt::format(" {}-{}", topic.topic.value(), id.value());
    }
  }
  return text;
}

TEST_CASE("A session asks for everything once and then only for changes", "[fetch_session]") {
  FetchSession session;
  kafka::FetchRequest request;
  session.Set(Slice("a", 0, 5));
  session.Set(Slice("b", 1, 0));
  REQUIRE(Text(session, request) == "a-0@5 b-1@0 |");
  REQUIRE(request.session_id == 0);
  REQUIRE(request.session_epoch == 0);
  REQUIRE(session.OnAnswer(ErrorCode::kNone, 77) == Verdict::kGood);

  REQUIRE(Text(session, request) == "|");
  REQUIRE(request.session_id == 77);
  REQUIRE(request.session_epoch == 1);
  REQUIRE(session.OnAnswer(ErrorCode::kNone, 77) == Verdict::kGood);

  session.Set(Slice("a", 0, 9));
  session.Drop(Slice("b", 1, 0).at);
  REQUIRE(Text(session, request) == "a-0@9 | b-1");
  REQUIRE(request.session_epoch == 2);
}

TEST_CASE("Dropped and set again between two requests is a change and no drop", "[fetch_session]") {
  FetchSession session;
  kafka::FetchRequest request;
  session.Set(Slice("a", 0, 5));
  session.Fill(request);
  session.OnAnswer(ErrorCode::kNone, 1);
  session.Drop(Slice("a", 0, 5).at);
  session.Set(Slice("a", 0, 6));
  REQUIRE(Text(session, request) == "a-0@6 |");
}

TEST_CASE("A forgotten session starts again with a full request", "[fetch_session]") {
  const auto error =
      GENERATE(ErrorCode::kFetchSessionIdNotFound, ErrorCode::kInvalidFetchSessionEpoch,
               ErrorCode::kFetchSessionTopicIdError);
  FetchSession session;
  kafka::FetchRequest request;
  session.Set(Slice("a", 0, 5));
  session.Set(Slice("a", 1, 7));
  session.Fill(request);
  session.OnAnswer(ErrorCode::kNone, 1);
  session.Set(Slice("a", 0, 6));
  session.Fill(request);
  REQUIRE(session.OnAnswer(error, 0) == Verdict::kStartAgain);
  const std::string text = Text(session, request);
  REQUIRE((text == "a-0@6 a-1@7 |" || text == "a-1@7 a-0@6 |"));
  REQUIRE(request.session_epoch == 0);
}

TEST_CASE("A broker without sessions is asked for everything, from another place each time",
          "[fetch_session]") {
  FetchSession session;
  kafka::FetchRequest request;
  session.Set(Slice("a", 0, 1));
  session.Set(Slice("a", 1, 2));
  REQUIRE(Text(session, request) == "a-0@1 a-1@2 |");
  session.OnAnswer(ErrorCode::kNone, 0);
  REQUIRE(Text(session, request) == "a-1@2 a-0@1 |");
  REQUIRE(request.session_epoch == 0);
}

}  // namespace
}  // namespace atl::mirror
