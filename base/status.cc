#include "base/status.h"

#include <cerrno>
#include <system_error>

namespace atl {
namespace {

StatusCode CodeOfErrno(int error) {
  switch (error) {
    case ENOSPC:
    case EDQUOT:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case ENOBUFS:
    case EFBIG:
      return StatusCode::kResourceExhausted;
    case EIO:
      return StatusCode::kDataLoss;
    case ENOENT:
      return StatusCode::kNotFound;
    case EEXIST:
      return StatusCode::kAlreadyExists;
    case EACCES:
    case EPERM:
    case EROFS:
      return StatusCode::kPermissionDenied;
    case EINVAL:
    case ENAMETOOLONG:
      return StatusCode::kInvalidArgument;
    case ENOTDIR:
    case EISDIR:
    case ENOTEMPTY:
    case EADDRINUSE:
      return StatusCode::kFailedPrecondition;
    case ECANCELED:
      return StatusCode::kCancelled;
    case ETIMEDOUT:
      return StatusCode::kDeadlineExceeded;
    case EAGAIN:
    case EINTR:
    case EPIPE:
    case ECONNREFUSED:
    case ECONNRESET:
    case ECONNABORTED:
    case EHOSTUNREACH:
    case ENETUNREACH:
      return StatusCode::kUnavailable;
    default:
      return StatusCode::kInternal;
  }
}

}  // namespace

Status MakeStatus(StatusCode code, std::string_view message) {
  return Status(code, absl::string_view(message.data(), message.size()));
}

std::string_view StatusMessage(const Status& status) {
  return {status.message().data(), status.message().size()};
}

Status Annotate(const Status& status, std::string_view context) {
  if (status.ok()) return status;
  return MakeStatus(status.code(), fmt::format("{}: {}", context, StatusMessage(status)));
}

Status StatusFromErrno(int error, std::string_view what) {
  return MakeStatus(CodeOfErrno(error),
                    fmt::format("{}: {}", what, std::generic_category().message(error)));
}

}  // namespace atl
