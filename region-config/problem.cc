#include "region-config/problem.h"

#include <fmt/format.h>

namespace atl::config {

std::string Problem::ToString() const {
  std::string text = position.file;
  if (position.line > 0) text += fmt::format(":{}:{}", position.line, position.column);
  if (!path.empty()) text += ": " + path;
  return text + ": " + message;
}

std::string ToString(const std::vector<Problem>& problems) {
  std::string text;
  for (const Problem& problem : problems) text += problem.ToString() + "\n";
  return text;
}

}  // namespace atl::config
