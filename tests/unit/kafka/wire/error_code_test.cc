#include "kafka/wire/error_code.h"

#include <string>

#include <catch2/catch.hpp>

namespace atl::kafka {
namespace {

TEST_CASE("Errors have Kafka's names and say whether to try again", "[error_code]") {
  const auto [code, name, retriable] = GENERATE(table<ErrorCode, std::string, bool>({
      {ErrorCode::kUnknownServerError, "UNKNOWN_SERVER_ERROR", false},
      {ErrorCode::kNone, "NONE", false},
      {ErrorCode::kOffsetOutOfRange, "OFFSET_OUT_OF_RANGE", false},
      {ErrorCode::kNotLeaderOrFollower, "NOT_LEADER_OR_FOLLOWER", true},
      {ErrorCode::kPolicyViolation, "POLICY_VIOLATION", false},
      {ErrorCode::kKafkaStorageError, "KAFKA_STORAGE_ERROR", true},
      {ErrorCode::kInvalidRecord, "INVALID_RECORD", false},
      {ErrorCode::kFetchSessionTopicIdError, "FETCH_SESSION_TOPIC_ID_ERROR", true},
      {static_cast<ErrorCode>(999), "ERROR_999", false},
      {static_cast<ErrorCode>(-32768), "ERROR_-32768", false},
  }));
  REQUIRE(ErrorName(code) == name);
  REQUIRE(IsRetriable(code) == retriable);
}

}  // namespace
}  // namespace atl::kafka
