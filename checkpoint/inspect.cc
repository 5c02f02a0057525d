#include "checkpoint/inspect.h"

#include <fmt/format.h>
#include <google/protobuf/message.h>

#include <algorithm>
#include <memory>
#include <ostream>

#include "base/file.h"
#include "checkpoint/keys.h"
#include "checkpoint/rocks_store.h"
#include "checkpoint/rows.h"
#include "checkpoint/state.pb.h"

namespace atl::checkpoint {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

std::unique_ptr<Message> MessageOf(TableId table) {
  switch (table) {
    case TableId::kRegionIdentity:
      return std::make_unique<state::RegionIdentity>();
    case TableId::kCleanShutdown:
      return std::make_unique<state::CleanShutdown>();
    case TableId::kProducerIdBlock:
      return std::make_unique<state::ProducerIdBlock>();
    case TableId::kTopic:
      return std::make_unique<state::Topic>();
    case TableId::kPartitionState:
      return std::make_unique<state::Partition>();
    case TableId::kProducerSnapshot:
      return std::make_unique<state::Snapshot>();
    case TableId::kTransactionSnapshot:
      return std::make_unique<state::Snapshot>();
    case TableId::kMirrorPosition:
      return std::make_unique<state::MirrorPosition>();
    case TableId::kLinkState:
      return std::make_unique<state::Link>();
    case TableId::kLinkTopicState:
      return std::make_unique<state::LinkTopic>();
    case TableId::kGroupKnowledge:
      return std::make_unique<state::GroupKnowledge>();
    case TableId::kExtent:
      return std::make_unique<state::Extent>();
    case TableId::kFanInSource:
      return std::make_unique<state::FanInSource>();
    case TableId::kFanInTarget:
      return std::make_unique<state::FanInTarget>();
    case TableId::kVerified:
      return std::make_unique<state::Verified>();
    case TableId::kOwnership:
      return std::make_unique<state::Ownership>();
    case TableId::kEvent:
      return std::make_unique<state::Event>();
    case TableId::kFailover:
      return std::make_unique<state::Failover>();
    case TableId::kGroup:
      return std::make_unique<state::Group>();
    case TableId::kGroupOffset:
      return std::make_unique<state::GroupOffset>();
  }
  return nullptr;
}

std::string Quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<uint8_t>(c) < 0x20 || c == 0x7F) {
      out += fmt::format("\\u{:04x}", static_cast<uint8_t>(c));
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::string Lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

bool IsText(const std::string& bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](char c) { return c >= 0x20 && c < 0x7F; });
}

// Ids are called *_id (state.proto); other bytes are shown when they are plain text.
std::string PrintBytes(const FieldDescriptor& field, const std::string& bytes) {
  if (field.name().ends_with("_id")) {
    const StatusOr<Uuid> id = IdFromBytes(bytes);
    if (id.ok()) return Quoted(id->ToString());
  } else if (IsText(bytes)) {
    return Quoted(bytes);
  }
  return fmt::format("\"<{} bytes>\"", bytes.size());
}

std::string PrintMessage(const Message& message);

