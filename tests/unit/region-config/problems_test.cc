// One mistake per row, with the exact words that its writer reads.
#include <string>
#include <vector>

#include "region-config/load.h"
#include "tests/unit/region-config/config_text.h"

#include <catch2/catch.hpp>

namespace atl::config {
namespace {

struct Row {
  std::string replace;  // In the minimal Region and Link ...
  std::string with;
  std::string expected;  // ... without the file's name.
};

const std::string kDocuments = kMinimalRegion + "---\n" + kMinimalLink;

std::string ProblemsOf(const std::string& text) {
  TestWorld world;
  const LoadResult result = LoadText("f", text, world.environment());
  REQUIRE(result.config.has_value() == result.problems.empty());
  return ToString(result.problems);
}

void CheckRows(const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    std::string text = kDocuments;
    const size_t at = text.find(row.replace);
    REQUIRE(at != std::string::npos);
    text.replace(at, row.replace.size(), row.with);
    INFO(row.with);
    REQUIRE(ProblemsOf(text) == "f:" + row.expected + "\n");
  }
}

}  // namespace

TEST_CASE("Keys: unknown, missing, twice, in the wrong form", "[config]") {
  CheckRows({
      {"ordinal: 1", "ordinla: 1",
       "4:1: spec.ordinal: is required (1..250)\n"
       "f:5:3: spec.ordinla: unknown key (did you mean `ordinal`?)"},
      {"ordinal: 1", "ordinal: 1\n  colour: red",
       "6:3: spec.colour: unknown key; here may stand ordinal, dataDir, listeners, insecure, "
       "storage, topics, ownership, groups, lease, console, metrics"},
      {"  dataDir: ./data\n", "", "4:1: spec.dataDir: is required (path)"},
      {"metadata: {name: us-east}\n", "", "1:1: metadata.name: is required (name)"},
      {"ordinal: 1", "ordinal: 1\n  ordinal: 1", "6:3: key `ordinal` is written twice"},
      {"ordinal: 1", "ordinal: 1\n  \"ordinal\": 2", "6:3: key `ordinal` is written twice"},
      {"ordinal: 1", "ordinal: 1\n  <<: {insecure: true}",
       "6:3: merge keys (`<<`) are not allowed"},
      {"ordinal: 1", "ordinal: 1\n  ? [a]\n  : b", "6:5: a key must be plain text"},
      {"ordinal: 1", "ordinal: 1\n  storage: fsync",
       "6:12: spec.storage: a value stands where a map is wanted"},
      {"ordinal: 1", "ordinal: 1\n  storage:\n  topics: []",
       "6:3: spec.storage: nothing stands where a map is wanted\n"
       "f:7:11: spec.topics: a list stands where a map is wanted"},
      {"kind: Region", "kind: Regoin",
       "2:7: kind: `Regoin` is not one of Region, Link (did you mean `Region`?)"},
      {"kind: Region", "kindness: Region",
       "1:1: a document is a map with `kind: Region` or `kind: Link`"},
      {"apiVersion: atoll/v1\nkind: Region", "apiVersion: atoll/v2\nkind: Region",
       "1:13: apiVersion: `atoll/v2` is not one of atoll/v1 (did you mean `atoll/v1`?)"},
  });
}

TEST_CASE("YAML that Atoll does not take: anchors, aliases, tags, broken text", "[config]") {
  CheckRows({
      {"ordinal: 1", "ordinal: &a 1", "5:12: anchors (`&name`) are not allowed"},
      {"ordinal: 1\n  dataDir: ./data", "ordinal: &a 1\n  dataDir: *a",
       "5:12: anchors (`&name`) are not allowed\n"
       "f:6:3: spec.dataDir: nothing stands where a text is wanted\n"
       "f:6:12: aliases (`*name`) are not allowed; write the value out"},
      {"ordinal: 1", "ordinal: !!int 1", "5:12: tags (`tag:yaml.org,2002:int`) are not allowed"},
      {"dataDir: ./data", "dataDir: !secret ./data", "6:12: tags (`!secret`) are not allowed"},
      {"ordinal: 1", "ordinal: [1", "6:10: not YAML: end of sequence flow not found"},
      {"./data", std::string("./da\0ta", 7),
       "6:16: byte 0x00 is no UTF-8 text or a control character"},
      {"./data", "./\xC3\xA4\xFF", "6:15: byte 0xff is no UTF-8 text or a control character"},
  });
}

