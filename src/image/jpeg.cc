// JPEG through libjpeg-turbo's libjpeg interface, with the settings of TensorFlow's decode_jpeg and
// with a data source that ends the way TensorFlow's does, since that decides which damaged files
// are accepted. Source: tensorflow/core/lib/jpeg/jpeg_mem.cc, jpeg_handle.cc. Some of libjpeg's
// methods (jpegint.h) are replaced for sound baseline pictures: that which reads coefficients
// (jpeg_scan.h), those that make samples of them (inverse_dct.h), and, where not all pixels are
// asked for, that which makes pixels of these (jpeg_needed.h).

// jpeglib.h needs these two before it, and jerror.h needs jpeglib.h.
// clang-format off
#include <cstddef>
#include <cstdio>
#include <jpeglib.h>
#include <jerror.h>
// clang-format on

#include <algorithm>
#include <csetjmp>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "image/codecs.h"
#include "image/inverse_dct.h"
#include "image/jpeg_needed.h"
#include "image/jpeg_scan.h"

namespace graft::codec {
namespace {

// A file that names more pixels × scans than this takes minutes, whatever else it holds; real
// progressive files have about ten scans.
constexpr std::uint64_t kMaxPixelScans = std::uint64_t{1} << 32;
// TensorFlow refuses width × height × components from here on.
constexpr std::uint64_t kMaxSamples = std::uint64_t{1} << 29;

enum class Refused { kNo, kScans, kNotSound };

// One decompression: libjpeg's state and everything its callbacks need. libjpeg leaves on errors by
// longjmp, so every call into it goes through guarded().
class JpegSession {
 public:
  JpegSession(ByteSpan bytes, int max_scans) : bytes_(bytes), max_scans_(max_scans) {
    std::memset(&cinfo, 0, sizeof(cinfo));
    cinfo.err = jpeg_std_error(&errors_);
    cinfo.client_data = this;
    errors_.error_exit = [](j_common_ptr c) {
      JpegSession& self = of(c);
      c->err->format_message(c, self.failure_);
      std::longjmp(self.escape_, 1);
    };
    errors_.output_message = [](j_common_ptr) {};
    errors_.emit_message = [](j_common_ptr c, int level) {
      if (level >= 0) return;  // trace messages
      if (c->err->num_warnings++ == 0) c->err->format_message(c, of(c).warning_);
    };
    std::memset(&source_, 0, sizeof(source_));
    source_.init_source = [](j_decompress_ptr c) {
      const ByteSpan& all = of(c).bytes_;
      c->src->next_input_byte = reinterpret_cast<const JOCTET*>(all.data());
      c->src->bytes_in_buffer = all.size();
    };
    source_.fill_input_buffer = [](j_decompress_ptr c) -> boolean {
      // Bytes are left that do not make a whole unit: suspend, which the caller sees as truncated.
      // (In jpeg_finish_decompress TensorFlow overlooks it, and so a cut end marker is accepted.)
      if (c->src->bytes_in_buffer != 0) return FALSE;
      ERREXIT(c, JERR_INPUT_EOF);
      return FALSE;
    };
    source_.skip_input_data = [](j_decompress_ptr c, long count) {
      if (count <= 0) return;
      if (static_cast<unsigned long>(count) > c->src->bytes_in_buffer) ERREXIT(c, JERR_INPUT_EOF);
      c->src->next_input_byte += count;
      c->src->bytes_in_buffer -= static_cast<std::size_t>(count);
    };
    source_.resync_to_restart = jpeg_resync_to_restart;
    source_.term_source = [](j_decompress_ptr) {};
    std::memset(&progress_, 0, sizeof(progress_));
    progress_.progress_monitor = [](j_common_ptr c) {
      if (c->is_decompressor == FALSE) return;
      const auto* d = reinterpret_cast<j_decompress_ptr>(c);
      JpegSession& self = of(c);
      const auto scans = static_cast<std::uint64_t>(d->input_scan_number);
      const std::uint64_t pixels = std::uint64_t{d->image_width} * d->image_height;
      if (d->input_scan_number <= self.max_scans_ && scans * pixels <= kMaxPixelScans) return;
      self.refused_ = Refused::kScans;
      std::longjmp(self.escape_, 1);
    };
  }
  ~JpegSession() { jpeg_destroy_decompress(&cinfo); }
  JpegSession(const JpegSession&) = delete;
  JpegSession& operator=(const JpegSession&) = delete;

