#include "region-config/diff.h"

#include <fmt/format.h>

#include <map>

namespace atl::config {
namespace {

template <class Document>
std::vector<FieldChange> DiffFields(std::span<const Field<Document>> fields, const Document& before,
                                    const Document& after) {
  std::vector<FieldChange> changes;
  for (const Field<Document>& field : fields) {
    std::string old_value = field.write(before);
    std::string new_value = field.write(after);
    if (old_value != new_value)
      changes.push_back({field.path, std::move(old_value), std::move(new_value), field.change});
  }
  return changes;
}

std::map<LinkName, const Link*> ByName(const std::vector<Link>& links) {
  std::map<LinkName, const Link*> by_name;
  for (const Link& link : links) by_name.emplace(link.name, &link);
  return by_name;
}

}  // namespace

std::string_view ActionName(Action action) {
  switch (action) {
    case Action::kAdd:
      return "add";
    case Action::kChange:
      return "change";
    case Action::kRemove:
      return "remove";
  }
  return "change";
}

std::vector<DocumentChange> Diff(const Config& before, const Config& after) {
  std::vector<DocumentChange> changes;
  std::vector<FieldChange> region = DiffFields(RegionFields(), before.region, after.region);
  if (!region.empty())
    changes.push_back({"Region", before.region.name.value(), Action::kChange, std::move(region)});
  const std::map<LinkName, const Link*> old_links = ByName(before.links);
  const std::map<LinkName, const Link*> new_links = ByName(after.links);
  for (const auto& [name, link] : old_links) {
    const auto kept = new_links.find(name);
    if (kept == new_links.end()) {
      changes.push_back({"Link", name.value(), Action::kRemove, {}});
      continue;
    }
    std::vector<FieldChange> fields = DiffFields(LinkFields(), *link, *kept->second);
    if (!fields.empty())
      changes.push_back({"Link", name.value(), Action::kChange, std::move(fields)});
  }
  for (const auto& [name, link] : new_links) {
    if (old_links.contains(name)) continue;
    changes.push_back(
        {"Link", name.value(), Action::kAdd, DiffFields(LinkFields(), DefaultLink(), *link)});
  }
  return changes;
}

std::vector<std::string> Describe(const std::vector<DocumentChange>& changes, Change needs) {
  std::vector<std::string> lines;
  for (const DocumentChange& document : changes) {
    if (document.action != Action::kChange) continue;
    for (const FieldChange& field : document.fields) {
      if (field.needs != needs) continue;
      lines.push_back(fmt::format("{} {}: {}: {} -> {}", document.kind, document.name, field.path,
                                  field.before.empty() ? "(unset)" : field.before,
                                  field.after.empty() ? "(unset)" : field.after));
    }
  }
  return lines;
}

}  // namespace atl::config
