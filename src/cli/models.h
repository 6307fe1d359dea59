// Which pretrained networks lie where, and the one that is made here.
// Thread rule: each call stands alone.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "cli/console.h"
#include "cli/options.h"
#include "data/dataset.h"
#include "image/decode.h"
#include "model/spec.h"

namespace graft {

// --architecture, of which a shell variable that was never set leaves nothing.
void declare_architecture(Options& options, std::string& architecture, const std::string& help);
// nullopt: there is such a network. Else the error is printed, with the lines to type where the
// codelab's shell variables were never set, and this is the exit code.
std::optional<int> check_architecture(const std::string& architecture, Console& console);

// The untrained network, if it is the one that is asked for and not installed yet: made from
// training photos of all classes and written below model_dir. Returns its file, "" when nothing was
// to do. Errors: find_model's, scan_image_folder's, make_untrained_backbone's.
Result<std::string> make_network_if_untrained(const std::string& architecture,
                                              const std::string& model_dir, const ScanOptions& scan,
                                              const DecodeOptions& decode);

}  // namespace graft
