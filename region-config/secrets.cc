#include "region-config/secrets.h"

#include <optional>

#include "base/bytes.h"
#include "base/types.h"

namespace atl::config {
namespace {

constexpr ByteCount kMaxSecretFile{64 * 1024};

void Overwrite(std::string& text) {
  // volatile: the compiler may not drop stores to memory that is about to be freed.
  volatile char* const bytes = text.data();
  for (size_t i = 0; i < text.size(); ++i) bytes[i] = 0;
}

}  // namespace

Secret::Secret(Secret&& other) noexcept : value_(other.value_) { Overwrite(other.value_); }

Secret& Secret::operator=(Secret&& other) noexcept {
  if (this == &other) return *this;
  Overwrite(value_);
  value_ = other.value_;
  Overwrite(other.value_);
  return *this;
}

Secret::~Secret() { Overwrite(value_); }

StatusOr<SecretReference> SecretReference::Parse(std::string_view text) {
  for (const auto& [prefix, kind] : {std::pair{std::string_view("${env:"), Kind::kVariable},
                                     std::pair{std::string_view("${file:"), Kind::kFile}}) {
    if (!text.starts_with(prefix) || !text.ends_with('}')) continue;
    const std::string_view name = text.substr(prefix.size(), text.size() - prefix.size() - 1);
    if (name.empty() || name.find_first_of("{}$") != std::string_view::npos) break;
    return SecretReference(kind, std::string(name));
  }
  return InvalidArgument("a secret is written as ${{env:NAME}} or ${{file:PATH}}, never as itself");
}

StatusOr<Secret> SecretReference::Resolve(const Environment& environment) const {
  if (kind_ == Kind::kVariable) {
    std::optional<std::string> value = environment.variable(name_);
    if (!value) return NotFound("environment variable `{}` is not set", name_);
    return Secret(*std::move(value));
  }
  ASSIGN_OR_RETURN(const uint32_t mode, environment.file_mode(name_));
  if ((mode & 0177) != 0)
    return FailedPrecondition("secret file {} has mode {:04o}; make it 0600", name_, mode);
  ASSIGN_OR_RETURN(const Bytes bytes, ReadWholeFile(environment.files, name_, kMaxSecretFile));
  std::string_view text = AsText(bytes);
  if (text.ends_with('\n')) text.remove_suffix(1);
  return Secret(std::string(text));
}

std::string SecretReference::ToString() const {
  return (kind_ == Kind::kVariable ? "${env:" : "${file:") + name_ + "}";
}

}  // namespace atl::config