// The value of a field, or of its `index`th element when it is repeated (-1: it is not).
std::string PrintField(const Message& message, const FieldDescriptor& field, int index) {
  const google::protobuf::Reflection& reflection = *message.GetReflection();
  const bool one = index < 0;
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_INT64: {
      const int64_t value = one ? reflection.GetInt64(message, &field)
                                : reflection.GetRepeatedInt64(message, &field, index);
      if (!field.name().ends_with("_ns")) return fmt::format("{}", value);
      return Quoted(FormatTime(FromNanoseconds(value)));
    }
    case FieldDescriptor::CPPTYPE_MESSAGE:
      return PrintMessage(one ? reflection.GetMessage(message, &field)
                              : reflection.GetRepeatedMessage(message, &field, index));
    case FieldDescriptor::CPPTYPE_INT32:
      return fmt::format("{}", reflection.GetInt32(message, &field));
    case FieldDescriptor::CPPTYPE_UINT32:
      return fmt::format("{}", reflection.GetUInt32(message, &field));
    case FieldDescriptor::CPPTYPE_BOOL:
      return reflection.GetBool(message, &field) ? "true" : "false";
    case FieldDescriptor::CPPTYPE_ENUM: {
      const auto* known =
          field.enum_type()->FindValueByNumber(reflection.GetEnumValue(message, &field));
      return known ? Quoted(Lower(known->name()))
                   : fmt::format("{}", reflection.GetEnumValue(message, &field));
    }
    case FieldDescriptor::CPPTYPE_STRING: {
      const std::string text = reflection.GetString(message, &field);
      return field.type() == FieldDescriptor::TYPE_BYTES ? PrintBytes(field, text) : Quoted(text);
    }
    default:
      return "null";
  }
}

// All fields, defaults too: a 0 is as interesting as any other offset. Optional ones where they
// are.
std::string PrintMessage(const Message& message) {
  std::string out = "{";
  const google::protobuf::Descriptor& descriptor = *message.GetDescriptor();
  for (int i = 0; i < descriptor.field_count(); ++i) {
    const FieldDescriptor& field = *descriptor.field(i);
    const bool optional = field.has_optional_keyword() && !field.is_repeated();
    if (optional && !message.GetReflection()->HasField(message, &field)) continue;
    if (i > 0) out += ", ";
    out += Quoted(field.name()) + ": ";
    if (!field.is_repeated()) {
      out += PrintField(message, field, -1);
      continue;
    }
    const int count = message.GetReflection()->FieldSize(message, &field);
    out += '[';
    for (int item = 0; item < count; ++item)
      out += (item > 0 ? ", " : "") + PrintField(message, field, item);
    out += ']';
  }
  return out + "}";
}

std::string Hex(std::string_view bytes) {
  std::string hex;
  for (const char c : bytes) hex += fmt::format("{:02x}", static_cast<uint8_t>(c));
  return hex;
}

StatusOr<std::string> PrintValue(std::string_view key, std::string_view value, Message& message) {
  ASSIGN_OR_RETURN(const std::string_view payload, OpenValue(key, value));
  if (!message.ParseFromArray(payload.data(), static_cast<int>(payload.size())))
    return Corrupt("{}: value is no {}", PrintableKey(key), message.GetTypeName());
  return PrintMessage(message);
}

}  // namespace

Status Inspect(const std::string& folder, std::ostream& out) {
  const std::string inside = JoinPath(folder, "checkpoint");
  ASSIGN_OR_RETURN(const bool is_data_dir, PosixFileSystem().Exists(JoinPath(inside, "CURRENT")));
  ASSIGN_OR_RETURN(const auto store, RocksStore::OpenReadOnly(is_data_dir ? inside : folder));
  return Inspect(*store, out);
}

Status Inspect(Store& store, std::ostream& out) {
  int damaged = 0;
  const auto print = [&](std::string_view key, std::string_view value) -> StatusOr<ScanStep> {
    const std::string name = PrintableKey(key);
    const std::unique_ptr<Message> message =
        name.starts_with("unknown/") ? nullptr : MessageOf(static_cast<TableId>(key[0]));
    if (message == nullptr) {
      out << name << " 0x" << Hex(value) << '\n';
      return ScanStep::kContinue;
    }
    const StatusOr<std::string> text = PrintValue(key, value, *message);
    if (!text.ok()) ++damaged;
    out << name << ' '
        << (text.ok() ? *text : "DAMAGED " + std::string(StatusMessage(text.status()))) << '\n';
    return ScanStep::kContinue;
  };
  RETURN_IF_ERROR(store.Scan("", ScanOrder::kAscending, print));
  if (damaged > 0) return Corrupt("{} damaged values", damaged);
  return OkStatus();
}

}  // namespace atl::checkpoint
