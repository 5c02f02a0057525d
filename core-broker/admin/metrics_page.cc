#include "core-broker/admin/metrics_page.h"

namespace atl::broker {

void RegisterMetricsPage(Router& router, const Metrics& metrics) {
  router.Add("GET", "/metrics", [&metrics](const HttpCall&) {
    return HttpReply{.body = metrics.Text(), .content_type = "text/plain; version=0.0.4"};
  });
}

}  // namespace atl::broker
