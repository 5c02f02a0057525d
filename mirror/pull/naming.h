// Under which name and id a source's topic is kept here (links' `naming` and `target`). Pure.
// Without a prefix a mirror has the source's own name and id. With one it is a topic of its own, at
// identical offsets, beside whatever else this region has of the same source: its id is derived
// from the link and the source's id, the same at every start, another for another generation. With
// a target topic every topic flows into that one.
#pragma once

#include <optional>

#include "base/types.h"
#include "base/uuid.h"
#include "region-config/link.h"

namespace atl::mirror {

// NEVER change what it gives: mirrors are found by it. No two parts' concatenation is another's.
TopicId DeriveTopicId(std::string_view first, std::string_view second);

inline bool IsFanIn(const config::Link& link) { return !link.target_topic.empty(); }
TopicName LocalTopicName(const config::Link& link, const TopicName& source);
// The source's topic that has this name here; nothing: not this link's, or (fan-in) not only one.
std::optional<TopicName> SourceTopicName(const config::Link& link, const TopicName& local);
TopicId LocalTopicId(const config::Link& link, const TopicId& source);

}  // namespace atl::mirror
