#include "mirror/pull/naming.h"

#include "base/random.h"

namespace atl::mirror {

TopicId DeriveTopicId(std::string_view first, std::string_view second) {
  uint64_t hash = 14695981039346656037ULL;  // FNV-1a
  const auto mix = [&hash](std::string_view text) {
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
    hash = (hash ^ 0xff) * 1099511628211ULL;  // No name ends in 0xff: "ab"+"c" is not "a"+"bc".
  };
  mix(first);
  mix(second);
  Random random(hash);
  return Uuid::Generate(random);
}

TopicName LocalTopicName(const config::Link& link, const TopicName& source) {
  return IsFanIn(link) ? link.target_topic : TopicName(link.naming_prefix + source.value());
}

std::optional<TopicName> SourceTopicName(const config::Link& link, const TopicName& local) {
  if (IsFanIn(link) || !local.value().starts_with(link.naming_prefix)) return std::nullopt;
  return TopicName(local.value().substr(link.naming_prefix.size()));
}

TopicId LocalTopicId(const config::Link& link, const TopicId& source) {
  if (link.naming_prefix.empty()) return source;
  return DeriveTopicId("link " + link.name.value(), source.ToString());
}

}  // namespace atl::mirror
