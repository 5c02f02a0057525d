#include "region-config/load.h"

#include <string>

#include "base/partition_family.h"
#include "region-config/schema.h"
#include "tests/unit/region-config/config_text.h"

#include <catch2/catch.hpp>

namespace atl::config {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

// The documents of the specification, as they stand there.
const std::string kSpecified = R"(apiVersion: atoll/v1
kind: Region
metadata: {name: us-east}
spec:
  ordinal: 1                     # 1..250, unique among linked regions
  dataDir: ./data/us-east
  listeners:
    kafka: {bind: "127.0.0.1:19092", advertise: "127.0.0.1:19092"}
    admin: {bind: "127.0.0.1:19644"}     # /metrics /livez /readyz /v1
    control: {bind: "127.0.0.1:19645"}
  storage: {durability: fsync, segmentBytes: 1GiB, retention: 7d}
  topics: {autoCreate: true, defaultPartitions: 4, replicationFactorClamp: true}
---
apiVersion: atoll/v1
kind: Link
metadata: {name: from-eu-west}
spec:
  source:
    {region: eu-west, kind: atoll, bootstrapServers: ["127.0.0.1:29092"],
     control: "127.0.0.1:29645"}
  topics:
    - {exclude: "tmp.", match: prefix}
    - {include: "*", match: glob}        # first match wins
  startFrom: earliest
  objectives: {rpo: 30s}
  paused: false
)";

Config LoadGood(const std::string& text, TestWorld& world) {
  LoadResult result = LoadText("atoll.yaml", text, world.environment());
  REQUIRE(ToString(result.problems) == "");
  REQUIRE(result.config.has_value());
  return *std::move(result.config);
}
Config LoadGood(const std::string& text) {
  TestWorld world;
  return LoadGood(text, world);
}

void WriteFile(TestWorld& world, const std::string& path, const std::string& text) {
  REQUIRE(world.files.CreateFolders(ParentPath(path)).ok());
  REQUIRE(WriteWholeFile(world.files, path, AsBytes(text)).ok());
}

}  // namespace

