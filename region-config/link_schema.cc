// The fields of kind Link.
#include <array>

#include "region-config/schema.h"
#include "region-config/topic_filter.h"
#include "region-config/write.h"

namespace atl::config {
namespace {

constexpr std::array<std::string_view, 1> kVersions = {"atoll/v1"};
constexpr std::array<std::string_view, 1> kKinds = {"Link"};
constexpr std::array<std::string_view, 2> kSourceKinds = {"atoll", "kafka"};
constexpr std::array<std::string_view, 4> kMatches = {"literal", "prefix", "glob", "regex"};
constexpr std::array<std::string_view, 2> kOnGap = {"stop", "skip"};
constexpr std::array<std::string_view, 2> kDeletes = {"keep", "follow"};
constexpr std::array<std::string_view, 3> kRuleKeys = {"include", "exclude", "match"};

void ReadBootstrapServers(const FieldReader& in, Link& out) {
  out.source.bootstrap_servers.clear();
  const size_t count = in.List().value_or(0);
  for (size_t i = 0; i < count; ++i)
    if (auto server = in.Item(i).HostPort(1))
      out.source.bootstrap_servers.push_back(*std::move(server));
}

// {include: PATTERN, match: HOW} or {exclude: ...}.
void ReadRule(const FieldReader& in, std::vector<TopicRule>& out) {
  if (!in.OnlyKeys(kRuleKeys)) return;
  const std::optional<FieldReader> include = in.Child("include");
  const std::optional<FieldReader> exclude = in.Child("exclude");
  if (include.has_value() == exclude.has_value())
    return in.Refuse("a rule has either `include` or `exclude`");
  TopicRule rule;
  rule.action = include ? RuleAction::kInclude : RuleAction::kExclude;
  if (const std::optional<FieldReader> match = in.Child("match")) {
    const std::optional<size_t> word = match->OneOf(kMatches);
    if (!word) return;
    constexpr std::array kValues = {TopicMatch::kLiteral, TopicMatch::kPrefix, TopicMatch::kGlob,
                                    TopicMatch::kRegex};
    rule.match = kValues[*word];
  }
  const FieldReader& pattern = include ? *include : *exclude;
  std::optional<std::string> text = pattern.Text();
  if (!text) return;
  if (const Status status = CheckPattern(rule.match, *text); !status.ok())
    return pattern.Refuse(std::string(StatusMessage(status)));
  const bool wild = text->find_first_of("*?") != std::string::npos;
  if (rule.match == TopicMatch::kGlob && !wild) rule.match = TopicMatch::kLiteral;
  rule.pattern = *std::move(text);
  out.push_back(std::move(rule));
}

void ReadRules(const FieldReader& in, std::vector<TopicRule>& out) {
  out.clear();
  const size_t count = in.List().value_or(0);
  for (size_t i = 0; i < count; ++i) ReadRule(in.Item(i), out);
}

bool IsTopicText(std::string_view text) {
  constexpr std::string_view kLegal =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
  return text.find_first_not_of(kLegal) == std::string_view::npos;
}

void ReadPrefix(const FieldReader& in, Link& out) {
  constexpr size_t kMostPrefixBytes = 100;
  if (in.node().text.empty()) return;
  const std::optional<std::string> text = in.Text();
  if (!text) return;
  if (!IsTopicText(*text) || text->size() > kMostPrefixBytes)
    return in.Refuse("a prefix has up to 100 letters, digits, `.`, `_` and `-`, like `us-east.`");
  out.naming_prefix = *text;
}

void ReadTargetTopic(const FieldReader& in, Link& out) {
  constexpr size_t kMostTopicBytes = 249;
  if (in.node().text.empty()) return;
  const std::optional<std::string> text = in.Text();
  if (!text) return;
  if (!IsTopicText(*text) || text->size() > kMostTopicBytes || *text == "." || *text == "..")
    return in.Refuse("a topic's name has up to 249 letters, digits, `.`, `_` and `-`");
  out.target_topic = TopicName(*text);
}

void ReadPollInterval(const FieldReader& in, Link& out) {
  const std::optional<Duration> length = in.Length();
  if (!length) return;
  if (*length < std::chrono::seconds(1)) return in.Refuse("must be at least 1s");
  out.groups.poll_interval = *length;
}

void ReadStartFrom(const FieldReader& in, Link& out) {
  const std::string& text = in.node().text;
  if (text == "earliest") {
    out.start_from = {StartFrom::Kind::kEarliest, kNoTimestamp};
  } else if (text == "latest") {
    out.start_from = {StartFrom::Kind::kLatest, kNoTimestamp};
  } else if (const std::optional<Timestamp> time = in.Time("earliest, latest or a time")) {
    out.start_from = {StartFrom::Kind::kTimestamp, *time};
  }
}

std::string WriteStartFrom(const Link& link) {
  switch (link.start_from.kind) {
    case StartFrom::Kind::kEarliest:
      return "earliest";
    case StartFrom::Kind::kLatest:
      return "latest";
    case StartFrom::Kind::kTimestamp:
      return WriteTime(link.start_from.timestamp);
  }
  return "earliest";
}

void ReadRpo(const FieldReader& in, Link& out) {
  const std::optional<Duration> length = in.Length();
  if (!length) return;
  if (*length <= Duration::zero()) return in.Refuse("must be longer than 0");
  out.rpo = *length;
}

using F = Field<Link>;
constexpr Presence kRequired = Presence::kRequired;
constexpr Presence kOptional = Presence::kOptional;
constexpr Change kLive = Change::kLive;
constexpr Change kNever = Change::kNever;

constexpr std::array kFields = {
    F{"apiVersion", "atoll/v1", kRequired, "", "atoll/v1", kLive,
      "Version of this document's form.",
      [](const FieldReader& in, Link&) { (void)in.OneOf(kVersions); },
      [](const Link&) { return std::string(kVersions[0]); }},
    F{"kind", "Link", kRequired, "", "Link", kLive,
      "What the document describes. A link is written in the region that pulls.",
      [](const FieldReader& in, Link&) { (void)in.OneOf(kKinds); },
      [](const Link&) { return std::string(kKinds[0]); }},
    F{"metadata.name", "name", kRequired, "", "from-eu-west", kNever,
      "The link's name; positions and events are kept under it.",
      [](const FieldReader& in, Link& out) {
        if (auto name = in.Name()) out.name = LinkName(*std::move(name));
      },
      [](const Link& link) { return WriteName(link.name.value()); }},
    F{"spec.source.region", "name", kRequired, "", "eu-west", kNever,
      "The source region's own name, or one of your choice for an Apache Kafka cluster.",
      [](const FieldReader& in, Link& out) {
        if (auto name = in.Name()) out.source.region = RegionName(*std::move(name));
      },
      [](const Link& link) { return WriteName(link.source.region.value()); }},
    F{"spec.source.kind", "atoll | kafka", kOptional, "atoll", "atoll", kLive,
      "What the source is: another Atoll region or an Apache Kafka cluster.",
      [](const FieldReader& in, Link& out) {
        if (const auto word = in.OneOf(kSourceKinds))
          out.source.kind = *word == 0 ? SourceKind::kAtoll : SourceKind::kKafka;
      },
      [](const Link& link) {
        return std::string(kSourceKinds[link.source.kind == SourceKind::kAtoll ? 0 : 1]);
      }},
    F{"spec.source.bootstrapServers", "list of host:port", kRequired, "", "[\"127.0.0.1:29092\"]",
      kLive, "Brokers of the source to ask first. May contain ${env:NAME}.", ReadBootstrapServers,
      [](const Link& link) { return WriteEndpoints(link.source.bootstrap_servers); }},
    F{"spec.source.control", "host:port", kOptional, "", "\"127.0.0.1:29645\"", kLive,
      "The source region's control listener: ownership, group offsets and positions come by "
      "change. "
      "Left out: the link polls.",
      [](const FieldReader& in, Link& out) { out.source.control = in.HostPort(1); },
      [](const Link& link) {
        return link.source.control ? WriteEndpoint(*link.source.control) : std::string();
      }},
    F{"spec.topics", "list of rules", kOptional, "[{include: \"*\", match: glob}]",
      "[{exclude: \"tmp.\", match: prefix}, {include: \"*\", match: glob}]", kLive,
      "{include: PATTERN} or {exclude: PATTERN}, with match: literal | prefix | glob | regex "
      "(glob if left out). The first rule that matches decides; no match is no. Topics that begin "
      "with __ are mirrored only where a rule includes them by their whole name.",
      [](const FieldReader& in, Link& out) { ReadRules(in, out.topics); },
      [](const Link& link) { return WriteRules(link.topics); }},
    F{"spec.startFrom", "earliest | latest | time", kOptional, "earliest", "earliest", kLive,
      "Where a topic that is met for the first time begins; a time like 2026-01-31T08:00:00Z.",
      ReadStartFrom, WriteStartFrom},
    F{"spec.objectives.rpo", "duration", kOptional, "30s", "30s", kLive,
      "At most this much would be lost in a failover; reports and alerts compare with it.", ReadRpo,
      [](const Link& link) { return WriteLength(link.rpo); }},
    F{"spec.paused", "true | false", kOptional, "false", "false", kLive,
      "true: the link pulls nothing until it is resumed.",
      [](const FieldReader& in, Link& out) { out.paused = in.Boolean().value_or(false); },
      [](const Link& link) { return WriteBoolean(link.paused); }},
    F{"spec.onGap", "stop | skip", kOptional, "stop", "stop", kLive,
      "What a partition does when the source has deleted records that were not mirrored yet: wait "
      "for an operator, or go on behind the gap. Either way the gap is a lasting event.",
      [](const FieldReader& in, Link& out) {
        if (const auto word = in.OneOf(kOnGap))
          out.on_gap = *word == 0 ? OnGap::kStop : OnGap::kSkip;
      },
      [](const Link& link) { return std::string(kOnGap[link.on_gap == OnGap::kStop ? 0 : 1]); }},
    F{"spec.deletes", "keep | follow", kOptional, "keep", "keep", kLive,
      "What happens to the mirror of a topic that the source deletes.",
      [](const FieldReader& in, Link& out) {
        if (const auto word = in.OneOf(kDeletes))
          out.deletes = *word == 0 ? Deletes::kKeep : Deletes::kFollow;
      },
      [](const Link& link) {
        return std::string(kDeletes[link.deletes == Deletes::kKeep ? 0 : 1]);
      }},
    F{"spec.sync.topicConfigs", "true | false", kOptional, "true", "true", kLive,
      "A topic's effective configuration is copied from the source.",
      [](const FieldReader& in, Link& out) {
        out.sync_topic_configs = in.Boolean().value_or(false);
      },
      [](const Link& link) { return WriteBoolean(link.sync_topic_configs); }},
    F{"spec.naming.prefix", "text", kOptional, "\"\"", "\"\"", kNever,
      "Written before the source's topic names: with `us-east.` the mirror of `orders` is "
      "`us-east.orders`, at the same offsets.",
      ReadPrefix, [](const Link& link) { return WriteText(link.naming_prefix); }},
    F{"spec.target.topic", "topic name", kOptional, "\"\"", "\"\"", kNever,
      "Fan-in: committed records of all topics of this link are merged into this one topic of this "
      "region, at offsets of its own; other links may flow into the same.",
      ReadTargetTopic, [](const Link& link) { return WriteText(link.target_topic.value()); }},
    F{"spec.groups.sync", "true | false", kOptional, "true", "true", kLive,
      "Committed offsets of the source's consumer groups are translated and placed here.",
      [](const FieldReader& in, Link& out) { out.groups.sync = in.Boolean().value_or(false); },
      [](const Link& link) { return WriteBoolean(link.groups.sync); }},
    F{"spec.groups.filter", "list of rules", kOptional, "[{include: \"*\", match: glob}]",
      "[{exclude: \"console-consumer-\", match: prefix}, {include: \"*\", match: glob}]", kLive,
      "Which groups, with rules as in spec.topics.",
      [](const FieldReader& in, Link& out) { ReadRules(in, out.groups.filter); },
      [](const Link& link) { return WriteRules(link.groups.filter); }},
    F{"spec.groups.pollInterval", "duration", kOptional, "10s", "10s", kLive,
      "How often groups are asked for where the source has no control connection: an Apache Kafka "
      "cluster, or a region whose control address is not given or not reached.",
      ReadPollInterval, [](const Link& link) { return WriteLength(link.groups.poll_interval); }},
};

}  // namespace

std::span<const Field<Link>> LinkFields() { return kFields; }

}  // namespace atl::config
