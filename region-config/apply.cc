#include "region-config/apply.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "base/file.h"
#include "region-config/yaml_tree.h"

namespace atl::config {
namespace {

// A document's text with the comments before it, and its `---` line if it has one. In YAML a line
// that begins with `---` is nothing else, not even within a text of many lines.
struct Piece {
  std::string text;
  std::string kind;  // Empty: no document of ours, only comments perhaps.
  std::string name;  // Of a Link; there is one Region, whatever its name.

  bool is_document() const { return !kind.empty(); }
};

bool IsMark(std::string_view line) {
  return line.starts_with("---") && (line.size() == 3 || line[3] == ' ' || line[3] == '\t' ||
                                     line[3] == '\n' || line[3] == '\r');
}

std::string Scalar(const YamlNode& map, std::string_view key) {
  const YamlNode::Entry* const entry = map.Find(key);
  return entry == nullptr ? std::string() : entry->value.text;
}

Piece MakePiece(std::string text) {
  Piece piece;
  std::vector<Problem> ignored;
  const std::vector<YamlNode> documents = ParseYaml("piece", text, ignored);
  piece.text = std::move(text);
  if (documents.size() != 1) return piece;
  piece.kind = Scalar(documents[0], "kind");
  const YamlNode::Entry* const metadata = documents[0].Find("metadata");
  if (metadata != nullptr && piece.kind == "Link") piece.name = Scalar(metadata->value, "name");
  return piece;
}

std::vector<Piece> Split(std::string_view text) {
  std::vector<Piece> pieces;
  std::string open;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
    const std::string_view line = text.substr(0, end);
    if (IsMark(line) && !open.empty()) pieces.push_back(MakePiece(std::exchange(open, {})));
    open += line;
    text.remove_prefix(end);
  }
  if (!open.empty()) pieces.push_back(MakePiece(std::move(open)));
  return pieces;
}

std::string_view WithoutMark(std::string_view text) {
  const bool bare = IsMark(text) && (text.size() == 3 || text[3] == '\n' || text[3] == '\r');
  if (!bare) return text;
  return text.substr(std::min(text.find('\n'), text.size() - 1) + 1);
}

std::string EndLine(std::string_view text) {
  while (text.ends_with('\n') || text.ends_with('\r') || text.ends_with(' ')) text.remove_suffix(1);
  return std::string(text) + "\n";
}

struct File {
  std::string path;
  std::vector<Piece> pieces;
};

class Editor {
 public:
  Editor(const std::vector<SourceFile>& current, const NewDocuments& new_documents)
      : new_documents_(new_documents) {
    for (const SourceFile& file : current) files_.push_back({file.path, Split(file.text)});
  }

  void Put(const Piece& given) {
    const std::string text = EndLine(WithoutMark(given.text));
    for (File& file : files_) {
      for (Piece& piece : file.pieces) {
        if (piece.kind != given.kind || piece.name != given.name) continue;
        const bool marked = IsMark(piece.text);
        piece.text = (marked && !IsMark(text) ? "---\n" : "") + text;
        return;
      }
    }
    Append(given, text);
  }

  void KeepOnly(const std::set<std::string>& links) {
    for (File& file : files_) {
      std::erase_if(file.pieces, [&links](const Piece& piece) {
        return piece.kind == "Link" && !links.contains(piece.name);
      });
    }
  }

  Edit Finish(const std::vector<SourceFile>& current) const {
    Edit edit;
    for (size_t i = 0; i < files_.size(); ++i) {
      std::string text;
      bool documents = false;
      for (const Piece& piece : files_[i].pieces) {
        text += piece.text;
        documents = documents || piece.is_document();
      }
      const bool is_new = i >= current.size();
      const bool same = !is_new && current[i].text == text;
      const bool gone = !same && !documents && new_documents_.is_folder;
      if (!same) edit.edited.push_back({files_[i].path, gone ? std::nullopt : std::optional(text)});
      if (!gone) edit.files.push_back({files_[i].path, std::move(text)});
    }
    return edit;
  }

 private:
  void Append(const Piece& given, const std::string& text) {
    const std::string path =
        new_documents_.is_folder
            ? JoinPath(new_documents_.path, fmt::format("link-{}.yaml", given.name))
            : new_documents_.path;
    const auto found = std::find_if(files_.begin(), files_.end(),
                                    [&path](const File& file) { return file.path == path; });
    File& file = found == files_.end() ? files_.emplace_back(File{path, {}}) : *found;
    Piece piece = given;
    piece.text = (file.pieces.empty() || IsMark(text) ? "" : "---\n") + text;
    if (!file.pieces.empty()) file.pieces.back().text = EndLine(file.pieces.back().text);
    file.pieces.push_back(std::move(piece));
  }

  const NewDocuments& new_documents_;
  std::vector<File> files_;  // First those that are there, in their order.
};

}  // namespace

Edit EditSources(const std::vector<SourceFile>& current, const std::vector<SourceFile>& given,
                 const NewDocuments& new_documents, bool prune) {
  Editor editor(current, new_documents);
  std::set<std::string> links;
  for (const SourceFile& file : given) {
    for (const Piece& piece : Split(file.text)) {
      if (!piece.is_document()) continue;
      if (piece.kind == "Link") links.insert(piece.name);
      editor.Put(piece);
    }
  }
  if (prune) editor.KeepOnly(links);
  return editor.Finish(current);
}

}  // namespace atl::config
