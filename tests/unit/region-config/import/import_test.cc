// Configurations of other products, as their own documentation writes them, and what becomes of
// them here.
#include <string>
#include <vector>

#include "region-config/import/import.h"
#include "region-config/load.h"
#include "region-config/schema.h"
#include "tests/unit/region-config/config_text.h"

#include <catch2/catch.hpp>

namespace atl::config {
namespace {

const std::string kMirrorMaker =
    "# specify any number of cluster aliases\n"
    "clusters = primary, Backup_1\n"
    "primary.bootstrap.servers = a1:9092, \\\n"
    "    a2:9092\n"
    "Backup_1.bootstrap.servers = b1:9092\n"
    "primary.security.protocol = SASL_SSL\n"
    "\n"
    "primary->Backup_1.enabled = true\n"
    "primary->Backup_1.topics = orders, audit\\\\..*, team-[0-9]+\n"
    "primary->Backup_1.sync.group.offsets.enabled = true\n"
    "Backup_1->primary.enabled = false\n"
    "replication.policy.class = org.apache.kafka.connect.mirror.IdentityReplicationPolicy\n"
    "sync.group.offsets.interval.seconds: 5\n"
    "sync.topic.acls.enabled=false\n"
    "replication.factor=3\n"
    "emit.heartbeats.interval.seconds = 5\n"
    "offset.lag.max = 100\n";

const std::string kStrimziOld =
    "apiVersion: kafka.strimzi.io/v1beta2\n"
    "kind: KafkaMirrorMaker2\n"
    "metadata:\n"
    "  name: my-mirror-maker-2\n"
    "spec:\n"
    "  version: 3.5.0\n"
    "  replicas: 1\n"
    "  connectCluster: \"cluster-b\"\n"
    "  clusters:\n"
    "  - alias: \"cluster-a\"\n"
    "    bootstrapServers: cluster-a-kafka-bootstrap:9092\n"
    "  - alias: \"cluster-b\"\n"
    "    bootstrapServers: cluster-b-kafka-bootstrap:9092\n"
    "    config:\n"
    "      config.storage.replication.factor: -1\n"
    "  mirrors:\n"
    "  - sourceCluster: \"cluster-a\"\n"
    "    targetCluster: \"cluster-b\"\n"
    "    sourceConnector:\n"
    "      tasksMax: 1\n"
    "      config:\n"
    "        replication.factor: -1\n"
    "        sync.topic.acls.enabled: \"false\"\n"
    "    checkpointConnector:\n"
    "      tasksMax: 1\n"
    "      config:\n"
    "        checkpoints.topic.replication.factor: -1\n"
    "        sync.group.offsets.enabled: \"true\"\n"
    "    topicsPattern: \".*\"\n"
    "    groupsPattern: \"billing|stock-.*\"\n";

const std::string kStrimziNew =
    "apiVersion: kafka.strimzi.io/v1\n"
    "kind: KafkaMirrorMaker2\n"
    "metadata: {name: m}\n"
    "spec:\n"
    "  target:\n"
    "    alias: west\n"
    "    bootstrapServers: west:9092\n"
    "  mirrors:\n"
    "  - source:\n"
    "      alias: east\n"
    "      bootstrapServers: east:9093\n"
    "      tls:\n"
    "        trustedCertificates: [{secretName: east-ca, pattern: \"*.crt\"}]\n"
    "    sourceConnector:\n"
    "      config: {replication.policy.class: "
    "org.apache.kafka.connect.mirror.IdentityReplicationPolicy}\n"
    "    topicsPattern: orders\n";

const std::string kShadow =
    "name: sample-shadow-link\n"
    "client_options:\n"
    "  bootstrap_servers:\n"
    "  - localhost:9092\n"
    "  - localhost:19092\n"
    "  authentication_configuration:\n"
    "    scram_configuration: {username: u, password: p}\n"
    "topic_metadata_sync_options:\n"
    "  interval: 30s\n"
    "  auto_create_shadow_topic_filters:\n"
    "  - {pattern_type: LITERAL, filter_type: INCLUDE, name: '*'}\n"
    "  - {pattern_type: PREFIX, filter_type: EXCLUDE, name: foo-}\n"
    "  start_at_latest: {}\n"
    "consumer_offset_sync_options:\n"
    "  interval: 20s\n"
    "  group_filters:\n"
    "  - {pattern_type: LITERAL, filter_type: INCLUDE, name: billing}\n"
    "security_sync_options:\n"
    "  interval: 30s\n";

const std::string kCluster =
    "bootstrap.servers=src:9092\n"
    "link.mode=DESTINATION\n"
    "cluster.link.prefix=east.\n"
    "consumer.offset.sync.enable=true\n"
    "consumer.offset.sync.ms=25000\n"
    "consumer.offset.group.filters={\"groupFilters\": [{\"name\": \"*\",\"patternType\": "
    "\"LITERAL\",\"filterType\": \"INCLUDE\"}]}\n"
    "auto.create.mirror.topics.enable=true\n"
    "auto.create.mirror.topics.filters={ \"topicFilters\": [ {\"name\": \"orders\", "
    "\"patternType\": \"PREFIXED\", \"filterType\": \"INCLUDE\"} ] }\n"
    "acl.sync.enable=true\n";

struct Outcome {
  std::optional<Imported> imported;
  std::string problems;
};

Outcome Run(const std::string& text, const ImportOptions& options = {}) {
  std::vector<Problem> problems;
  Outcome outcome;
  outcome.imported = Import("f", text, options, problems);
  REQUIRE(outcome.imported.has_value() == problems.empty());
  outcome.problems = ToString(problems);
  return outcome;
}

ImportOptions From(const std::string& region) { return {std::nullopt, region, {}}; }

Imported RunGood(const std::string& text, const ImportOptions& options = {}) {
  Outcome outcome = Run(text, options);
  INFO(text);
  REQUIRE(outcome.problems == "");
  return *std::move(outcome.imported);
}

std::string ValueOf(const Link& link, std::string_view path) {
  for (const auto& field : LinkFields())
    if (field.path == path) return field.write(link);
  return "(no such field)";
}

std::string Notes(const Imported& imported) {
  std::string notes;
  for (const std::string& note : imported.notes) notes += note + "\n";
  return notes;
}

std::string With(std::string text, const std::string& what, const std::string& with) {
  const size_t at = text.find(what);
  REQUIRE(at != std::string::npos);
  return text.replace(at, what.size(), with);
}

}  // namespace

TEST_CASE("MirrorMaker 2: a flow becomes a link in its target", "[config]") {
  const Imported imported = RunGood(kMirrorMaker);
  REQUIRE(imported.format == ImportFormat::kMirrorMaker2);
  REQUIRE(imported.links.size() == 1);
  REQUIRE(imported.links[0].target == "Backup_1");
  const Link& link = imported.links[0].link;
  REQUIRE((link.name == LinkName("from-primary") && link.source.region == RegionName("primary")));
  REQUIRE(link.source.kind == SourceKind::kKafka);
  REQUIRE(ValueOf(link, "spec.source.bootstrapServers") == R"(["a1:9092", "a2:9092"])");
  REQUIRE(ValueOf(link, "spec.topics") ==
          R"([{exclude: ".*[\\-\\.]internal", match: regex}, )"
          R"({exclude: ".*\\.replica", match: regex}, {include: "orders", match: literal}, )"
          R"({include: "audit.", match: prefix}, {include: "team-[0-9]+", match: regex}])");
  REQUIRE(ValueOf(link, "spec.naming.prefix") == "");
  REQUIRE(ValueOf(link, "spec.groups.sync") == "true");
  REQUIRE(ValueOf(link, "spec.groups.pollInterval") == "5s");
  REQUIRE(Notes(imported) ==
          "line 15: replication.factor: not needed: a region keeps one copy, and syncs it\n"
          "line 16: emit.heartbeats.interval.seconds: not needed: lag and contact are measured "
          "without a heartbeat topic\n"
          "line 17: offset.lag.max: not needed: offsets here are those of the source\n"
          "line 11: Backup_1->primary.enabled: the flow is off and is left out\n"
          "line 6: primary.security.protocol: NOT TAKEN OVER: links have no TLS and no "
          "authentication yet, so a source that asks for them can't be reached\n");
}

TEST_CASE("MirrorMaker 2: its defaults are written out, not taken for ours", "[config]") {
  const Imported imported = RunGood(
      "clusters=A,B\nA.bootstrap.servers=a:1\nB.bootstrap.servers=b:1\nA->B.enabled=true\n");
  const Link& link = imported.links[0].link;
  REQUIRE(link.naming_prefix == "A.");
  REQUIRE(link.source.region == RegionName("a"));
  REQUIRE_FALSE(link.groups.sync);
  // What B owns is called B.x in A: it does not come back.
  REQUIRE(ValueOf(link, "spec.topics") ==
          R"([{exclude: "B.", match: prefix}, {exclude: ".*[\\-\\.]internal", match: regex}, )"
          R"({exclude: ".*\\.replica", match: regex}, {include: "*", match: glob}])");
  REQUIRE_THAT(Notes(imported), Catch::Contains("the region is called `a` here") &&
                                    Catch::Contains("a failover needs") &&
                                    Catch::Contains("sync.group.offsets.enabled: is not true") &&
                                    Catch::Contains("ACLs are not copied"));
}

TEST_CASE("MirrorMaker 2: what can't be known is refused", "[config]") {
  REQUIRE(
      Run(With(kMirrorMaker, "IdentityReplicationPolicy", "IdentityReplicationPolicyX")).problems ==
      "f:12:1: replication.policy.class: "
      "`org.apache.kafka.connect.mirror.IdentityReplicationPolicyX` is a policy of your own: "
      "what it makes of a topic's name is not known here; leave it out and write "
      "spec.naming.prefix yourself\n");
  REQUIRE(Run(With(kMirrorMaker, "team-[0-9]+", "team-(")).problems ==
          "f:9:1: spec.topics[4].include: `team-(` is not a regular expression (ECMAScript, no "
          "back-references)\n");
  REQUIRE_THAT(Run(With(kMirrorMaker, "a1:9092", "${env:HOST}:9092")).problems,
               Catch::Contains("is filled in by another program"));
  REQUIRE_THAT(Run(With(kMirrorMaker, "primary.bootstrap", "other.bootstrap")).problems,
               Catch::Contains("primary.bootstrap.servers: is not there"));
  REQUIRE(Run(With(kMirrorMaker, "enabled = true", "enabled = false")).problems ==
          "f: there is no flow in it that is on\n");
}

TEST_CASE("Strimzi: both forms of the resource", "[config]") {
  const Imported old_form = RunGood(kStrimziOld);
  REQUIRE(old_form.format == ImportFormat::kStrimzi);
  const Link& link = old_form.links[0].link;
  REQUIRE(ValueOf(link, "spec.source.bootstrapServers") == R"(["cluster-a-kafka-bootstrap:9092"])");
  REQUIRE(link.naming_prefix == "cluster-a.");
  REQUIRE(
      ValueOf(link, "spec.groups.filter") ==
      R"([{exclude: "console-consumer-", match: prefix}, {exclude: "connect-", match: prefix}, )"
      R"({include: "billing", match: literal}, {include: "stock-", match: prefix}])");
  REQUIRE_THAT(Notes(old_form), Catch::Contains("spec.version: not taken over") &&
                                    Catch::Contains("tasksMax: not needed"));
  REQUIRE_THAT(Notes(old_form), !Catch::Contains("unknown here"));

  const Imported new_form = RunGood(kStrimziNew);
  REQUIRE(new_form.links[0].target == "west");
  REQUIRE(new_form.links[0].link.source.bootstrap_servers[0] == Endpoint{"east", 9093});
  REQUIRE_THAT(Notes(new_form),
               Catch::Contains("trustedCertificates[0].secretName: NOT TAKEN OVER"));
}

TEST_CASE("Redpanda: a shadow link", "[config]") {
  REQUIRE_THAT(Run(kShadow).problems, Catch::Contains("give it a name with --source-region"));
  const Imported imported = RunGood(kShadow, From("us-east"));
  const Link& link = imported.links[0].link;
  REQUIRE((link.name == LinkName("sample-shadow-link") &&
           link.start_from.kind == StartFrom::Kind::kLatest));
  REQUIRE(ValueOf(link, "spec.topics") ==
          R"([{exclude: "foo-", match: prefix}, {include: "*", match: glob}])");
  REQUIRE(ValueOf(link, "spec.groups.filter") == R"([{include: "billing", match: literal}])");
  REQUIRE(ValueOf(link, "spec.groups.pollInterval") == "20s");
  REQUIRE_THAT(Notes(imported), Catch::Contains("scram_configuration.password: NOT TAKEN OVER") &&
                                    Catch::Contains("security_sync_options.interval") &&
                                    !Catch::Contains("unknown here"));
  const std::string none = "name: a\nclient_options: {bootstrap_servers: [b:1]}\n";
  REQUIRE_THAT(Run(none, From("x")).problems, Catch::Contains("name some with --topic"));
  REQUIRE(ValueOf(RunGood(none, {std::nullopt, "x", {"t"}}).links[0].link, "spec.topics") ==
          R"([{include: "t", match: literal}])");
}

TEST_CASE("Confluent: a cluster link", "[config]") {
  const Imported imported = RunGood(kCluster, From("us-east"));
  REQUIRE(imported.format == ImportFormat::kClusterLink);
  const Link& link = imported.links[0].link;
  REQUIRE(link.naming_prefix == "east.");
  REQUIRE(ValueOf(link, "spec.topics") == R"([{include: "orders", match: prefix}])");
  REQUIRE(ValueOf(link, "spec.groups.filter") == R"([{include: "*", match: glob}])");
  REQUIRE(ValueOf(link, "spec.groups.pollInterval") == "25s");
  REQUIRE(Notes(imported) == "line 9: acl.sync.enable: not taken over: ACLs are not copied\n");
  REQUIRE_THAT(Run(With(kCluster, "link.mode=DESTINATION", "link.mode=SOURCE"), From("a")).problems,
               Catch::Contains("import the other half"));
  REQUIRE_THAT(Run(With(kCluster, "topics.enable=true", "topics.enable=false"), From("a")).problems,
               Catch::Contains("name each with --topic"));
  REQUIRE_THAT(Run(With(kCluster, "{ \"topicFilters\"", "{ \"topicFilters"), From("a")).problems,
               Catch::Contains("is not JSON"));
}

TEST_CASE("Every import loads as it is written", "[config]") {
  for (const std::string& text : {kMirrorMaker, kStrimziOld, kStrimziNew, kShadow, kCluster}) {
    const Imported imported = RunGood(text, From("us-east"));
    const std::string yaml = ToYaml(imported, "f");
    TestWorld world;
    const LoadResult loaded =
        LoadSources({{{"out", yaml}}, {}}, world.environment(), Need::kAnything);
    INFO(yaml);
    REQUIRE(ToString(loaded.problems) == "");
    REQUIRE(loaded.config->links.size() == imported.links.size());
    REQUIRE(loaded.config->links[0] == imported.links[0].link);
    for (const std::string& note : imported.notes)
      REQUIRE_THAT(yaml, Catch::Contains("#   " + note + "\n"));
  }
}

TEST_CASE("What is nothing of these is refused, and hostile text does no harm", "[config]") {
  REQUIRE_THAT(Run("a: b\n").problems, Catch::Contains("say which with --from"));
  REQUIRE_THAT(Run("").problems, Catch::Contains("say which with --from"));
  REQUIRE_THAT(Run("clusters: [a\n", {ImportFormat::kStrimzi, "", {}}).problems,
               Catch::Contains("not YAML"));
  REQUIRE_THAT(Run("", {ImportFormat::kClusterLink, "a", {}}).problems,
               Catch::Contains("there is nothing in it"));
  // Any prefix of good text ends in a result or in problems.
  for (const std::string& text : {kMirrorMaker, kStrimziOld, kShadow, kCluster}) {
    for (size_t size = 0; size < text.size(); size += 7) {
      std::vector<Problem> problems;
      const auto imported = Import("f", text.substr(0, size), From("a"), problems);
      REQUIRE(imported.has_value() == problems.empty());
    }
  }
}

}  // namespace atl::config