  // Runs body; false when libjpeg gave up. body and what it calls hold no object with a destructor.
  template <typename Body>
  __attribute__((noinline)) bool guarded(const Body& body) {
    if (setjmp(escape_) != 0) return false;
    body();
    return true;
  }

  // Leaves libjpeg ready for start_decompress.
  bool read_header(bool keep_exif) {
    return guarded([this, keep_exif] {
      jpeg_create_decompress(&cinfo);
      cinfo.src = &source_;
      cinfo.progress = &progress_;
      if (keep_exif) jpeg_save_markers(&cinfo, JPEG_APP0 + 1, 0xFFFF);
      if (jpeg_read_header(&cinfo, TRUE) != JPEG_HEADER_OK) ERREXIT(&cinfo, JERR_INPUT_EOF);
    });
  }

  // Before jpeg_start_decompress.
  void shrink_to(const DecodeOptions& options) {
    const auto least =
        static_cast<JDIMENSION>(std::max(options.only_for_height, options.only_for_width));
    const JDIMENSION side = std::min(cinfo.image_width, cinfo.image_height);
    cinfo.scale_num = 1;
    cinfo.scale_denom = 1;
    // Those that libjpeg-turbo has vector code for.
    while (least > 0 && cinfo.scale_denom < 8 && side / (2 * cinfo.scale_denom) >= least) {
      cinfo.scale_denom *= 2;
    }
    (void)guarded([this] { jpeg_calc_output_dimensions(&cinfo); });
  }
  // Behind jpeg_start_decompress, outside of guarded().
  void take_over(const DecodeOptions& options, bool all_pixels) {
    if (!JpegScan::reads(cinfo)) return;
    scan_.emplace(cinfo);
    cinfo.entropy->decode_mcu = decode_mcu;
    if (InverseDct::suits(cinfo)) transform_.emplace(cinfo);
    if (!all_pixels && options.rule == DecodeRule::kTensorFlow && options.only_for_height > 0 &&
        options.only_for_width > 0) {
      needed_.emplace(cinfo, options.only_for_height, options.only_for_width);
      if (!needed_->worth_it()) needed_.reset();
    }
    if (transform_ || needed_) {
      std::copy_n(cinfo.idct->inverse_DCT, MAX_COMPONENTS, inverse_dct_.begin());
      std::fill_n(cinfo.idct->inverse_DCT, MAX_COMPONENTS, inverse_dct);
    }
    if (needed_) {
      post_process_ = cinfo.post->post_process_data;
      cinfo.post->post_process_data = post_process_data;
    }
  }
  // Our loops left the picture to libjpeg's.
  bool gave_up() const { return refused_ == Refused::kNotSound; }

  Error error() const {
    if (refused_ == Refused::kScans) {
      return unsupported(
          "JPEG with " + std::to_string(cinfo.input_scan_number) +
          " or more scans: too much work for one picture: save it anew as a baseline JPEG");
    }
    return damaged(ImageFormat::kJpeg, failure_);
  }
  bool warned() const { return errors_.num_warnings > 0; }
  const char* warning() const { return warning_; }

  jpeg_decompress_struct cinfo;

 private:
  template <typename C>
  static JpegSession& of(C* c) {
    return *static_cast<JpegSession*>(c->client_data);
  }

