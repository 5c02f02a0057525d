#include "checkpoint/keys.h"

#include <fmt/format.h>

#include <array>
#include <cstring>
#include <optional>

#include "base/bytes.h"
#include "base/check.h"

namespace atl::checkpoint {
namespace {

template <class T>
void AppendBig(std::string& key, T value) {
  std::array<std::byte, sizeof(T)> bytes;
  StoreBig(bytes.data(), value);
  key.append(AsText(bytes));
}
void AppendId(std::string& key, const Uuid& id) {
  key.append(reinterpret_cast<const char*>(id.bytes().data()), id.bytes().size());
}
void AppendCounted(std::string& key, std::string_view text) {
  CHECK(text.size() <= INT16_MAX, "a text of {} bytes in a key", text.size());
  AppendBig(key, static_cast<int16_t>(text.size()));
  key.append(text);
}
void AppendText(std::string& key, std::string_view text) {
  key.append(text);
  key.push_back('\0');
}

std::string LinkPartitionKey(TableId table, const LinkName& link, const TopicId& topic,
                             PartitionId partition) {
  std::string key = LinkKey(table, link);
  AppendId(key, topic);
  AppendBig(key, partition.value());
  return key;
}

// Takes a key apart, for people. Latches ok() on the first part that is not there.
class KeyReader {
 public:
  explicit KeyReader(std::string_view rest) : rest_(rest) {}

  std::string Id() {
    std::array<uint8_t, 16> id{};
    const std::string_view bytes = Take(id.size());
    if (ok_) std::memcpy(id.data(), bytes.data(), id.size());
    return Uuid(id).ToString();
  }
  template <class T>
  std::string Number() {
    const std::string_view bytes = Take(sizeof(T));
    return ok_ ? fmt::format("{}", LoadBig<T>(AsBytes(bytes).data())) : "";
  }
  std::string Text() {
    const size_t end = rest_.find('\0');
    ok_ = ok_ && end != std::string_view::npos;
    if (!ok_) return "";
    std::string text(rest_.substr(0, end));
    rest_.remove_prefix(end + 1);
    return text;
  }
  std::string Counted() {
    const std::string_view length = Take(sizeof(int16_t));
    const int16_t count = ok_ ? LoadBig<int16_t>(AsBytes(length).data()) : int16_t{0};
    ok_ = ok_ && count >= 0;
    return std::string(Take(ok_ ? static_cast<size_t>(count) : 0));
  }
  bool ok() const { return ok_ && rest_.empty(); }

 private:
  std::string_view Take(size_t count) {
    ok_ = ok_ && rest_.size() >= count;
    if (!ok_) return {};
    const std::string_view part = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return part;
  }

