#include "core-broker/server/handlers/status_to_error.h"

#include "base/clock.h"
#include "base/logging.h"

namespace atl::broker {
namespace {

using kafka::ErrorCode;

ErrorCode CodeFor(StatusCode code) {
  switch (code) {
    case StatusCode::kOk:
      return ErrorCode::kNone;
    case StatusCode::kDataLoss:           // Damage, or a failed sync.
    case StatusCode::kResourceExhausted:  // The disk is full.
    case StatusCode::kUnavailable:        // Offline; comes back by itself.
      return ErrorCode::kKafkaStorageError;
    case StatusCode::kOutOfRange:
      return ErrorCode::kOffsetOutOfRange;
    case StatusCode::kNotFound:
      return ErrorCode::kUnknownTopicOrPartition;
    case StatusCode::kInvalidArgument:
      return ErrorCode::kInvalidRequest;
    case StatusCode::kFailedPrecondition:
      return ErrorCode::kPolicyViolation;
    case StatusCode::kDeadlineExceeded:
      return ErrorCode::kRequestTimedOut;
    default:
      return ErrorCode::kUnknownServerError;
  }
}

}  // namespace

ErrorCode ToErrorCode(const Status& status, std::string_view what) {
  const ErrorCode error = CodeFor(status.code());
  const bool ours =
      error == ErrorCode::kKafkaStorageError || error == ErrorCode::kUnknownServerError;
  static LogThrottle throttle(std::chrono::seconds(1));
  if (ours && throttle.Allow(SystemClock().Now())) {
    LogError("core-broker", "{}: {} (answered {})", what, StatusMessage(status), ErrorName(error));
  }
  return error;
}

}  // namespace atl::broker
