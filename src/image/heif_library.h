// libheif, loaded when the first HEIC photo is met: it and the five video codecs behind it take a
// third of the program's start (5 of 15 ms), which nearly every run has no use for.
// Thread rule: any thread.
#pragma once

#include <libheif/heif.h>

namespace graft::codec {

// The functions of <libheif/heif.h> that are used, under their own names.
struct HeifLibrary {
#define GRAFT_HEIF_FUNCTIONS(each)                  \
  each(heif_context_alloc);                         \
  each(heif_context_free);                          \
  each(heif_context_set_max_decoding_threads);      \
  each(heif_context_read_from_memory_without_copy); \
  each(heif_context_get_primary_image_handle);      \
  each(heif_image_handle_release);                  \
  each(heif_image_handle_get_width);                \
  each(heif_image_handle_get_height);               \
  each(heif_image_handle_get_ispe_width);           \
  each(heif_image_handle_get_ispe_height);          \
  each(heif_decoding_options_alloc);                \
  each(heif_decoding_options_free);                 \
  each(heif_decode_image);                          \
  each(heif_image_release);                         \
  each(heif_image_get_plane_readonly);              \
  each(heif_image_get_width);                       \
  each(heif_image_get_height);                      \
  each(heif_image_get_decoding_warnings)
#define GRAFT_HEIF_DECLARE(name) decltype(&::name) name = nullptr
  GRAFT_HEIF_FUNCTIONS(GRAFT_HEIF_DECLARE);
#undef GRAFT_HEIF_DECLARE
};

// Null where libheif is not installed or lacks one of these. Stays loaded until the program ends.
const HeifLibrary* heif_library();

}  // namespace graft::codec
