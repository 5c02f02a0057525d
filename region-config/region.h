// A document of kind Region: what one Atoll process is. Plain values, immutable once loaded; the
// defaults are the schema's (schema.h), so a Region made by hand in a test starts from
// DefaultRegion().
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/types.h"

namespace atl::config {

struct Endpoint {
  std::string host;              // Without brackets.
  uint16_t port = 0;             // 0 in a bind: the system picks one.
  std::string ToString() const;  // "127.0.0.1:9092", "[::1]:9092"
  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

struct KafkaListener {
  Endpoint bind;
  Endpoint advertise;  // As `bind` unless written. Port 0: whatever port was bound.
  friend bool operator==(const KafkaListener&, const KafkaListener&) = default;
};

struct AdminListener {
  Endpoint bind;
  friend bool operator==(const AdminListener&, const AdminListener&) = default;
};

// Where other regions' links reach this one besides Kafka's protocol (mirror/control).
struct ControlListener {
  Endpoint bind;
  Endpoint advertise;  // As `bind` unless written: what a link's `source.control` says.
  friend bool operator==(const ControlListener&, const ControlListener&) = default;
};

enum class Durability {
  kFsync,  // Acknowledged, readable and mirrored only after an fsync.
  kOs,     // Kafka's: after the write.
};

struct Storage {
  Durability durability = Durability::kFsync;
  ByteCount segment_bytes;
  Duration retention{};                      // By record time.
  std::optional<ByteCount> retention_bytes;  // Per partition; none: unlimited.
  friend bool operator==(const Storage&, const Storage&) = default;
};

struct TopicDefaults {
  bool auto_create = false;
  int32_t default_partitions = 0;
  // A requested replication factor above 1 is taken as 1 instead of being refused.
  bool replication_factor_clamp = false;
  friend bool operator==(const TopicDefaults&, const TopicDefaults&) = default;
};

// Topics whose name matches the glob are created in region `owner` only.
struct OwnershipRule {
  std::string topics;
  RegionName owner;
  friend bool operator==(const OwnershipRule&, const OwnershipRule&) = default;
};

struct Groups {
  Duration initial_rebalance_delay{};  // An empty group waits so long for more members.
  Duration offsets_retention{};        // Of a group that has no member.
  Duration min_session_timeout{};
  Duration max_session_timeout{};
  friend bool operator==(const Groups&, const Groups&) = default;
};

// Without endpoints the region is in `operator` mode.
struct Lease {
  std::vector<Endpoint> etcd;
  std::string prefix = "/atoll";  // Of every key, the same in all regions of a ring.
  Duration ttl = std::chrono::seconds(10);
  bool enabled() const { return !etcd.empty(); }
  friend bool operator==(const Lease&, const Lease&) = default;
};

// The web console at the admin address.
struct Console {
  std::string grafana;  // http(s)://HOST[:PORT][/PATH] without a slash at its end; empty: no links.
  friend bool operator==(const Console&, const Console&) = default;
};

// What /metrics tells.
struct MetricsPage {
  size_t partition_series = 0;  // More partitions of one kind are given per topic.
  friend bool operator==(const MetricsPage&, const MetricsPage&) = default;
};

struct Region {
  RegionName name;
  RegionOrdinal ordinal;
  std::string data_dir;
  KafkaListener kafka;
  AdminListener admin;
  std::optional<ControlListener> control;  // None: regions that pull from here poll.
  bool insecure = false;  // Non-loopback listeners without authentication are meant.
  Storage storage;
  TopicDefaults topics;
  std::vector<OwnershipRule>
      ownership;  // The first that matches counts; none: owned where created.
  Groups groups;
  Lease lease;
  Console console;
  MetricsPage metrics;
  friend bool operator==(const Region&, const Region&) = default;
};

// A Region with every default and nothing that is required.
Region DefaultRegion();

}  // namespace atl::config
