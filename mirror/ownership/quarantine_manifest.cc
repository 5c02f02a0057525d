#include "mirror/ownership/quarantine_manifest.h"

#include <boost/json.hpp>
#include <charconv>
#include <limits>

#include "core-broker/log/filename.h"

namespace atl::mirror {
namespace {

namespace json = boost::json;

constexpr int64_t kVersion = 1;
constexpr int64_t kAny = std::numeric_limits<int64_t>::max();

std::string Serialize(const json::object& object) { return json::serialize(object) + "\n"; }

// Reads members; the first that is wrong is kept.
class Members {
 public:
  static StatusOr<Members> Parse(std::string_view text) {
    boost::system::error_code error;
    json::parse_options options;
    options.max_depth = 4;
    json::value value = json::parse({text.data(), text.size()}, error, {}, options);
    if (error || !value.is_object()) return Corrupt("no JSON object");
    Members members(std::move(value.get_object()));
    if (members.Number("version", 1, kAny) != kVersion) {
      return Corrupt("`version` is not {}, the one this program reads", kVersion);
    }
    return members;
  }
  explicit Members(json::object object) : object_(std::move(object)) {}

  int64_t Number(std::string_view name, int64_t least, int64_t most) {
    const json::value* const value = object_.if_contains({name.data(), name.size()});
    const int64_t* const number = value == nullptr ? nullptr : value->if_int64();
    if (number != nullptr && *number >= least && *number <= most) return *number;
    Blame(name);
    return least;
  }
  std::string Text(std::string_view name) {
    const json::value* const value = object_.if_contains({name.data(), name.size()});
    if (value != nullptr && value->is_string()) return std::string(value->get_string().c_str());
    Blame(name);
    return {};
  }
  bool Flag(std::string_view name) {
    const json::value* const value = object_.if_contains({name.data(), name.size()});
    if (value != nullptr && value->is_bool()) return value->get_bool();
    Blame(name);
    return false;
  }
  json::array Array(std::string_view name) {
    const json::value* const value = object_.if_contains({name.data(), name.size()});
    if (value != nullptr && value->is_array()) return value->get_array();
    Blame(name);
    return {};
  }
  void Blame(std::string_view name) {
    if (status_.ok()) status_ = Corrupt("`{}` is missing or wrong", name);
  }
  const Status& status() const { return status_; }

