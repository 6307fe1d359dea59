#include "train/checkpoint.h"

#include <array>
#include <bit>
#include <cstring>
#include <string_view>

#include "base/file.h"
#include "base/text.h"

namespace graft {
namespace {

static_assert(std::endian::native == std::endian::little);
constexpr std::string_view kMagic = "GRAFTCK1";
constexpr std::size_t kHeaderBytes = 8 + 16 + 8 + 4 + 4, kChecksumBytes = 8;
constexpr std::uint64_t kMaxBytes = std::uint64_t{1} << 31;

template <typename T>
void put(std::string& out, T value) {
  std::array<char, sizeof(T)> raw;
  std::memcpy(raw.data(), &value, sizeof(T));
  out.append(raw.data(), raw.size());
}

template <typename T>
T take(std::string_view& from) {
  T value;
  std::memcpy(&value, from.data(), sizeof(T));
  from.remove_prefix(sizeof(T));
  return value;
}

void put_floats(std::string& out, const Tensor& tensor) {
  const TensorView view = tensor.view();
  out.append(reinterpret_cast<const char*>(view.data), view.spec.bytes());
}

void take_floats(std::string_view& from, Tensor& tensor) {
  const MutableTensorView view = tensor.view();
  std::memcpy(view.data, from.data(), view.spec.bytes());
  from.remove_prefix(view.spec.bytes());
}

}  // namespace

Result<void> save_checkpoint(const std::string& path, const Hash128& fingerprint,
                             std::uint64_t step, const Head& head) {
  std::string out(kMagic);
  out.append(reinterpret_cast<const char*>(fingerprint.bytes.data()), fingerprint.bytes.size());
  put(out, step);
  put(out, static_cast<std::uint32_t>(head.features()));
  put(out, static_cast<std::uint32_t>(head.classes()));
  put_floats(out, head.weights);
  put_floats(out, head.biases);
  put(out, xxh3_64(as_bytes(out)));
  return write_atomically(path, std::string_view(out));
}

Result<Checkpoint> load_checkpoint(const std::string& path) {
  GRAFT_ASSIGN(const std::string text, read_text_file(path, kMaxBytes));
  const auto damaged = [&] {
    return corrupt(printable(path) + ": not a whole checkpoint: training starts anew without it");
  };
  std::string_view rest = text;
  if (rest.size() < kHeaderBytes + kChecksumBytes || !rest.starts_with(kMagic)) return damaged();
  std::string_view checksum = rest.substr(rest.size() - kChecksumBytes);
  rest.remove_suffix(kChecksumBytes);
  if (take<std::uint64_t>(checksum) != xxh3_64(as_bytes(rest))) return damaged();

  rest.remove_prefix(kMagic.size());
  Checkpoint checkpoint;
  std::memcpy(checkpoint.fingerprint.bytes.data(), rest.data(), 16);
  rest.remove_prefix(16);
  checkpoint.step = take<std::uint64_t>(rest);
  const std::uint64_t features = take<std::uint32_t>(rest);
  const std::uint64_t classes = take<std::uint32_t>(rest);
  // Both below 2^32 and the file below 2^31 bytes: the comparison comes before any product is used.
  if (features == 0 || classes == 0 || features > kMaxBytes / classes ||
      (features + 1) * classes * sizeof(float) != rest.size()) {
    return damaged();
  }
  const auto f = static_cast<std::int64_t>(features);
  const auto k = static_cast<std::int64_t>(classes);
  checkpoint.head = {Tensor(DType::kF32, Shape{f, k}), Tensor(DType::kF32, Shape{k})};
  take_floats(rest, checkpoint.head.weights);
  take_floats(rest, checkpoint.head.biases);
  return checkpoint;
}

}  // namespace graft
