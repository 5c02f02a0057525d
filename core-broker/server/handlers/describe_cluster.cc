#include "core-broker/server/handlers/describe_cluster.h"

#include "core-broker/server/handlers/metadata.h"

namespace atl::broker {

void HandleDescribeCluster(ExchangePtr exchange, kafka::DescribeClusterRequest request) {
  const BrokerConfig& config = exchange->broker().config;
  kafka::DescribeClusterResponse response;
  response.cluster_id = config.cluster_id.ToString();
  response.controller_id = config.node_id;
  response.brokers.push_back({.broker_id = config.node_id,
                              .host = config.advertised_host,
                              .port = config.advertised_port,
                              .rack = config.region.value()});
  if (request.include_cluster_authorized_operations) {
    response.cluster_authorized_operations = kClusterOperations;
  }
  exchange->Reply(response);
}

}  // namespace atl::broker