  static boolean decode_mcu(j_decompress_ptr c, JBLOCKROW* blocks) {
    JpegSession& self = of(c);
    if (!self.scan_->decode_mcu(blocks)) {
      self.refused_ = Refused::kNotSound;
      std::longjmp(self.escape_, 1);
    }
    self.first_block_ = **blocks;
    if (self.needed_) self.find_needed_blocks();
    if (self.transform_ && self.needed_blocks_ != 0) self.transform_->run(self.first_block_);
    if (self.scan_->finished()) {
      c->src->next_input_byte = self.scan_->rest().data();
      c->src->bytes_in_buffer = self.scan_->rest().size();
    }
    return TRUE;
  }
  void find_needed_blocks() {
    needed_blocks_ = needed_->blocks(unit_x_, unit_y_);
    if (++unit_x_ < cinfo.MCUs_per_row) return;
    unit_x_ = 0;
    ++unit_y_;
  }
  static void inverse_dct(j_decompress_ptr c, jpeg_component_info* component, JCOEFPTR block,
                          JSAMPARRAY rows, JDIMENSION column) {
    const JpegSession& self = of(c);
    const auto index = static_cast<std::size_t>(block - self.first_block_) / DCTSIZE2;
    if ((self.needed_blocks_ >> index & 1U) == 0) return;
    if (self.transform_) return self.transform_->copy(index, rows, column);
    const auto of_component = static_cast<std::size_t>(component->component_index);
    self.inverse_dct_[of_component](c, component, block, rows, column);
  }
  static void post_process_data(j_decompress_ptr c, JSAMPIMAGE samples, JDIMENSION* group,
                                JDIMENSION groups, JSAMPARRAY rows, JDIMENSION* row,
                                JDIMENSION row_count) {
    const JpegSession& self = of(c);
    // Rows are made a group at a time, of which all but the last have this many.
    const auto of_group = static_cast<JDIMENSION>(c->max_v_samp_factor);
    const JDIMENSION first = c->output_scanline + *row;
    const bool whole = first % of_group == 0 && row_count - *row >= of_group;
    if (!whole || self.needed_->rows(first, of_group)) {
      return self.post_process_(c, samples, group, groups, rows, row, row_count);
    }
    *row += of_group;
    ++*group;
  }

  std::optional<JpegScan> scan_;
  std::optional<InverseDct> transform_;
  std::optional<JpegNeeded> needed_;
  std::size_t unit_x_ = 0, unit_y_ = 0;  // of the unit that is decoded next
  const JCOEF* first_block_ = nullptr;   // of the one before
  unsigned needed_blocks_ = ~0U;         // in it, from bit 0 on
  std::array<inverse_DCT_method_ptr, MAX_COMPONENTS> inverse_dct_{};
  decltype(jpeg_d_post_controller::post_process_data) post_process_ = nullptr;

