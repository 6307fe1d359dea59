// Which pretrained networks lie where, and the one that is made here.
// Thread rule: each call stands alone.
#pragma once

#include <string>

#include "base/result.h"
#include "data/dataset.h"
#include "image/decode.h"
#include "model/spec.h"

namespace graft {

// The file or archive of this network below model_dir, as find_installed() looks for it, without
// opening it; "" when there is none.
std::string installed_at(const ModelSpec& spec, const std::string& model_dir);

// The untrained network, if it is the one that is asked for and not installed yet: made from
// training photos of all classes and written below model_dir. Returns its file, "" when nothing was
// to do. Errors: find_model's, scan_image_folder's, make_untrained_backbone's.
Result<std::string> make_network_if_untrained(const std::string& architecture,
                                              const std::string& model_dir, const ScanOptions& scan,
                                              const DecodeOptions& decode);

}  // namespace graft
