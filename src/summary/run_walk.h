// What lies below a logdir: directories with event files, and run.json files. Nothing is opened.
// Internal to the summary room. Thread rule: plain values; walk() may be called by any thread.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "summary/run_store.h"

namespace graft {

struct Found {                                        // by the walks of all logdirs
  std::map<std::string, std::set<std::string>> logs;  // directory → names of event files
  std::map<std::string, std::string> run_names;       // directory → name
  std::map<std::string, std::pair<std::int64_t, std::int64_t>> records;  // run.json → time, size
  std::vector<std::string> directories;
  std::vector<LogProblem> problems;
};

// Adds what is there. Links are followed once; what cannot be read, and more than is looked
// through, becomes a problem.
void walk(const Logdir& logdir, Found& found);

}  // namespace graft
