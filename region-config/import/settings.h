// The settings of a foreign configuration, flat: a properties file as it is, YAML with paths like
// `spec.mirrors[0].topicsPattern`. Who takes a setting marks it; what nobody took is listed at the
// end with the reason why it has no counterpart. Plain values.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "region-config/problem.h"
#include "region-config/yaml_tree.h"

namespace atl::config {

struct Setting {
  std::string key;
  std::string value;
  Position position;
  bool taken = false;
};

class Settings {
 public:
  void Add(Setting setting) { all_.push_back(std::move(setting)); }
  // The last of the key's, as Java's Properties take it. Null: not there.
  Setting* Find(std::string_view key);
  // Marks it. Nothing: not there.
  std::optional<std::string> Take(std::string_view key);
  // Whether it is there with this value, in any case of letters; `otherwise` when it is not there.
  bool TakeBoolean(std::string_view key, bool otherwise);
  bool HasPrefix(std::string_view prefix) const;
  std::vector<Setting>& all() { return all_; }
  const std::vector<Setting>& all() const { return all_; }

 private:
  std::vector<Setting> all_;
};

// Java's properties: `key = value`, `:` or a blank as the mark, `#` and `!` comments, lines that go
// on behind a `\`, escapes.
Settings ParseProperties(const std::string& file, std::string_view text);
// The scalars of one document.
Settings Flatten(const YamlNode& root);

// Appends a note for each setting that nobody took, once per key.
void NoteLeftovers(const Settings& settings, std::vector<std::string>& notes);

}  // namespace atl::config
