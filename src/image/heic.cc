// HEIC (and AVIF, its sibling) through libheif, on the calling thread. libheif applies the rotation
// and cropping that the container prescribes; alpha is dropped.
#include <algorithm>
#include <cstring>
#include <limits>
#include <memory>
#include <string>

#include "image/codecs.h"
#include "image/heif_library.h"

namespace graft::codec {
namespace {

using Context = std::unique_ptr<heif_context, void (*)(heif_context*)>;
using Handle = std::unique_ptr<const heif_image_handle, void (*)(const heif_image_handle*)>;
using Picture = std::unique_ptr<const heif_image, void (*)(const heif_image*)>;

Error heic_error(const heif_error& error) {
  if (error.code == heif_error_Unsupported_filetype ||
      error.code == heif_error_Unsupported_feature ||
      error.code == heif_error_Decoder_plugin_error) {
    return unreadable_kind(ImageFormat::kHeic, error.message);
  }
  return damaged(ImageFormat::kHeic, error.message);
}

struct Opened {
  const HeifLibrary& heif;
  Context context;
  Handle primary;
};

// `bytes` must outlive the result.
Result<Opened> open_heic(ByteSpan bytes) {
  const HeifLibrary* heif = heif_library();
  if (heif == nullptr) {
    return unsupported(
        "HEIC: libheif is not installed: install it (Debian: apt-get install libheif1), or save "
        "the photo as JPEG");
  }
  Opened opened{*heif, Context(heif->heif_context_alloc(), heif->heif_context_free),
                Handle(nullptr, heif->heif_image_handle_release)};
  if (!opened.context) return unsupported("HEIC: needs more memory than there is: scale it down");
  heif->heif_context_set_max_decoding_threads(opened.context.get(), 0);
  heif_error error = heif->heif_context_read_from_memory_without_copy(
      opened.context.get(), bytes.data(), bytes.size(), nullptr);
  if (error.code != heif_error_Ok) return heic_error(error);
  heif_image_handle* primary = nullptr;
  error = heif->heif_context_get_primary_image_handle(opened.context.get(), &primary);
  opened.primary.reset(primary);
  if (error.code != heif_error_Ok) return heic_error(error);
  return opened;
}

std::uint64_t positive(int n) {
  return static_cast<std::uint64_t>(std::max(n, 0));
}

}  // namespace

Result<void> decode_heic(ByteSpan bytes, const DecodeOptions& options, Image& into,
                         DecodeNote& /*note*/) {
  GRAFT_ASSIGN(const Opened opened, open_heic(bytes));
  const HeifLibrary& heif = opened.heif;
  GRAFT_TRY(check_size(
      ImageFormat::kHeic, positive(heif.heif_image_handle_get_width(opened.primary.get())),
      positive(heif.heif_image_handle_get_height(opened.primary.get())), options.limits));
  const std::unique_ptr<heif_decoding_options, void (*)(heif_decoding_options*)> how(
      heif.heif_decoding_options_alloc(), heif.heif_decoding_options_free);
  if (!how) return unsupported("HEIC: needs more memory than there is: scale it down");
  // Damaged parts would keep what was in memory before: pixels that differ from run to run. So:
  // strict, no warnings, and no picture larger than its 'ispe' box says (rotation and cropping
  // never enlarge; a grid with a wrong size would not be covered by its tiles).
  how->strict_decoding = 1;
  heif_image* decoded = nullptr;
  const heif_error error = heif.heif_decode_image(
      opened.primary.get(), &decoded, heif_colorspace_RGB, heif_chroma_interleaved_RGB, how.get());
  const Picture picture(decoded, heif.heif_image_release);
  if (error.code != heif_error_Ok) return heic_error(error);
  int stride = 0;
  const std::uint8_t* rows =
      heif.heif_image_get_plane_readonly(picture.get(), heif_channel_interleaved, &stride);
  const int width = heif.heif_image_get_width(picture.get(), heif_channel_interleaved);
  const int height = heif.heif_image_get_height(picture.get(), heif_channel_interleaved);
  if (rows == nullptr || stride < width * 3) {
    return damaged(ImageFormat::kHeic, "no pixels came out");
  }
  if (heif.heif_image_get_decoding_warnings(decoded, 0, nullptr, 0) > 0) {
    return damaged(ImageFormat::kHeic, "broken picture data");
  }
  if (positive(width) * positive(height) >
      positive(heif.heif_image_handle_get_ispe_width(opened.primary.get())) *
          positive(heif.heif_image_handle_get_ispe_height(opened.primary.get()))) {
    return damaged(ImageFormat::kHeic, "contradictory picture sizes");
  }
  GRAFT_TRY(
      allocate_pixels(ImageFormat::kHeic, positive(width), positive(height), options.limits, into));
  const std::size_t row_bytes = static_cast<std::size_t>(width) * 3;
  for (std::size_t y = 0; y < static_cast<std::size_t>(height); ++y) {
    std::memcpy(into.pixels.data() + y * row_bytes, rows + y * static_cast<std::size_t>(stride),
                row_bytes);
  }
  return {};
}

Result<ImageSize> heic_size(ByteSpan bytes) {
  GRAFT_ASSIGN(const Opened opened, open_heic(bytes));
  const HeifLibrary& heif = opened.heif;
  return ImageSize{heif.heif_image_handle_get_width(opened.primary.get()),
                   heif.heif_image_handle_get_height(opened.primary.get())};
}

}  // namespace graft::codec
