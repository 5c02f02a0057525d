#include "region-config/import/settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

namespace atl::config {
namespace {

struct Reason {
  std::string_view part;  // Of the key.
  std::string_view reason;
};

constexpr std::string_view kSecurity =
    "NOT TAKEN OVER: links have no TLS and no authentication yet, so a source that asks for them "
    "can't be reached";
constexpr std::string_view kAcls = "not taken over: ACLs are not copied";
constexpr std::string_view kConnect = "not needed: of Kafka Connect, which Atoll has no use for";
constexpr std::string_view kKubernetes = "not taken over: of the Kubernetes operator";
constexpr std::string_view kTuning = "not needed: fetches are sized by the link itself";

// The first that is part of the key.
constexpr std::array kReasons = {
    Reason{"security.protocol", kSecurity},
    Reason{"ssl.", kSecurity},
    Reason{"sasl.", kSecurity},
    Reason{"tls", kSecurity},
    Reason{"authentication", kSecurity},
    Reason{"transforms",
           "NOT TAKEN OVER: batches are mirrored byte for byte; nothing changes them"},
    Reason{"predicates", "NOT TAKEN OVER: batches are mirrored byte for byte; none is left out"},
    Reason{"acl", kAcls},
    Reason{"security_sync_options", kAcls},
    Reason{"heartbeats", "not needed: lag and contact are measured without a heartbeat topic"},
    Reason{"checkpoints", "not needed: groups are placed here directly, without a topic between"},
    Reason{"offset-syncs", "not needed: offsets here are those of the source"},
    Reason{"offset.lag.max", "not needed: offsets here are those of the source"},
    Reason{"offset.translation", "not needed: offsets here are those of the source"},
    Reason{"sync.group.offsets", "not needed: groups follow by spec.groups"},
    Reason{"refresh.", "not needed: the source is looked at every 1 to 5 s"},
    Reason{"tasks.max", "not needed: there is one fetcher per broker of the source"},
    Reason{"tasksMax", "not needed: there is one fetcher per broker of the source"},
    Reason{"replication.factor", "not needed: a region keeps one copy, and syncs it"},
    Reason{"min.insync", "not needed: a region keeps one copy, and syncs it"},
    Reason{"storage", kConnect},
    Reason{"group.id", kConnect},
    Reason{"groupId", kConnect},
    Reason{"connectCluster", kConnect},
    Reason{"converter", kConnect},
    Reason{"dedicated.mode", kConnect},
    Reason{"listeners", kConnect},
    Reason{"producer.", "not needed: batches are appended as they come, nothing produces them"},
    Reason{"version", kKubernetes},
    Reason{"replicas", kKubernetes},
    Reason{"resources", kKubernetes},
    Reason{"jvmOptions", kKubernetes},
    Reason{"metricsConfig", kKubernetes},
    Reason{"logging", kKubernetes},
    Reason{"template", kKubernetes},
    Reason{"Probe", kKubernetes},
    Reason{"schema_registry", "not taken over: include the topic `_schemas` by its whole name"},
    Reason{"synced_shadow_topic_properties", "not needed: a topic's whole configuration is copied"},
    Reason{"exclude_default", "not needed: a topic's whole configuration is copied"},
    Reason{"topic.config.sync", "not needed: a changed configuration is copied within 5 s"},
    Reason{"source_cluster_id", "not needed: the id is learned at the first contact and kept"},
    Reason{"topic_metadata_sync_options.interval",
           "not needed: the source is looked at every 1 to 5 s"},
    Reason{"fetch", kTuning},
    Reason{"metadata.max.age", kTuning},
    Reason{"metadata_max_age", kTuning},
    Reason{"timeout", kTuning},
    Reason{"backoff", kTuning},
};

std::string_view ReasonOf(std::string_view key) {
  const auto found = std::find_if(kReasons.begin(), kReasons.end(), [key](const Reason& reason) {
    return key.find(reason.part) != std::string_view::npos;
  });
  return found == kReasons.end() ? "NOT TAKEN OVER: unknown here" : found->reason;
}

bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\f' || c == '\r'; }

std::string_view TrimLeft(std::string_view text) {
  while (!text.empty() && IsBlank(text[0])) text.remove_prefix(1);
  return text;
}

// A line ends in an odd number of `\`: the next one belongs to it.
bool GoesOn(std::string_view line) {
  size_t count = 0;
  while (count < line.size() && line[line.size() - 1 - count] == '\\') ++count;
  return count % 2 == 1;
}

// Key and value of a whole line, with their escapes taken back.
Setting ParseLine(std::string_view line) {
  Setting setting;
  std::string* part = &setting.key;
  size_t i = 0;
  bool in_key = true;
  while (i < line.size()) {
    const char c = line[i];
    if (c == '\\' && i + 1 < line.size()) {
      const char next = line[i + 1];
      *part += next == 't' ? '\t' : next == 'n' ? '\n' : next;
      i += 2;
      continue;
    }
    if (in_key && (c == '=' || c == ':' || IsBlank(c))) {
      std::string_view rest = TrimLeft(line.substr(i));
      if (!rest.empty() && (rest[0] == '=' || rest[0] == ':')) rest = TrimLeft(rest.substr(1));
      i = line.size() - rest.size();
      in_key = false;
      part = &setting.value;
      continue;
    }
    *part += c;
    ++i;
  }
  while (!setting.value.empty() && IsBlank(setting.value.back())) setting.value.pop_back();
  return setting;
}

void FlattenInto(const YamlNode& node, const std::string& path, Settings& out) {
  if (node.kind == YamlNode::Kind::kPlain || node.kind == YamlNode::Kind::kQuoted)
    return out.Add({path, node.text, node.position});
  for (const YamlNode::Entry& entry : node.entries)
    FlattenInto(entry.value, path.empty() ? entry.key : path + "." + entry.key, out);
  for (size_t i = 0; i < node.items.size(); ++i)
    FlattenInto(node.items[i], fmt::format("{}[{}]", path, i), out);
  // `start_at_earliest: {}` says something by being there.
  const bool empty = node.entries.empty() && node.items.empty();
  if (empty && node.kind != YamlNode::Kind::kNull) out.Add({path, "", node.position});
}

}  // namespace

Setting* Settings::Find(std::string_view key) {
  const auto found = std::find_if(all_.rbegin(), all_.rend(),
                                  [key](const Setting& setting) { return setting.key == key; });
  return found == all_.rend() ? nullptr : &*found;
}

std::optional<std::string> Settings::Take(std::string_view key) {
  std::optional<std::string> value;
  for (Setting& setting : all_) {
    if (setting.key != key) continue;
    setting.taken = true;
    value = setting.value;
  }
  return value;
}

bool Settings::TakeBoolean(std::string_view key, bool otherwise) {
  std::optional<std::string> value = Take(key);
  if (!value) return otherwise;
  for (char& c : *value)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return *value == "true";
}

bool Settings::HasPrefix(std::string_view prefix) const {
  return std::any_of(all_.begin(), all_.end(), [prefix](const Setting& setting) {
    return std::string_view(setting.key).starts_with(prefix);
  });
}

Settings ParseProperties(const std::string& file, std::string_view text) {
  Settings settings;
  std::string whole;
  int number = 0;
  int first = 0;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = TrimLeft(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    ++number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (whole.empty()) {
      first = number;
      if (line.empty() || line[0] == '#' || line[0] == '!') continue;
    }
    const bool more = GoesOn(line) && !text.empty();
    whole += more ? line.substr(0, line.size() - 1) : line;
    if (more) continue;
    Setting setting = ParseLine(whole);
    setting.position = {file, first, 1};
    settings.Add(std::move(setting));
    whole.clear();
  }
  return settings;
}

Settings Flatten(const YamlNode& root) {
  Settings settings;
  FlattenInto(root, "", settings);
  return settings;
}

void NoteLeftovers(const Settings& settings, std::vector<std::string>& notes) {
  std::set<std::string> seen;
  for (const Setting& setting : settings.all()) {
    if (setting.taken || !seen.insert(setting.key).second) continue;
    std::string note =
        fmt::format("line {}: {}: {}", setting.position.line, setting.key, ReasonOf(setting.key));
    if (std::find(notes.begin(), notes.end(), note) == notes.end())
      notes.push_back(std::move(note));
  }
}

}  // namespace atl::config
