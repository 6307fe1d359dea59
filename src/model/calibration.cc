#include "model/calibration.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/file.h"
#include "base/hash.h"
#include "base/text.h"
#include "image/resize.h"

namespace graft {
namespace {

constexpr const char* kCalibrationFormat = "graft-calibration";
constexpr int kCalibrationVersion = 1;
constexpr std::size_t kMostChannels = std::size_t{1} << 20;

std::optional<std::uint8_t> digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<std::uint8_t>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<std::uint8_t>(c - 'a' + 10);
  return std::nullopt;
}

std::optional<std::vector<std::uint8_t>> codes_of(const std::string& text) {
  if (text.empty() || text.size() % 2 != 0 || text.size() / 2 > kMostChannels) return std::nullopt;
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
  for (const auto& [name, codes] : ranges) json[printable(name)] = hex(codes);
  return json;
}

std::optional<ActivationRanges> ranges_of(const Json& json) {
  if (!json.is_object() || json.empty()) return std::nullopt;
  ActivationRanges ranges;
  std::size_t channels = 0;
  for (const auto& [name, value] : json.items()) {
    if (!value.is_string()) return std::nullopt;
    auto codes = codes_of(value.get<std::string>());
    if (!codes || (channels += codes->size()) > kMostChannels) return std::nullopt;
    ranges[name] = *std::move(codes);
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
  }
  return worker;
}

Result<void> RangeMeter::Worker::add(std::span<const std::byte> photo) {
  GRAFT_TRY(decode_image(photo, meter_->decode_, image_));
  const ModelSpec& spec = meter_->spec_;
  resize_normalize(image_, spec.height(), spec.width(), spec.norm, input_.as<float>());
  std::vector<MutableTensorView> outs;
  for (Tensor& value : values_) outs.push_back(value.view());
  meter_->program_.run(std::as_const(input_).view(), outs, *workspace_);
  for (std::size_t v = 0; v < values_.size(); ++v) {
    std::vector<float>& largest = largest_[v];
    const auto numbers = std::as_const(values_[v]).as<float>();
    for (std::size_t i = 0; i < numbers.size(); i += largest.size()) {
      for (std::size_t c = 0; c < largest.size(); ++c) {
        largest[c] = std::max(largest[c], numbers[i + c]);
      }
    }
  }
  return {};
}

ActivationRanges RangeMeter::ranges(std::span<const Worker> workers) const {
  ActivationRanges all;
  for (std::size_t v = 0; v < names_.size(); ++v) {
    std::vector<std::uint8_t>& codes = all[names_[v]];
    for (const Worker& worker : workers) {
      codes.resize(worker.largest_[v].size());
      for (std::size_t c = 0; c < codes.size(); ++c) {
        codes[c] = std::max(codes[c], range_code(worker.largest_[v][c]));
      }
    }
  }
  return all;
}

}  // namespace graft
