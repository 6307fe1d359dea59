// HEIC (and AVIF, its sibling) through libheif, on the calling thread. libheif applies the rotation
// and cropping that the container prescribes; alpha is dropped.
#include <libheif/heif.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <memory>
#include <string>

#include "base/lazy_library.h"
#include "image/codecs.h"
#include "image/heic_references.h"

namespace graft::codec {
namespace {

struct Libheif {
  decltype(&::heif_context_alloc) context_alloc = nullptr;
  decltype(&::heif_context_free) context_free = nullptr;
  decltype(&::heif_context_set_max_decoding_threads) context_set_max_decoding_threads = nullptr;
  decltype(&::heif_context_set_maximum_image_size_limit) context_set_maximum_image_size_limit =
      nullptr;
  decltype(&::heif_context_read_from_memory_without_copy) context_read_from_memory_without_copy =
      nullptr;
  decltype(&::heif_context_get_primary_image_handle) context_get_primary_image_handle = nullptr;
  decltype(&::heif_image_handle_release) image_handle_release = nullptr;
  decltype(&::heif_image_handle_get_width) image_handle_get_width = nullptr;
  decltype(&::heif_image_handle_get_height) image_handle_get_height = nullptr;
  decltype(&::heif_image_handle_get_ispe_width) image_handle_get_ispe_width = nullptr;
  decltype(&::heif_image_handle_get_ispe_height) image_handle_get_ispe_height = nullptr;
  decltype(&::heif_decoding_options_alloc) decoding_options_alloc = nullptr;
  decltype(&::heif_decoding_options_free) decoding_options_free = nullptr;
  decltype(&::heif_decode_image) decode_image = nullptr;
  decltype(&::heif_image_release) image_release = nullptr;
  decltype(&::heif_image_get_plane_readonly) image_get_plane_readonly = nullptr;
  decltype(&::heif_image_get_width) image_get_width = nullptr;
  decltype(&::heif_image_get_height) image_get_height = nullptr;
  decltype(&::heif_image_get_decoding_warnings) image_get_decoding_warnings = nullptr;

  static Result<Libheif> load() {
    GRAFT_ASSIGN(const auto library, LazyLibrary::load("libheif.so.1", "libheif1"));
    Libheif h;
    GRAFT_TRY(library.find("heif_context_alloc", h.context_alloc));
    GRAFT_TRY(library.find("heif_context_free", h.context_free));
    GRAFT_TRY(
        library.find("heif_context_set_max_decoding_threads", h.context_set_max_decoding_threads));
    GRAFT_TRY(library.find("heif_context_set_maximum_image_size_limit",
                           h.context_set_maximum_image_size_limit));
    GRAFT_TRY(library.find("heif_context_read_from_memory_without_copy",
                           h.context_read_from_memory_without_copy));
    GRAFT_TRY(
        library.find("heif_context_get_primary_image_handle", h.context_get_primary_image_handle));
    GRAFT_TRY(library.find("heif_image_handle_release", h.image_handle_release));
    GRAFT_TRY(library.find("heif_image_handle_get_width", h.image_handle_get_width));
    GRAFT_TRY(library.find("heif_image_handle_get_height", h.image_handle_get_height));
    GRAFT_TRY(library.find("heif_image_handle_get_ispe_width", h.image_handle_get_ispe_width));
    GRAFT_TRY(library.find("heif_image_handle_get_ispe_height", h.image_handle_get_ispe_height));
    GRAFT_TRY(library.find("heif_decoding_options_alloc", h.decoding_options_alloc));
    GRAFT_TRY(library.find("heif_decoding_options_free", h.decoding_options_free));
    GRAFT_TRY(library.find("heif_decode_image", h.decode_image));
    GRAFT_TRY(library.find("heif_image_release", h.image_release));
    GRAFT_TRY(library.find("heif_image_get_plane_readonly", h.image_get_plane_readonly));
    GRAFT_TRY(library.find("heif_image_get_width", h.image_get_width));
    GRAFT_TRY(library.find("heif_image_get_height", h.image_get_height));
    GRAFT_TRY(library.find("heif_image_get_decoding_warnings", h.image_get_decoding_warnings));
    return h;
  }
};

Result<const Libheif*> libheif() {
  static const Result<Libheif> loaded = Libheif::load();
  if (!loaded.ok()) return unsupported("HEIC: " + loaded.error().message);
  return &loaded.value();
}

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
  const Libheif& heif;
  Context context;
  Handle primary;
};

// `bytes` must outlive the result.
Result<Opened> open_heic(ByteSpan bytes) {
  if (has_endless_references(bytes)) {
    return damaged(ImageFormat::kHeic, "a picture that is made of itself");
  }
  GRAFT_ASSIGN(const Libheif* const library, libheif());
  const Libheif& heif = *library;
  Opened opened{heif, Context(heif.context_alloc(), heif.context_free),
                Handle(nullptr, heif.image_handle_release)};
  if (!opened.context) return unsupported("HEIC: needs more memory than there is: scale it down");
  heif.context_set_max_decoding_threads(opened.context.get(), 0);
  heif_error error = heif.context_read_from_memory_without_copy(opened.context.get(), bytes.data(),
                                                                bytes.size(), nullptr);
  if (error.code != heif_error_Ok) return heic_error(error);
  heif_image_handle* primary = nullptr;
  error = heif.context_get_primary_image_handle(opened.context.get(), &primary);
  opened.primary.reset(primary);
  if (error.code != heif_error_Ok) return heic_error(error);
  return opened;
}

std::uint64_t positive(int n) {
  return static_cast<std::uint64_t>(std::max(n, 0));
}

// A picture made of tiles is put together in a size of its own, which may be another than the one
// that it is said to have, up to 32,768 either way: libheif is held to the longest side that is
// said, or to a tile's, and a picture is refused whose longest side would allow far more than the
// limit.
Result<void> limit_sides(const Opened& opened, int width, int height, const DecodeLimits& limits) {
  constexpr int kLargestTile = 4096;
  const heif_image_handle* const primary = opened.primary.get();
  const int longest = std::max({width, height, opened.heif.image_handle_get_ispe_width(primary),
                                opened.heif.image_handle_get_ispe_height(primary)});
  if (positive(longest) * positive(longest) > 2 * limits.max_pixels) {
    return unsupported("HEIC of " + std::to_string(width) + " x " + std::to_string(height) +
                       " pixels: too long to be decoded safely: scale it down");
  }
  opened.heif.context_set_maximum_image_size_limit(opened.context.get(),
                                                   std::max(longest, kLargestTile));
  return {};
}

}  // namespace

