// What `atoll apply` makes of the files that a region runs by: a document that is given takes the
// place of the one with its kind and name, wherever that stands; a link that is new is appended to
// the file, or gets a file of its own in the folder. All other text stays as it is, comments
// included. Pure: whoever calls validates the result and writes it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "region-config/load.h"

namespace atl::config {

// Where documents that are new go.
struct NewDocuments {
  std::string path;  // The last that `atoll serve --config` was given.
  bool is_folder = false;
};

struct EditedFile {
  std::string path;
  std::optional<std::string> text;  // None: no document is left in it, it goes.
};

struct Edit {
  std::vector<SourceFile> files;   // All, as they would be.
  std::vector<EditedFile> edited;  // Those that differ from what is there.
};

// `prune`: links that are not among `given` go. What is no YAML, or no document of ours, in
// `given` is left out here: validate it first.
Edit EditSources(const std::vector<SourceFile>& current, const std::vector<SourceFile>& given,
                 const NewDocuments& new_documents, bool prune);

}  // namespace atl::config
