// Committed offsets of a source's groups by Kafka's own protocol: ListGroups of every broker (each
// names the groups that it coordinates), then OffsetFetch there, many groups at once where the
// broker can (KIP-709). For Apache Kafka clusters, and for regions without a control connection.
//
// One per link; Run() is a task on the link's reactor with connections of its own. A round that
// could not ask everybody is not told: what is missing in it would look deleted.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "base/random.h"
#include "kafka/client/client.h"
#include "mirror/control/messages.h"
#include "region-config/link.h"
#include "runtime/reactor.h"

namespace atl::mirror {

class GroupPoll {
 public:
  using Found = std::function<void(std::vector<GroupCommit>)>;
  // `needed`: asked before every round; false: the control plane brings them.
  GroupPoll(runtime::Reactor& reactor, const Clock& clock, const config::Link& link,
            std::function<bool()> needed, Found found, uint64_t seed);

  runtime::awaitable<void> Run();
  // One round. Public for tests.
  runtime::awaitable<StatusOr<std::vector<GroupCommit>>> Ask();

 private:
  runtime::awaitable<Status> AskBroker(kafka::Connection& broker, std::vector<GroupCommit>& out);
  runtime::awaitable<Status> AskMany(kafka::Connection& broker, std::vector<GroupId> groups,
                                     std::vector<GroupCommit>& out);
  runtime::awaitable<Status> AskOne(kafka::Connection& broker, GroupId group,
                                    std::vector<GroupCommit>& out);

  runtime::Reactor& reactor_;
  const Clock& clock_;
  const LinkName link_;
  const Duration interval_;
  const std::function<bool()> needed_;
  const Found found_;
  Random random_;
  kafka::Client client_;
};

}  // namespace atl::mirror
