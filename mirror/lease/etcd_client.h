// etcd over its JSON gateway: exactly the calls that leases need. One HTTP request per call; the
// endpoints are tried in turn, the one that answered last first, until one answers or the deadline
// is over.
// On one reactor. Answers are bounded; what they say is checked before it is believed.
// Errors: kUnavailable (no endpoint answered; whether it was done is unknown), kDeadlineExceeded,
// kFailedPrecondition (etcd refused: its message), kNotFound (no such lease).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "mirror/lease/etcd_types.h"
#include "runtime/asio.h"
#include "runtime/reactor.h"

namespace boost::json {
class object;
}

namespace atl::mirror {

struct EtcdEndpoint {
  std::string host;
  uint16_t port = 0;
};

class EtcdClient {
 public:
  EtcdClient(runtime::Reactor& reactor, const Clock& clock, std::vector<EtcdEndpoint> endpoints)
      : reactor_(reactor), clock_(clock), endpoints_(std::move(endpoints)) {}

  struct Grant {
    int64_t lease = 0;
    Duration ttl{};
  };
  runtime::awaitable<StatusOr<Grant>> GrantLease(Duration ttl, Duration deadline);
  // The time that it was prolonged by. kNotFound: there is no such lease any more.
  runtime::awaitable<StatusOr<Duration>> KeepAlive(int64_t lease, Duration deadline);
  runtime::awaitable<Status> Revoke(int64_t lease, Duration deadline);
  // All keys with that prefix.
  runtime::awaitable<StatusOr<std::vector<EtcdValue>>> List(std::string prefix, Duration deadline);
  // False: a key was not as expected, nothing was put.
  runtime::awaitable<StatusOr<bool>> Swap(EtcdSwap swap, Duration deadline);

 private:
  runtime::awaitable<StatusOr<boost::json::object>> Call(std::string path, std::string body,
                                                         Duration deadline);

  runtime::Reactor& reactor_;
  const Clock& clock_;
  const std::vector<EtcdEndpoint> endpoints_;
  size_t first_ = 0;  // Of `endpoints_`: who answered last.
};

// etcd's JSON has bytes in base64.
std::string EncodeBase64(std::string_view bytes);
StatusOr<std::string> DecodeBase64(std::string_view text);

}  // namespace atl::mirror
