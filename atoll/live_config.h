// The configuration that a running region goes by, and how it changes: a reload of its files
// (SIGHUP, POST /-/reload), or documents applied to them (POST /v1/config:apply). The files that
// `atoll serve --config` was given are the only place it lives: an apply edits them and then takes
// them over, so what stands there is what runs, before and after a restart.
//
// All or nothing: every check comes first, and a configuration that fails one leaves the running
// one as it was. What needs a restart is accepted, named in the answer, and not in force.
// Everything runs on the admin reactor, one at a time.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/metrics.h"
#include "base/status.h"
#include "core-broker/admin/router.h"
#include "region-config/apply.h"
#include "region-config/diff.h"
#include "region-config/load.h"

namespace atl {

// What `atoll serve` has read.
struct LoadedConfig {
  std::vector<std::string> paths;  // As given with --config.
  std::vector<config::SourceFile> files;
  config::Config config;
};

class LiveConfig {
 public:
  struct Hooks {
    // Whether these changes may be made now; the message says what is in the way.
    std::function<Status(const std::vector<config::DocumentChange>& changes)> check;
    // Makes them: links by the new configuration, of the region what is live. Can't fail.
    std::function<void(const config::Config& config)> take_over;
  };

  LiveConfig(LoadedConfig loaded, const config::Environment& environment, Hooks hooks,
             Metrics& metrics, const Clock& clock);

  // POST /-/reload, GET /v1/config, POST /v1/config:apply
  void Register(broker::Router& router);
  broker::HttpReply Reload();

 private:
  struct Step {
    config::Config config;
    std::vector<config::SourceFile> files;
    std::vector<config::EditedFile> edited;  // To be written first.
    bool dry_run = false;
  };

  broker::HttpReply Apply(const broker::HttpCall& call);
  broker::HttpReply Show() const;
  broker::HttpReply Refuse(int status, std::string message,
                           const std::vector<config::Problem>& problems) const;
  // Checks, writes, takes over, answers.
  broker::HttpReply TakeOver(Step step);
  Status Check(const std::vector<config::DocumentChange>& changes) const;
  Status Write(const std::vector<config::EditedFile>& edited) const;
  // Whether the files are still those that were loaded; else which are not.
  Status CheckUnedited() const;
  std::vector<std::string> RestartNeeded(const config::Config& config) const;
  void Count(bool successful);

  const std::vector<std::string> paths_;
  const config::Environment environment_;
  const Hooks hooks_;
  const Clock& clock_;
  Gauge& successful_;
  Gauge& success_time_;
  const config::Config started_;  // What needs a restart is still as here.
  config::Config accepted_;
  std::vector<config::SourceFile> files_;
  WallTime accepted_at_;
};

}  // namespace atl
