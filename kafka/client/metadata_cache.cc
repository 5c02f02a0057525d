#include "kafka/client/metadata_cache.h"

#include <utility>

namespace atl::kafka {

Status MetadataCache::Update(const MetadataResponse& answer) {
  std::map<NodeId, BrokerAddress> brokers;
  for (const MetadataResponseBroker& broker : answer.brokers) {
    if (broker.port < 1 || broker.port > UINT16_MAX || broker.host.empty()) {
      return Corrupt("Metadata: broker {} is at '{}', port {}", broker.node_id.value(), broker.host,
                     broker.port);
    }
    BrokerAddress address;
    address.host = broker.host;
    address.port = static_cast<uint16_t>(broker.port);
    if (!brokers.emplace(broker.node_id, std::move(address)).second) {
      return Corrupt("Metadata: broker {} is listed twice", broker.node_id.value());
    }
  }
  if (brokers.empty()) return Unavailable("Metadata: the cluster names no broker");
  brokers_ = std::move(brokers);
  cluster_id_ = answer.cluster_id.value_or("");
  controller_ = answer.controller_id;
  return OkStatus();
}

std::optional<BrokerAddress> MetadataCache::Address(NodeId node) const {
  const auto found = brokers_.find(node);
  if (found == brokers_.end()) return std::nullopt;
  return found->second;
}

std::vector<NodeId> MetadataCache::nodes() const {
  std::vector<NodeId> nodes;
  nodes.reserve(brokers_.size());
  for (const auto& [node, address] : brokers_) nodes.push_back(node);
  return nodes;
}

}  // namespace atl::kafka