TEST_CASE("Numbers, booleans and texts are taken strictly", "[config]") {
  const std::string digits = " is not a whole number (decimal digits only, unquoted)";
  const std::string words = " is not true or false (unquoted, in small letters)";
  const std::string quotes = " is not a text; if it is meant as one, put it in quotes";
  CheckRows({
      {"ordinal: 1", "ordinal: 0", "5:12: spec.ordinal: 0 is not between 1 and 250"},
      {"ordinal: 1", "ordinal: 251", "5:12: spec.ordinal: 251 is not between 1 and 250"},
      {"ordinal: 1", "ordinal: -1", "5:12: spec.ordinal: -1 is not between 1 and 250"},
      {"ordinal: 1", "ordinal: 99999999999999999999",
       "5:12: spec.ordinal: 99999999999999999999 is not between 1 and 250"},
      {"ordinal: 1", "ordinal: 010", "5:12: spec.ordinal: `010`" + digits},
      {"ordinal: 1", "ordinal: 0x10", "5:12: spec.ordinal: `0x10`" + digits},
      {"ordinal: 1", "ordinal: 1_0", "5:12: spec.ordinal: `1_0`" + digits},
      {"ordinal: 1", "ordinal: 1.0", "5:12: spec.ordinal: `1.0`" + digits},
      {"ordinal: 1", "ordinal: '1'", "5:12: spec.ordinal: `1`" + digits},
      {"ordinal: 1",
       "ordinal:", "5:3: spec.ordinal: nothing stands where a whole number is wanted"},
      {"ordinal: 1", "ordinal: {}",
       "5:12: spec.ordinal: a map stands where a whole number is wanted"},
      {"ordinal: 1", "ordinal: 1\n  insecure: yes", "6:13: spec.insecure: `yes`" + words},
      {"ordinal: 1", "ordinal: 1\n  insecure: True", "6:13: spec.insecure: `True`" + words},
      {"ordinal: 1", "ordinal: 1\n  insecure: \"true\"", "6:13: spec.insecure: `true`" + words},
      {"./data", "5", "6:12: spec.dataDir: `5`" + quotes},
      {"./data", "no", "6:12: spec.dataDir: `no`" + quotes},
      {"./data", "1e3", "6:12: spec.dataDir: `1e3`" + quotes},
      {"./data", "\"\"", "6:12: spec.dataDir: is empty"},
      {"./data", "[a]", "6:12: spec.dataDir: a list stands where a text is wanted"},
      {"./data", "~", "6:3: spec.dataDir: nothing stands where a text is wanted"},
      {"./data", "${env:NO}", "6:12: spec.dataDir: environment variable `NO` is not set"},
      {"./data", "a${env:NO",
       "6:12: spec.dataDir: `${env:NO` is not ${env:NAME}, the only "
       "reference allowed here"},
      {"./data", "${file:x}b",
       "6:12: spec.dataDir: `${file:x}` is not ${env:NAME}, the only "
       "reference allowed here"},
  });
}

TEST_CASE("Durations and sizes need their units", "[config]") {
  const auto storage = [](const std::string& fields) {
    return "ordinal: 1\n  storage: {" + fields + "}";
  };
  const std::string bad_size = " is not a size such as 100B, 64KiB, 512MiB, 1GiB or 2TiB";
  const std::string bad_length = " is not a duration such as 500ms, 30s, 5m, 12h or 7d";
  CheckRows({
      {"ordinal: 1", storage("segmentBytes: 1000000"),
       "6:27: spec.storage.segmentBytes: `1000000` has no unit; write 1000000B for bytes, or KiB, "
       "MiB, GiB, TiB"},
      {"ordinal: 1", storage("segmentBytes: 1GB"),
       "6:27: spec.storage.segmentBytes: `1GB`" + bad_size},
      {"ordinal: 1", storage("segmentBytes: 1.5GiB"),
       "6:27: spec.storage.segmentBytes: `1.5GiB`" + bad_size},
      {"ordinal: 1", storage("segmentBytes: 9999999999TiB"),
       "6:27: spec.storage.segmentBytes: `9999999999TiB`" + bad_size},
      {"ordinal: 1", storage("segmentBytes: 0"),
       "6:27: spec.storage.segmentBytes: is not between 64KiB and 2GiB (less one byte)"},
      {"ordinal: 1", storage("segmentBytes: 2GiB"),
       "6:27: spec.storage.segmentBytes: is not between 64KiB and 2GiB (less one byte)"},
      {"ordinal: 1", storage("retentionBytes: 0B"),
       "6:29: spec.storage.retentionBytes: must be more than 0; leave it out for no limit"},
      {"ordinal: 1", storage("retention: 7"),
       "6:24: spec.storage.retention: `7` has no unit; write 7ms, 7s, 7m, 7h or 7d"},
      {"ordinal: 1", storage("retention: 1w"), "6:24: spec.storage.retention: `1w`" + bad_length},
      {"ordinal: 1", storage("retention: -1s"), "6:24: spec.storage.retention: `-1s`" + bad_length},
      {"ordinal: 1", storage("retention: 1 s"), "6:24: spec.storage.retention: `1 s`" + bad_length},
      {"ordinal: 1", storage("retention: 200000d"),
       "6:24: spec.storage.retention: `200000d`" + bad_length},
      {"ordinal: 1", storage("retention: 0s"),
       "6:24: spec.storage.retention: must be longer than 0"},
      {"ordinal: 1", storage("durability: fsnyc"),
       "6:25: spec.storage.durability: `fsnyc` is not one of fsync, os (did you mean `fsync`?)"},
  });
}

