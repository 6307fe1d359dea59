// Which pretrained networks lie where, and the one that is made here; the parts of `graft models`.
// Thread rule: each call stands alone.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/command.h"
#include "cli/console.h"
#include "cli/options.h"
#include "data/dataset.h"
#include "image/decode.h"
#include "model/source.h"
#include "model/spec.h"

namespace graft {

// --architecture, of which a shell variable that was never set leaves nothing.
void declare_architecture(Options& options, std::string& architecture, const std::string& help);
// nullopt: there is such a network. Else the error is printed, with the lines to type where the
// codelab's shell variables were never set, and this is the exit code.
std::optional<int> check_architecture(const std::string& architecture, Console& console);

// --model_mirror, a list of addresses; afterwards the list, GRAFT_MODEL_MIRROR's when it was not
// given. Errors: parse_mirrors'.
void declare_model_mirror(Options& options, std::string& list);
Result<std::vector<std::string>> chosen_mirrors(const Options& options, std::string list);

// The untrained network, if it is the one that is asked for and not installed yet: made from
// training photos of all classes and written below model_dir. Returns its file, "" when nothing was
// to do. Errors: find_model's, scan_image_folder's, make_untrained_backbone's.
Result<std::string> make_network_if_untrained(const std::string& architecture,
                                              const std::string& model_dir, const ScanOptions& scan,
                                              const DecodeOptions& decode);

// The commands within `graft models`, each with options of its own. arguments: what follows its
// name.
int run_models_get(Arguments arguments, Console& console);
int run_models_import(Arguments arguments, Console& console);
int run_models_verify(Arguments arguments, Console& console);
int run_models_remove(Arguments arguments, Console& console);
int run_models_recommend(Arguments arguments, Console& console);

// --model_dir of those; afterwards GRAFT_MODEL_DIR counts where it was not given.
void declare_model_dir(Options& options, std::string& model_dir);
void take_model_dir(const Options& options, std::string& model_dir);

// "~17.1": in millions of bytes, marked when it was derived; "-" where there is none.
std::string megabytes_text(const FileSize& size);

}  // namespace graft