TEST_CASE("The documents of the specification load with every value", "[config]") {
  const Config config = LoadGood(kSpecified);
  Region region;
  region.name = RegionName("us-east");
  region.ordinal = RegionOrdinal(1);
  region.data_dir = "./data/us-east";
  region.kafka = {{"127.0.0.1", 19092}, {"127.0.0.1", 19092}};
  region.admin = {{"127.0.0.1", 19644}};
  region.control = {{"127.0.0.1", 19645}, {"127.0.0.1", 19645}};
  region.storage = {Durability::kFsync, ByteCount(1 << 30), hours(24 * 7), std::nullopt};
  region.topics = {true, 4, true};
  region.groups = {seconds(3), hours(24 * 7), seconds(6), minutes(30)};
  region.lease = {{}, "/atoll", seconds(10)};
  region.metrics = {10'000};
  REQUIRE(config.region == region);

  Link link;
  link.name = LinkName("from-eu-west");
  link.source = {RegionName("eu-west"),
                 SourceKind::kAtoll,
                 {{"127.0.0.1", 29092}},
                 Endpoint{"127.0.0.1", 29645}};
  link.topics = {{RuleAction::kExclude, TopicMatch::kPrefix, "tmp."},
                 {RuleAction::kInclude, TopicMatch::kGlob, "*"}};
  link.rpo = seconds(30);
  link.sync_topic_configs = true;
  link.groups.sync = true;
  link.groups.filter = {{RuleAction::kInclude, TopicMatch::kGlob, "*"}};
  link.groups.poll_interval = std::chrono::seconds(10);
  REQUIRE(config.links == std::vector<Link>{link});
}

TEST_CASE("A minimal Region and Link get every default", "[config]") {
  const Config config = LoadGood(kMinimalRegion + "---\n" + kMinimalLink);
  Region region = DefaultRegion();
  region.name = RegionName("us-east");
  region.ordinal = RegionOrdinal(1);
  region.data_dir = "./data";
  region.kafka = {{"127.0.0.1", 19092}, {"127.0.0.1", 19092}};
  REQUIRE(config.region == region);
  REQUIRE(region.admin.bind == Endpoint{"127.0.0.1", 9644});
  REQUIRE(region.storage.durability == Durability::kFsync);
  REQUIRE(region.storage.segment_bytes == ByteCount(1 << 30));
  REQUIRE(region.storage.retention == hours(24 * 7));
  REQUIRE_FALSE(region.insecure);
  REQUIRE_FALSE(region.control.has_value());
  REQUIRE_FALSE(region.lease.enabled());
  REQUIRE(region.console.grafana.empty());
  REQUIRE(region.metrics.partition_series == kMostPartitionSeries);
  REQUIRE(region.topics == TopicDefaults{true, 1, true});

  Link link = DefaultLink();
  link.name = LinkName("from-eu-west");
  link.source.region = RegionName("eu-west");
  link.source.bootstrap_servers = {{"127.0.0.1", 29092}};
  REQUIRE(config.links == std::vector<Link>{link});
  REQUIRE(link.topics == std::vector<TopicRule>{{RuleAction::kInclude, TopicMatch::kGlob, "*"}});
  REQUIRE(link.start_from.kind == StartFrom::Kind::kEarliest);
  REQUIRE(link.on_gap == OnGap::kStop);
  REQUIRE(link.deletes == Deletes::kKeep);
  REQUIRE(link.sync_topic_configs);
  REQUIRE(link.naming_prefix.empty());
  REQUIRE(link.target_topic.empty());
  REQUIRE(link.groups.sync);
  REQUIRE_FALSE(link.source.control.has_value());
}

TEST_CASE("Every choice of every field can be made", "[config]") {
  const Config config = LoadGood(R"(apiVersion: atoll/v1
kind: Region
metadata: {name: r1}
spec:
  ordinal: 250
  dataDir: "/var/lib/atoll"
  insecure: true
  listeners:
    kafka: {bind: "[::]:0", advertise: "broker.example.com:9092"}
    admin: {bind: "0.0.0.0:0"}
    control: {bind: "[::]:0", advertise: "control.example.com:9645"}
  storage: {durability: os, segmentBytes: 64KiB, retention: 500ms, retentionBytes: 2TiB}
  topics: {autoCreate: false, defaultPartitions: 10000, replicationFactorClamp: false}
  lease: {etcd: ["e1:2379", "e2:2379"], prefix: /ring, ttl: 3s}
  console: {grafana: "https://grafana.example:3000/ops/"}
  metrics: {partitionSeries: 0}
---
---
apiVersion: atoll/v1
kind: Link
metadata: {name: l1}
spec:
  source: {region: k, kind: kafka, bootstrapServers: ["k1:9092", "[fe80::1]:9093"]}
  topics:
    - {include: orders}
    - {include: "audit-?", match: glob}
    - {include: "a|b", match: regex}
    - {exclude: exact, match: literal}
  startFrom: 2026-01-31T08:00:00.250+01:00
  objectives: {rpo: 12h}
  paused: true
  onGap: skip
  deletes: follow
  sync: {topicConfigs: false}
  naming: {prefix: us-east.}
  groups: {sync: false, filter: [{include: app-, match: prefix}], pollInterval: 1m}
)");
  const Region& region = config.region;
  REQUIRE(region.kafka.bind.ToString() == "[::]:0");
  REQUIRE(region.kafka.advertise.ToString() == "broker.example.com:9092");
  REQUIRE(region.control->bind.ToString() == "[::]:0");
  REQUIRE(region.control->advertise.ToString() == "control.example.com:9645");
  REQUIRE(region.insecure);
  REQUIRE(region.storage == Storage{Durability::kOs, ByteCount(65'536), milliseconds(500),
                                    ByteCount(int64_t{2} << 40)});
  REQUIRE(region.topics == TopicDefaults{false, 10'000, false});
  REQUIRE(region.lease == Lease{{{"e1", 2379}, {"e2", 2379}}, "/ring", seconds(3)});
  REQUIRE(region.console.grafana == "https://grafana.example:3000/ops");
  REQUIRE(region.metrics.partition_series == 0);
  const Link& link = config.links.at(0);
  REQUIRE(link.source.kind == SourceKind::kKafka);
  REQUIRE(link.source.bootstrap_servers == std::vector<Endpoint>{{"k1", 9092}, {"fe80::1", 9093}});
  REQUIRE(link.topics ==
          std::vector<TopicRule>{{RuleAction::kInclude, TopicMatch::kLiteral, "orders"},
                                 {RuleAction::kInclude, TopicMatch::kGlob, "audit-?"},
                                 {RuleAction::kInclude, TopicMatch::kRegex, "a|b"},
                                 {RuleAction::kExclude, TopicMatch::kLiteral, "exact"}});
  // date -u -d 2026-01-31T07:00:00Z +%s = 1769842800
  REQUIRE(link.start_from == StartFrom{StartFrom::Kind::kTimestamp, Timestamp(1'769'842'800'250)});
  REQUIRE(link.rpo == hours(12));
  REQUIRE(link.paused);
  REQUIRE(link.on_gap == OnGap::kSkip);
  REQUIRE(link.deletes == Deletes::kFollow);
  REQUIRE_FALSE(link.sync_topic_configs);
  REQUIRE(link.naming_prefix == "us-east.");
  REQUIRE_FALSE(link.groups.sync);
  REQUIRE(link.groups.filter.front().pattern == "app-");
  REQUIRE(link.groups.poll_interval == std::chrono::minutes(1));
}

TEST_CASE("Environment variables are put into texts", "[config]") {
  TestWorld world;
  world.variables = {{"HOST", "10.0.0.7"}, {"ROOT", "/srv"}};
  std::string region = kMinimalRegion;
  region.replace(region.find("./data"), 6, "\"${env:ROOT}/x/${env:HOST}\"");
  std::string link = kMinimalLink;
  link.replace(link.find("[127.0.0.1:29092]"), 17, "[\"${env:HOST}:9092\"]");
  const Config config = LoadGood(region + "---\n" + link, world);
  REQUIRE(config.region.data_dir == "/srv/x/10.0.0.7");
  REQUIRE(config.links[0].source.bootstrap_servers[0] == Endpoint{"10.0.0.7", 9092});
}

TEST_CASE("The example is a configuration that loads as it stands", "[config]") {
  const Config config = LoadGood(ExampleYaml());
  REQUIRE(config.region.name == RegionName("us-east"));
  REQUIRE(config.links.size() == 1);
  REQUIRE(config.links[0].topics.size() == 2);
  REQUIRE_FALSE(config.region.control.has_value());  // Its section is a comment as a whole.
}

TEST_CASE("The example and the explanation name every field", "[config]") {
  const std::string example = ExampleYaml();
  const std::string explained = Explain().value();
  const auto check = [&](std::string_view path, std::string_view doc) {
    const std::string key(path.substr(path.rfind('.') + 1));
    REQUIRE_THAT(example, Catch::Contains(key + ": "));
    REQUIRE_THAT(explained, Catch::Contains("\n" + std::string(path) + "\n"));
    REQUIRE_FALSE(doc.empty());
  };
  for (const auto& field : RegionFields()) check(field.path, field.doc);
  for (const auto& field : LinkFields()) check(field.path, field.doc);
  REQUIRE_THAT(explained, Catch::Contains("size, default 1GiB"));
  REQUIRE_THAT(explained, Catch::Contains("1..250, required, fixed for the life of the data"));
}

TEST_CASE("A folder gives all its YAML files in order and nothing else", "[config]") {
  TestWorld world;
  std::string second = kMinimalLink;
  second.replace(second.find("from-eu-west"), 12, "from-ap");
  WriteFile(world, "/etc/atoll/b.yml", kMinimalLink);
  WriteFile(world, "/etc/atoll/a.yaml", second);
  WriteFile(world, "/etc/atoll/region.yaml", kMinimalRegion);
  WriteFile(world, "/etc/atoll/README.md", "{{{{");
  LoadResult result = Load({"/etc/atoll"}, world.environment());
  REQUIRE(ToString(result.problems) == "");
  REQUIRE(result.config->links.size() == 2);
  REQUIRE(result.config->links[0].name == LinkName("from-ap"));
  REQUIRE(result.config->links[1].name == LinkName("from-eu-west"));

  WriteFile(world, "/etc/other/link.yaml", kMinimalLink);
  result = Load({"/etc/atoll/region.yaml", "/etc/other"}, world.environment());
  REQUIRE(ToString(result.problems) == "");
  REQUIRE(result.config->links.size() == 1);
}

TEST_CASE("Files that can't be read are problems like any other", "[config]") {
  TestWorld world;
  WriteFile(world, "/etc/large.yaml", std::string(kMaxFileBytes + 1, '#'));
  WriteFile(world, "/etc/empty/readme", "");
  WriteFile(world, "/etc/link.yaml", kMinimalLink);
  REQUIRE(ToString(Load({"/etc/large.yaml"}, world.environment()).problems) ==
          "/etc/large.yaml: is larger than 1 MiB\n");
  REQUIRE(ToString(Load({"/etc/empty"}, world.environment()).problems) ==
          "/etc/empty: the folder has no *.yaml or *.yml\n");
  REQUIRE(ToString(Load({"/etc/link.yaml"}, world.environment()).problems) ==
          "/etc/link.yaml: there is no document of kind Region\n");
  const std::string missing = ToString(Load({"/etc/no.yaml"}, world.environment()).problems);
  REQUIRE_THAT(missing, Catch::StartsWith("/etc/no.yaml: can't be read: "));
  REQUIRE_FALSE(Load({}, world.environment()).config.has_value());
}

}  // namespace atl::config
