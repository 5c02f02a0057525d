// Keeps committed offsets true to the catalogue: a topic that is gone, or that was made anew under
// its name, takes the offsets of its time with it. One per region; thread-safe.
#pragma once

#include <memory>

#include "base/mutex.h"
#include "core-broker/catalog/catalog.h"
#include "core-broker/group/coordinator.h"

namespace atl::broker {

class GroupTopics {
 public:
  // Both outlive this. Call when both are loaded: what was deleted just before a crash goes now.
  GroupTopics(Catalog& catalog, Coordinator& groups);

 private:
  void OnChange();

  Catalog& catalog_;
  Coordinator& groups_;
  Mutex mutex_;  // A leaf.
  std::shared_ptr<const CatalogView> seen_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace atl::broker
