#include "core-broker/admin/state_stream.h"

#include <boost/asio/buffer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket.hpp>

#include <algorithm>
#include <deque>
#include <optional>
#include <utility>

#include "base/logging.h"

namespace atl::broker {
namespace {

namespace beast = boost::beast;
namespace websocket = beast::websocket;
namespace asio = runtime::asio;
using runtime::awaitable;
using runtime::kToken;
using Text = std::shared_ptr<const std::string>;

constexpr const char* kTick = "tick";
constexpr size_t kMostFromReader = 1024;
constexpr auto kHandshake = std::chrono::seconds(10);
constexpr auto kSilence = std::chrono::seconds(30);  // Pings go out at half of it.

Text Shared(std::string text) { return std::make_shared<const std::string>(std::move(text)); }

std::string TickMessage(WallTime now) {
  return fmt::format(R"({{"section":"{}","time":"{}"}})", kTick, FormatTime(now));
}

}  // namespace

struct StateStream::Section {
  std::string name;
  Read read;
  MonotonicTime told{};  // When it last changed.
};

// Constant after Start(), except for what the shard keeps in it.
struct StateStream::Sections {
  std::vector<Section> all;
  StateBook book;
};

// What one look found.
struct StateStream::Round {
  explicit Round(runtime::Reactor& reactor) : done(reactor) {}
  struct Message {
    std::string section;
    Text text;
  };
  std::vector<std::shared_ptr<Reader>> newcomers;  // Get what is whole.
  std::vector<Message> changes;
  std::vector<Message> whole;
  runtime::Event done;
};

class StateStream::ReadJob final : public runtime::ShardJob {
 public:
  ReadJob(runtime::Reactor& home, std::shared_ptr<Sections> sections, std::shared_ptr<Round> round,
          MonotonicTime now, Duration every)
      : home_(home),
        sections_(std::move(sections)),
        round_(std::move(round)),
        now_(now),
        every_(every) {}

  void Run(runtime::ShardTurn&) override {
    for (Section& section : sections_->all) {
      if (now_ - section.told >= every_) Look(section);
      if (round_->newcomers.empty()) continue;
      round_->whole.push_back({section.name, Shared(sections_->book.Whole(section.name))});
    }
  }
  void Complete() override { round_->done.Set(); }
  runtime::CompleteAfter complete_after() const override { return runtime::CompleteAfter::kWrite; }
  runtime::Reactor* home() const override { return &home_; }

 private:
  void Look(Section& section) {
    std::optional<StateRows> rows = section.read();
    if (!rows.has_value()) return;
    std::string change = sections_->book.Replace(section.name, std::move(*rows));
    if (change.empty()) return;
    section.told = now_;
    round_->changes.push_back({section.name, Shared(std::move(change))});
  }

  runtime::Reactor& home_;
  const std::shared_ptr<Sections> sections_;
  const std::shared_ptr<Round> round_;
  const MonotonicTime now_;
  const Duration every_;
};

// One connection. Its writer is Serve(), which ends it; its other task hears what it says.
class StateStream::Reader {
 public:
  Reader(beast::tcp_stream stream, const StreamLimits& limits, std::set<std::string> wanted,
         runtime::Reactor& reactor)
      : limits_(limits), wanted_(std::move(wanted)), stream_(std::move(stream)), wake_(reactor) {
    // The WebSocket's own timeouts apply: a dead reader does not answer pings.
    beast::get_lowest_layer(stream_).expires_never();
    stream_.set_option(websocket::stream_base::timeout{kHandshake, kSilence, true});
    stream_.read_message_max(kMostFromReader);
    stream_.text(true);
    stream_.auto_fragment(false);
  }

  awaitable<bool> Accept(Request request) {
    const auto accepted = co_await stream_.async_accept(request, kToken);
    const auto& [error] = accepted;
    co_return !error;
  }