TEST_CASE("Lease mode is written whole or not at all", "[config]") {
  const auto lease = [](const std::string& fields) {
    return "ordinal: 1\n  lease: {" + fields + "}";
  };
  CheckRows({
      {"ordinal: 1", lease("etcd: []"), "6:17: spec.lease.etcd: the list is empty"},
      {"ordinal: 1", lease("ttl: 10s"),
       "6:16: spec.lease.etcd: is required (list of host:port) in lease mode"},
      {"ordinal: 1", lease("prefix: atoll, etcd: [\"a:1\"]"),
       "6:19: spec.lease.prefix: must begin with `/` and end with something else"},
      {"ordinal: 1", lease("ttl: 1s, etcd: [\"a:1\"]"),
       "6:16: spec.lease.ttl: is not between 2s and 1h"},
      {"ordinal: 1", lease("etcd: [\"a:0\"]"),
       "6:18: spec.lease.etcd[0]: `a:0` needs a port of at least 1"},
  });
}

TEST_CASE("Only an address of the web becomes a link of the console", "[config]") {
  const auto grafana = [](const std::string& address) {
    return "ordinal: 1\n  console: {grafana: \"" + address + "\"}";
  };
  const std::string message =
      "6:22: spec.console.grafana: must be http://HOST[:PORT][/PATH] or https://HOST[:PORT][/PATH]";
  for (const char* const address : {"javascript:alert(1)", "grafana:3000", "http://", "https:///d",
                                    "ftp://grafana", "http://a b", "http://a/?b=c", "http://a/#b",
                                    "http://user@a", "HTTP://a", "http://a\\\"b"}) {
    CheckRows({{"ordinal: 1", grafana(address), message}});
  }
}

TEST_CASE("Ownership rules and groups of a region are checked", "[config]") {
  const auto region = [](const std::string& fields) { return "ordinal: 1\n  " + fields; };
  CheckRows({
      {"ordinal: 1", region("ownership: {}"),
       "6:14: spec.ownership: a map stands where a list is wanted"},
      {"ordinal: 1", region("ownership: []"), "6:14: spec.ownership: the list is empty"},
      {"ordinal: 1", region("ownership: [a]"),
       "6:15: spec.ownership[0]: a value stands where a map is wanted"},
      {"ordinal: 1", region("ownership: [{topics: a}]"),
       "6:15: spec.ownership[0]: a rule has `topics` and `owner`"},
      {"ordinal: 1", region("ownership: [{topics: a, owner: us, epoch: 1}]"),
       "6:38: spec.ownership[0].epoch: unknown key; here may stand topics, owner"},
      {"ordinal: 1", region("ownership: [{topics: a, owner: US}]"),
       "6:34: spec.ownership[0].owner: `US` is not a name: small letters, digits and inner `-`, at "
       "most 63"},
      {"ordinal: 1", region("ownership: [{topics: 'a b', owner: us}]"),
       "6:24: spec.ownership[0].topics: `a b` can match no topic: ` ` is not in topic names, and a "
       "glob knows only * and ?"},
      {"ordinal: 1", region("groups: {minSessionTimeout: 0s}"),
       "6:31: spec.groups.minSessionTimeout: must be longer than 0"},
      {"ordinal: 1", region("groups: {maxSessionTimeout: 0s}"),
       "6:31: spec.groups.maxSessionTimeout: must be longer than 0"},
      {"ordinal: 1", region("groups: {offsetsRetention: 0s}"),
       "6:30: spec.groups.offsetsRetention: must be longer than 0"},
      {"ordinal: 1", region("groups: {initialRebalanceDelay: 3}"),
       "6:35: spec.groups.initialRebalanceDelay: `3` has no unit; write 3ms, 3s, 3m, 3h or 3d"},
      {"ordinal: 1", region("topics: {defaultPartitions: 0}"),
       "6:31: spec.topics.defaultPartitions: 0 is not between 1 and 10000"},
      {"ordinal: 1", region("metrics: {partitionSeries: -1}"),
       "6:30: spec.metrics.partitionSeries: -1 is not between 0 and 1000000"},
      {"ordinal: 1", region("metrics: {partitionSeries: 1000001}"),
       "6:30: spec.metrics.partitionSeries: 1000001 is not between 0 and 1000000"},
      {"ordinal: 1", region("topics: {autoCreate: 1}"),
       "6:24: spec.topics.autoCreate: `1` is not true or false (unquoted, in small letters)"},
  });
}

