#include "image/encode.h"

#include <png.h>

// jpeglib.h needs these two before it, and jerror.h needs jpeglib.h.
// clang-format off
#include <cstddef>
#include <cstdio>
#include <jpeglib.h>
// clang-format on

#include <csetjmp>
#include <cstdlib>
#include <cstring>

namespace graft {
namespace {

Result<void> check_image(const Image& image) {
  constexpr int kLargestSide = 65500;  // libjpeg's JPEG_MAX_DIMENSION
  if (image.width < 1 || image.height < 1 || image.width > kLargestSide ||
      image.height > kLargestSide ||
      image.pixels.size() !=
          static_cast<std::size_t>(image.width) * static_cast<std::size_t>(image.height) * 3) {
    return invalid_argument("picture: no size that can be encoded: use 1 to 65500 pixels a side");
  }
  return {};
}

// libjpeg's state; it leaves on errors by longjmp, so every call into it goes through run().
class JpegWriter {
 public:
  JpegWriter() {
    std::memset(&cinfo_, 0, sizeof(cinfo_));
    cinfo_.err = jpeg_std_error(&errors_);
    cinfo_.client_data = this;
    errors_.error_exit = [](j_common_ptr c) {
      auto& self = *static_cast<JpegWriter*>(c->client_data);
      c->err->format_message(c, self.failure_);
      std::longjmp(self.escape_, 1);
    };
    errors_.output_message = [](j_common_ptr) {};
  }
  ~JpegWriter() {
    jpeg_destroy_compress(&cinfo_);
    std::free(data_);
  }
  JpegWriter(const JpegWriter&) = delete;
  JpegWriter& operator=(const JpegWriter&) = delete;

  __attribute__((noinline)) bool run(const Image& image, int quality) {
    if (setjmp(escape_) != 0) return false;
    jpeg_create_compress(&cinfo_);
    jpeg_mem_dest(&cinfo_, &data_, &size_);
    cinfo_.image_width = static_cast<JDIMENSION>(image.width);
    cinfo_.image_height = static_cast<JDIMENSION>(image.height);
    cinfo_.input_components = 3;
    cinfo_.in_color_space = JCS_RGB;
    jpeg_set_defaults(&cinfo_);
    jpeg_set_quality(&cinfo_, quality, TRUE);
    jpeg_start_compress(&cinfo_, TRUE);
    const std::size_t stride = static_cast<std::size_t>(image.width) * 3;
    while (cinfo_.next_scanline < cinfo_.image_height) {
      JSAMPROW row = const_cast<JSAMPROW>(image.pixels.data() + cinfo_.next_scanline * stride);
      jpeg_write_scanlines(&cinfo_, &row, 1);
    }
    jpeg_finish_compress(&cinfo_);
    return true;
  }

  Bytes bytes() const {
    const auto* first = reinterpret_cast<const std::byte*>(data_);
    return {first, first + size_};
  }
  const char* failure() const { return failure_; }

 private:
  jpeg_compress_struct cinfo_;
  jpeg_error_mgr errors_;
  std::jmp_buf escape_;
  unsigned char* data_ = nullptr;
  unsigned long size_ = 0;
  char failure_[JMSG_LENGTH_MAX] = "unknown error";
};

}  // namespace

Result<Bytes> encode_jpeg(const Image& image, int quality) {
  GRAFT_TRY(check_image(image));
  if (quality < 1 || quality > 100) {
    return invalid_argument("JPEG quality " + std::to_string(quality) +
                            ": outside of its range: use 1 to 100");
  }
  JpegWriter writer;
  if (!writer.run(image, quality)) {
    return unsupported(std::string("JPEG: ") + writer.failure() + ": use a smaller picture");
  }
  return writer.bytes();
}

Result<Bytes> encode_png(const Image& image) {
  GRAFT_TRY(check_image(image));
  png_image description;
  std::memset(&description, 0, sizeof(description));
  description.version = PNG_IMAGE_VERSION;
  description.width = static_cast<png_uint_32>(image.width);
  description.height = static_cast<png_uint_32>(image.height);
  description.format = PNG_FORMAT_RGB;
  png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(description);
  Bytes bytes(size);
  if (png_image_write_to_memory(&description, bytes.data(), &size, 0, image.pixels.data(), 0,
                                nullptr) == 0) {
    return unsupported(std::string("PNG: ") + description.message + ": use a smaller picture");
  }
  bytes.resize(size);
  return bytes;
}

}  // namespace graft
