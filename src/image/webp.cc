// WebP through libwebp; of an animation the first frame on its canvas. Alpha is dropped, as for
// PNG.
#include <webp/decode.h>
#include <webp/demux.h>

#include <algorithm>
#include <limits>
#include <memory>

#include "image/codecs.h"

namespace graft::codec {
namespace {

const std::uint8_t* raw(ByteSpan bytes) {
  return reinterpret_cast<const std::uint8_t*>(bytes.data());
}

Result<WebPBitstreamFeatures> features_of(ByteSpan bytes) {
  WebPBitstreamFeatures features;
  switch (WebPGetFeatures(raw(bytes), bytes.size(), &features)) {
    case VP8_STATUS_OK:
      return features;
    case VP8_STATUS_NOT_ENOUGH_DATA:
      return damaged(ImageFormat::kWebp, "it ends within the header");
    default:
      return damaged(ImageFormat::kWebp, "header makes no sense");
  }
}

Result<void> decode_first_frame(ByteSpan bytes, const DecodeOptions& options, Image& into) {
  WebPAnimDecoderOptions how;
  if (WebPAnimDecoderOptionsInit(&how) == 0) return damaged(ImageFormat::kWebp, "wrong libwebp");
  how.color_mode = MODE_RGBA;
  how.use_threads = 0;
  const WebPData data{raw(bytes), bytes.size()};
  const std::unique_ptr<WebPAnimDecoder, void (*)(WebPAnimDecoder*)> decoder(
      WebPAnimDecoderNew(&data, &how), WebPAnimDecoderDelete);
  WebPAnimInfo info;
  if (!decoder || WebPAnimDecoderGetInfo(decoder.get(), &info) == 0) {
    return damaged(ImageFormat::kWebp, "broken animation");
  }
  GRAFT_TRY(allocate_pixels(ImageFormat::kWebp, info.canvas_width, info.canvas_height,
                            options.limits, into));
  std::uint8_t* rgba = nullptr;  // the decoder's own
  int timestamp = 0;
  if (WebPAnimDecoderGetNext(decoder.get(), &rgba, &timestamp) == 0) {
    return damaged(ImageFormat::kWebp, "broken animation");
  }
  for (std::size_t i = 0; i < into.pixels.size() / 3; ++i) {
    std::copy_n(rgba + i * 4, 3, into.pixels.data() + i * 3);
  }
  return {};
}

}  // namespace

Result<void> decode_webp(ByteSpan bytes, const DecodeOptions& options, Image& into,
                         DecodeNote& /*note*/) {
  GRAFT_ASSIGN(const WebPBitstreamFeatures features, features_of(bytes));
  const auto width = static_cast<std::uint64_t>(std::max(features.width, 0));
  const auto height = static_cast<std::uint64_t>(std::max(features.height, 0));
  GRAFT_TRY(check_size(ImageFormat::kWebp, width, height, options.limits));
  if (features.has_animation != 0) return decode_first_frame(bytes, options, into);
  GRAFT_TRY(allocate_pixels(ImageFormat::kWebp, width, height, options.limits, into));
  if (WebPDecodeRGBInto(raw(bytes), bytes.size(), into.pixels.data(), into.pixels.size(),
                        into.width * 3) == nullptr) {
    return damaged(ImageFormat::kWebp, "broken or truncated picture data");
  }
  return {};
}

Result<ImageSize> webp_size(ByteSpan bytes) {
  GRAFT_ASSIGN(const WebPBitstreamFeatures features, features_of(bytes));
  return ImageSize{features.width, features.height};
}

}  // namespace graft::codec
