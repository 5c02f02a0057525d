// docs/configuration.md, from the table.
#include "region-config/schema_text.h"

namespace atl::config {
namespace {

// As a cell of a Markdown table.
std::string Cell(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '|' || c == '*' || c == '_' || c == '<') out += '\\';
    out += c;
  }
  return out;
}

// As code in one; there only `|` has a meaning.
std::string Code(std::string_view text) {
  if (text.empty()) return "";
  std::string out = "`";
  for (const char c : text) {
    if (c == '|') out += '\\';
    out += c;
  }
  return out + "`";
}

template <class Document>
std::string Rows(std::span<const Field<Document>> fields) {
  std::string out =
      "| Key | Type | Default | Change | Meaning | Example |\n"
      "|---|---|---|---|---|---|\n";
  for (const Field<Document>& field : fields) {
    const bool required = field.presence == Presence::kRequired;
    out += fmt::format("| `{}` | {} | {} | {} | {} | {} |\n", field.path, Cell(field.type),
                       required ? "**required**" : Code(field.default_value), ChangeText(field),
                       Cell(field.doc), Code(field.example));
  }
  return out;
}

}  // namespace

std::string ReferencePage() {
  return R"(# Configuration

Written by `atoll config docs` from the table that also reads the files; a test compares the two.

A configuration is any number of YAML documents in one file or in the `*.yaml` and `*.yml` of a
folder (`atoll serve --config FILE_OR_DIR`): exactly one of `kind: Region`, and one of `kind: Link`
for each region or Kafka cluster that this region pulls from.

- `atoll config example` prints a commented pair that works as it stands.
- `atoll config validate FILE_OR_DIR` names every mistake at once as
  `file:line:column: path: what is wrong`; `atoll config explain KEY` says what a key means.
- Editors check and complete with the JSON Schema `atoll.schema.json` beside this page, which
  `atoll config schema` prints.
- Refused: unknown keys, duplicate keys, anchors, aliases, tags, merge keys, numbers without their
  unit, files over 1 MiB, more than 32 levels.
- `${env:NAME}` in a text is replaced by the environment variable. Durations are
  `500ms 30s 5m 12h 7d`, sizes `100B 64KiB 512MiB 1GiB 2TiB`.

**Change** says what a changed value needs once the region runs:

- `live`: SIGHUP, `POST /-/reload` or `atoll apply` takes it over; of a link, by stopping it and
  starting it anew where it was.
- `restart`: the file is accepted, the old value stays in force until the region is restarted, and
  the answer names it.
- `never`: the data in `dataDir` belongs to it, so a configuration that changes it is refused as a
  whole. A link that needs it is removed, and added under another name.

## kind: Region

)" + Rows(RegionFields()) +
         "\n## kind: Link\n\n" + Rows(LinkFields());
}

}  // namespace atl::config