  std::string_view rest_;
  bool ok_ = true;
};

// A line stays a line, whatever a client calls its group.
std::string Printable(const std::string& text) {
  std::string printable;
  for (const char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    if (byte < 0x20 || byte == 0x7F)
      printable += fmt::format("\\x{:02x}", byte);
    else
      printable += c;
  }
  return printable;
}

std::string PartitionRow(std::string_view table, KeyReader& in) {
  const std::string topic = in.Id();
  return fmt::format("{}/{}/{}", table, topic, in.Number<int32_t>());
}

// A link and a topic of its source.
std::string LinkTopic(std::string text, KeyReader& in) {
  text += "/" + in.Text();
  return text + "/" + in.Text();
}

std::string FanInRow(std::string_view table, KeyReader& in) {
  const std::string row = LinkTopic(PartitionRow(table, in), in);
  return row + "/" + in.Number<int32_t>();
}

// The tables of links; empty for the others.
std::string ExplainOfLink(TableId table, KeyReader& in) {
  std::string text;
  switch (table) {
    case TableId::kMirrorPosition:
      return PartitionRow("mirror-position/" + in.Text(), in);
    case TableId::kVerified:
      return PartitionRow("verified/" + in.Text(), in);
    case TableId::kLinkState:
      return "link/" + in.Text();
    case TableId::kLinkTopicState:
      return LinkTopic("link-topic", in);
    case TableId::kGroupKnowledge:
      text = LinkTopic("group-knowledge", in) + "/" + in.Number<int32_t>();
      return text + "/" + Printable(in.Counted());
    case TableId::kExtent:
      text = FanInRow("extent", in);
      return text + "/" + in.Number<int64_t>();
    case TableId::kFanInSource:
      return FanInRow("fan-in-source", in);
    case TableId::kFanInTarget:
      return PartitionRow("fan-in-target", in);
    default:
      return text;
  }
}

std::optional<std::string> Explain(std::string_view key) {
  if (key.empty()) return std::nullopt;
  KeyReader in(key.substr(1));
  const auto table = static_cast<TableId>(static_cast<uint8_t>(key[0]));
  std::string text;
  switch (table) {
    case TableId::kRegionIdentity:
      text = "region-identity";
      break;
    case TableId::kCleanShutdown:
      text = "clean-shutdown";
      break;
    case TableId::kProducerIdBlock:
      text = "producer-id-block";
      break;
    case TableId::kTopic:
      text = "topic/" + in.Id();
      break;
    case TableId::kPartitionState:
      text = PartitionRow("partition", in);
      break;
    case TableId::kProducerSnapshot:
      text = PartitionRow("producers", in);
      break;
    case TableId::kTransactionSnapshot:
      text = PartitionRow("transactions", in);
      break;
    case TableId::kOwnership:
      text = "ownership/" + in.Id();
      break;
    case TableId::kEvent:
      text = "event/" + in.Number<int64_t>();
      break;
    case TableId::kFailover:
      text = "failover/" + in.Number<int64_t>();
      break;
    case TableId::kGroup:
      text = "group/" + Printable(in.Counted());
      break;
    case TableId::kGroupOffset:
      text = "group-offset/" + Printable(in.Counted());
      text += "/" + in.Text();
      text += "/" + in.Number<int32_t>();
      break;
    default:
      text = ExplainOfLink(table, in);
  }
  if (text.empty() || !in.ok()) return std::nullopt;
  return text;
}

}  // namespace

std::string TablePrefix(TableId table) {
  return std::string(1, static_cast<char>(static_cast<uint8_t>(table)));
}

std::string TopicKey(TableId table, const TopicId& topic) {
  std::string key = TablePrefix(table);
  AppendId(key, topic);
  return key;
}

std::string PartitionKey(TableId table, const TopicId& topic, PartitionId partition) {
  std::string key = TopicKey(table, topic);
  AppendBig(key, partition.value());
  return key;
}

std::string LinkKey(TableId table, const LinkName& link) {
  std::string key = TablePrefix(table);
  AppendText(key, link.value());
  return key;
}

std::string LinkTopicKey(const LinkName& link, const TopicName& topic) {
  std::string key = LinkKey(TableId::kLinkTopicState, link);
  AppendText(key, topic.value());
  return key;
}

std::string MirrorPositionKey(const LinkName& link, const TopicId& topic, PartitionId partition) {
  return LinkPartitionKey(TableId::kMirrorPosition, link, topic, partition);
}

std::string VerifiedKey(const LinkName& link, const TopicId& topic, PartitionId partition) {
  return LinkPartitionKey(TableId::kVerified, link, topic, partition);
}

std::string GroupKnowledgeKey(const LinkName& link, const TopicName& topic, PartitionId partition,
                              const GroupId& group) {
  std::string key = LinkKey(TableId::kGroupKnowledge, link);
  AppendText(key, topic.value());
  AppendBig(key, partition.value());
  AppendCounted(key, group.value());
  return key;
}

std::string FanInSourceKey(TableId table, const TopicId& target, PartitionId into,
                           const LinkName& link, const TopicName& topic, PartitionId partition) {
  std::string key = PartitionKey(table, target, into);
  AppendText(key, link.value());
  AppendText(key, topic.value());
  AppendBig(key, partition.value());
  return key;
}

std::string ExtentKey(const TopicId& target, PartitionId into, const LinkName& link,
                      const TopicName& topic, PartitionId partition, Offset source) {
  std::string key = FanInSourceKey(TableId::kExtent, target, into, link, topic, partition);
  AppendBig(key, source.value());
  return key;
}

namespace {

std::string NumberKey(TableId table, int64_t id) {
  std::string key = TablePrefix(table);
  AppendBig(key, id);
  return key;
}

StatusOr<int64_t> NumberOf(TableId table, std::string_view key) {
  if (key.size() != 1 + sizeof(int64_t) || !key.starts_with(TablePrefix(table)))
    return Corrupt("{}: the key is of another table", PrintableKey(key));
  return LoadBig<int64_t>(AsBytes(key).data() + 1);
}

}  // namespace

std::string EventKey(int64_t id) { return NumberKey(TableId::kEvent, id); }
std::string FailoverKey(int64_t id) { return NumberKey(TableId::kFailover, id); }
StatusOr<int64_t> EventIdOf(std::string_view key) { return NumberOf(TableId::kEvent, key); }
StatusOr<int64_t> FailoverIdOf(std::string_view key) { return NumberOf(TableId::kFailover, key); }

std::string GroupKey(TableId table, const GroupId& group) {
  std::string key = TablePrefix(table);
  AppendCounted(key, group.value());
  return key;
}

std::string GroupOffsetKey(const GroupId& group, const TopicName& topic, PartitionId partition) {
  std::string key = GroupKey(TableId::kGroupOffset, group);
  AppendText(key, topic.value());
  AppendBig(key, partition.value());
  return key;
}

std::string PrintableKey(std::string_view key) {
  if (std::optional<std::string> text = Explain(key)) return *std::move(text);
  std::string hex = "unknown/0x";
  for (const char c : key) hex += fmt::format("{:02x}", static_cast<uint8_t>(c));
  return hex;
}

}  // namespace atl::checkpoint
