// Errors below the protocol: Status and StatusOr (abseil's). A message names the object, the
// position and the cause
// ("segment 00000000000000000042.log: crc mismatch at byte 4096"). Above, what a Kafka client can
// tell apart is a kafka::ErrorCode; one file, core-broker/server/status_to_error, turns one into
// the other. With absl, only base/ headers include abseil: Debian's absl::string_view and
// absl::optional are not the std types.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <fmt/core.h>

#include <string>
#include <string_view>
#include <utility>

namespace atl {

using absl::Status;
using absl::StatusCode;
using absl::StatusOr;

inline Status OkStatus() { return absl::OkStatus(); }
Status MakeStatus(StatusCode code, std::string_view message);
std::string_view StatusMessage(const Status& status);
// `status` with "`context`: " in front of its message; OK stays OK.
Status Annotate(const Status& status, std::string_view context);
// The status that fits an errno, as "`what`: strerror". ENOSPC and EDQUOT are kResourceExhausted,
// EIO is kDataLoss.
Status StatusFromErrno(int error, std::string_view what);

// One maker per code in use: Corrupt(fmt, ...) is kDataLoss, and so on.
#define ATOLL_STATUS_MAKER(Function, code)                                     \
  template <class... Args>                                                     \
  Status Function(fmt::format_string<Args...> format, Args&&... args) {        \
    return MakeStatus(code, fmt::format(format, std::forward<Args>(args)...)); \
  }
ATOLL_STATUS_MAKER(Corrupt, StatusCode::kDataLoss)
ATOLL_STATUS_MAKER(InvalidArgument, StatusCode::kInvalidArgument)
ATOLL_STATUS_MAKER(NotFound, StatusCode::kNotFound)
ATOLL_STATUS_MAKER(AlreadyExists, StatusCode::kAlreadyExists)
ATOLL_STATUS_MAKER(OutOfRange, StatusCode::kOutOfRange)
ATOLL_STATUS_MAKER(Unavailable, StatusCode::kUnavailable)
ATOLL_STATUS_MAKER(FailedPrecondition, StatusCode::kFailedPrecondition)
ATOLL_STATUS_MAKER(ResourceExhausted, StatusCode::kResourceExhausted)
ATOLL_STATUS_MAKER(DeadlineExceeded, StatusCode::kDeadlineExceeded)
ATOLL_STATUS_MAKER(Cancelled, StatusCode::kCancelled)
ATOLL_STATUS_MAKER(Unimplemented, StatusCode::kUnimplemented)
ATOLL_STATUS_MAKER(InternalError, StatusCode::kInternal)
#undef ATOLL_STATUS_MAKER

#define RETURN_IF_ERROR(expr)                      \
  do {                                             \
    ::atl::Status status_macro_ = (expr);          \
    if (!status_macro_.ok()) return status_macro_; \
  } while (false)

#define ATOLL_CONCAT_INNER(a, b) a##b
#define ATOLL_CONCAT(a, b) ATOLL_CONCAT_INNER(a, b)
// ASSIGN_OR_RETURN(auto file, fs.Open(...));
#define ASSIGN_OR_RETURN(declaration, expr) \
  ASSIGN_OR_RETURN_INNER(ATOLL_CONCAT(status_or_, __LINE__), declaration, expr)
#define ASSIGN_OR_RETURN_INNER(temporary, declaration, expr) \
  auto temporary = (expr);                                   \
  if (!temporary.ok()) return std::move(temporary).status(); \
  declaration = *std::move(temporary)

}  // namespace atl
