#include "base/file_mode.h"

#include <sys/stat.h>

#include <cerrno>

namespace atl {

StatusOr<uint32_t> FileMode(const std::string& path) {
  struct stat facts = {};
  if (::stat(path.c_str(), &facts) != 0) return StatusFromErrno(errno, path);
  return facts.st_mode & 07777;
}

}  // namespace atl