  void Push(const std::string& section, const Text& text) {
    if (over_ || (section != kTick && !wanted_.contains(section))) return;
    // A state that is larger than all that may wait is no reader's fault.
    const bool full = !queue_.empty() && (queue_.size() >= limits_.max_queued_messages ||
                                          bytes_ + text->size() > limits_.max_queued_bytes);
    if (full) {
      Leave(websocket::close_code::policy_error,
            "this reader is too slow: too much waits for it; connect again for the whole state");
      return;
    }
    bytes_ += text->size();
    queue_.push_back(text);
    wake_.Set();
  }

  static awaitable<void> Write(std::shared_ptr<Reader> self) {
    while (!self->over_) {
      self->wake_.Reset();
      if (self->queue_.empty()) {
        (void)co_await self->wake_.Wait();
        continue;
      }
      const Text text = self->queue_.front();
      self->queue_.pop_front();
      self->bytes_ -= text->size();
      const auto written = co_await self->stream_.async_write(asio::buffer(*text), kToken);
      const auto& [error, count] = written;
      if (error) self->Gone();
    }
    if (!self->gone_) (void)co_await self->stream_.async_close(self->reason_, kToken);
    beast::get_lowest_layer(self->stream_).close();
  }

  static awaitable<void> Hear(std::shared_ptr<Reader> self) {
    beast::flat_buffer buffer;
    const auto heard = co_await self->stream_.async_read(buffer, kToken);
    const auto& [error, count] = heard;
    if (error) {
      self->Gone();
    } else {
      self->Leave(websocket::close_code::unknown_data, "this stream takes no messages");
    }
  }

  bool fresh() const { return fresh_; }
  void Seen() { fresh_ = false; }

 private:
  void Leave(websocket::close_code code, const char* reason) {
    if (std::exchange(over_, true)) return;
    queue_.clear();
    reason_ = {code, reason};
    LogWarning("core-broker", "stream: a reader is dropped: {}", reason);
    wake_.Set();
  }
  void Gone() {
    over_ = gone_ = true;
    queue_.clear();
    wake_.Set();
  }

  const StreamLimits& limits_;
  const std::set<std::string> wanted_;
  websocket::stream<beast::tcp_stream> stream_;
  runtime::Event wake_;  // Of the writer.
  std::deque<Text> queue_;
  size_t bytes_ = 0;
  bool fresh_ = true;  // Was told nothing yet.
  bool over_ = false;
  bool gone_ = false;  // There is nobody to say goodbye to.
  websocket::close_reason reason_;
};

class StateStream::StartTask final : public runtime::ReactorTask {
 public:
  explicit StartTask(StateStream& stream) : stream_(stream) {}
  void RunOnReactor() override { stream_.tasks_.Spawn(stream_.Run()); }

