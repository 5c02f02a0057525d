// A folder of its own for one test, below the system's temporary folder; gone with the object.
#pragma once

#include <cstdlib>
#include <string>

#include "base/file.h"

namespace atl {

class TempFolder {
 public:
  TempFolder() {
    const char* const base = std::getenv("TMPDIR");
    path_ = JoinPath(base != nullptr ? base : "/tmp", "atoll-test-XXXXXX");
    if (::mkdtemp(path_.data()) == nullptr) std::abort();
  }
  ~TempFolder() { PosixFileSystem().RemoveTree(path_).IgnoreError(); }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace atl
