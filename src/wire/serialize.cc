#include "wire/serialize.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/stubs/logging.h>

#include <limits>

namespace graft::wire {
namespace {

constexpr std::size_t kMaxBytes = std::numeric_limits<int>::max();

}  // namespace

Result<std::string> serialize(const google::protobuf::MessageLite& message) {
  const std::size_t size = message.ByteSizeLong();
  if (size > kMaxBytes) {
    return unsupported("message: " + std::to_string(size) +
                       " bytes are more than protobuf's limit of 2 GiB: use a smaller graph");
  }
  std::string bytes;
  bytes.reserve(size);
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    message.SerializeWithCachedSizes(&coded);
  }
  return bytes;
}

bool parse(std::span<const std::byte> bytes, google::protobuf::MessageLite& message) {
  if (bytes.size() > kMaxBytes) return false;
  // protobuf logs to stderr what it refuses; the caller says it better, once.
  const google::protobuf::LogSilencer silence;
  return message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()));
}

}  // namespace graft::wire
