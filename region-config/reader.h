// The typed field reader: takes one node of a document out with a type, and says what is wrong in
// words with file, line, column and path. Nothing throws and nothing stops at the first mistake; a
// field that can't be read keeps its default. Lives for one document on one thread.
// Strict on purpose: `010`, `0x10`, `1_000`, `yes`, `on`, `1GB` and a number where a text belongs
// are refused with the way to write it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "base/types.h"
#include "region-config/environment.h"
#include "region-config/problem.h"
#include "region-config/region.h"
#include "region-config/yaml_tree.h"

namespace atl::config {

// What all readers of one load share.
struct ReadContext {
  const Environment& environment;
  std::vector<Problem>& problems;
};

class FieldReader {
 public:
  FieldReader(ReadContext& context, const YamlNode& node, std::string path)
      : context_(context), node_(node), path_(std::move(path)) {}

  const YamlNode& node() const { return node_; }
  const std::string& path() const { return path_; }
  const ReadContext& context() const { return context_; }
  void Refuse(std::string message) const;
  // The reader of the i-th item of a list, at "path[i]".
  FieldReader Item(size_t i) const;
  // The reader of a map's value, if the key is there.
  std::optional<FieldReader> Child(std::string_view key) const;
  // Whether this is a map with keys of `known` only; refuses each that is not.
  bool OnlyKeys(std::span<const std::string_view> known) const;

  // Each returns nothing after it has refused.
  std::optional<bool> Boolean() const;
  std::optional<int64_t> Integer(int64_t least, int64_t most) const;
  std::optional<Duration> Length() const;  // 500ms 30s 5m 12h 7d
  std::optional<ByteCount> Size() const;   // 100B 64KiB 512MiB 1GiB 2TiB, or 0
  // With ${env:X} replaced. ${file:...} is for secrets, and no field here is one.
  std::optional<std::string> Text() const;
  std::optional<std::string> Name() const;  // [a-z0-9]([a-z0-9-]*[a-z0-9])?, at most 63
  std::optional<Endpoint> HostPort(int least_port) const;
  // RFC 3339. `wanted` says what may stand here, for the refusal.
  std::optional<Timestamp> Time(std::string_view wanted) const;
  // The number of items of a list that is not empty.
  std::optional<size_t> List() const;
  // One of `words`, as its index.
  std::optional<size_t> OneOf(std::span<const std::string_view> words) const;

 private:
  std::optional<std::string_view> Scalar(std::string_view wanted) const;

  ReadContext& context_;
  const YamlNode& node_;
  std::string path_;
};

// The word of `words` nearest to `word`, if it is near enough to be meant.
std::optional<std::string_view> Nearest(std::string_view word,
                                        std::span<const std::string_view> words);

}  // namespace atl::config
