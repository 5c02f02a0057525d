// The broker's part of the admin API: GET/POST /v1/topics, GET/DELETE /v1/topics/{topic}, and GET
// /v1/status. Numbers are numbers, what is unknown is null, names are camelCase; the shapes are in
// docs/architecture.md. Handlers run on the admin reactor, where catalogue changes may block.
#pragma once

#include <string>

#include "core-broker/admin/health.h"
#include "core-broker/admin/router.h"
#include "core-broker/admin/state_stream.h"
#include "core-broker/server/handlers/broker.h"

namespace atl::broker {

struct StatusFacts {
  RegionOrdinal ordinal;
  std::string version;
  std::string kafka_address;  // "127.0.0.1:19092", as advertised.
  std::string admin_address;
  std::string control_address;  // Empty: no such listener.
  std::string grafana;          // Where its dashboards are; empty: not told.
  MonotonicTime started{};
};

// `broker` outlives the router.
void RegisterTopicRoutes(Router& router, Broker& broker);
void RegisterStatusRoute(Router& router, const Broker& broker, StatusFacts facts);
// "region" (one row, as GET /v1/status has it, without its age) and "topics" (as GET /v1/topics).
void AddTopicSections(StateStream& stream, const Broker& broker, StatusFacts facts);
// "partitions": none is offline.
void AddPartitionCheck(Health& health, const Broker& broker);

}  // namespace atl::broker
