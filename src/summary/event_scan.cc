#include "summary/event_scan.h"

#include <bit>
#include <cstring>

#include "base/file.h"
#include "wire/wire_type.h"

namespace graft {
namespace {

using namespace wire::wire_type;

// Walks the fields of one message.
class Fields {
 public:
  explicit Fields(std::string_view message)
      : at_(message.data()), end_(message.data() + message.size()) {}

  // The next field's number and type; false at the end or at something that is no field.
  bool next() {
    if (at_ == end_) return false;
    std::uint64_t key = 0;
    if (!varint(key) || key > UINT32_MAX || key >> 3 == 0) return fail();
    number_ = static_cast<std::uint32_t>(key >> 3);
    type_ = static_cast<int>(key & 7);
    switch (type_) {
      case kVarint:
        return varint(integer_) || fail();
      case kFixed64:
        return fixed(integer_) || fail();
      case kFixed32: {
        std::uint32_t bits = 0;
        if (!fixed(bits)) return fail();
        integer_ = bits;
        return true;
      }
      case kBytes: {
        std::uint64_t size = 0;
        if (!varint(size) || size > static_cast<std::uint64_t>(end_ - at_)) return fail();
        bytes_ = {at_, static_cast<std::size_t>(size)};
        at_ += size;
        return true;
      }
      default:
        return fail();  // groups: nobody writes them
    }
  }
  bool is(std::uint32_t number, int type) const { return number_ == number && type_ == type; }
  bool failed() const { return failed_; }
  std::uint64_t integer() const { return integer_; }
  std::string_view bytes() const { return bytes_; }

 private:
  bool fail() {
    failed_ = true;
    return false;
  }
  bool varint(std::uint64_t& value) {
    if (at_ != end_ && static_cast<unsigned char>(*at_) < 0x80) {
      value = static_cast<unsigned char>(*at_++);
      return true;
    }
    value = 0;
    for (int shift = 0; shift < 70; shift += 7) {
      if (at_ == end_) return false;
      const auto byte = static_cast<unsigned char>(*at_++);
      if (shift < 64) value |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) return true;
    }
    return false;
  }
  template <typename T>
  bool fixed(T& value) {
    static_assert(std::endian::native == std::endian::little);
    if (static_cast<std::size_t>(end_ - at_) < sizeof(T)) return false;
    std::memcpy(&value, at_, sizeof(T));
    at_ += sizeof(T);
    return true;
  }

  const char* at_;
  const char* end_;
  std::uint32_t number_ = 0;
  int type_ = 0;
  bool failed_ = false;
  std::uint64_t integer_ = 0;
  std::string_view bytes_;
};

// SummaryMetadata { plugin_data = 1 { plugin_name = 1 } }
bool scan_metadata(std::string_view message, std::string_view& plugin) {
  Fields metadata(message);
  while (metadata.next()) {
    if (!metadata.is(1, kBytes)) continue;
    Fields data(metadata.bytes());
    while (data.next()) {
      if (data.is(1, kBytes)) plugin = data.bytes();
    }
    if (data.failed()) return false;
  }
  return !metadata.failed();
}

bool scan_value(std::string_view message, EventValue& value) {
  Fields fields(message);
  while (fields.next()) {
    if (fields.is(1, kBytes)) {
      value.tag = fields.bytes();
    } else if (fields.is(2, kFixed32)) {
      value.kind = EventValue::Kind::kScalar;
      value.scalar = std::bit_cast<float>(static_cast<std::uint32_t>(fields.integer()));
    } else if (fields.is(4, kBytes) || fields.is(5, kBytes) || fields.is(8, kBytes)) {
      if (!value.payload.empty()) return false;  // protobuf would join the two; nobody writes that
      value.kind = fields.is(4, kBytes)   ? EventValue::Kind::kImage
                   : fields.is(5, kBytes) ? EventValue::Kind::kHistogram
                                          : EventValue::Kind::kTensor;
      value.payload = fields.bytes();
    } else if (fields.is(9, kBytes)) {
      if (!scan_metadata(fields.bytes(), value.plugin)) return false;
    }
  }
  return !fields.failed();
}

bool scan_summary(std::string_view message, std::vector<EventValue>& values) {
  Fields fields(message);
  while (fields.next()) {
    if (fields.is(1, kBytes) && !scan_value(fields.bytes(), values.emplace_back())) return false;
  }
  return !fields.failed();
}

}  // namespace

bool scan_event(std::span<const std::byte> message, ScannedEvent& into) {
  into.wall_time = 0;
  into.step = 0;
  into.what = ScannedEvent::What::kNone;
  into.bytes = {};
  into.values.clear();
  Fields fields(as_text(message));
  while (fields.next()) {
    if (fields.is(1, kFixed64)) {
      into.wall_time = std::bit_cast<double>(fields.integer());
    } else if (fields.is(2, kVarint)) {
      into.step = static_cast<std::int64_t>(fields.integer());
    } else if (fields.is(3, kBytes) || fields.is(4, kBytes)) {
      into.what =
          fields.is(3, kBytes) ? ScannedEvent::What::kFileVersion : ScannedEvent::What::kGraph;
      into.bytes = fields.bytes();
      into.values.clear();
    } else if (fields.is(5, kBytes)) {
      into.what = ScannedEvent::What::kSummary;
      if (!scan_summary(fields.bytes(), into.values)) return false;
    }
  }
  return !fields.failed();
}

}  // namespace graft
