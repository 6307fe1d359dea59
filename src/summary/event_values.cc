#include "summary/event_values.h"

#include <cmath>
#include <cstring>

#include "base/file.h"
#include "wire/event.pb.h"
#include "wire/serialize.h"

namespace graft {
namespace {

Error no_such(const char* what) {
  return corrupt(std::string("a summary's payload is no ") + what + ": get a good copy of the log");
}

// The value of a rank-0 float tensor, if it is one.
bool scalar_of(const wire::TensorProto& tensor, float& value) {
  if (tensor.dtype() != wire::DT_FLOAT || tensor.tensor_shape().dim_size() != 0 ||
      tensor.tensor_shape().unknown_rank()) {
    return false;
  }
  if (tensor.float_val_size() == 1) {
    value = tensor.float_val(0);
    return true;
  }
  if (tensor.tensor_content().size() != sizeof(float)) return false;
  std::memcpy(&value, tensor.tensor_content().data(), sizeof(float));
  return true;
}

std::vector<double> doubles_of(const wire::TensorProto& tensor) {
  if (tensor.tensor_content().empty()) {
    return {tensor.double_val().begin(), tensor.double_val().end()};
  }
  std::vector<double> values(tensor.tensor_content().size() / sizeof(double));
  if (!values.empty()) {
    std::memcpy(values.data(), tensor.tensor_content().data(), values.size() * sizeof(double));
  }
  return values;
}

Result<Histogram> from_tensor(std::string_view payload) {
  wire::TensorProto tensor;
  if (!wire::parse(as_bytes(payload), tensor) || tensor.dtype() != wire::DT_DOUBLE ||
      tensor.tensor_shape().dim_size() != 2 || tensor.tensor_shape().dim(1).size() != 3) {
    return no_such("histogram");
  }
  const std::vector<double> values = doubles_of(tensor);
  // Not multiplied: the shape is anybody's number.
  if (values.size() % 3 != 0 ||
      tensor.tensor_shape().dim(0).size() != static_cast<std::int64_t>(values.size() / 3)) {
    return no_such("histogram");
  }
  Histogram h;
  for (std::size_t i = 0; i < values.size(); i += 3) {
    const double left = values[i], right = values[i + 1], count = values[i + 2];
    if (i == 0) h.min = left;
    h.max = right;
    h.num += count;
    h.sum += count * (left + right) / 2;
    h.sum_squares += count * ((left + right) / 2) * ((left + right) / 2);
    h.bucket_limit.push_back(right);
    h.bucket.push_back(count);
  }
  return h;
}

}  // namespace

SummaryKind kind_of(const EventValue& value, float& scalar) {
  switch (value.kind) {
    case EventValue::Kind::kScalar:
      scalar = value.scalar;
      return SummaryKind::kScalar;
    case EventValue::Kind::kHistogram:
      return SummaryKind::kHistogram;
    case EventValue::Kind::kImage:
      return SummaryKind::kImage;
    case EventValue::Kind::kTensor:
      break;
    case EventValue::Kind::kNone:
      return SummaryKind::kNone;
  }
  if (value.plugin == "histograms") return SummaryKind::kHistogram;
  if (value.plugin == "images") return SummaryKind::kImage;
  if (value.plugin == "text") return SummaryKind::kText;
  if (!value.plugin.empty() && value.plugin != "scalars") return SummaryKind::kNone;
  wire::TensorProto tensor;
  if (!wire::parse(as_bytes(value.payload), tensor)) return SummaryKind::kNone;
  return scalar_of(tensor, scalar) ? SummaryKind::kScalar : SummaryKind::kNone;
}

Result<Histogram> histogram_of(const EventValue& value) {
  if (value.kind == EventValue::Kind::kTensor) return from_tensor(value.payload);
  wire::HistogramProto h;
  if (value.kind != EventValue::Kind::kHistogram || !wire::parse(as_bytes(value.payload), h)) {
    return no_such("histogram");
  }
  return Histogram{h.min(),
                   h.max(),
                   h.num(),
                   h.sum(),
                   h.sum_squares(),
                   {h.bucket_limit().begin(), h.bucket_limit().end()},
                   {h.bucket().begin(), h.bucket().end()}};
}

Result<std::vector<std::string>> images_of(const EventValue& value) {
  if (value.kind == EventValue::Kind::kImage) {
    wire::Summary::Image image;
    if (!wire::parse(as_bytes(value.payload), image)) return no_such("image");
    return std::vector<std::string>{image.encoded_image_string()};
  }
  // [width, height, image, image …], all of them text.
  wire::TensorProto tensor;
  if (!wire::parse(as_bytes(value.payload), tensor) || tensor.dtype() != wire::DT_STRING ||
      tensor.string_val_size() < 2) {
    return no_such("image");
  }
  return std::vector<std::string>(tensor.string_val().begin() + 2, tensor.string_val().end());
}

Result<std::string> text_of(const EventValue& value) {
  wire::TensorProto tensor;
  if (!wire::parse(as_bytes(value.payload), tensor) || tensor.dtype() != wire::DT_STRING) {
    return no_such("text");
  }
  std::string text;
  for (const std::string& piece : tensor.string_val()) {
    if (!text.empty()) text += "\n\n";
    text += piece;
  }
  return text;
}

}  // namespace graft
