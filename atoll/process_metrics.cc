#include "atoll/process_metrics.h"

#include <sys/resource.h>
#include <unistd.h>

#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "atoll/version.h"
#include "base/file.h"

namespace atl {
namespace {

constexpr size_t kMaxProcFile = 64 << 10;

// Files of /proc have no size; they are read until they end.
std::optional<std::string> ReadProc(const std::string& path) {
  auto file = PosixFileSystem().Open(path, OpenMode::kRead);
  if (!file.ok()) return std::nullopt;
  Bytes bytes(kMaxProcFile);
  auto got = (*file)->ReadAt(FilePosition(0), bytes);
  if (!got.ok()) return std::nullopt;
  return std::string(AsText(BytesView(bytes).first(*got)));
}

// The fields of /proc/self/stat behind the command's name, which may hold anything; [0] is field 3
// of proc(5).
std::vector<std::string> StatFields() {
  const auto text = ReadProc("/proc/self/stat");
  if (!text) return {};
  std::istringstream in(text->substr(text->rfind(')') + 1));
  std::vector<std::string> fields;
  for (std::string field; in >> field;) fields.push_back(field);
  return fields;
}

double BootTimeSeconds() {
  const auto text = ReadProc("/proc/stat");
  if (!text) return 0;
  const size_t at = text->find("\nbtime ");
  return at == std::string::npos ? 0 : std::strtod(text->c_str() + at + 7, nullptr);
}

void Append(std::vector<MetricFamily>& out, const char* name, const char* help, double value,
            prometheus::MetricType type = prometheus::MetricType::Gauge) {
  FamilyBuilder family(name, help, type);
  family.Add({}, value);
  std::move(family).AppendTo(out);
}

void CollectDisk(const std::string& data_folder, std::vector<MetricFamily>& out) {
  const auto space = PosixFileSystem().SpaceAt(data_folder);
  if (!space.ok()) return;
  const auto append = [&out](const char* name, const char* help, ByteCount bytes) {
    FamilyBuilder family(name, help);
    family.Add({{"volume", "data"}}, static_cast<double>(bytes.value()));
    std::move(family).AppendTo(out);
  };
  append("atoll_storage_disk_free_bytes", "Space left on the disk of the data folder.",
         space->free);
  append("atoll_storage_disk_total_bytes", "Size of the disk of the data folder.", space->total);
}

void Collect(std::vector<MetricFamily>& out) {
  // Numbers of proc(5), counted from field 3.
  constexpr size_t kUserTicks = 11, kSystemTicks = 12, kStartTicks = 19, kResidentPages = 21;
  const auto ticks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  const std::vector<std::string> fields = StatFields();
  if (fields.size() > kResidentPages) {
    const auto number = [&fields](size_t at) { return std::strtod(fields[at].c_str(), nullptr); };
    Append(out, "process_cpu_seconds_total", "User and system CPU time spent in seconds.",
           (number(kUserTicks) + number(kSystemTicks)) / ticks, prometheus::MetricType::Counter);
    Append(out, "process_resident_memory_bytes", "Resident memory size in bytes.",
           number(kResidentPages) * static_cast<double>(::sysconf(_SC_PAGESIZE)));
    Append(out, "process_start_time_seconds", "Start time of the process since the Unix epoch.",
           BootTimeSeconds() + number(kStartTicks) / ticks);
  }
  if (const auto open = PosixFileSystem().List("/proc/self/fd"); open.ok()) {
    Append(out, "process_open_fds", "Open file descriptors.", static_cast<double>(open->size()));
  }
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    Append(out, "process_max_fds", "Most file descriptors that may be open.",
           static_cast<double>(limit.rlim_cur));
  }
}

}  // namespace

std::shared_ptr<void> AddProcessMetrics(Metrics& metrics, const std::string& data_folder) {
  metrics
      .GetGauge("atoll_build_info", "What this build is; always 1.",
                {{"version", kVersion}, {"commit", kCommit}})
      .Set(1);
  return metrics.AddCollector([data_folder](std::vector<MetricFamily>& out) {
    Collect(out);
    CollectDisk(data_folder, out);
  });
}

std::shared_ptr<void> AddReactorMetrics(Metrics& metrics, const runtime::ReactorPool& pool,
                                        const runtime::Reactor& admin) {
  return metrics.AddCollector([&pool, &admin](std::vector<MetricFamily>& out) {
    pool.AppendMetrics(out);
    FamilyBuilder stalls("atoll_reactor_stalls_total",
                         "Times a handler held a reactor's thread for more than 10 ms.",
                         prometheus::MetricType::Counter);
    stalls.Add({{"reactor", admin.name()}}, static_cast<double>(admin.stalls()));
    std::move(stalls).AppendTo(out);
  });
}

}  // namespace atl
