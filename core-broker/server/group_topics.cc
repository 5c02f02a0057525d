#include "core-broker/server/group_topics.h"

#include <set>

namespace atl::broker {

GroupTopics::GroupTopics(Catalog& catalog, Coordinator& groups)
    : catalog_(catalog), groups_(groups), seen_(catalog.view()) {
  groups_.ForgetTopics(
      [view = catalog.view()](const TopicName& topic) { return view->Find(topic) == nullptr; });
  catalog_.OnChange([this] { OnChange(); });
}

void GroupTopics::OnChange() {
  const auto view = catalog_.view();
  std::shared_ptr<const CatalogView> before;
  {
    MutexLock lock(&mutex_);
    if (view->version <= seen_->version) return;  // A later change was here first.
    before = std::exchange(seen_, view);
  }
  std::set<TopicName> gone;
  for (const auto& [name, topic] : before->by_name) {
    const auto now = view->Find(name);
    if (now == nullptr || now->id != topic->id) gone.insert(name);
  }
  if (gone.empty()) return;
  groups_.ForgetTopics(
      [gone = std::move(gone)](const TopicName& topic) { return gone.contains(topic); });
}

}  // namespace atl::broker
