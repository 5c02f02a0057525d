// What is kept at etcd, in the terms that leases need.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace atl::mirror {

struct EtcdValue {
  std::string key;
  std::string value;
  int64_t mod_revision = 0;
};

// A transaction of one kind: if all keys are as expected, put the values.
struct EtcdSwap {
  struct Expect {
    std::string key;
    int64_t mod_revision = 0;  // 0: the key does not exist.
  };
  struct Put {
    std::string key;
    std::string value;
    int64_t lease = 0;  // 0: none.
  };
  std::vector<Expect> expect;
  std::vector<Put> put;
};

}  // namespace atl::mirror
