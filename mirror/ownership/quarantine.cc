#include "mirror/ownership/quarantine.h"

#include <algorithm>
#include <tuple>

#include "base/failpoint.h"
#include "base/logging.h"
#include "core-broker/log/batch_cursor.h"
#include "core-broker/log/filename.h"

namespace atl::mirror {
namespace {

Failpoint quarantine_written("back.quarantine_written");
Failpoint quarantine_fsynced("back.quarantine_fsynced");

constexpr int kTailDepth = 3;  // Of QUARANTINE/TOPIC.TOPICID/PARTITION/FIRST-ID.
constexpr std::string_view kPartial = ".partial";
constexpr std::string_view kManifest = "manifest.json";
constexpr std::string_view kProgress = "reinject.json";
constexpr ByteCount kMostManifest{1 << 20};
constexpr ByteCount kMostFile{int64_t{1} << 30};  // As a segment: Kafka's tools read up to 2 GiB.
constexpr size_t kWriteAtOnce = 1 << 20;

class Fnv1a {
 public:
  template <class T>
  void Mix(T value) {
    std::byte bytes[sizeof(T)];
    StoreBig(bytes, value);
    MixBytes(bytes);
  }
  void MixBytes(BytesView bytes) {
    for (const std::byte byte : bytes) {
      hash_ = (hash_ ^ static_cast<uint64_t>(byte)) * 1099511628211ULL;
    }
  }
  uint64_t value() const { return hash_; }

 private:
  uint64_t hash_ = 14695981039346656037ULL;
};

// Appends batches to files of at most kMostFile, each named by its first batch.
class TailWriter {
 public:
  TailWriter(FileSystem& files, std::string folder) : files_(files), folder_(std::move(folder)) {}

  Status Add(const kafka::BatchView& batch) {
    const ByteCount size(static_cast<int64_t>(batch.bytes().size()));
    if (file_ == nullptr || written_.back().bytes + size > kMostFile) {
      RETURN_IF_ERROR(Seal());
      const std::string name =
          broker::SegmentFileName(batch.header().base_offset, broker::SegmentFileKind::kLog);
      ASSIGN_OR_RETURN(file_, files_.Open(JoinPath(folder_, name), OpenMode::kCreate));
      written_.push_back({name, ByteCount(0)});
      flushed_ = FilePosition(0);
    }
    buffer_.insert(buffer_.end(), batch.bytes().begin(), batch.bytes().end());
    written_.back().bytes += size;
    return buffer_.size() < kWriteAtOnce ? OkStatus() : Flush();
  }
  Status Seal() {
    if (file_ == nullptr) return OkStatus();
    RETURN_IF_ERROR(Flush());
    RETURN_IF_ERROR(quarantine_written.Hit());
    const Status synced = file_->Sync();
    file_.reset();
    return synced;
  }
  std::vector<TailFile> TakeFiles() { return std::move(written_); }

 private:
  Status Flush() {
    const BytesView piece = buffer_;
    RETURN_IF_ERROR(file_->WriteAt(flushed_, {&piece, 1}));
    flushed_ = flushed_ + ByteCount(static_cast<int64_t>(buffer_.size()));
    buffer_.clear();
    return OkStatus();
  }

  FileSystem& files_;
  const std::string folder_;
  std::shared_ptr<File> file_;
  FilePosition flushed_;
  Bytes buffer_;
  std::vector<TailFile> written_;
};

}  // namespace

struct Quarantine::Survey {
  Fnv1a hash;
  int64_t records = 0;
  ByteCount bytes;
  bool transactional = false;
  LeaderEpoch epoch = kNoEpoch;

