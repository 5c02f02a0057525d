#include "mirror/ownership/move_rules.h"

namespace atl::mirror {

bool IsDrained(const broker::Catalog& catalog, const checkpoint::FailoverRecord& record) {
  const auto view = catalog.view();
  for (const auto& topic : record.topics) {
    const auto local = view->Find(topic.id);
    if (local == nullptr || local->partitions.size() < topic.partitions.size()) return false;
    for (size_t i = 0; i < topic.partitions.size(); ++i) {
      const Offset end = topic.partitions[i].source_end;
      if (end != kNoOffset && local->partitions[i]->offsets().high_watermark < end) return false;
    }
  }
  return true;
}

}  // namespace atl::mirror
