// A mistake in a configuration, with its place. Every check collects all of them; nothing stops at
// the first. Plain values.
#pragma once

#include <string>
#include <vector>

namespace atl::config {

// A place in a file; 1-based, 0: the whole file.
struct Position {
  std::string file;
  int line = 0;
  int column = 0;
};

struct Problem {
  Position position;
  std::string path;  // "spec.storage.segmentBytes"; empty: the whole document.
  std::string message;

  // "file:line:column: path: message"
  std::string ToString() const;
};

// One problem a line.
std::string ToString(const std::vector<Problem>& problems);

}  // namespace atl::config
