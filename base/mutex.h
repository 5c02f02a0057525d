// The one lock. Locks are leaves: a class with one calls nobody who has one, and no callback runs
// under it. clang checks ABSL_GUARDED_BY.
#pragma once

#include <absl/base/thread_annotations.h>
#include <absl/synchronization/mutex.h>

namespace atl {

// For threads that have nothing else to do than wait for work: storage shards.
using absl::CondVar;
using absl::Mutex;
using absl::MutexLock;

}  // namespace atl
