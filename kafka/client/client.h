// A cluster seen from outside: a bootstrap list, what Metadata said last, one control connection
// for small calls, and connections of their own for whoever needs them (fetchers).
//
// Any broker will do for the control connection: the known ones are tried in turn, then the
// bootstrap list, going on where the last try ended, so that one dead address costs one try.
// Lives on one reactor; one control call at a time. A failed call drops the control connection; the
// next one makes a new one. No retries here: the caller has the backoff.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "kafka/client/connection.h"
#include "kafka/client/metadata_cache.h"

namespace atl::kafka {

class Client {
 public:
  struct Options {
    std::vector<BrokerAddress> bootstrap;  // At least one.
    ConnectionOptions connection;
  };
  Client(runtime::Reactor& reactor, const Clock& clock, std::shared_ptr<BufferPool> buffers,
         Options options);

  // All topics when `request.topics` is null; the cache follows the answer.
  runtime::awaitable<StatusOr<MetadataResponse>> Metadata(MetadataRequest request);

  // A call on the control connection.
  template <RequestMessage R>
  runtime::awaitable<StatusOr<Answer<typename R::Response>>> Call(R request, CallLimits limits) {
    Status ready = co_await EnsureControl();
    CO_RETURN_IF_ERROR(ready);
    StatusOr<Answer<typename R::Response>> answer = co_await control_->Call(request, limits);
    Account();
    co_return answer;
  }

  // A connection to that broker, or to any one. kNotFound: Metadata did not name the broker.
  runtime::awaitable<StatusOr<std::unique_ptr<Connection>>> Connect(NodeId node);
  runtime::awaitable<StatusOr<std::unique_ptr<Connection>>> ConnectAny();

  const MetadataCache& metadata() const { return metadata_; }
  // Of the control connections, also past ones.
  ByteCount received_bytes() const { return received_bytes_; }
  void Close();

 private:
  runtime::awaitable<Status> EnsureControl();
  std::vector<BrokerAddress> Candidates() const;
  void Account();

  runtime::Reactor& reactor_;
  const Clock& clock_;
  const std::shared_ptr<BufferPool> buffers_;
  const Options options_;
  MetadataCache metadata_;
  std::unique_ptr<Connection> control_;
  ByteCount received_bytes_{0};
  ByteCount control_seen_{0};  // Of the present control connection, in received_bytes_ already.
  size_t next_candidate_ = 0;
};

}  // namespace atl::kafka
