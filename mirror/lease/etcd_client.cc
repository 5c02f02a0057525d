#include "mirror/lease/etcd_client.h"

#include <boost/asio/connect.hpp>
#include <boost/beast/core/detail/base64.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/json.hpp>

#include <charconv>
#include <utility>

namespace atl::mirror {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace json = boost::json;
using runtime::awaitable;
using runtime::kToken;

constexpr uint64_t kMostAnswerBytes = uint64_t{64} << 20;
constexpr int64_t kMostTtlSeconds = 24 * 3600;

struct HttpAnswer {
  unsigned status = 0;
  std::string body;
};

awaitable<StatusOr<HttpAnswer>> Post(runtime::Reactor& reactor, EtcdEndpoint to, std::string path,
                                     std::string body, Duration deadline) {
  beast::tcp_stream stream(reactor.executor());
  runtime::tcp::resolver resolver(reactor.executor());
  const auto failed = [&to](const runtime::ErrorCode& error) {
    return Unavailable("etcd {}:{}: {}", to.host, to.port, error.message());
  };
  const std::string port = std::to_string(to.port);
  auto [no_name, addresses] = co_await resolver.async_resolve(to.host, port, kToken);
  if (no_name) co_return failed(no_name);
  stream.expires_after(deadline);
  auto [no_peer, peer] = co_await stream.async_connect(addresses, kToken);
  if (no_peer) co_return failed(no_peer);
  http::request<http::string_body> request(http::verb::post, path, 11);
  request.set(http::field::host, to.host);
  request.set(http::field::content_type, "application/json");
  request.keep_alive(false);
  request.body() = std::move(body);
  request.prepare_payload();
  auto [not_sent, sent] = co_await http::async_write(stream, request, kToken);
  if (not_sent) co_return failed(not_sent);
  beast::flat_buffer buffer;
  http::response_parser<http::string_body> parser;
  parser.body_limit(kMostAnswerBytes);
  auto [not_read, got] = co_await http::async_read(stream, buffer, parser, kToken);
  if (not_read) co_return failed(not_read);
  HttpAnswer answer;
  answer.status = parser.get().result_int();
  answer.body = std::move(parser.get().body());
  co_return answer;
}

// etcd's 64-bit numbers are texts.
std::optional<int64_t> Number(const json::object& object, std::string_view name) {
  const json::value* const value = object.if_contains({name.data(), name.size()});
  if (value == nullptr) return std::nullopt;
  if (value->is_int64()) return value->get_int64();
  if (!value->is_string()) return std::nullopt;
  const json::string& text = value->get_string();
  int64_t number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = parsed.ec == std::errc() && parsed.ptr == text.data() + text.size();
  return whole ? std::optional(number) : std::nullopt;
}

StatusOr<std::string> Base64Member(const json::object& object, std::string_view name) {
  const json::value* const value = object.if_contains({name.data(), name.size()});
  if (value == nullptr) return std::string();
  if (!value->is_string()) return InvalidArgument("etcd: `{}` is no text", name);
  return DecodeBase64({value->get_string().data(), value->get_string().size()});
}

Status Refused(const json::object& answer, unsigned status) {
  const json::value* const message = answer.if_contains("message");
  const json::value* const error = answer.if_contains("error");
  const json::value* const text = message != nullptr ? message : error;
  const std::string said = text != nullptr && text->is_string()
                               ? std::string(text->get_string().c_str())
                               : fmt::format("HTTP status {}", status);
  if (said.find("lease not found") != std::string::npos) return NotFound("etcd: {}", said);
  // 503 and 5xx of its own: no leader, timeouts. Another member may do better.
  if (status >= 500) return Unavailable("etcd: {}", said);
  return FailedPrecondition("etcd: {}", said);
}

StatusOr<json::object> Understand(const HttpAnswer& answer) {
  boost::system::error_code error;
  json::value value = json::parse(answer.body, error);
  json::object object =
      !error && value.is_object() ? std::move(value.get_object()) : json::object();
  if (answer.status != 200) return Refused(object, answer.status);
  if (object.empty()) return Unavailable("etcd: the answer is no JSON object");
  return object;
}

Duration ToTtl(int64_t seconds) {
  return std::chrono::seconds(std::clamp<int64_t>(seconds, 0, kMostTtlSeconds));
}

// The end of the keys that start with `prefix`.
std::string EndOf(std::string prefix) {
  prefix.back() = static_cast<char>(prefix.back() + 1);
  return prefix;
}

}  // namespace

std::string EncodeBase64(std::string_view bytes) {
  std::string text(beast::detail::base64::encoded_size(bytes.size()), '\0');
  text.resize(beast::detail::base64::encode(text.data(), bytes.data(), bytes.size()));
  return text;
}

StatusOr<std::string> DecodeBase64(std::string_view text) {
  std::string bytes(beast::detail::base64::decoded_size(text.size()), '\0');
  const auto [written, read] =
      beast::detail::base64::decode(bytes.data(), text.data(), text.size());
  // What is left over may only be padding.
  if (text.substr(read).find_first_not_of('=') != std::string_view::npos) {
    return InvalidArgument("no base64");
  }
  bytes.resize(written);
  return bytes;
}

