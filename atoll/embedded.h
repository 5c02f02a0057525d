// Files of the source tree that are part of the program. Written by CMake (atoll_embed).
#pragma once

#include <span>
#include <string_view>

#include "core-broker/admin/files.h"

namespace atl {

// atoll/console: the page at "/".
std::span<const broker::EmbeddedFile> ConsoleFiles();
// atoll/api/openapi.json.
std::string_view OpenApiText();

}  // namespace atl
