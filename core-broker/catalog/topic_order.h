// The topics of a view, all generations, in the order of their ids: the same order every time, so
// that what is done to one after the other can be replayed by the simulator. A copy of pointers.
#pragma once

#include <map>
#include <memory>

#include "core-broker/catalog/catalog.h"

namespace atl::broker {

inline std::map<TopicId, std::shared_ptr<const Topic>> InOrder(const CatalogView& view) {
  return {view.by_id.begin(), view.by_id.end()};
}

}  // namespace atl::broker