  jpeg_error_mgr errors_;
  jpeg_source_mgr source_;
  jpeg_progress_mgr progress_;
  std::jmp_buf escape_;
  ByteSpan bytes_;
  int max_scans_;
  Refused refused_ = Refused::kNo;
  char failure_[JMSG_LENGTH_MAX] = "unknown error";
  char warning_[JMSG_LENGTH_MAX] = "";
};

// TensorFlow's integer CMYK → RGB; Adobe's files hold inverted ink.
void cmyk_to_rgb(const std::uint8_t* cmyk, int width, bool adobe, std::uint8_t* rgb) {
  for (int x = 0; x < width; ++x, cmyk += 4, rgb += 3) {
    const int k = adobe ? cmyk[3] : 255 - cmyk[3];
    for (int i = 0; i < 3; ++i) {
      const int ink = adobe ? cmyk[i] : 255 - cmyk[i];
      rgb[i] = static_cast<std::uint8_t>(k * ink / 255);
    }
  }
}

// Rows into `into`, which has the output size; false when the data ended too early.
bool read_rows(j_decompress_ptr c, std::uint8_t* cmyk_row, Image* into) {
  const std::size_t stride = static_cast<std::size_t>(into->width) * 3;
  while (c->output_scanline < c->output_height) {
    constexpr int kRowsAtOnce = 4;  // libjpeg hands out a row group at a time, four at most
    JSAMPROW rows[kRowsAtOnce];
    std::uint8_t* first = into->pixels.data() + c->output_scanline * stride;
    if (cmyk_row != nullptr) {
      rows[0] = cmyk_row;
      if (jpeg_read_scanlines(c, rows, 1) == 0) return false;
      cmyk_to_rgb(cmyk_row, into->width, c->saw_Adobe_marker != FALSE, first);
      continue;
    }
    JDIMENSION count = 0;
    for (; count < kRowsAtOnce && c->output_scanline + count < c->output_height; ++count) {
      rows[count] = first + count * stride;
    }
    if (jpeg_read_scanlines(c, rows, count) == 0) return false;
  }
  return true;
}

ByteSpan exif_segment(const jpeg_decompress_struct& cinfo) {
  for (jpeg_saved_marker_ptr m = cinfo.marker_list; m != nullptr; m = m->next) {
    if (m->marker == JPEG_APP0 + 1 && m->data_length >= 6 &&
        std::memcmp(m->data, "Exif\0", 6) == 0) {
      return {reinterpret_cast<const std::byte*>(m->data), m->data_length};
    }
  }
  return {};
}

enum class Loops : std::uint8_t { kOurs, kLibjpegs };

// `gave_up`: our loops left the picture to libjpeg's, and this call's result counts for nothing.
Result<void> decode(ByteSpan bytes, const DecodeOptions& options, Loops loops, Image& into,
                    DecodeNote& note, bool& gave_up) {
  JpegSession session(bytes, options.limits.max_progressive_scans);
  jpeg_decompress_struct& cinfo = session.cinfo;
  if (!session.read_header(options.apply_exif_orientation)) return session.error();
  // The saved segment goes when decompression finishes.
  const int orientation =
      options.apply_exif_orientation ? exif_orientation(exif_segment(cinfo)) : 1;

  const std::uint64_t pixels = std::uint64_t{cinfo.image_width} * cinfo.image_height;
  if (pixels * static_cast<std::uint64_t>(cinfo.num_components) >= kMaxSamples) {
    return check_size(ImageFormat::kJpeg, cinfo.image_width, cinfo.image_height,
                      DecodeLimits{.max_pixels = std::min(pixels - 1, options.limits.max_pixels)});
  }
  GRAFT_TRY(check_size(ImageFormat::kJpeg, cinfo.image_width, cinfo.image_height, options.limits));
  JDIMENSION width = cinfo.image_width;
  JDIMENSION height = cinfo.image_height;
  if (options.rule == DecodeRule::kAreaMean) {
    session.shrink_to(options);
    width = cinfo.output_width;
    height = cinfo.output_height;
  }
  GRAFT_TRY(allocate_pixels(ImageFormat::kJpeg, width, height, options.limits, into));

  const bool cmyk = cinfo.jpeg_color_space == JCS_CMYK || cinfo.jpeg_color_space == JCS_YCCK;
  std::vector<std::uint8_t> cmyk_row(cmyk ? std::size_t{cinfo.image_width} * 4 : 0);
  std::uint8_t* const cmyk_data = cmyk ? cmyk_row.data() : nullptr;
  const bool started = session.guarded([&cinfo, cmyk] {
    cinfo.out_color_space = cmyk ? JCS_CMYK : JCS_RGB;
    cinfo.do_fancy_upsampling = TRUE;
    cinfo.dct_method = JDCT_IFAST;
    jpeg_start_decompress(&cinfo);  // when it suspends, the first row is refused
  });
  if (!started) return session.error();
  if (loops == Loops::kOurs) session.take_over(options, cmyk || orientation != 1);

  Image* const image = &into;
  bool complete = false;
  bool* const complete_out = &complete;
  const bool decoded = session.guarded([&cinfo, cmyk_data, image, complete_out] {
    *complete_out = read_rows(&cinfo, cmyk_data, image);
    if (*complete_out) jpeg_finish_decompress(&cinfo);
  });
  gave_up = session.gave_up();
  if (gave_up) return {};
  if (!decoded) return session.error();
  if (!complete) return damaged(ImageFormat::kJpeg, "it ends before the picture does");

  note.corrupt_but_decodable = session.warned();
  if (session.warned()) note.warning = session.warning();
  apply_orientation(orientation, into);
  return {};
}

}  // namespace

Result<void> decode_jpeg(ByteSpan bytes, const DecodeOptions& options, Image& into,
                         DecodeNote& note) {
  bool gave_up = false;
  auto decoded = decode(bytes, options, Loops::kOurs, into, note, gave_up);
  return gave_up ? decode_jpeg_by_libjpeg(bytes, options, into, note) : decoded;
}

Result<void> decode_jpeg_by_libjpeg(ByteSpan bytes, const DecodeOptions& options, Image& into,
                                    DecodeNote& note) {
  bool gave_up = false;
  return decode(bytes, options, Loops::kLibjpegs, into, note, gave_up);
}

Result<ImageSize> jpeg_size(ByteSpan bytes) {
  JpegSession session(bytes, DecodeLimits{}.max_progressive_scans);
  if (!session.read_header(false)) return session.error();
  return ImageSize{static_cast<int>(session.cinfo.image_width),
                   static_cast<int>(session.cinfo.image_height)};
}

}  // namespace graft::codec
