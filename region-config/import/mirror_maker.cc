// MirrorMaker 2, as properties (`A->B.topics = ...`) and as Strimzi's resource. Both say the same
// per flow from one cluster to another, so both become flows of settings by MirrorMaker's names.
#include <fmt/format.h>

#include <algorithm>

#include "region-config/import/builder.h"

namespace atl::config {
namespace {

// MirrorMaker's own defaults, written out where the configuration has none.
constexpr std::string_view kTopicsExclude = R"(.*[\-\.]internal, .*\.replica, __.*)";
constexpr std::string_view kGroupsExclude = "console-consumer-.*, connect-.*, __.*";
constexpr std::string_view kIdentityPolicy = "IdentityReplicationPolicy";
constexpr std::string_view kDefaultPolicy = "DefaultReplicationPolicy";

struct Flow {
  std::string source;  // Aliases.
  std::string target;
  std::string bootstrap;
  Position position;
  Settings settings;  // By MirrorMaker's names.
};

Position PositionOf(Settings& settings, std::string_view key, const Position& otherwise) {
  const Setting* const setting = settings.Find(key);
  return setting == nullptr ? otherwise : setting->position;
}

std::string Either(Settings& settings, std::string_view key, std::string_view older,
                   std::string_view otherwise) {
  const std::optional<std::string> value = settings.Take(key);
  const std::optional<std::string> old_value = settings.Take(older);
  return value ? *value : old_value ? *old_value : std::string(otherwise);
}

// Names here, and which of the source's topics are mirrors of the target's own.
std::vector<std::string> PutNaming(Flow& flow, LinkBuilder& link) {
  const Position at = PositionOf(flow.settings, "replication.policy.class", flow.position);
  const std::string policy =
      flow.settings.Take("replication.policy.class").value_or(std::string(kDefaultPolicy));
  const std::string separator = flow.settings.Take("replication.policy.separator").value_or(".");
  if (policy.ends_with(kIdentityPolicy)) return {};
  if (!policy.ends_with(kDefaultPolicy)) {
    link.Refuse(at, "replication.policy.class",
                fmt::format("`{}` is a policy of your own: what it makes of a topic's name is not "
                            "known here; leave it out and write spec.naming.prefix yourself",
                            policy));
    return {};
  }
  link.Put("spec.naming.prefix", Quote(flow.source + separator), at);
  link.Note(at, "replication.policy",
            fmt::format("topics are called `{}{}NAME` as before; without "
                        "spec.naming.prefix they keep their names, which "
                        "a failover needs",
                        flow.source, separator));
  return {fmt::format("{{exclude: {}, match: prefix}}", Quote(flow.target + separator))};
}

void PutGroups(Flow& flow, LinkBuilder& link) {
  const std::string groups = flow.settings.Take("groups").value_or(".*");
  const std::string exclude =
      Either(flow.settings, "groups.exclude", "groups.blacklist", kGroupsExclude);
  const std::optional<std::string> interval =
      flow.settings.Take("sync.group.offsets.interval.seconds");
  const Position at = PositionOf(flow.settings, "sync.group.offsets.enabled", flow.position);
  if (!flow.settings.TakeBoolean("sync.group.offsets.enabled", false)) {
    link.Put("spec.groups.sync", "false", at);
    link.Note(at, "sync.group.offsets.enabled",
              "is not true, so groups are not synced here either (spec.groups.sync: false)");
    return;
  }
  link.PutRegexRules("spec.groups.filter", groups, exclude, {}, at);
  if (interval) link.Put("spec.groups.pollInterval", *interval + "s", at);
}

void PutStart(Flow& flow, LinkBuilder& link) {
  for (const std::string_view key :
       {"consumer.auto.offset.reset", "source.consumer.auto.offset.reset", "auto.offset.reset"}) {
    const Position at = PositionOf(flow.settings, key, flow.position);
    if (const auto start = flow.settings.Take(key)) link.Put("spec.startFrom", *start, at);
  }
}

void ImportFlow(Flow flow, Imported& out, std::vector<Problem>& problems) {
  LinkBuilder link(flow.position, out.notes, problems);
  link.PutNames(flow.source, "", flow.position);
  link.PutBootstrap(flow.bootstrap, flow.position);
  const std::vector<std::string> cycles = PutNaming(flow, link);
  const Position at = PositionOf(flow.settings, "topics", flow.position);
  const std::string topics = flow.settings.Take("topics").value_or(".*");
  const std::string exclude =
      Either(flow.settings, "topics.exclude", "topics.blacklist", kTopicsExclude);
  link.PutRegexRules("spec.topics", topics, exclude, cycles, at);
  PutGroups(flow, link);
  PutStart(flow, link);
  const Position configs = PositionOf(flow.settings, "sync.topic.configs.enabled", flow.position);
  if (!flow.settings.TakeBoolean("sync.topic.configs.enabled", true))
    link.Put("spec.sync.topicConfigs", "false", configs);
  if (flow.settings.TakeBoolean("sync.topic.acls.enabled", true))
    link.Note(flow.position, "sync.topic.acls.enabled", "not taken over: ACLs are not copied");
  NoteLeftovers(flow.settings, out.notes);
  out.links.push_back({link.link(), flow.source + "->" + flow.target, flow.target});
}

struct Arrow {
  std::string source;
  std::string target;
  size_t end = 0;  // Where the setting's name begins in the key.
};

// "A->B.topics"; aliases may have dots, so the known ones decide.
std::optional<Arrow> ParseArrow(std::string_view key, const std::vector<std::string>& clusters) {
  for (const std::string& source : clusters) {
    for (const std::string& target : clusters) {
      const std::string arrow = source + "->" + target + ".";
      if (key.starts_with(arrow)) return Arrow{source, target, arrow.size()};
    }
  }
  return std::nullopt;
}

std::vector<std::string> ListOf(const std::string& text) {
  std::vector<std::string> items;
  std::string item;
  for (const char c : text + ",") {
    if (c != ',' && c != ' ' && c != '\t') item += c;
    if (c != ',' || item.empty()) continue;
    items.push_back(item);
    item.clear();
  }
  return items;
}

bool OfCluster(std::string_view key, const std::vector<std::string>& clusters) {
  return std::any_of(clusters.begin(), clusters.end(),
                     [key](const std::string& cluster) { return key.starts_with(cluster + "."); });
}

// The settings of one flow: its own before those of all.
Settings FlowSettings(const Settings& settings, const std::vector<std::string>& clusters,
                      const std::string& source, const std::string& target) {
  Settings flow;
  for (const Setting& setting : settings.all()) {
    if (ParseArrow(setting.key, clusters) || OfCluster(setting.key, clusters)) continue;
    if (setting.key != "clusters") flow.Add({setting.key, setting.value, setting.position});
  }
  for (const Setting& setting : settings.all()) {
    const auto arrow = ParseArrow(setting.key, clusters);
    if (!arrow || arrow->source != source || arrow->target != target) continue;
    flow.Add({setting.key.substr(arrow->end), setting.value, setting.position});
  }
  return flow;
}

// --- Strimzi ---

std::string ValueAt(Settings& settings, const std::string& key) {
  return settings.Take(key).value_or("");
}

// Older resources name their clusters in a list of their own.
std::string BootstrapOf(Settings& settings, const std::string& alias) {
  for (int i = 0; settings.HasPrefix(fmt::format("spec.clusters[{}].", i)); ++i) {
    const Setting* const found = settings.Find(fmt::format("spec.clusters[{}].alias", i));
    if (found == nullptr || found->value != alias) continue;
    return ValueAt(settings, fmt::format("spec.clusters[{}].bootstrapServers", i));
  }
  return "";
}

void TakePatterns(Settings& settings, const std::string& mirror, Settings& flow) {
  constexpr std::pair<std::string_view, std::string_view> kPatterns[] = {
      {"topicsPattern", "topics"},
      {"topicsExcludePattern", "topics.exclude"},
      {"topicsBlacklistPattern", "topics.exclude"},
      {"groupsPattern", "groups"},
      {"groupsExcludePattern", "groups.exclude"},
      {"groupsBlacklistPattern", "groups.exclude"}};
  for (const auto& [theirs, name] : kPatterns) {
    const std::string key = fmt::format("{}.{}", mirror, theirs);
    const Setting* const found = settings.Find(key);
    if (found == nullptr) continue;
    flow.Add({std::string(name), found->value, found->position});
    (void)settings.Take(key);
  }
}

void TakeConfigs(Settings& settings, const std::string& mirror, Settings& flow) {
  for (const std::string_view connector :
       {"sourceConnector", "checkpointConnector", "heartbeatConnector"}) {
    const std::string prefix = fmt::format("{}.{}.config.", mirror, connector);
    for (Setting& setting : settings.all()) {
      if (!setting.key.starts_with(prefix)) continue;
      setting.taken = true;
      flow.Add({setting.key.substr(prefix.size()), setting.value, setting.position});
    }
  }
}

}  // namespace

void ImportMirrorMaker(Settings& settings, Imported& out, std::vector<Problem>& problems) {
  const std::vector<std::string> clusters = ListOf(settings.Take("clusters").value_or(""));
  for (const std::string& source : clusters) {
    for (const std::string& target : clusters) {
      const std::string key = source + "->" + target + ".enabled";
      const Setting* const enabled = settings.Find(key);
      if (enabled == nullptr) continue;
      const Position position = enabled->position;
      if (!settings.TakeBoolean(key, false)) {
        out.notes.push_back(
            fmt::format("line {}: {}: the flow is off and is left out", position.line, key));
        continue;
      }
      Flow flow{source, target, "", position, FlowSettings(settings, clusters, source, target)};
      (void)flow.settings.Take("enabled");
      const std::string servers = source + ".bootstrap.servers";
      if (const Setting* const found = settings.Find(servers)) {
        flow.bootstrap = found->value;
        flow.position = found->position;
      } else {
        problems.push_back({position, servers, "is not there, and the flow needs it"});
      }
      ImportFlow(std::move(flow), out, problems);
    }
  }
  Settings of_clusters;
  for (const Setting& setting : settings.all()) {
    const bool servers = setting.key.ends_with(".bootstrap.servers");
    if (OfCluster(setting.key, clusters) && !servers && !ParseArrow(setting.key, clusters))
      of_clusters.Add(setting);
  }
  NoteLeftovers(of_clusters, out.notes);
}

void ImportStrimzi(Settings& settings, Imported& out, std::vector<Problem>& problems) {
  for (const std::string_view key : {"apiVersion", "kind", "metadata.name", "metadata.namespace"})
    (void)settings.Take(key);
  std::string target = ValueAt(settings, "spec.target.alias");
  for (int i = 0; settings.HasPrefix(fmt::format("spec.mirrors[{}].", i)); ++i) {
    const std::string mirror = fmt::format("spec.mirrors[{}]", i);
    Flow flow;
    const std::string old_key = mirror + ".sourceCluster";
    const std::string new_key = mirror + ".source.alias";
    const bool older = settings.Find(old_key) != nullptr;
    const Setting* const alias = settings.Find(older ? old_key : new_key);
    if (alias == nullptr) {
      problems.push_back({settings.all().front().position, new_key, "is not there"});
      continue;
    }
    flow.position = alias->position;
    flow.source = ValueAt(settings, older ? old_key : new_key);
    flow.target = older ? ValueAt(settings, mirror + ".targetCluster") : target;
    flow.bootstrap = older ? BootstrapOf(settings, flow.source)
                           : ValueAt(settings, mirror + ".source.bootstrapServers");
    TakePatterns(settings, mirror, flow.settings);
    TakeConfigs(settings, mirror, flow.settings);
    ImportFlow(std::move(flow), out, problems);
  }
  // What is left of the clusters: their names and addresses are said by the flows.
  for (Setting& setting : settings.all()) {
    const bool named =
        setting.key.ends_with(".alias") || setting.key.ends_with(".bootstrapServers");
    setting.taken = setting.taken || named;
  }
  NoteLeftovers(settings, out.notes);
}

}  // namespace atl::config
