// Fills a Link field by field through the readers of the table: whatever they refuse is a problem
// at the place of the foreign setting. Only region-config/import includes it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "region-config/import/import.h"
#include "region-config/import/settings.h"
#include "region-config/write.h"

namespace atl::config {

class LinkBuilder {
 public:
  // The reader's position where there is no setting; both outlive this.
  LinkBuilder(const Position& start, std::vector<std::string>& notes,
              std::vector<Problem>& problems);

  const Link& link() const { return link_; }
  // `yaml` is read like a written value of the table's field `path`.
  void Put(std::string_view path, const std::string& yaml, const Position& position);
  // The region's name and the link's, `from-NAME` unless given. Small letters and `-`: a name that
  // has others is changed, and that is noted.
  void PutNames(const std::string& source, const std::string& link_name, const Position& position);
  // "a:1, b:2"; a list of other settings' references can't be taken over.
  void PutBootstrap(std::string_view servers, const Position& position);
  // Comma separated regular expressions (Java's), excludes first as they win there.
  void PutRegexRules(std::string_view path, std::string_view includes, std::string_view excludes,
                     const std::vector<std::string>& more_excludes, const Position& position);
  // {pattern_type, filter_type, name} as Redpanda and Confluent write them.
  struct Filter {
    std::string pattern_type;
    std::string filter_type;
    std::string name;
  };
  void PutFilters(std::string_view path, const std::vector<Filter>& filters,
                  const Position& position);
  void Refuse(const Position& position, std::string_view key, std::string message);
  void Note(const Position& position, std::string_view key, std::string_view text);

 private:
  const Position& start_;
  std::vector<std::string>& notes_;
  std::vector<Problem>& problems_;
  Link link_;
};

// Each adds the links of its format.
void ImportMirrorMaker(Settings& settings, Imported& out, std::vector<Problem>& problems);
void ImportStrimzi(Settings& settings, Imported& out, std::vector<Problem>& problems);
void ImportShadowLink(Settings& settings, const ImportOptions& options, Imported& out,
                      std::vector<Problem>& problems);
void ImportClusterLink(Settings& settings, const ImportOptions& options, Imported& out,
                       std::vector<Problem>& problems);

}  // namespace atl::config
