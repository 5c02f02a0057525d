#include "core-broker/admin/json_body.h"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace atl::broker {
namespace {

namespace json = boost::json;

constexpr size_t kMostDepth = 32;

}  // namespace

StatusOr<json::object> ParseJsonObject(std::string_view body) {
  if (body.empty()) return json::object();
  json::parse_options options;
  options.max_depth = kMostDepth;
  boost::system::error_code error;
  json::value value = json::parse({body.data(), body.size()}, error, {}, options);
  if (error) return InvalidArgument("the body is not JSON: {}", error.message());
  if (!value.is_object()) return InvalidArgument("the body is not a JSON object");
  return std::move(value.get_object());
}

StatusOr<std::string> TextMember(const json::object& object, std::string_view name,
                                 std::string_view otherwise) {
  const json::value* value = object.if_contains({name.data(), name.size()});
  if (value == nullptr) return std::string(otherwise);
  if (!value->is_string()) return InvalidArgument("\"{}\" is not a text", name);
  return std::string(value->get_string().data(), value->get_string().size());
}

StatusOr<int64_t> IntegerMember(const json::object& object, std::string_view name,
                                int64_t otherwise) {
  const json::value* value = object.if_contains({name.data(), name.size()});
  if (value == nullptr) return otherwise;
  if (!value->is_int64()) return InvalidArgument("\"{}\" is not a whole number", name);
  return value->get_int64();
}

HttpReply JsonReply(const json::value& body, int status) {
  HttpReply reply;
  reply.status = status;
  reply.body = json::serialize(body) + "\n";
  return reply;
}

json::string JsonText(std::string_view text) { return json::string(text.data(), text.size()); }

}  // namespace atl::broker
