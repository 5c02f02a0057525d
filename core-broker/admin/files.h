// Files that are part of the program: GET / is index.html, GET /console/NAME the others. Served
// with a policy under which a page runs scripts and styles of this server only, in no frame.
#pragma once

#include <span>
#include <string_view>

#include "core-broker/admin/router.h"

namespace atl::broker {

struct EmbeddedFile {
  std::string_view name;  // "app.js"
  std::string_view content;
};

// What `files` refers to outlives the router.
void RegisterFiles(Router& router, std::span<const EmbeddedFile> files);

}  // namespace atl::broker
