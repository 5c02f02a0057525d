// A tar archive (ustar) of small text files, made in memory.
#pragma once

#include <string>
#include <string_view>

#include "base/clock.h"

namespace atl::cli {

class TarWriter {
 public:
  explicit TarWriter(WallTime time) : time_(time) {}
  // `name`: at most 99 bytes.
  void Add(std::string_view name, std::string_view text);
  std::string Finish() &&;

 private:
  const WallTime time_;
  std::string bytes_;
};

}  // namespace atl::cli
