#include "core-broker/admin/files.h"

#include <string>

#include "base/check.h"

namespace atl::broker {
namespace {

constexpr std::string_view kIndex = "index.html";
constexpr const char* kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

std::string TypeOf(std::string_view name) {
  if (name.ends_with(".html")) return "text/html; charset=utf-8";
  if (name.ends_with(".js")) return "text/javascript; charset=utf-8";
  if (name.ends_with(".css")) return "text/css; charset=utf-8";
  CHECK(name.ends_with(".svg"), "{} is embedded, but of no known type", name);
  return "image/svg+xml";
}

HttpReply Serve(const EmbeddedFile& file) {
  HttpReply reply;
  reply.body = file.content;
  reply.content_type = TypeOf(file.name);
  reply.headers = {{"Content-Security-Policy", kPolicy},
                   {"Referrer-Policy", "no-referrer"},
                   {"Cross-Origin-Opener-Policy", "same-origin"}};
  return reply;
}

HttpReply Find(std::span<const EmbeddedFile> files, const std::string& name) {
  for (const EmbeddedFile& file : files) {
    if (file.name == name) return Serve(file);
  }
  return ErrorReply(404, "the console has no such file", "GET / is the console");
}

}  // namespace

void RegisterFiles(Router& router, std::span<const EmbeddedFile> files) {
  router.Add("GET", "/", [files](const HttpCall&) { return Find(files, std::string(kIndex)); });
  router.Add("GET", "/console/{file}",
             [files](const HttpCall& call) { return Find(files, call.params.at("file")); });
}

}  // namespace atl::broker
