#include "model/calibration.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/file.h"
#include "base/hash.h"
#include "base/text.h"
#include "image/prepare.h"

namespace graft {
namespace {

constexpr const char* kCalibrationFormat = "graft-calibration";
constexpr int kCalibrationVersion = 1;
constexpr std::size_t kMostChannels = std::size_t{1} << 20;

constexpr double kMeanUnits = 1 << 20;

// What no code can say is as good as its end; no number is as good as none.
double within_bounds(double mean) {
  return mean > 0 ? std::min(mean, range_of(255)) : 0;
}

std::optional<std::uint8_t> digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<std::uint8_t>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<std::uint8_t>(c - 'a' + 10);
  return std::nullopt;
}

std::optional<std::vector<std::uint8_t>> codes_of(const std::string& text) {
  if (text.empty() || text.size() % 2 != 0 || text.size() / 4 > kMostChannels) return std::nullopt;
  std::vector<std::uint8_t> codes;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const auto high = digit(text[i]);
    const auto low = digit(text[i + 1]);
    if (!high || !low) return std::nullopt;
    codes.push_back(static_cast<std::uint8_t>(*high << 4 | *low));
  }
  return codes;
}

}  // namespace

Json ranges_json(const ActivationRanges& ranges) {
  Json json = Json::object();
  for (const auto& [name, range] : ranges) {
    json[name] = hex(range.largest) + hex(range.mean);
  }
  return json;
}

std::optional<ActivationRanges> ranges_of(const Json& json) {
  if (!json.is_object() || json.empty()) return std::nullopt;
  ActivationRanges ranges;
  std::size_t channels = 0;
  for (const auto& [name, value] : json.items()) {
    if (!value.is_string()) return std::nullopt;
    const auto codes = codes_of(value.get<std::string>());
    if (!codes || codes->size() % 2 != 0) return std::nullopt;
    const auto middle = codes->begin() + static_cast<std::ptrdiff_t>(codes->size() / 2);
    channels += codes->size() / 2;
    if (channels > kMostChannels) return std::nullopt;
    ranges[name] = {{codes->begin(), middle}, {middle, codes->end()}};
  }
  return ranges;
}

std::string calibration_fingerprint(const ActivationRanges& ranges) {
  return hex(xxh3_128(as_bytes(dump_json(ranges_json(ranges), -1))).bytes);
}

std::string calibration_text(const ActivationRanges& ranges, const std::string& space,
                             std::size_t photos) {
  return dump_json({{"format", kCalibrationFormat},
                    {"version", kCalibrationVersion},
                    {"space", printable(space)},
                    {"photos", photos},
                    {"fingerprint", calibration_fingerprint(ranges)},
                    {"ranges", ranges_json(ranges)}}) +
         "\n";
}

Result<ActivationRanges> parse_calibration(std::string_view text, const std::string& space,
                                           const std::string& subject) {
  const auto wrong = [&](const char* what) { return corrupt(subject + ": " + what); };
  const Result<Json> json = parse_json(text);
  if (!json.ok() || !json->is_object() || json->value("format", Json()) != kCalibrationFormat) {
    return wrong("is not a calibration");
  }
  if (json->value("version", Json()) != kCalibrationVersion) {
    return wrong("is a calibration of a version that this program cannot read");
  }
  if (json->value("space", Json()) != printable(space)) {
    return wrong("is the calibration of another network");
  }
  auto ranges = ranges_of(json->value("ranges", Json()));
  if (!ranges) return wrong("holds ranges that cannot be");
  if (json->value("fingerprint", Json()) != calibration_fingerprint(*ranges)) {
    return wrong("is damaged: its ranges are not those that its fingerprint is of");
  }
  return *std::move(ranges);
}

RangeMeter::RangeMeter(const Backbone& backbone, std::vector<std::string> names, Program program)
    : spec_(backbone.spec()),
      decode_(backbone.decode_options()),
      names_(std::move(names)),
      program_(std::move(program)) {}

Result<RangeMeter> RangeMeter::prepare(Backbone& backbone) {
  GRAFT_ASSIGN(const Graph graph, backbone.simplified());
  const std::string subject = printable(backbone.origin());
  std::vector<std::string> names = quantizable_values(graph);
  if (names.empty()) {
    // In its own words.
    const Result<Graph> whole = quantize(graph, {});
    if (!whole.ok()) return with_context(subject, whole.error());
  }
  CompileOptions options;
  options.backend = backbone.backend();
  auto program = Program::compile(graph, names, options);
  if (!program.ok()) return with_context(subject, std::move(program).error());
  return RangeMeter(backbone, std::move(names), std::move(program).value());
}

RangeMeter::Worker RangeMeter::make_worker() const {
  Worker worker;
  worker.meter_ = this;
  worker.input_ = Tensor(program_.input());
  worker.workspace_ = program_.make_workspace();
  for (const TensorSpec& spec : program_.outputs()) {
    worker.values_.emplace_back(spec);
    worker.largest_.emplace_back(static_cast<std::size_t>(spec.shape[3]), 0.0F);
    worker.means_.emplace_back(static_cast<std::size_t>(spec.shape[3]), 0);
  }
  return worker;
}

Result<void> RangeMeter::Worker::add(std::span<const std::byte> photo) {
  const ModelSpec& spec = meter_->spec_;
  GRAFT_TRY(prepare_photo(photo, meter_->decode_, spec.height(), spec.width(), spec.norm, image_,
                          input_.as<float>()));
  std::vector<MutableTensorView> outs;
  for (Tensor& value : values_) outs.push_back(value.view());
  meter_->program_.run(std::as_const(input_).view(), outs, *workspace_);
  ++photos_;
  for (std::size_t v = 0; v < values_.size(); ++v) {
    std::vector<float>& largest = largest_[v];
    std::vector<double> sums(largest.size(), 0.0);
    const auto numbers = std::as_const(values_[v]).as<float>();
    for (std::size_t i = 0; i < numbers.size(); i += largest.size()) {
      for (std::size_t c = 0; c < largest.size(); ++c) {
        largest[c] = std::max(largest[c], numbers[i + c]);
        sums[c] += static_cast<double>(numbers[i + c]);
      }
    }
    const std::size_t pixels = numbers.size() / largest.size();
    for (std::size_t c = 0; c < largest.size(); ++c) {
      means_[v][c] +=
          std::llround(within_bounds(sums[c] / static_cast<double>(pixels)) * kMeanUnits);
    }
  }
  return {};
}

ActivationRanges RangeMeter::ranges(std::span<const Worker> workers) const {
  ActivationRanges all;
  std::int64_t photos = 0;
  for (const Worker& worker : workers) photos += worker.photos_;
  for (std::size_t v = 0; v < names_.size(); ++v) {
    ActivationRange& range = all[printable(names_[v])];
    const auto channels = static_cast<std::size_t>(program_.outputs()[v].shape[3]);
    for (std::size_t c = 0; c < channels; ++c) {
      float largest = 0;
      std::int64_t sum = 0;
      for (const Worker& worker : workers) {
        largest = std::max(largest, worker.largest_[v][c]);
        sum += worker.means_[v][c];
      }
      const double mean = static_cast<double>(sum) / kMeanUnits /
                          static_cast<double>(std::max<std::int64_t>(photos, 1));
      range.largest.push_back(range_code(largest));
      range.mean.push_back(mean_code(mean, range.largest.back()));
    }
  }
  return all;
}

}  // namespace graft
