// Configurations of other mirroring products as links of ours: MirrorMaker 2 properties, Strimzi's
// KafkaMirrorMaker2, Redpanda's shadow links, Confluent's cluster links. Nothing is guessed: what
// has no counterpart is listed with the reason, what is needed and not there is a problem. The
// fields are read by the table's own readers, so what is imported loads. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "region-config/link.h"
#include "region-config/problem.h"

namespace atl::config {

enum class ImportFormat { kMirrorMaker2, kStrimzi, kShadowLink, kClusterLink };
std::string_view FormatName(ImportFormat format);  // "mm2", "strimzi", "shadow-link", ...

struct ImportOptions {
  std::optional<ImportFormat> format;  // None: told by what stands in the text.
  std::string source_region;           // Where the text names no source.
  std::vector<std::string> topics;     // Where the text does not say which: whole names.
};

struct ImportedLink {
  Link link;
  std::string origin;  // "A->B", for the reader.
  std::string target;  // The region in which it is to be written; empty: the text names none.
};

struct Imported {
  ImportFormat format = ImportFormat::kMirrorMaker2;
  std::vector<ImportedLink> links;
  std::vector<std::string> notes;  // "line 7: tasks.max: not needed: ..."
};

// Nothing: `problems` say why.
std::optional<Imported> Import(const std::string& file, std::string_view text,
                               const ImportOptions& options, std::vector<Problem>& problems);

// Documents of kind Link, with the notes and where each belongs as comments.
std::string ToYaml(const Imported& imported, std::string_view file);

}  // namespace atl::config
