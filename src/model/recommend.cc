#include "model/recommend.h"

#include <algorithm>

namespace graft {
namespace {

bool better(const Candidate& a, const Candidate& b) {
  if (a.fits() != b.fits()) return a.fits();
  const double a_top1 = ranking_top1(a.spec), b_top1 = ranking_top1(b.spec);
  if (a_top1 != b_top1) return a_top1 > b_top1;
  if (a.spec.quantized != b.spec.quantized) return b.spec.quantized;
  return a.photos_per_second > b.photos_per_second;
}

}  // namespace

std::vector<Candidate> rank_networks(
    const Requirement& requirement,
    const std::function<double(const ModelSpec&)>& photos_per_second) {
  std::vector<Candidate> candidates;
  for (const ModelSpec& spec : all_models()) {
    if (spec.untrained) continue;
    Candidate candidate;
    candidate.spec = spec;
    candidate.photos_per_second = photos_per_second(spec);
    candidate.fast_enough = candidate.photos_per_second >= requirement.photos_per_second;
    candidate.small_enough =
        requirement.megabytes <= 0 ||
        static_cast<double>(spec.graph_size.bytes) <= requirement.megabytes * 1e6;
    candidates.push_back(std::move(candidate));
  }
  std::stable_sort(candidates.begin(), candidates.end(), better);
  return candidates;
}

}  // namespace graft
