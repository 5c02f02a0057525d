// What every handler sees of its broker: who it is, what it leans on, and its limits. Built by
// atoll/serve, constant after construction except for the advertised port (set once, before the
// listener starts, when the configuration says 0). Everything referred to outlives it, and is
// thread-safe by itself.
#pragma once

#include <string>

#include "base/clock.h"
#include "base/file.h"
#include "base/metrics.h"
#include "base/types.h"
#include "base/uuid.h"
#include "core-broker/catalog/catalog.h"
#include "core-broker/group/coordinator.h"
#include "core-broker/partition/gate.h"
#include "core-broker/server/handlers/fetch_session_ids.h"
#include "core-broker/server/handlers/producer_ids.h"
#include "runtime/storage_shards.h"

namespace atl::broker {

struct BrokerConfig {
  Uuid cluster_id;
  NodeId node_id;  // The region's ordinal.
  RegionName region;
  std::string data_folder;
  std::string advertised_host;
  int32_t advertised_port = 0;

  bool auto_create = true;
  int32_t default_partitions = 4;
  bool replication_factor_clamp = true;  // A factor above 1 is taken as 1, not refused.
  int32_t max_partitions_per_topic = 10'000;

  ByteCount max_request_bytes{100 << 20};
  ByteCount max_fetch_bytes{55 << 20};  // Of one response, whatever the client asks for.
  Duration max_fetch_wait = std::chrono::minutes(5);
  ByteCount frame_memory{512 << 20};  // All frames being read or handled, together.
  int max_connections = 10'000;
  int max_unanswered = 64;                            // Produce requests of one connection.
  Duration idle_timeout = std::chrono::minutes(10);   // connections.max.idle.ms
  Duration frame_timeout = std::chrono::seconds(30);  // From a frame's first byte to its last.
  Duration send_timeout = std::chrono::seconds(60);   // Without a byte of progress.
};

struct Broker {
  BrokerConfig config;
  Catalog& catalog;
  const OwnershipGate& gate;
  FileSystem& files;
  runtime::StorageShards& shards;
  // One thread for everything else that may block: catalogue changes, time look-ups, producer ids.
  runtime::StorageShards& blocking;
  ProducerIds& producer_ids;
  FetchSessionIds& session_ids;
  Coordinator& groups;
  Metrics& metrics;
  Clock& clock;
};

}  // namespace atl::broker