awaitable<StatusOr<json::object>> EtcdClient::Call(std::string path, std::string body,
                                                   Duration deadline) {
  const MonotonicTime until = clock_.Now() + deadline;
  Status last = Unavailable("etcd: no endpoints");
  for (size_t i = 0; i < endpoints_.size(); ++i) {
    // Each has its share of what is left: a dead member must not eat the time of the others.
    const auto left = until - clock_.Now();
    if (left <= Duration::zero()) break;
    const size_t at = (first_ + i) % endpoints_.size();
    const auto share = left / static_cast<int64_t>(endpoints_.size() - i);
    auto answer = co_await Post(reactor_, endpoints_[at], path, body, share);
    StatusOr<json::object> understood =
        answer.ok() ? Understand(*answer) : StatusOr<json::object>(answer.status());
    if (understood.status().code() != StatusCode::kUnavailable) {
      first_ = at;
      co_return understood;
    }
    last = understood.status();
  }
  co_return last;
}

awaitable<StatusOr<EtcdClient::Grant>> EtcdClient::GrantLease(Duration ttl, Duration deadline) {
  const auto seconds = std::chrono::ceil<std::chrono::seconds>(ttl).count();
  json::object body;
  body["TTL"] = seconds;
  auto answer = co_await Call("/v3/lease/grant", json::serialize(body), deadline);
  CO_RETURN_IF_ERROR(answer.status());
  const std::optional<int64_t> id = Number(*answer, "ID");
  const std::optional<int64_t> granted = Number(*answer, "TTL");
  if (!id || *id == 0 || !granted) co_return InvalidArgument("etcd: a grant without ID and TTL");
  Grant grant;
  grant.lease = *id;
  // Never more than was asked for: etcd may grant longer, and then only takes longer to expire.
  grant.ttl = std::min<Duration>(ToTtl(*granted), ttl);
  co_return grant;
}

awaitable<StatusOr<Duration>> EtcdClient::KeepAlive(int64_t lease, Duration deadline) {
  json::object body;
  body["ID"] = std::to_string(lease);
  auto answer = co_await Call("/v3/lease/keepalive", json::serialize(body), deadline);
  CO_RETURN_IF_ERROR(answer.status());
  const json::value* const result = answer->if_contains("result");
  if (result == nullptr || !result->is_object()) {
    co_return InvalidArgument("etcd: a keep-alive without a result");
  }
  // A lease that is gone has no TTL.
  const std::optional<int64_t> ttl = Number(result->get_object(), "TTL");
  if (!ttl || *ttl <= 0) co_return NotFound("etcd: the lease has expired");
  co_return ToTtl(*ttl);
}

awaitable<Status> EtcdClient::Revoke(int64_t lease, Duration deadline) {
  json::object body;
  body["ID"] = std::to_string(lease);
  auto answer = co_await Call("/v3/lease/revoke", json::serialize(body), deadline);
  co_return answer.status();
}

awaitable<StatusOr<std::vector<EtcdValue>>> EtcdClient::List(std::string prefix,
                                                             Duration deadline) {
  json::object body;
  body["key"] = EncodeBase64(prefix);
  body["range_end"] = EncodeBase64(EndOf(prefix));
  auto answer = co_await Call("/v3/kv/range", json::serialize(body), deadline);
  CO_RETURN_IF_ERROR(answer.status());
  std::vector<EtcdValue> values;
  const json::value* const kvs = answer->if_contains("kvs");
  if (kvs == nullptr || !kvs->is_array()) co_return values;
  for (const json::value& kv : kvs->get_array()) {
    if (!kv.is_object()) co_return InvalidArgument("etcd: a key that is no object");
    auto key = Base64Member(kv.get_object(), "key");
    auto value = Base64Member(kv.get_object(), "value");
    const std::optional<int64_t> revision = Number(kv.get_object(), "mod_revision");
    CO_RETURN_IF_ERROR(key.status());
    CO_RETURN_IF_ERROR(value.status());
    if (!revision) co_return InvalidArgument("etcd: a key without a revision");
    EtcdValue& out = values.emplace_back();
    out.key = *std::move(key);
    out.value = *std::move(value);
    out.mod_revision = *revision;
  }
  co_return values;
}

awaitable<StatusOr<bool>> EtcdClient::Swap(EtcdSwap swap, Duration deadline) {
  json::array compare;
  for (const EtcdSwap::Expect& expect : swap.expect) {
    json::object one;
    one["key"] = EncodeBase64(expect.key);
    one["target"] = "MOD";
    one["result"] = "EQUAL";
    one["mod_revision"] = std::to_string(expect.mod_revision);
    compare.push_back(std::move(one));
  }
  json::array success;
  for (const EtcdSwap::Put& put : swap.put) {
    json::object one;
    one["key"] = EncodeBase64(put.key);
    one["value"] = EncodeBase64(put.value);
    if (put.lease != 0) one["lease"] = std::to_string(put.lease);
    json::object step;
    step["requestPut"] = std::move(one);
    success.push_back(std::move(step));
  }
  json::object body;
  body["compare"] = std::move(compare);
  body["success"] = std::move(success);
  auto answer = co_await Call("/v3/kv/txn", json::serialize(body), deadline);
  CO_RETURN_IF_ERROR(answer.status());
  const json::value* const succeeded = answer->if_contains("succeeded");
  co_return succeeded != nullptr && succeeded->is_bool() && succeeded->get_bool();
}

}  // namespace atl::mirror