 private:
  StateStream& stream_;
};

StateStream::StateStream(runtime::Reactor& reactor, runtime::StorageShards& reading,
                         const Clock& clock, const StreamLimits& limits)
    : reactor_(reactor),
      reading_(reading),
      clock_(clock),
      limits_(limits),
      sections_(std::make_shared<Sections>()),
      tasks_(reactor, "stream"),
      joined_(reactor) {}

StateStream::~StateStream() { Stop(); }

void StateStream::AddSection(std::string name, Read read) {
  names_.insert(name);
  sections_->all.push_back({std::move(name), std::move(read)});
}

void StateStream::Start() {
  started_ = true;
  std::vector<std::unique_ptr<runtime::ReactorTask>> start;
  start.push_back(std::make_unique<StartTask>(*this));
  reactor_.Post(std::move(start));
}

void StateStream::Stop() {
  if (std::exchange(started_, false)) tasks_.StopFromOutside();
}

// --- Looking ---

awaitable<void> StateStream::Run() {
  MonotonicTime next_tick{};
  while (true) {
    joined_.Reset();
    if (readers_.empty()) {
      const bool joined = co_await joined_.Wait();
      if (!joined) co_return;
    }
    const auto round = std::make_shared<Round>(reactor_);
    const MonotonicTime now = clock_.Now();
    std::copy_if(readers_.begin(), readers_.end(), std::back_inserter(round->newcomers),
                 [](const std::shared_ptr<Reader>& reader) { return reader->fresh(); });
    reading_.Post(0, std::make_unique<ReadJob>(reactor_, sections_, round, now, limits_.every));
    const bool looked = co_await round->done.Wait();
    if (!looked) co_return;
    if (now >= next_tick) {
      next_tick = now + limits_.tick_every;
      round->changes.push_back({kTick, Shared(TickMessage(clock_.WallNow()))});
    }
    Deliver(*round);
    (void)co_await joined_.Wait(now + limits_.look_every);
  }
}

void StateStream::Deliver(const Round& round) {
  for (const auto& newcomer : round.newcomers) {
    newcomer->Seen();
    for (const Round::Message& message : round.whole) newcomer->Push(message.section, message.text);
  }
  for (const auto& reader : readers_) {
    if (reader->fresh()) continue;  // Came while we looked.
    const bool is_new =
        std::find(round.newcomers.begin(), round.newcomers.end(), reader) != round.newcomers.end();
    for (const Round::Message& message : round.changes) {
      if (!is_new || message.section == kTick) reader->Push(message.section, message.text);
    }
  }
}

// --- Serving ---

std::set<std::string> StateStream::Wanted(const HttpCall& call) const {
  const auto asked = call.query.find("sections");
  if (asked == call.query.end() || asked->second.empty()) return names_;
  std::set<std::string> wanted;
  std::string_view rest = asked->second;
  while (!rest.empty()) {
    const std::string_view name = rest.substr(0, rest.find(','));
    wanted.emplace(name);
    rest.remove_prefix(std::min(name.size() + 1, rest.size()));
  }
  return wanted;
}

std::optional<HttpReply> StateStream::Refusal(const HttpCall& call) const {
  for (const std::string& name : Wanted(call)) {
    if (names_.contains(name)) continue;
    std::string all;
    for (const std::string& known : names_) all += (all.empty() ? "" : ", ") + known;
    return ErrorReply(400, fmt::format("the stream has no section `{}`", name), "sections: " + all);
  }
  if (readers_.size() >= limits_.max_readers) {
    return ErrorReply(503, fmt::format("the stream has its {} readers", limits_.max_readers),
                      "close a console that nobody looks at, or poll GET /v1/links");
  }
  return std::nullopt;
}

awaitable<void> StateStream::Serve(beast::tcp_stream stream, Request request, HttpCall call) {
  // Has its place, and loses it, whichever way this ends.
  struct Place {
    Place(std::list<std::shared_ptr<Reader>>& all, const std::shared_ptr<Reader>& one)
        : readers(all), reader(one) {
      readers.push_back(reader);
    }
    ~Place() { readers.remove(reader); }
    std::list<std::shared_ptr<Reader>>& readers;
    const std::shared_ptr<Reader> reader;
  };
  const auto reader = std::make_shared<Reader>(std::move(stream), limits_, Wanted(call), reactor_);
  const bool accepted = co_await reader->Accept(std::move(request));
  if (!accepted || tasks_.stopping()) co_return;
  const Place place(readers_, reader);
  tasks_.Spawn(Reader::Hear(reader));
  joined_.Set();
  co_await Reader::Write(reader);
}

void RegisterStreamRoute(Router& router) {
  router.Add("GET", StateStream::kPath, [](const HttpCall&) {
    HttpReply reply = ErrorReply(426, "the stream is a WebSocket",
                                 "connect to ws://HOST:PORT/v1/stream, or poll GET /v1/links");
    reply.headers.emplace_back("Upgrade", "websocket");
    return reply;
  });
}

}  // namespace atl::broker
