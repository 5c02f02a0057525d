#include "mirror/offset_routes.h"

#include <boost/json.hpp>
#include <charconv>

#include "core-broker/admin/json_body.h"

namespace atl::mirror {
namespace {

namespace json = boost::json;
using broker::ErrorReply;
using broker::HttpCall;
using broker::HttpReply;
using broker::JsonReply;
using broker::QueryOf;

// A number from 0 on.
template <class T>
std::optional<T> Number(const std::string& text) {
  typename T::rep value{};
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = parsed.ec == std::errc() && parsed.ptr == text.data() + text.size();
  if (!whole || value < 0) return std::nullopt;
  return T(value);
}

json::value Known(Offset offset) {
  return offset == kNoOffset ? json::value() : json::value(offset.value());
}

void Put(json::object& object, const Translation& translation) {
  object["answer"] = std::string(AnswerName(translation.answer));
  object["target"] = Known(translation.target);
  switch (translation.answer) {
    case Translation::Answer::kNotMirroredYet:
      object["mirroredUpTo"] = translation.reached.value();
      break;
    case Translation::Answer::kBeforeStart:
      object["mirroredFrom"] = translation.start.value();
      break;
    case Translation::Answer::kInGap:
      object["gapFirst"] = translation.gap.first.value();
      object["gapEnd"] = translation.gap.end.value();
      object["next"] = Known(translation.next);
      break;
    case Translation::Answer::kUnknown:
      object["reason"] = translation.reason;
      break;
    case Translation::Answer::kExact:
      break;
  }
  object["explanation"] = Explain(translation);
}

json::array Back(const LocalCopies& copies, const LinkName& link, const TopicName& topic,
                 PartitionId partition, Offset offset) {
  json::array sources;
  for (const SourceOffset& source : copies.TranslateBack(link, topic, partition, offset)) {
    json::object object;
    object["topic"] = source.topic.value();
    object["partition"] = source.partition.value();
    Put(object, source.translation);
    sources.push_back(std::move(object));
  }
  return sources;
}

HttpReply TranslateOne(const LocalCopies& copies, const LinkName& link, const HttpCall& call) {
  const TopicName topic(QueryOf(call, "topic"));
  const auto partition = Number<PartitionId>(QueryOf(call, "partition"));
  const auto offset = Number<Offset>(QueryOf(call, "offset"));
  if (topic.empty() || !partition || !offset) {
    return ErrorReply(400, "topic, partition and offset are needed; the last two from 0 on",
                      "?topic=orders&partition=0&offset=42, and reverse=true from here to the "
                      "source");
  }
  const bool reverse = QueryOf(call, "reverse") == "true";
  json::object object;
  object["link"] = link.value();
  object["topic"] = topic.value();
  object["partition"] = partition->value();
  object["offset"] = offset->value();
  object["reverse"] = reverse;
  if (reverse) {
    object["sources"] = Back(copies, link, topic, *partition, *offset);
    return JsonReply(object);
  }
  const TranslatedOffset here = copies.Translate(link, topic, *partition, *offset);
  object["localTopic"] = here.topic.empty() ? json::value() : json::value(here.topic.value());
  object["localPartition"] =
      here.topic.empty() ? json::value() : json::value(here.partition.value());
  Put(object, here.translation);
  return JsonReply(object);
}

json::object ToJson(const GroupKnowledge& known) {
  json::object object;
  object["group"] = known.group.value();
  object["topic"] = known.topic.value();
  object["partition"] = known.partition.value();
  object["committedAtSource"] = known.committed_at_source.value();
  object["committedAt"] = FormatTime(known.committed);
  object["knownAt"] = FormatTime(known.known_at);
  object["localTopic"] =
      known.local_topic.empty() ? json::value() : json::value(known.local_topic.value());
  object["localPartition"] =
      known.local_topic.empty() ? json::value() : json::value(known.local_partition.value());
  object["here"] = known.here ? json::value(known.here->value()) : json::value();
  object["state"] = std::string(GroupSyncStateName(known.state));
  object["reason"] = known.reason;
  return object;
}

HttpReply ListGroups(const GroupSync& groups, const LinkName& link, const HttpCall& call) {
  const std::string group = QueryOf(call, "group");
  json::array array;
  for (const GroupKnowledge& known : groups.Knowledge(link)) {
    if (group.empty() || known.group.value() == group) array.push_back(ToJson(known));
  }
  json::object body;
  body["link"] = link.value();
  body["groups"] = std::move(array);
  return JsonReply(body);
}

using OfLink = std::function<HttpReply(const LinkName&, const HttpCall&)>;

void Add(broker::Router& router, const Links& links, std::string_view pattern, OfLink handler) {
  router.Add("GET", pattern, [&links, handler = std::move(handler)](const HttpCall& call) {
    const std::string& name = call.params.at("link");
    if (links.Find(name) == nullptr) {
      return ErrorReply(404, fmt::format("no link `{}`", name), "`atoll link list` names them");
    }
    return handler(LinkName(name), call);
  });
}

}  // namespace

void RegisterTranslateRoute(broker::Router& router, const Links& links, const LocalCopies& copies) {
  Add(router, links, "/v1/links/{link}/translate",
      [&copies](const LinkName& link, const HttpCall& call) {
        return TranslateOne(copies, link, call);
      });
}

void RegisterGroupSyncRoute(broker::Router& router, const Links& links, const GroupSync& groups) {
  Add(router, links, "/v1/links/{link}/groups",
      [&groups](const LinkName& link, const HttpCall& call) {
        return ListGroups(groups, link, call);
      });
}

}  // namespace atl::mirror
