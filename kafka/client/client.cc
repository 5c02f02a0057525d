#include "kafka/client/client.h"

#include <algorithm>

#include "base/check.h"

namespace atl::kafka {

Client::Client(runtime::Reactor& reactor, const Clock& clock, std::shared_ptr<BufferPool> buffers,
               Options options)
    : reactor_(reactor), clock_(clock), buffers_(std::move(buffers)), options_(std::move(options)) {
  CHECK(!options_.bootstrap.empty(), "a client without a bootstrap address");
}

void Client::Close() { control_.reset(); }

void Client::Account() {
  received_bytes_ += control_->received_bytes() - control_seen_;
  control_seen_ = control_->received_bytes();
}

std::vector<BrokerAddress> Client::Candidates() const {
  std::vector<BrokerAddress> candidates;
  for (const NodeId node : metadata_.nodes()) candidates.push_back(*metadata_.Address(node));
  for (const BrokerAddress& address : options_.bootstrap) {
    const bool known = std::find(candidates.begin(), candidates.end(), address) != candidates.end();
    if (!known) candidates.push_back(address);
  }
  return candidates;
}

runtime::awaitable<StatusOr<std::unique_ptr<Connection>>> Client::ConnectAny() {
  const std::vector<BrokerAddress> candidates = Candidates();
  StatusOr<std::unique_ptr<Connection>> connection = Unavailable("no broker was tried");
  for (size_t tried = 0; tried < candidates.size(); ++tried) {
    const BrokerAddress& address = candidates[next_candidate_ % candidates.size()];
    connection =
        co_await Connection::Open(reactor_, clock_, buffers_, address, options_.connection);
    const bool cancelled = connection.status().code() == StatusCode::kCancelled;
    if (connection.ok() || cancelled) co_return connection;
    ++next_candidate_;
  }
  co_return connection;
}

runtime::awaitable<StatusOr<std::unique_ptr<Connection>>> Client::Connect(NodeId node) {
  const std::optional<BrokerAddress> address = metadata_.Address(node);
  if (!address.has_value()) {
    co_return NotFound("the source's cluster has no broker {}", node.value());
  }
  StatusOr<std::unique_ptr<Connection>> connection =
      co_await Connection::Open(reactor_, clock_, buffers_, *address, options_.connection);
  co_return connection;
}

runtime::awaitable<Status> Client::EnsureControl() {
  if (control_ != nullptr && control_->is_open()) co_return OkStatus();
  control_.reset();
  StatusOr<std::unique_ptr<Connection>> connection = co_await ConnectAny();
  CO_RETURN_IF_ERROR(connection.status());
  control_ = *std::move(connection);
  control_seen_ = ByteCount(0);
  co_return OkStatus();
}

runtime::awaitable<StatusOr<MetadataResponse>> Client::Metadata(MetadataRequest request) {
  StatusOr<Answer<MetadataResponse>> answer = co_await Call(std::move(request), CallLimits());
  CO_RETURN_IF_ERROR(answer.status());
  const Status understood = metadata_.Update(answer->message);
  if (!understood.ok()) control_->Close();
  CO_RETURN_IF_ERROR(understood);
  co_return std::move(answer->message);
}

}  // namespace atl::kafka
