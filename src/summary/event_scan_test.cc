#include "summary/event_scan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <string>

#include "base/file.h"
#include "base/rng.h"
#include "summary/event_values.h"
#include "summary/golden_events_test.h"
#include "summary/record_reader.h"
#include "wire/event.pb.h"
#include "wire/serialize.h"

namespace graft {
namespace {

using Kind = EventValue::Kind;
using What = ScannedEvent::What;

// The scanner's account of an event, and protobuf's, in one form.
std::string account(const ScannedEvent& event) {
  std::string out = std::to_string(event.step) + " " +
                    std::to_string(std::bit_cast<std::uint64_t>(event.wall_time)) + " " +
                    std::to_string(static_cast<int>(event.what)) + " " + std::string(event.bytes);
  for (const EventValue& value : event.values) {
    out += "\n" + std::string(value.tag) + "|" + std::string(value.plugin) + "|" +
           std::to_string(static_cast<int>(value.kind)) + "|";
    if (value.kind == Kind::kScalar) {
      out += std::to_string(std::bit_cast<std::uint32_t>(value.scalar));
    } else if (value.kind == Kind::kHistogram) {
      wire::HistogramProto h;
      EXPECT_TRUE(wire::parse(as_bytes(value.payload), h));
      out += h.SerializeAsString();
    } else if (value.kind == Kind::kImage) {
      wire::Summary::Image image;
      EXPECT_TRUE(wire::parse(as_bytes(value.payload), image));
      out += image.SerializeAsString();
    } else if (value.kind == Kind::kTensor) {
      wire::TensorProto tensor;
      EXPECT_TRUE(wire::parse(as_bytes(value.payload), tensor));
      out += tensor.SerializeAsString();
    }
  }
  return out;
}

std::string account(const wire::Event& event) {
  int what = 0;
  std::string bytes;
  if (event.what_case() == wire::Event::kFileVersion) {
    what = static_cast<int>(What::kFileVersion);
    bytes = event.file_version();
  } else if (event.what_case() == wire::Event::kGraphDef) {
    what = static_cast<int>(What::kGraph);
    bytes = event.graph_def();
  } else if (event.what_case() == wire::Event::kSummary) {
    what = static_cast<int>(What::kSummary);
  }
  std::string out = std::to_string(event.step()) + " " +
                    std::to_string(std::bit_cast<std::uint64_t>(event.wall_time())) + " " +
                    std::to_string(what) + " " + bytes;
  for (const auto& value : event.summary().value()) {
    out += "\n" + value.tag() + "|" + value.metadata().plugin_data().plugin_name() + "|";
    switch (value.value_case()) {
      case wire::Summary::Value::kSimpleValue:
        out += std::to_string(static_cast<int>(Kind::kScalar)) + "|" +
               std::to_string(std::bit_cast<std::uint32_t>(value.simple_value()));
        break;
      case wire::Summary::Value::kHisto:
        out += std::to_string(static_cast<int>(Kind::kHistogram)) + "|" +
               value.histo().SerializeAsString();
        break;
      case wire::Summary::Value::kImage:
        out += std::to_string(static_cast<int>(Kind::kImage)) + "|" +
               value.image().SerializeAsString();
        break;
      case wire::Summary::Value::kTensor:
        out += std::to_string(static_cast<int>(Kind::kTensor)) + "|" +
               value.tensor().SerializeAsString();
        break;
      case wire::Summary::Value::VALUE_NOT_SET:
        out += std::to_string(static_cast<int>(Kind::kNone)) + "|";
        break;
    }
  }
  return out;
}

std::vector<std::string> golden_records() {
  std::vector<std::string> records;
  RecordSink sink;
  sink.on_record = [&](std::uint64_t, std::span<const std::byte> data) {
    records.emplace_back(as_text(data));
  };
  for (const char* name : {"tensorflow1", "tensorboard2"}) {
    EXPECT_TRUE(RecordReader(golden::events_path(name)).poll(sink).ok());
  }
  return records;
}

wire::Event full_event() {
  wire::Event event;
  event.set_wall_time(1511452123.25);
  event.set_step(-3);
  auto* scalar = event.mutable_summary()->add_value();
  scalar->set_tag("a/b");
  scalar->set_node_name("ignored");
  scalar->set_simple_value(-0.0F);
  auto* image = event.mutable_summary()->add_value();
  image->set_tag("i");
  image->mutable_image()->set_height(3);
  image->mutable_image()->set_encoded_image_string("\x89PNG");
  auto* tensor = event.mutable_summary()->add_value();
  tensor->set_tag("t");
  tensor->mutable_metadata()->mutable_plugin_data()->set_plugin_name("scalars");
  tensor->mutable_metadata()->mutable_plugin_data()->set_content(std::string("\0\1", 2));
  tensor->mutable_tensor()->set_dtype(wire::DT_FLOAT);
  tensor->mutable_tensor()->add_float_val(2.5F);
  auto* histogram = event.mutable_summary()->add_value();
  histogram->set_tag("h");
  histogram->mutable_histo()->set_num(3);
  histogram->mutable_histo()->add_bucket_limit(1);
  histogram->mutable_histo()->add_bucket(3);
  return event;
}

TEST(EventScan, SeesWhatProtobufSees) {
  std::vector<std::string> records = golden_records();
  ASSERT_GE(records.size(), 10U);
  records.push_back(full_event().SerializeAsString());
  ScannedEvent scanned;
  for (const std::string& record : records) {
    wire::Event parsed;
    ASSERT_TRUE(wire::parse(as_bytes(record), parsed));
    ASSERT_TRUE(scan_event(as_bytes(record), scanned));
    EXPECT_EQ(account(scanned), account(parsed));
  }
}

// Whatever the bytes are: where both take them, they agree. (Protobuf alone refuses text that is
// not UTF-8 and payloads that are none, and takes the groups of old.)
TEST(EventScan, AgreesWithProtobufOnMutations) {
  const std::string original = full_event().SerializeAsString();
  Rng rng(36);
  ScannedEvent scanned;
  int agreed = 0, refused = 0;
  for (int round = 0; round < 20000; ++round) {
    std::string bytes = original;
    const std::uint32_t flips = 1 + rng.below(2);
    for (std::uint32_t i = 0; i < flips; ++i) {
      const std::uint32_t at = rng.below(static_cast<std::uint32_t>(bytes.size()));
      bytes[at] = static_cast<char>(bytes[at] ^ (1 << rng.below(8)));
    }
    if (rng.below(4) == 0) bytes.resize(rng.below(static_cast<std::uint32_t>(bytes.size())));
    wire::Event parsed;
    const bool protobuf_takes_it = wire::parse(as_bytes(bytes), parsed);
    const bool taken = scan_event(as_bytes(bytes), scanned);
    if (!protobuf_takes_it) {
      // What stands inside a payload is judged only when the payload is used.
      ++refused;
      continue;
    }
    if (!taken) continue;
    ASSERT_EQ(account(scanned), account(parsed)) << "round " << round;
    ++agreed;
  }
  EXPECT_GT(agreed, 5000);
  EXPECT_GT(refused, 1000);
}

TEST(EventScan, RefusesWhatIsNoMessage) {
  ScannedEvent scanned;
  EXPECT_TRUE(scan_event({}, scanned));
  EXPECT_EQ(scanned.what, What::kNone);
  for (const char* bytes : {"\x08", "\x09\x01\x02", "\x2a\x05\x0a", "\x0b\x0c",
                            "\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"}) {
    EXPECT_FALSE(scan_event(as_bytes(std::string_view(bytes)), scanned)) << bytes;
  }
  EXPECT_FALSE(scan_event(as_bytes(std::string_view("\0\1", 2)), scanned));  // field 0
}

TEST(EventValues, ReadsTensorsAsTensorBoardLaysThemOut) {
  wire::Event event;
  auto* histogram = event.mutable_summary()->add_value();
  histogram->set_tag("h");
  histogram->mutable_metadata()->mutable_plugin_data()->set_plugin_name("histograms");
  auto* tensor = histogram->mutable_tensor();
  tensor->set_dtype(wire::DT_DOUBLE);
  tensor->mutable_tensor_shape()->add_dim()->set_size(2);
  tensor->mutable_tensor_shape()->add_dim()->set_size(3);
  const double buckets[] = {-1, 0, 4, 0, 1, 6};
  tensor->set_tensor_content(buckets, sizeof(buckets));
  auto* image = event.mutable_summary()->add_value();
  image->set_tag("i");
  image->mutable_metadata()->mutable_plugin_data()->set_plugin_name("images");
  image->mutable_tensor()->set_dtype(wire::DT_STRING);
  for (const char* text : {"2", "3", "PNG1", "PNG2"}) image->mutable_tensor()->add_string_val(text);
  auto* note = event.mutable_summary()->add_value();
  note->set_tag("n");
  note->mutable_metadata()->mutable_plugin_data()->set_plugin_name("text");
  note->mutable_tensor()->set_dtype(wire::DT_STRING);
  note->mutable_tensor()->add_string_val("rate 0.01");

  const std::string bytes = event.SerializeAsString();
  ScannedEvent scanned;
  ASSERT_TRUE(scan_event(as_bytes(bytes), scanned));
  ASSERT_EQ(scanned.values.size(), 3U);
  float none = 0;
  EXPECT_EQ(kind_of(scanned.values[0], none), SummaryKind::kHistogram);
  EXPECT_EQ(kind_of(scanned.values[1], none), SummaryKind::kImage);
  EXPECT_EQ(kind_of(scanned.values[2], none), SummaryKind::kText);
  const auto h = histogram_of(scanned.values[0]);
  ASSERT_TRUE(h.ok());
  EXPECT_THAT(h->bucket_limit, testing::ElementsAre(0, 1));
  EXPECT_THAT(h->bucket, testing::ElementsAre(4, 6));
  EXPECT_EQ(h->min, -1);
  EXPECT_EQ(h->max, 1);
  EXPECT_EQ(h->num, 10);
  EXPECT_THAT(*images_of(scanned.values[1]), testing::ElementsAre("PNG1", "PNG2"));
  EXPECT_EQ(*text_of(scanned.values[2]), "rate 0.01");
  EXPECT_FALSE(histogram_of(scanned.values[1]).ok());
  EXPECT_FALSE(text_of(scanned.values[0]).ok());
}

// A size of which thrice is, modulo 2^64, the number of values that are there.
TEST(EventValues, RefuseAShapeThatIsNotThatOfItsValues) {
  constexpr std::int64_t kThirdOfOne = -6148914691236517205;
  for (const std::int64_t size : {kThirdOfOne, std::int64_t{0}, std::int64_t{1}}) {
    wire::TensorProto tensor;
    tensor.set_dtype(wire::DT_DOUBLE);
    tensor.mutable_tensor_shape()->add_dim()->set_size(size);
    tensor.mutable_tensor_shape()->add_dim()->set_size(3);
    tensor.add_double_val(1);
    const std::string bytes = tensor.SerializeAsString();
    EventValue value;
    value.kind = EventValue::Kind::kTensor;
    value.payload = bytes;
    EXPECT_EQ(histogram_of(value).error().kind, ErrorKind::kCorrupt) << size;
  }
}

}  // namespace
}  // namespace graft
