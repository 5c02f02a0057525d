#include "region-config/yaml_tree.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <sstream>

#include "base/hash_map.h"
#include "base/utf8.h"

namespace atl::config {
namespace {

// yaml-cpp would guess an encoding or pass anything on, so this looks first.
std::optional<Problem> FindBadText(const std::string& file, std::string_view text) {
  Position position{file, 1, 1};
  for (size_t at = 0; at < text.size();) {
    const size_t length = TextSequenceLength(text.substr(at));
    if (length == 0)
      return Problem{position, "",
                     fmt::format("byte 0x{:02x} is no UTF-8 text or a control character",
                                 static_cast<uint8_t>(text[at]))};
    const bool line_ends = text[at] == '\n';
    position.line += line_ends ? 1 : 0;
    position.column = line_ends ? 1 : position.column + 1;
    at += length;
  }
  return std::nullopt;
}

// Builds one document's tree from yaml-cpp's events. Nodes that are too deep are counted, so that
// the events stay in step, but not kept.
class TreeBuilder final : public YAML::EventHandler {
 public:
  TreeBuilder(const std::string& file, std::vector<Problem>& problems)
      : file_(file), problems_(problems) {}

  std::optional<YamlNode> Take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Add(mark, YamlNode::Kind::kNull, "", "?", anchor);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    Refuse(At(mark), "aliases (`*name`) are not allowed; write the value out");
    Add(mark, YamlNode::Kind::kNull, "", "?", YAML::anchor_t{});
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    // "?" is a plain scalar's tag and "!" a quoted one's.
    Add(mark, tag == "!" ? YamlNode::Kind::kQuoted : YamlNode::Kind::kPlain, value, tag, anchor);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    Open(mark, YamlNode::Kind::kList, tag, anchor);
  }
  void OnSequenceEnd() override { Close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    Open(mark, YamlNode::Kind::kMap, tag, anchor);
  }
  void OnMapEnd() override { Close(); }

 private:
  struct Frame {
    YamlNode node;
    std::optional<YamlNode> key;  // Of a map: read, waiting for its value.
    TextSet<std::string> keys;
  };

  Position At(const YAML::Mark& mark) const { return {file_, mark.line + 1, mark.column + 1}; }
  void Refuse(const Position& position, std::string message) {
    problems_.push_back({position, "", std::move(message)});
  }

  YamlNode Begin(const YAML::Mark& mark, YamlNode::Kind kind, const std::string& tag,
                 YAML::anchor_t anchor) {
    YamlNode node;
    node.kind = kind;
    node.position = At(mark);
    if (anchor != 0) Refuse(node.position, "anchors (`&name`) are not allowed");
    if (!tag.empty() && tag != "?" && tag != "!")
      Refuse(node.position, fmt::format("tags (`{}`) are not allowed", tag));
    return node;
  }

  void Add(const YAML::Mark& mark, YamlNode::Kind kind, const std::string& text,
           const std::string& tag, YAML::anchor_t anchor) {
    if (too_deep_ > 0) return;
    YamlNode node = Begin(mark, kind, tag, anchor);
    node.text = text;
    Attach(std::move(node));
  }

  void Open(const YAML::Mark& mark, YamlNode::Kind kind, const std::string& tag,
            YAML::anchor_t anchor) {
    if (too_deep_ > 0 || stack_.size() == static_cast<size_t>(kMaxDepth)) {
      if (too_deep_++ == 0)
        Refuse(At(mark), fmt::format("nested more than {} levels deep", kMaxDepth));
      return;
    }
    stack_.push_back({Begin(mark, kind, tag, anchor), std::nullopt, {}});
  }

  void Close() {
    if (too_deep_ > 0) {
      // What was too deep stands as an empty value, so that keys keep their values.
      if (--too_deep_ == 0) Attach(YamlNode{.position = stack_.back().node.position});
      return;
    }
    YamlNode node = std::move(stack_.back().node);
    stack_.pop_back();
    Attach(std::move(node));
  }

  void Attach(YamlNode node) {
    if (stack_.empty()) {
      root_ = std::move(node);
      return;
    }
    Frame& frame = stack_.back();
    if (frame.node.kind == YamlNode::Kind::kList) {
      frame.node.items.push_back(std::move(node));
    } else if (!frame.key) {
      frame.key = std::move(node);
    } else {
      AttachEntry(frame, std::move(node));
    }
  }

  void AttachEntry(Frame& frame, YamlNode value) {
    const YamlNode key = *std::exchange(frame.key, std::nullopt);
    const bool text = key.kind == YamlNode::Kind::kPlain || key.kind == YamlNode::Kind::kQuoted;
    if (!text) return Refuse(key.position, "a key must be plain text");
    if (key.text == "<<") return Refuse(key.position, "merge keys (`<<`) are not allowed");
    if (!frame.keys.insert(key.text).second)
      return Refuse(key.position, fmt::format("key `{}` is written twice", key.text));
    // yaml-cpp places a value that is not there at the next token, which belongs to another field.
    if (value.kind == YamlNode::Kind::kNull) value.position = key.position;
    frame.node.entries.push_back({key.text, key.position, std::move(value)});
  }

  const std::string& file_;
  std::vector<Problem>& problems_;
  std::vector<Frame> stack_;
  int too_deep_ = 0;
  std::optional<YamlNode> root_;
};

}  // namespace

const YamlNode::Entry* YamlNode::Find(std::string_view key) const {
  const auto found = std::find_if(entries.begin(), entries.end(),
                                  [key](const Entry& entry) { return entry.key == key; });
  return found == entries.end() ? nullptr : &*found;
}

std::vector<YamlNode> ParseYaml(const std::string& file, std::string_view text,
                                std::vector<Problem>& problems) {
  std::vector<YamlNode> documents;
  if (std::optional<Problem> bad = FindBadText(file, text)) {
    problems.push_back(*std::move(bad));
    return documents;
  }
  try {
    std::istringstream in{std::string(text)};
    YAML::Parser parser(in);
    while (true) {
      TreeBuilder builder(file, problems);
      if (!parser.HandleNextDocument(builder)) break;
      if (std::optional<YamlNode> root = builder.Take()) documents.push_back(*std::move(root));
    }
  } catch (const YAML::Exception& error) {
    const Position position{file, error.mark.line + 1, error.mark.column + 1};
    problems.push_back({position, "", "not YAML: " + error.msg});
  }
  return documents;
}

}  // namespace atl::config