Result<void> decode_heic(ByteSpan bytes, const DecodeOptions& options, Image& into,
                         DecodeNote& /*note*/) {
  GRAFT_ASSIGN(const Opened opened, open_heic(bytes));
  const Libheif& heif = opened.heif;
  const int said_width = heif.image_handle_get_width(opened.primary.get());
  const int said_height = heif.image_handle_get_height(opened.primary.get());
  GRAFT_TRY(
      check_size(ImageFormat::kHeic, positive(said_width), positive(said_height), options.limits));
  GRAFT_TRY(limit_sides(opened, said_width, said_height, options.limits));
  const std::unique_ptr<heif_decoding_options, void (*)(heif_decoding_options*)> how(
      heif.decoding_options_alloc(), heif.decoding_options_free);
  if (!how) return unsupported("HEIC: needs more memory than there is: scale it down");
  // Damaged parts would keep what was in memory before: pixels that differ from run to run. So:
  // strict, no warnings, and no picture larger than its 'ispe' box says (rotation and cropping
  // never enlarge; a grid with a wrong size would not be covered by its tiles).
  how->strict_decoding = 1;
  heif_image* decoded = nullptr;
  const heif_error error = heif.decode_image(opened.primary.get(), &decoded, heif_colorspace_RGB,
                                             heif_chroma_interleaved_RGB, how.get());
  const Picture picture(decoded, heif.image_release);
  if (error.code != heif_error_Ok) return heic_error(error);
  int stride = 0;
  const std::uint8_t* rows =
      heif.image_get_plane_readonly(picture.get(), heif_channel_interleaved, &stride);
  const int width = heif.image_get_width(picture.get(), heif_channel_interleaved);
  const int height = heif.image_get_height(picture.get(), heif_channel_interleaved);
  if (rows == nullptr || stride < width * 3) {
    return damaged(ImageFormat::kHeic, "no pixels came out");
  }
  if (heif.image_get_decoding_warnings(decoded, 0, nullptr, 0) > 0) {
    return damaged(ImageFormat::kHeic, "broken picture data");
  }
  if (positive(width) * positive(height) >
      positive(heif.image_handle_get_ispe_width(opened.primary.get())) *
          positive(heif.image_handle_get_ispe_height(opened.primary.get()))) {
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
  const Libheif& heif = opened.heif;
  return ImageSize{heif.image_handle_get_width(opened.primary.get()),
                   heif.image_handle_get_height(opened.primary.get())};
}

}  // namespace graft::codec