 private:
  json::object object_;
  Status status_;
};

StatusOr<TailFile> DecodeFile(const json::value& value) {
  if (!value.is_object()) return Corrupt("`files` is wrong");
  Members members(value.get_object());
  TailFile file{members.Text("name"), ByteCount(members.Number("bytes", 1, kAny))};
  RETURN_IF_ERROR(members.status());
  // A name leads nowhere but into the tail's own folder.
  const auto parsed = broker::ParseSegmentFileName(file.name);
  if (!parsed || parsed->kind != broker::SegmentFileKind::kLog) {
    return Corrupt("`{}` is no file of a tail", file.name);
  }
  return file;
}

}  // namespace

std::string TailCursor::ToString() const { return fmt::format("{}:{}", file, position.value()); }

StatusOr<TailCursor> TailCursor::Parse(std::string_view text) {
  const size_t colon = text.find(':');
  uint32_t file = 0;
  int64_t position = -1;
  const char* const end = text.data() + text.size();
  const char* const middle = colon == std::string_view::npos ? end : text.data() + colon;
  const auto first = std::from_chars(text.data(), middle, file);
  const auto second = middle == end ? std::from_chars_result{end, std::errc::invalid_argument}
                                    : std::from_chars(middle + 1, end, position);
  const bool whole = first.ec == std::errc() && first.ptr == middle && second.ec == std::errc() &&
                     second.ptr == end && position >= 0;
  if (!whole) return InvalidArgument("`{}` is no place in a tail", text);
  return TailCursor{file, FilePosition(position)};
}

json::object ManifestObject(const QuarantinedTail& tail) {
  json::object object;
  object["version"] = kVersion;
  object["id"] = tail.id;
  object["topic"] = tail.topic.value();
  object["topicId"] = tail.topic_id.ToString();
  object["partition"] = tail.partition.value();
  object["region"] = tail.region.value();
  object["link"] = tail.link.value();
  object["epoch"] = tail.epoch.value();
  object["newEpoch"] = tail.new_epoch.value();
  object["first"] = tail.first.value();
  object["end"] = tail.end.value();
  object["records"] = tail.records;
  object["bytes"] = tail.bytes.value();
  object["transactional"] = tail.transactional;
  object["attempt"] = static_cast<int64_t>(tail.attempt);
  object["time"] = FormatTime(tail.time);
  object["timeNanoseconds"] = static_cast<int64_t>(tail.time.time_since_epoch().count());
  json::array files;
  for (const TailFile& file : tail.files) {
    files.push_back(json::object{{"name", file.name}, {"bytes", file.bytes.value()}});
  }
  object["files"] = std::move(files);
  return object;
}

std::string EncodeManifest(const QuarantinedTail& tail) { return Serialize(ManifestObject(tail)); }

StatusOr<QuarantinedTail> DecodeManifest(std::string_view text) {
  ASSIGN_OR_RETURN(Members members, Members::Parse(text));
  QuarantinedTail tail;
  tail.id = members.Text("id");
  tail.topic = TopicName(members.Text("topic"));
  if (const auto id = Uuid::Parse(members.Text("topicId")); id) {
    tail.topic_id = *id;
  } else {
    members.Blame("topicId");
  }
  tail.partition = PartitionId(static_cast<int32_t>(members.Number("partition", 0, INT32_MAX)));
  tail.region = RegionName(members.Text("region"));
  tail.link = LinkName(members.Text("link"));
  tail.epoch = LeaderEpoch(static_cast<int32_t>(members.Number("epoch", -1, INT32_MAX)));
  tail.new_epoch = LeaderEpoch(static_cast<int32_t>(members.Number("newEpoch", -1, INT32_MAX)));
  tail.first = Offset(members.Number("first", 0, kAny));
  tail.end = Offset(members.Number("end", tail.first.value(), kAny));
  tail.records = members.Number("records", 0, kAny);
  tail.bytes = ByteCount(members.Number("bytes", 0, kAny));
  tail.transactional = members.Flag("transactional");
  tail.attempt = static_cast<uint64_t>(members.Number("attempt", 0, kAny));
  tail.time = WallTime(Duration(members.Number("timeNanoseconds", 0, kAny)));
  for (const json::value& value : members.Array("files")) {
    ASSIGN_OR_RETURN(TailFile file, DecodeFile(value));
    tail.files.push_back(std::move(file));
  }
  RETURN_IF_ERROR(members.status());
  return tail;
}

std::string EncodeProgress(const ReinjectProgress& progress) {
  json::object object;
  object["version"] = kVersion;
  object["next"] = progress.next.value();
  object["at"] = progress.at.ToString();
  object["produced"] = progress.produced;
  object["leftOut"] = progress.left_out;
  object["done"] = progress.done;
  object["producerId"] = progress.producer_id.value();
  object["producerEpoch"] = progress.producer_epoch.value();
  object["sequence"] = progress.sequence.value();
  return Serialize(object);
}

StatusOr<ReinjectProgress> DecodeProgress(std::string_view text) {
  ASSIGN_OR_RETURN(Members members, Members::Parse(text));
  ReinjectProgress progress;
  progress.next = Offset(members.Number("next", 0, kAny));
  ASSIGN_OR_RETURN(progress.at, TailCursor::Parse(members.Text("at")));
  progress.produced = members.Number("produced", 0, kAny);
  progress.left_out = members.Number("leftOut", 0, kAny);
  progress.done = members.Flag("done");
  progress.producer_id = ProducerId(members.Number("producerId", -1, kAny));
  progress.producer_epoch =
      ProducerEpoch(static_cast<int16_t>(members.Number("producerEpoch", -1, INT16_MAX)));
  progress.sequence = Sequence(static_cast<int32_t>(members.Number("sequence", 0, INT32_MAX)));
  RETURN_IF_ERROR(members.status());
  return progress;
}

}  // namespace atl::mirror
