// Secrets: written in YAML only as a reference, `${env:NAME}` or `${file:PATH}`, and resolved when
// they are used, so that a rotated file is picked up and nothing secret lives in a Config. A Secret
// can't be printed: it has no formatter, no stream operator and no conversion; ForUse() is the one
// way out, which reviewers grep for. Thread-safe as far as the Environment is.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "base/status.h"
#include "region-config/environment.h"

namespace atl::config {

class Secret {
 public:
  explicit Secret(std::string value) : value_(std::move(value)) {}
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  Secret(Secret&& other) noexcept;
  Secret& operator=(Secret&& other) noexcept;
  ~Secret();  // Overwrites the bytes.

  const std::string& ForUse() const { return value_; }

 private:
  std::string value_;
};

class SecretReference {
 public:
  // kInvalidArgument for anything but a reference: a literal secret in a file is refused.
  static StatusOr<SecretReference> Parse(std::string_view text);

  // A file must have mode 0600 or stricter and at most 64 KiB; one final newline is cut off.
  StatusOr<Secret> Resolve(const Environment& environment) const;
  // "${env:NAME}": safe to print.
  std::string ToString() const;

 private:
  enum class Kind { kVariable, kFile };
  SecretReference(Kind kind, std::string name) : kind_(kind), name_(std::move(name)) {}

  Kind kind_;
  std::string name_;
};

}  // namespace atl::config