  void Note(const kafka::BatchView& batch) {
    const kafka::BatchHeader& header = batch.header();
    hash.Mix(header.base_offset.value());
    hash.Mix(header.leader_epoch.value());
    hash.Mix(header.crc);
    hash.Mix(header.length);
    if (!header.is_control()) records += header.record_count;
    transactional = transactional || header.is_transactional();
    bytes += ByteCount(static_cast<int64_t>(batch.bytes().size()));
    epoch = header.leader_epoch;
  }
};

Quarantine::Quarantine(FileSystem& files, Metrics& metrics, std::string folder, RegionName region)
    : files_(files),
      folder_(std::move(folder)),
      region_(std::move(region)),
      collector_(
          metrics.AddCollector([this](std::vector<MetricFamily>& out) { CollectMetrics(out); })) {}

StatusOr<std::unique_ptr<Quarantine>> Quarantine::Open(FileSystem& files, Metrics& metrics,
                                                       std::string folder, RegionName region) {
  std::unique_ptr<Quarantine> opened(
      new Quarantine(files, metrics, std::move(folder), std::move(region)));
  RETURN_IF_ERROR(opened->Load());
  return opened;
}

// --- Loading ---

Status Quarantine::Load() {
  RETURN_IF_ERROR(files_.CreateFolders(folder_));
  RETURN_IF_ERROR(files_.SyncFolder(ParentPath(folder_)));
  std::vector<std::string> partial;
  LoadFolder(folder_, 0, partial);
  for (const std::string& folder : partial) RETURN_IF_ERROR(files_.RemoveTree(folder));
  return OkStatus();
}

void Quarantine::LookAgain() {
  MutexLock look(&look_);
  std::map<std::string, Damage> damaged;
  {
    MutexLock lock(&mutex_);
    damaged = damaged_;
  }
  for (const auto& [folder, damage] : damaged) {
    const StatusOr<bool> there = files_.Exists(folder);
    const bool gone = there.ok() && !*there;
    std::vector<std::string> partial;  // Left alone: they may be in writing.
    if (gone) Undamaged(folder);
    if (!gone) LoadFolder(folder, damage.depth, partial);
  }
}

// The tails in it, and what of it is `partial`. What is no folder of ours is named, and left alone.
void Quarantine::LoadFolder(const std::string& folder, int depth,
                            std::vector<std::string>& partial) {
  std::vector<std::string> names;
  Status read;
  if (depth == kTailDepth) {
    read = LoadTail(folder);
  } else {
    StatusOr<std::vector<std::string>> listed = files_.List(folder);
    read = listed.status();
    if (listed.ok()) names = *std::move(listed);
  }
  if (!read.ok()) return Damaged(folder, depth, read);
  Undamaged(folder);
  for (const std::string& name : names) {
    const std::string path = JoinPath(folder, name);
    if (name.ends_with(kPartial)) {
      partial.push_back(path);
    } else {
      LoadFolder(path, depth + 1, partial);
    }
  }
}

Status Quarantine::LoadTail(const std::string& folder) {
  ASSIGN_OR_RETURN(QuarantinedTail tail, ReadTailFolder(folder));
  MutexLock lock(&mutex_);
  tails_.emplace(tail.id, std::move(tail));  // One that is known knows its progress better.
  return OkStatus();
}

void Quarantine::Damaged(const std::string& folder, int depth, const Status& status) {
  std::string what(StatusMessage(status));
  {
    MutexLock lock(&mutex_);
    Damage& damage = damaged_[folder];
    if (damage.what == what) return;  // Still, and told.
    damage = {depth, what};
  }
  LogError("quarantine", "{}: {}", folder, what);
}

void Quarantine::Undamaged(const std::string& folder) {
  {
    MutexLock lock(&mutex_);
    if (damaged_.erase(folder) == 0) return;
  }
  LogInfo("quarantine", "{}: is damaged no more", folder);
}

StatusOr<QuarantinedTail> Quarantine::ReadTailFolder(const std::string& folder) const {
  ASSIGN_OR_RETURN(const Bytes manifest,
                   ReadWholeFile(files_, JoinPath(folder, kManifest), kMostManifest));
  StatusOr<QuarantinedTail> tail = DecodeManifest(AsText(manifest));
  if (!tail.ok()) return Annotate(tail.status(), std::string(kManifest));
  tail->folder = folder;
  const std::string progress_path = JoinPath(folder, kProgress);
  ASSIGN_OR_RETURN(const bool begun, files_.Exists(progress_path));
  if (!begun) return tail;
  ASSIGN_OR_RETURN(const Bytes progress, ReadWholeFile(files_, progress_path, kMostManifest));
  StatusOr<ReinjectProgress> decoded = DecodeProgress(AsText(progress));
  if (!decoded.ok()) return Annotate(decoded.status(), std::string(kProgress));
  tail->progress = *decoded;
  return tail;
}

// --- Setting aside ---

std::string Quarantine::PartitionFolder(const QuarantinedTail& tail) const {
  const std::string topic = fmt::format("{}.{}", tail.topic.value(), tail.topic_id.ToString());
  return JoinPath(JoinPath(folder_, topic), std::to_string(tail.partition.value()));
}

StatusOr<QuarantinedTail> Quarantine::SetAside(const Request& request, const ReadTail& read) {
  Survey survey;
  survey.hash.MixBytes(AsBytes(request.topic_id.ToString()));
  survey.hash.Mix(request.partition.value());
  survey.hash.Mix(request.end.value());
  RETURN_IF_ERROR(read([&](const kafka::BatchView& batch) -> Status {
    const kafka::BatchHeader& header = batch.header();
    if (header.next_offset() <= request.first || header.base_offset >= request.end) {
      return FailedPrecondition("the log has grown while it was set aside");
    }
    survey.Note(batch);
    return OkStatus();
  }));
  const std::string id = fmt::format("{:016x}", survey.hash.value());
  LookAgain();  // It may be there and not have been read.
  if (StatusOr<QuarantinedTail> known = Find(id); known.ok()) {
    RETURN_IF_ERROR(CheckFiles(*known));
    return known;
  }

  QuarantinedTail tail;
  tail.id = id;
  tail.topic = request.topic;
  tail.topic_id = request.topic_id;
  tail.partition = request.partition;
  tail.region = region_;
  tail.link = request.link;
  tail.epoch = survey.epoch;
  tail.new_epoch = request.new_epoch;
  tail.first = request.first;
  tail.end = request.end;
  tail.records = survey.records;
  tail.bytes = survey.bytes;
  tail.transactional = survey.transactional;
  tail.attempt = request.attempt;
  tail.time = request.time;
  tail.folder =
      JoinPath(PartitionFolder(tail), fmt::format("{:020}-{}", tail.first.value(), tail.id));
  const std::string partial = tail.folder + std::string(kPartial);
  if (const Status written = Write(tail, partial, read); !written.ok()) {
    files_.RemoveTree(partial).IgnoreError();  // Else at the next start.
    return written;
  }
  LogWarning("quarantine", "{}-{}: {} records at [{}, {}) of epoch {} are kept in {}",
             tail.topic.value(), tail.partition.value(), tail.records, tail.first.value(),
             tail.end.value(), tail.epoch.value(), tail.folder);
  MutexLock lock(&mutex_);
  tails_[tail.id] = tail;
  return tail;
}

Status Quarantine::Write(QuarantinedTail& tail, const std::string& partial, const ReadTail& read) {
  RETURN_IF_ERROR(files_.RemoveTree(partial));
  RETURN_IF_ERROR(files_.CreateFolders(partial));
  TailWriter writer(files_, partial);
  ByteCount bytes;
  RETURN_IF_ERROR(read([&](const kafka::BatchView& batch) {
    bytes += ByteCount(static_cast<int64_t>(batch.bytes().size()));
    return writer.Add(batch);
  }));
  RETURN_IF_ERROR(writer.Seal());
  if (bytes != tail.bytes) return FailedPrecondition("the log changed while it was set aside");
  tail.files = writer.TakeFiles();
  // Syncs the folder, too.
  RETURN_IF_ERROR(
      WriteWholeFile(files_, JoinPath(partial, kManifest), AsBytes(EncodeManifest(tail))));
  RETURN_IF_ERROR(files_.Rename(partial, tail.folder));
  for (std::string folder = tail.folder; folder.size() >= folder_.size();
       folder = ParentPath(folder)) {
    RETURN_IF_ERROR(files_.SyncFolder(folder));
  }
  return quarantine_fsynced.Hit();
}

// --- Looking and reading ---

std::vector<QuarantinedTail> Quarantine::List() const {
  std::vector<QuarantinedTail> list;
  {
    MutexLock lock(&mutex_);
    for (const auto& [id, tail] : tails_) list.push_back(tail);
  }
  std::sort(list.begin(), list.end(), [](const QuarantinedTail& a, const QuarantinedTail& b) {
    return std::tie(a.topic, a.partition, a.first, a.id) <
           std::tie(b.topic, b.partition, b.first, b.id);
  });
  return list;
}

StatusOr<QuarantinedTail> Quarantine::Find(const std::string& id) const {
  MutexLock lock(&mutex_);
  const auto found = tails_.find(id);
  if (found == tails_.end()) return NotFound("no tail `{}` is in quarantine", id);
  return found->second;
}

std::vector<std::string> Quarantine::damaged() const {
  std::vector<std::string> list;
  MutexLock lock(&mutex_);
  for (const auto& [folder, damage] : damaged_) {
    list.push_back(fmt::format("{}: {}", folder, damage.what));
  }
  return list;
}

Status Quarantine::CheckFiles(const QuarantinedTail& tail) const {
  for (size_t file = 0; file < tail.files.size(); ++file) {
    const std::string path = JoinPath(tail.folder, tail.files[file].name);
    ASSIGN_OR_RETURN(const std::shared_ptr<File> opened, files_.Open(path, OpenMode::kRead));
    RETURN_IF_ERROR(CheckSize(tail, file, *opened));
  }
  return OkStatus();
}

Status Quarantine::CheckSize(const QuarantinedTail& tail, size_t file, File& opened) const {
  ASSIGN_OR_RETURN(const ByteCount size, opened.Size());
  if (size == tail.files[file].bytes) return OkStatus();
  return Corrupt("{} has {} bytes, its manifest says {}", opened.path(), size.value(),
                 tail.files[file].bytes.value());
}

Status Quarantine::Read(const QuarantinedTail& tail, TailCursor& cursor,
                        const std::function<StatusOr<bool>(const kafka::BatchView&)>& take) const {
  for (; cursor.file < tail.files.size(); cursor = {cursor.file + 1, FilePosition(0)}) {
    const std::string path = JoinPath(tail.folder, tail.files[cursor.file].name);
    ASSIGN_OR_RETURN(const std::shared_ptr<File> file, files_.Open(path, OpenMode::kRead));
    RETURN_IF_ERROR(CheckSize(tail, cursor.file, *file));
    const FilePosition limit(tail.files[cursor.file].bytes.value());
    if (cursor.position > limit) return InvalidArgument("{} is shorter", path);
    broker::BatchScanner scanner(*file, cursor.position, limit);
    while (true) {
      const StatusOr<bool> moved = scanner.Next();
      if (moved.status().code() == StatusCode::kOutOfRange) {
        return Corrupt("{}", StatusMessage(moved.status()));
      }
      RETURN_IF_ERROR(moved.status());
      if (!*moved) break;
      ASSIGN_OR_RETURN(const bool more, take(scanner.batch()));
      cursor.position = scanner.next_position();
      if (!more) return OkStatus();
    }
  }
  return OkStatus();
}

StatusOr<Bytes> Quarantine::ReadFile(const QuarantinedTail& tail, size_t file, FilePosition at,
                                     ByteCount most) const {
  if (file >= tail.files.size()) return NotFound("tail {} has no file {}", tail.id, file);
  const std::string path = JoinPath(tail.folder, tail.files[file].name);
  ASSIGN_OR_RETURN(const std::shared_ptr<File> opened, files_.Open(path, OpenMode::kRead));
  RETURN_IF_ERROR(CheckSize(tail, file, *opened));
  const int64_t left = std::max<int64_t>(0, tail.files[file].bytes.value() - at.value());
  Bytes bytes(static_cast<size_t>(std::min(left, most.value())));
  ASSIGN_OR_RETURN(const size_t got, opened->ReadAt(at, bytes));
  if (got < bytes.size()) return Corrupt("{} is too short", path);
  return bytes;
}

// --- Afterwards ---

Status Quarantine::SaveProgress(const std::string& id, const ReinjectProgress& progress) {
  ASSIGN_OR_RETURN(const QuarantinedTail tail, Find(id));
  RETURN_IF_ERROR(
      WriteWholeFile(files_, JoinPath(tail.folder, kProgress), AsBytes(EncodeProgress(progress))));
  MutexLock lock(&mutex_);
  const auto found = tails_.find(id);
  if (found != tails_.end()) found->second.progress = progress;
  return OkStatus();
}

// Renamed first: a crash leaves nothing that looks like half a tail.
Status Quarantine::Drop(const std::string& id) {
  ASSIGN_OR_RETURN(const QuarantinedTail tail, Find(id));
  const std::string partial = tail.folder + std::string(kPartial);
  RETURN_IF_ERROR(files_.RemoveTree(partial));
  RETURN_IF_ERROR(files_.Rename(tail.folder, partial));
  RETURN_IF_ERROR(files_.SyncFolder(ParentPath(tail.folder)));
  {
    MutexLock lock(&mutex_);
    tails_.erase(id);
  }
  LogWarning("quarantine", "{}-{}: the tail at [{}, {}) was dropped by an operator: {} records",
             tail.topic.value(), tail.partition.value(), tail.first.value(), tail.end.value(),
             tail.records);
  return files_.RemoveTree(partial);
}

void Quarantine::CollectMetrics(std::vector<MetricFamily>& out) const {
  std::map<TopicName, int64_t> records;
  {
    MutexLock lock(&mutex_);
    for (const auto& [id, tail] : tails_) records[tail.topic] += tail.records;
  }
  FamilyBuilder kept("atoll_quarantine_records",
                     "Records that were set aside because the topic's owner does not have them.");
  for (const auto& [topic, count] : records) {
    kept.Add({{"topic", topic.value()}}, static_cast<double>(count));
  }
  std::move(kept).AppendTo(out);
}

}  // namespace atl::mirror
