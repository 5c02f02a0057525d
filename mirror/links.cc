#include "mirror/links.h"

#include <algorithm>

namespace atl::mirror {

Links::Links(const std::vector<config::Link>& links, const LinkContext& context, uint64_t seed)
    : events_(context.events), clock_(context.clock), catalog_(context.catalog) {
  Random random(seed);
  for (const config::Link& link : links) {
    links_.push_back(std::make_unique<Link>(link, context, random.Next()));
  }
  collector_ =
      context.metrics.AddCollector([this](std::vector<MetricFamily>& out) { Collect(out); });
}

Links::~Links() { collector_.reset(); }

void Links::Start() {
  for (const auto& link : links_) link->Start();
}

void Links::Stop() {
  for (const auto& link : links_) link->Stop();
}

Link* Links::Find(std::string_view name) const {
  const auto found = std::find_if(links_.begin(), links_.end(), [name](const auto& link) {
    return link->config().name.value() == name;
  });
  return found == links_.end() ? nullptr : found->get();
}

bool Links::IsDiverged(const LinkName& link, const TopicId& topic, PartitionId partition) const {
  const Link* const found = Find(link.value());
  if (found == nullptr) return false;
  const auto snapshot = found->snapshot();
  const std::vector<MirrorRow>& rows = snapshot->sample.rows;
  return std::any_of(rows.begin(), rows.end(), [&](const MirrorRow& row) {
    return row.topic_id == topic && row.partition == partition &&
           row.state == MirrorState::kDiverged;
  });
}

void Links::Collect(std::vector<MetricFamily>& out) const {
  std::vector<LinkSample> samples;
  for (const auto& link : links_) samples.push_back(link->snapshot()->sample);
  AppendLinkFamilies(samples, clock_.WallNow(), out);
}

}  // namespace atl::mirror
