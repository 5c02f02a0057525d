#include "region-config/import/import.h"

#include <fmt/format.h>

#include <algorithm>

#include "region-config/import/builder.h"
#include "region-config/schema.h"

namespace atl::config {
namespace {

bool IsProperties(ImportFormat format) {
  return format == ImportFormat::kMirrorMaker2 || format == ImportFormat::kClusterLink;
}

// What only this format has; nothing: it could be anything.
std::optional<ImportFormat> Tell(Settings& properties, Settings& yaml) {
  if (yaml.Find("kind") != nullptr && yaml.Find("kind")->value == "KafkaMirrorMaker2")
    return ImportFormat::kStrimzi;
  if (yaml.HasPrefix("client_options.")) return ImportFormat::kShadowLink;
  if (properties.Find("clusters") != nullptr) return ImportFormat::kMirrorMaker2;
  if (properties.Find("bootstrap.servers") != nullptr) return ImportFormat::kClusterLink;
  return std::nullopt;
}

Settings FirstDocument(const std::string& file, std::string_view text,
                       std::vector<Problem>& problems) {
  const std::vector<YamlNode> documents = ParseYaml(file, text, problems);
  return documents.empty() ? Settings() : Flatten(documents[0]);
}

void Run(ImportFormat format, Settings& settings, const ImportOptions& options, Imported& out,
         std::vector<Problem>& problems) {
  switch (format) {
    case ImportFormat::kMirrorMaker2:
      return ImportMirrorMaker(settings, out, problems);
    case ImportFormat::kStrimzi:
      return ImportStrimzi(settings, out, problems);
    case ImportFormat::kShadowLink:
      return ImportShadowLink(settings, options, out, problems);
    case ImportFormat::kClusterLink:
      return ImportClusterLink(settings, options, out, problems);
  }
}

}  // namespace

std::string_view FormatName(ImportFormat format) {
  switch (format) {
    case ImportFormat::kMirrorMaker2:
      return "mm2";
    case ImportFormat::kStrimzi:
      return "strimzi";
    case ImportFormat::kShadowLink:
      return "shadow-link";
    case ImportFormat::kClusterLink:
      return "cluster-link";
  }
  return "mm2";
}

std::optional<Imported> Import(const std::string& file, std::string_view text,
                               const ImportOptions& options, std::vector<Problem>& problems) {
  std::vector<Problem> yaml_problems;
  Settings properties = ParseProperties(file, text);
  Settings yaml = FirstDocument(file, text, yaml_problems);
  const std::optional<ImportFormat> format =
      options.format ? options.format : Tell(properties, yaml);
  if (!format) {
    problems.push_back({{file, 0, 0},
                        "",
                        "is neither of MirrorMaker 2 (`clusters = ...`), Strimzi (`kind: "
                        "KafkaMirrorMaker2`), a shadow link (`client_options:`) nor a cluster link "
                        "(`bootstrap.servers=...`); if it is one, say which with --from"});
    return std::nullopt;
  }
  if (!IsProperties(*format))
    problems.insert(problems.end(), yaml_problems.begin(), yaml_problems.end());
  Settings& settings = IsProperties(*format) ? properties : yaml;
  if (settings.all().empty()) problems.push_back({{file, 0, 0}, "", "there is nothing in it"});
  if (!problems.empty()) return std::nullopt;
  Imported out;
  out.format = *format;
  Run(*format, settings, options, out, problems);
  if (problems.empty() && out.links.empty())
    problems.push_back({{file, 0, 0}, "", "there is no flow in it that is on"});
  if (!problems.empty()) return std::nullopt;
  return out;
}

std::string ToYaml(const Imported& imported, std::string_view file) {
  std::string out =
      fmt::format("# From {} ({}) by `atoll config import`.\n", file, FormatName(imported.format));
  out += "# If a source is an Atoll region by now, write `kind: atoll` there.\n";
  if (!imported.notes.empty()) out += "#\n# To be looked at:\n";
  for (const std::string& note : imported.notes) out += "#   " + note + "\n";
  for (const ImportedLink& link : imported.links) {
    out += "---\n";
    if (!link.target.empty())
      out += fmt::format("# {}: for the region that takes the place of `{}`.\n", link.origin,
                         link.target);
    out += ToYaml(link.link);
  }
  return out;
}

}  // namespace atl::config