TEST_CASE("What a link does is checked", "[config]") {
  const std::string rest = "region: eu-west\n    bootstrapServers: [127.0.0.1:29092]";
  const auto link = [&](const std::string& field, const std::string& expected) {
    return Row{rest, rest + "\n  " + field, expected};
  };
  CheckRows({
      link("objectives: {rpo: 0s}", "18:21: spec.objectives.rpo: must be longer than 0"),
      link("objectives: {rto: 5m}",
           "18:16: spec.objectives.rto: unknown key (did you mean `rpo`?)"),
      link("paused: no",
           "18:11: spec.paused: `no` is not true or false (unquoted, in small letters)"),
      link("onGap: stopp",
           "18:10: spec.onGap: `stopp` is not one of stop, skip (did you mean `stop`?)"),
      link("deletes: never", "18:12: spec.deletes: `never` is not one of keep, follow"),
      link("sync: true", "18:9: spec.sync: a value stands where a map is wanted"),
      link("groups: {filter: [{include: 'a', exclude: 'b'}]}",
           "18:21: spec.groups.filter[0]: a rule has either `include` or `exclude`"),
      link("groups: {sync: yes}",
           "18:18: spec.groups.sync: `yes` is not true or false (unquoted, in small letters)"),
      link("naming: {prefix: " + std::string(101, 'a') + "}",
           "18:20: spec.naming.prefix: a prefix has up to 100 letters, digits, `.`, `_` and `-`, "
           "like "
           "`us-east.`"),
      link("target: {topic: " + std::string(250, 'a') + "}",
           "18:19: spec.target.topic: a topic's name has up to 249 letters, digits, `.`, `_` and "
           "`-`"),
  });
}

TEST_CASE("Names and addresses are checked", "[config]") {
  const std::string name = " is not a name: small letters, digits and inner `-`, at most 63";
  const std::string address = " is not host:port such as 127.0.0.1:9092 or [::1]:9092";
  const std::string bind = "9:13: spec.listeners.kafka.bind: ";
  CheckRows({
      {"us-east", "US-East", "3:18: metadata.name: `US-East`" + name},
      {"us-east", "us-", "3:18: metadata.name: `us-`" + name},
      {"us-east", "-us", "3:18: metadata.name: `-us`" + name},
      {"us-east", std::string(64, 'a'),
       "3:18: metadata.name: `" + std::string(64, 'a') + "`" + name},
      {"127.0.0.1:19092", "127.0.0.1", bind + "`127.0.0.1`" + address},
      {"127.0.0.1:19092", "localhost:65536", bind + "`localhost:65536`" + address},
      {"127.0.0.1:19092", "localhost:09092", bind + "`localhost:09092`" + address},
      {"127.0.0.1:19092", "localhost:-1", bind + "`localhost:-1`" + address},
      {"127.0.0.1:19092", "\":9092\"", bind + "`:9092`" + address},
      {"127.0.0.1:19092", "::1:9092", bind + "`::1:9092`" + address},
      {"127.0.0.1:19092", "\"[::1:9092\"", bind + "`[::1:9092`" + address},
      {"127.0.0.1:19092", "http://a:9092", bind + "`http://a:9092`" + address},
      {"[127.0.0.1:29092]", "127.0.0.1:29092",
       "17:23: spec.source.bootstrapServers: a value stands where a list is wanted"},
      {"[127.0.0.1:29092]", "[]", "17:23: spec.source.bootstrapServers: the list is empty"},
      {"[127.0.0.1:29092]", "[a:1, b, c:0]",
       "17:29: spec.source.bootstrapServers[1]: `b`" + address +
           "\nf:17:32: spec.source.bootstrapServers[2]: `c:0` needs a port of at least 1"},
  });
}

