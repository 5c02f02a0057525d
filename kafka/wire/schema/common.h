// Enumerations that several messages share, by their numbers on the wire. Never change a value. A
// client may send a number that is not listed: switch with a default.
#pragma once

#include <cstdint>

namespace atl::kafka {

enum class IsolationLevel : int8_t { kReadUncommitted = 0, kReadCommitted = 1 };

enum class ConfigResourceType : int8_t {
  kUnknown = 0,
  kTopic = 2,
  kBroker = 4,
  kBrokerLogger = 8,
  kClientMetrics = 16,
  kGroup = 32,
};

enum class ConfigSource : int8_t {
  kUnknown = 0,
  kDynamicTopicConfig = 1,
  kDynamicBrokerConfig = 2,
  kDynamicDefaultBrokerConfig = 3,
  kStaticBrokerConfig = 4,
  kDefaultConfig = 5,
  kDynamicBrokerLoggerConfig = 6,
};

enum class ConfigType : int8_t {
  kUnknown = 0,
  kBoolean = 1,
  kString = 2,
  kInt = 3,
  kShort = 4,
  kLong = 5,
  kDouble = 6,
  kList = 7,
  kClass = 8,
  kPassword = 9,
};

enum class AlterConfigOp : int8_t { kSet = 0, kDelete = 1, kAppend = 2, kSubtract = 3 };

enum class CoordinatorType : int8_t { kGroup = 0, kTransaction = 1, kShare = 2 };

// "Not asked for" in the authorized-operations bit fields of Metadata and DescribeCluster.
inline constexpr int32_t kNoAuthorizedOperations = INT32_MIN;

}  // namespace atl::kafka
