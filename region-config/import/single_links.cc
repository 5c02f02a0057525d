// Redpanda's shadow link (YAML) and Confluent's cluster link (properties): one link each, written
// at the target as ours, without a name for the source.
#include <fmt/format.h>

#include <array>

#include "region-config/import/builder.h"

namespace atl::config {
namespace {

using Filter = LinkBuilder::Filter;

constexpr std::string_view kTopicOptions = "topic_metadata_sync_options";
constexpr std::string_view kGroupOptions = "consumer_offset_sync_options";

Position At(Settings& settings, const std::string& key, const Position& otherwise) {
  const Setting* const setting = settings.Find(key);
  return setting == nullptr ? otherwise : setting->position;
}

// The source's name, which neither of them has.
void PutSource(const ImportOptions& options, const std::string& link_name, const Position& at,
               LinkBuilder& link) {
  if (options.source_region.empty())
    return link.Refuse(at, "spec.source.region",
                       "the file does not name the source; give it a name with --source-region");
  link.PutNames(options.source_region, link_name, at);
}

void PutTopics(const ImportOptions& options, const Position& at, LinkBuilder& link) {
  std::string rules;
  for (const std::string& topic : options.topics)
    rules +=
        fmt::format("{}{{include: {}, match: literal}}", rules.empty() ? "" : ", ", Quote(topic));
  link.Put("spec.topics", "[" + rules + "]", at);
}

// `list`[i].{a, b, c}
std::vector<Filter> TakeFilters(Settings& settings, const std::string& list,
                                const std::array<std::string_view, 3>& names) {
  std::vector<Filter> filters;
  for (int i = 0; settings.HasPrefix(fmt::format("{}[{}].", list, i)); ++i) {
    const auto take = [&](std::string_view name) {
      return settings.Take(fmt::format("{}[{}].{}", list, i, name)).value_or("");
    };
    filters.push_back({take(names[0]), take(names[1]), take(names[2])});
  }
  return filters;
}

constexpr std::array<std::string_view, 3> kShadowNames = {"pattern_type", "filter_type", "name"};
constexpr std::array<std::string_view, 3> kClusterNames = {"patternType", "filterType", "name"};

void PutShadowStart(Settings& settings, const Position& start, LinkBuilder& link) {
  const std::string prefix = fmt::format("{}.start_at_", kTopicOptions);
  for (const std::string word : {"earliest", "latest"}) {
    const Position at = At(settings, prefix + word, start);
    if (settings.Take(prefix + word)) link.Put("spec.startFrom", word, at);
  }
  const Position at = At(settings, prefix + "timestamp", start);
  if (const auto time = settings.Take(prefix + "timestamp"))
    link.Put("spec.startFrom", Quote(*time), at);
}

void PutShadowGroups(Settings& settings, const Position& start, LinkBuilder& link) {
  const std::string options(kGroupOptions);
  const Position at = At(settings, options + ".interval", start);
  const std::vector<Filter> filters =
      TakeFilters(settings, options + ".group_filters", kShadowNames);
  const std::optional<std::string> interval = settings.Take(options + ".interval");
  const bool paused = settings.TakeBoolean(options + ".paused", false);
  if (filters.empty() || paused) {
    link.Put("spec.groups.sync", "false", at);
    return link.Note(at, options,
                     "has no group filter or is paused: groups are not synced "
                     "(spec.groups.sync: false)");
  }
  link.PutFilters("spec.groups.filter", filters, at);
  if (interval) link.Put("spec.groups.pollInterval", *interval, at);
}

// The filters that stand as JSON in one property.
std::vector<Filter> JsonFilters(Settings& settings, const std::string& key, const std::string& list,
                                std::vector<Problem>& problems) {
  const Setting* const found = settings.Find(key);
  if (found == nullptr) return {};
  const Position at = found->position;
  std::vector<Problem> unread;
  const std::vector<YamlNode> json = ParseYaml(at.file, found->value, unread);
  (void)settings.Take(key);
  if (!unread.empty() || json.size() != 1) {
    problems.push_back({at, key, "is not JSON"});
    return {};
  }
  Settings inner = Flatten(json[0]);
  return TakeFilters(inner, list, kClusterNames);
}

void PutClusterGroups(Settings& settings, const Position& start, LinkBuilder& link,
                      std::vector<Problem>& problems) {
  const Position at = At(settings, "consumer.offset.sync.enable", start);
  const std::vector<Filter> filters =
      JsonFilters(settings, "consumer.offset.group.filters", "groupFilters", problems);
  const std::optional<std::string> interval = settings.Take("consumer.offset.sync.ms");
  if (!settings.TakeBoolean("consumer.offset.sync.enable", false)) {
    link.Put("spec.groups.sync", "false", at);
    return link.Note(at, "consumer.offset.sync.enable",
                     "is not true: groups are not synced (spec.groups.sync: false)");
  }
  if (!filters.empty()) link.PutFilters("spec.groups.filter", filters, at);
  if (interval) link.Put("spec.groups.pollInterval", *interval + "ms", at);
}

void PutClusterTopics(Settings& settings, const ImportOptions& options, const Position& start,
                      LinkBuilder& link, std::vector<Problem>& problems) {
  const std::string enable = "auto.create.mirror.topics.enable";
  const Position at = At(settings, enable, start);
  const std::vector<Filter> filters =
      JsonFilters(settings, "auto.create.mirror.topics.filters", "topicFilters", problems);
  if (!settings.TakeBoolean(enable, false)) {
    if (!options.topics.empty()) return PutTopics(options, at, link);
    return link.Refuse(at, enable,
                       "is not true, so the file does not say which topics are "
                       "mirrored; name each with --topic");
  }
  link.PutFilters("spec.topics", filters, at);
}

// Who connects and who is the target.
void CheckMode(Settings& settings, const Position& start, LinkBuilder& link) {
  const Position at = At(settings, "link.mode", start);
  const std::string mode = settings.Take("link.mode").value_or("DESTINATION");
  if (mode == "BIDIRECTIONAL")
    link.Note(at, "link.mode",
              "the other direction is a link of its own, written in the other "
              "region");
  if (mode == "SOURCE")
    link.Refuse(at, "link.mode",
                "`SOURCE` is the source's half of a link; import the other half, "
                "here the target pulls");
  const Position connection = At(settings, "connection.mode", start);
  if (settings.Take("connection.mode").value_or("OUTBOUND") == "INBOUND")
    link.Refuse(connection, "connection.mode",
                "`INBOUND` has no counterpart: the target connects "
                "to the source");
}

void PutClusterStart(Settings& settings, const Position& start, LinkBuilder& link) {
  const Position at = At(settings, "mirror.start.offset.spec", start);
  if (const auto spec = settings.Take("mirror.start.offset.spec"))
    link.Put("spec.startFrom", Quote(*spec), at);
}

}  // namespace

void ImportShadowLink(Settings& settings, const ImportOptions& options, Imported& out,
                      std::vector<Problem>& problems) {
  const Position start = settings.all().front().position;
  LinkBuilder link(start, out.notes, problems);
  const Position named = At(settings, "name", start);
  const std::string name = settings.Take("name").value_or("");
  PutSource(options, name, named, link);
  std::string servers;
  const std::string list = "client_options.bootstrap_servers";
  const Position servers_at = At(settings, list + "[0]", start);
  for (int i = 0; settings.HasPrefix(fmt::format("{}[{}]", list, i)); ++i)
    servers += (i > 0 ? "," : "") + settings.Take(fmt::format("{}[{}]", list, i)).value_or("");
  link.PutBootstrap(servers, servers_at);
  const std::string filters_key = fmt::format("{}.auto_create_shadow_topic_filters", kTopicOptions);
  const Position topics_at = At(settings, filters_key + "[0].name", start);
  const std::vector<Filter> filters = TakeFilters(settings, filters_key, kShadowNames);
  if (!filters.empty()) {
    link.PutFilters("spec.topics", filters, topics_at);
  } else if (!options.topics.empty()) {
    PutTopics(options, topics_at, link);
  } else {
    link.Refuse(topics_at, filters_key,
                "has no filter, so no topic is mirrored; name some with "
                "--topic");
  }
  PutShadowStart(settings, start, link);
  PutShadowGroups(settings, start, link);
  NoteLeftovers(settings, out.notes);
  out.links.push_back({link.link(), name, ""});
}

void ImportClusterLink(Settings& settings, const ImportOptions& options, Imported& out,
                       std::vector<Problem>& problems) {
  const Position start = settings.all().front().position;
  LinkBuilder link(start, out.notes, problems);
  const Position servers_at = At(settings, "bootstrap.servers", start);
  PutSource(options, settings.Take("link.name").value_or(""), servers_at, link);
  link.PutBootstrap(settings.Take("bootstrap.servers").value_or(""), servers_at);
  CheckMode(settings, start, link);
  PutClusterTopics(settings, options, start, link, problems);
  PutClusterGroups(settings, start, link, problems);
  PutClusterStart(settings, start, link);
  const Position prefix_at = At(settings, "cluster.link.prefix", start);
  if (const auto prefix = settings.Take("cluster.link.prefix"))
    link.Put("spec.naming.prefix", Quote(*prefix), prefix_at);
  const Position paused_at = At(settings, "cluster.link.paused", start);
  if (settings.TakeBoolean("cluster.link.paused", false))
    link.Put("spec.paused", "true", paused_at);
  NoteLeftovers(settings, out.notes);
  out.links.push_back({link.link(), "", ""});
}

}  // namespace atl::config