TEST_CASE("Topic rules and start times are checked", "[config]") {
  const auto rules = [](const std::string& list) {
    return "region: eu-west\n    bootstrapServers: [a:1]\n  topics: " + list;
  };
  const std::string rest = "region: eu-west\n    bootstrapServers: [127.0.0.1:29092]";
  const std::string time = " is not earliest, latest or a time such as 2026-01-31T08:00:00Z";
  const auto start = [&](const std::string& value) {
    return Row{rest, rest + "\n  startFrom: " + value,
               "18:14: spec.startFrom: `" + value + "`" + time};
  };
  CheckRows({
      {rest, rules("[]"), "18:11: spec.topics: the list is empty"},
      {rest, rules("['*']"), "18:12: spec.topics[0]: a value stands where a map is wanted"},
      {rest, rules("[{}]"), "18:12: spec.topics[0]: a rule has either `include` or `exclude`"},
      {rest, rules("[{include: a, exclude: b}]"),
       "18:12: spec.topics[0]: a rule has either `include` or `exclude`"},
      {rest, rules("[{inclde: a}]"),
       "18:13: spec.topics[0].inclde: unknown key (did you mean `include`?)"},
      {rest, rules("[{include: a, match: exact}]"),
       "18:32: spec.topics[0].match: `exact` is not one of literal, prefix, glob, regex"},
      {rest, rules("[{include: 'a b'}]"),
       "18:22: spec.topics[0].include: `a b` can match no topic: ` ` is not in topic names, and a "
       "glob knows only * and ?"},
      {rest, rules("[{include: 'a*', match: prefix}]"),
       "18:22: spec.topics[0].include: `a*` can match no topic: `*` is not in topic names; for "
       "patterns write match: glob or regex"},
      {rest, rules("[{include: '(a', match: regex}]"),
       "18:22: spec.topics[0].include: `(a` is not a regular expression (ECMAScript, no "
       "back-references)"},
      {rest, rules("[{include: '((a{40}){40}){40}', match: regex}]"),
       "18:22: spec.topics[0].include: regex `((a{40}){40}){40}` unfolds to more than 1000 "
       "characters; use * or +"},
      start("yesterday"),
      start("2026-02-30T00:00:00Z"),
      start("2026-01-01"),
      start("2026-01-01T24:00:00Z"),
      start("2026-01-01T00:00:00"),
      start("2026-01-01T00:00:00+25:00"),
      start("1969-12-31T23:59:59Z"),
      start("2026-01-01T00:00:00.Z"),
  });
}

