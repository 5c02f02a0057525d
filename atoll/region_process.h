// One region, built: every object of the process in the order in which they lean on each other,
// started in that order and stopped in reverse. No logic. Used by atoll/serve on the main thread.
#pragma once

#include <memory>
#include <string>

#include "atoll/live_config.h"
#include "base/status.h"

namespace atl {

class RegionProcess {
 public:
  // Opens the store, recovers the logs, binds the listeners, starts the links. On an error nothing
  // runs any more.
  static StatusOr<std::unique_ptr<RegionProcess>> Start(LoadedConfig loaded);
  ~RegionProcess();

  // "ready region=us-east kafka=127.0.0.1:19092 admin=127.0.0.1:19644 control=127.0.0.1:19645", the
  // last only with such a listener.
  std::string ReadyLine() const;
  // Blocks until SIGTERM or SIGINT; SIGHUP meanwhile reloads the configuration.
  void WaitForStop();
  // Closes the Kafka listener and answers what clients have asked until then, for at most 10 s, in
  // which /readyz says that the region stops; then stops admin API, control plane, links,
  // connections, logs, store, in that order; the marker of a clean stop is the last thing written.
  Status Stop();

 private:
  struct Parts;
  explicit RegionProcess(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace atl
