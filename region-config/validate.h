// Checks across fields and documents, after each document has been read: one Region per process,
// names, loops, listeners. Pure.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "region-config/link.h"
#include "region-config/problem.h"
#include "region-config/region.h"

namespace atl::config {

// A document and where its fields are written.
template <class T>
struct Located {
  T value;
  Position start;
  std::map<std::string, Position, std::less<>> fields;  // By path; defaults are not in it.

  Position At(std::string_view path) const {
    const auto found = fields.find(path);
    return found == fields.end() ? start : found->second;
  }
};

void Validate(const std::vector<Located<Region>>& regions, const std::vector<Located<Link>>& links,
              std::vector<Problem>& problems);

}  // namespace atl::config
