// What is known of a source's cluster: its id, its brokers and where they are. Taken whole from
// each Metadata answer; pure data, one owner, no lock.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/types.h"
#include "kafka/client/connection.h"
#include "kafka/wire/schema/metadata.h"

namespace atl::kafka {

class MetadataCache {
 public:
  // kDataLoss for an answer that no cluster gives (a broker twice, a port out of range); then
  // nothing changed.
  Status Update(const MetadataResponse& answer);

  bool empty() const { return brokers_.empty(); }
  const std::string& cluster_id() const { return cluster_id_; }  // Empty: the source has none.
  NodeId controller() const { return controller_; }
  std::optional<BrokerAddress> Address(NodeId node) const;
  std::vector<NodeId> nodes() const;

 private:
  std::string cluster_id_;
  NodeId controller_{-1};
  std::map<NodeId, BrokerAddress> brokers_;
};

}  // namespace atl::kafka
