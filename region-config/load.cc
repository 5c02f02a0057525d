#include "region-config/load.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <tuple>

#include "region-config/document.h"
#include "region-config/schema.h"
#include "region-config/validate.h"
#include "region-config/yaml_tree.h"

namespace atl::config {
namespace {

constexpr size_t kMaxProblems = 100;  // Nobody reads more, and hostile files have millions.

// Reads files and folders into texts.
class SourceReader {
 public:
  explicit SourceReader(const Environment& environment) : environment_(environment) {}

  void AddPath(const std::string& path) {
    const StatusOr<std::vector<std::string>> names = environment_.files.List(path);
    if (!names.ok()) return AddFile(path);
    size_t count = 0;
    for (const std::string& name : *names) {
      if (!name.ends_with(".yaml") && !name.ends_with(".yml")) continue;
      AddFile(JoinPath(path, name));
      ++count;
    }
    if (count == 0) Refuse(path, "the folder has no *.yaml or *.yml");
  }

  Sources Take() { return std::move(sources_); }

 private:
  void Refuse(const std::string& file, std::string message) {
    sources_.problems.push_back({Position{file, 0, 0}, "", std::move(message)});
  }

  void AddFile(const std::string& file) {
    const StatusOr<Bytes> bytes = ReadWholeFile(environment_.files, file, ByteCount(kMaxFileBytes));
    if (bytes.ok()) {
      sources_.files.push_back({file, std::string(AsText(*bytes))});
      return;
    }
    const bool large = bytes.status().code() == StatusCode::kResourceExhausted;
    Refuse(file, large ? "is larger than 1 MiB"
                       : fmt::format("can't be read: {}", StatusMessage(bytes.status())));
  }

  const Environment& environment_;
  Sources sources_;
};

// Collects documents over all texts.
class Loader {
 public:
  Loader(const Environment& environment, std::vector<Problem> problems)
      : environment_(environment), unread_(!problems.empty()), problems_(std::move(problems)) {}

  void AddText(const std::string& file, std::string_view text) {
    if (first_file_.empty()) first_file_ = file;
    if (text.size() > static_cast<size_t>(kMaxFileBytes)) {
      unread_ = true;
      return Refuse(file, "is larger than 1 MiB");
    }
    const size_t before = problems_.size();
    const std::vector<YamlNode> documents = ParseYaml(file, text, problems_);
    unread_ = unread_ || problems_.size() > before;
    for (const YamlNode& document : documents) AddDocument(document);
  }

  LoadResult Finish(Need need) {
    if (regions_.empty() && !unread_ && need == Need::kRegion)
      Refuse(first_file_, "there is no document of kind Region");
    Validate(regions_, links_, problems_);
    LoadResult result;
    if (problems_.empty()) {
      Config config{regions_.empty() ? DefaultRegion() : std::move(regions_[0].value), {}};
      for (Located<Link>& link : links_) config.links.push_back(std::move(link.value));
      result.config = std::move(config);
    }
    result.problems = TakeProblems();
    return result;
  }

 private:
  void Refuse(const std::string& file, std::string message) {
    problems_.push_back({Position{file, 0, 0}, "", std::move(message)});
  }

  void AddDocument(const YamlNode& root) {
    if (root.kind == YamlNode::Kind::kNull) return;  // Nothing between two `---`.
    static constexpr std::array<std::string_view, 2> kKinds = {"Region", "Link"};
    ReadContext context{environment_, problems_};
    const FieldReader document(context, root, "");
    const YamlNode::Entry* const kind = root.Find("kind");
    unread_ = unread_ || kind == nullptr;
    if (kind == nullptr)
      return document.Refuse("a document is a map with `kind: Region` or `kind: Link`");
    const std::optional<size_t> word = FieldReader(context, kind->value, "kind").OneOf(kKinds);
    unread_ = unread_ || !word;
    if (!word) return;
    if (*word == 1) return links_.push_back(ReadDocument(context, root, LinkFields()));
    Located<Region> region = ReadDocument(context, root, RegionFields());
    if (!region.fields.contains("spec.listeners.kafka.advertise"))
      region.value.kafka.advertise = region.value.kafka.bind;
    std::optional<ControlListener>& control = region.value.control;
    if (control && !region.fields.contains("spec.listeners.control.advertise"))
      control->advertise = control->bind;
    regions_.push_back(std::move(region));
  }

  std::vector<Problem> TakeProblems() {
    std::stable_sort(problems_.begin(), problems_.end(), [](const Problem& a, const Problem& b) {
      return std::tie(a.position.file, a.position.line, a.position.column) <
             std::tie(b.position.file, b.position.line, b.position.column);
    });
    if (problems_.size() > kMaxProblems) {
      const size_t more = problems_.size() - kMaxProblems;
      problems_.resize(kMaxProblems);
      const std::string file = problems_.back().position.file;
      Refuse(file, fmt::format("{} more problems are not shown", more));
    }
    return std::move(problems_);
  }

  const Environment& environment_;
  std::string first_file_;
  bool unread_;  // Something could not be read that may have held a Region.
  std::vector<Problem> problems_;
  std::vector<Located<Region>> regions_;
  std::vector<Located<Link>> links_;
};

}  // namespace

Found FindPath(const YamlNode& root, std::string_view path) {
  Found found{&root, root.position, false};
  while (!path.empty()) {
    if (found.value->kind != YamlNode::Kind::kMap) return {nullptr, found.position, true};
    const size_t dot = std::min(path.find('.'), path.size());
    const YamlNode::Entry* const entry = found.value->Find(path.substr(0, dot));
    if (entry == nullptr) return {nullptr, found.position, false};
    path.remove_prefix(std::min(dot + 1, path.size()));
    found.value = &entry->value;
    found.position = path.empty() ? entry->value.position : entry->position;
  }
  return found;
}

Sources ReadSources(const std::vector<std::string>& paths, const Environment& environment) {
  SourceReader reader(environment);
  for (const std::string& path : paths) reader.AddPath(path);
  return reader.Take();
}

LoadResult LoadSources(const Sources& sources, const Environment& environment, Need need) {
  Loader loader(environment, sources.problems);
  for (const SourceFile& file : sources.files) loader.AddText(file.path, file.text);
  return loader.Finish(need);
}

LoadResult Load(const std::vector<std::string>& paths, const Environment& environment, Need need) {
  return LoadSources(ReadSources(paths, environment), environment, need);
}

LoadResult LoadText(const std::string& file, std::string_view text,
                    const Environment& environment) {
  return LoadSources({{{file, std::string(text)}}, {}}, environment);
}

}  // namespace atl::config
