// /livez: this process turns. /readyz: every named check is OK; ?verbose lists them, a line each in
// the form of Kubernetes' own: "[+]store ok", "[-]store failed: why". Liveness asks
// for nothing outside the process, and never for another region. Checks are added before the server
// starts, and run on the admin reactor.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/status.h"
#include "core-broker/admin/router.h"

namespace atl::broker {

class Health {
 public:
  using Check = std::function<Status()>;
  void AddCheck(std::string name, Check check);
  // The routes refer to this object.
  void Register(Router& router) const;

 private:
  HttpReply Ready(const HttpCall& call) const;

  struct Named {
    std::string name;
    Check check;
  };
  std::vector<Named> checks_;
};

}  // namespace atl::broker