TEST_CASE("Documents are checked against each other", "[config]") {
  const std::string exposed =
      " can be reached from other machines, and nothing is authenticated or encrypted yet; bind to "
      "127.0.0.1, or write `insecure: true` in spec if this network is trusted";
  CheckRows({
      {"127.0.0.1:19092", "10.0.0.1:19092",
       "9:13: spec.listeners.kafka.bind: `10.0.0.1:19092`" + exposed},
      {"127.0.0.1:19092", "127.0.0.1:19092\n    admin: {bind: broker.local:80}",
       "10:19: spec.listeners.admin.bind: `broker.local:80`" + exposed},
      {"127.0.0.1:19092", "127.0.0.1:19092\n    admin: {bind: 127.0.0.1:19092}",
       "10:19: spec.listeners.admin.bind: port 19092 is the Kafka listener's"},
      {"127.0.0.1:19092", "127.0.0.1:19092\n      advertise: 0.0.0.0:19092",
       "10:18: spec.listeners.kafka.advertise: `0.0.0.0:19092` is no address that a client can "
       "connect to"},
      {"127.0.0.1:19092", "127.0.0.1:19092\n    control: {bind: 10.0.0.1:645}",
       "10:21: spec.listeners.control.bind: `10.0.0.1:645`" + exposed},
      {"127.0.0.1:19092", "127.0.0.1:19092\n    control: {bind: 127.0.0.1:19092}",
       "10:21: spec.listeners.control.bind: port 19092 is the Kafka listener's"},
      {"127.0.0.1:19092", "127.0.0.1:19092\n    control: {bind: 127.0.0.1:9644}",
       "10:21: spec.listeners.control.bind: port 9644 is the admin listener's"},
      {"127.0.0.1:19092", "127.0.0.1:19092\n    control: {advertise: a.example:1}",
       "10:26: spec.listeners.control.bind: is required (host:port) where `advertise` is written"},
      {"127.0.0.1:19092", "127.0.0.1:19092\n    control: {bind: 127.0.0.1:1, advertise: 0.0.0.0:1}",
       "10:45: spec.listeners.control.advertise: `0.0.0.0:1` is no address that another region can "
       "connect to"},
      {"[127.0.0.1:29092]", "[127.0.0.1:29092]\n    kind: kafka\n    control: a.example:1",
       "19:14: spec.source.control: an Apache Kafka cluster has no control plane; leave it out"},
      {"[127.0.0.1:29092]", "[127.0.0.1:29092]\n    control: a.example:0",
       "18:14: spec.source.control: `a.example:0` needs a port of at least 1"},
      {"[127.0.0.1:29092]", "[127.0.0.1:29092]\n  naming: {prefix: us.}\n  target: {topic: all}",
       "18:20: spec.naming.prefix: all topics flow into `all` (target.topic); a prefix has no name "
       "to go before"},
      {"[127.0.0.1:29092]", "[127.0.0.1:29092]\n  naming: {prefix: a/b}",
       "18:20: spec.naming.prefix: a prefix has up to 100 letters, digits, `.`, `_` and `-`, like "
       "`us-east.`"},
      {"[127.0.0.1:29092]", "[127.0.0.1:29092]\n  target: {topic: ..}",
       "18:19: spec.target.topic: a topic's name has up to 249 letters, digits, `.`, `_` and `-`"},
      {"[127.0.0.1:29092]", "[127.0.0.1:29092]\n  groups: {pollInterval: 10ms}",
       "18:26: spec.groups.pollInterval: must be at least 1s"},
      {"region: eu-west", "region: us-east",
       "16:13: spec.source.region: `us-east` is this region itself; a link pulls from another one"},
  });
}

TEST_CASE("A wildcard address needs one that clients can connect to", "[config]") {
  std::string text = kMinimalRegion + "  insecure: true\n";
  text.replace(text.find("127.0.0.1:19092"), 15, "\"[::]:19092\"");
  REQUIRE(ProblemsOf(text) ==
          "f:9:13: spec.listeners.kafka.bind: `[::]:19092` is every address of this machine, so "
          "clients need `advertise: host:port`, the one to connect to\n");
  text.replace(text.find("\"[::]:19092\""), 12, "0.0.0.0:9092\n      advertise: a.example:9092");
  REQUIRE(ProblemsOf(text) == "");
}

TEST_CASE("Two Regions, and two Links of one name, are refused with both places", "[config]") {
  REQUIRE(ProblemsOf(kMinimalRegion + "---\n" + kMinimalRegion) ==
          "f:11:1: a second Region; a process is one region, and f:1:1 has it\n");
  REQUIRE(ProblemsOf(kMinimalRegion + "---\n" + kMinimalLink + "---\n" + kMinimalLink) ==
          "f:21:18: metadata.name: link `from-eu-west` is already at f:13:18\n");
}

TEST_CASE("All mistakes of all documents are reported at once, in order", "[config]") {
  std::string text = kDocuments;
  text.replace(text.find("ordinal: 1"), 10, "ordinal: 0");
  text.replace(text.find("us-east"), 7, "US");
  text.replace(text.find("eu-west}"), 8, "eu_west}");
  text.replace(text.find("29092]"), 6, "x]");
  REQUIRE(ProblemsOf(text) ==
          "f:3:18: metadata.name: `US` is not a name: small letters, digits and inner `-`, at most "
          "63\n"
          "f:5:12: spec.ordinal: 0 is not between 1 and 250\n"
          "f:13:18: metadata.name: `from-eu_west` is not a name: small letters, digits and inner "
          "`-`, at most 63\n"
          "f:17:24: spec.source.bootstrapServers[0]: `127.0.0.1:x` is not host:port such as "
          "127.0.0.1:9092 or [::1]:9092\n");
}

}  // namespace atl::config
