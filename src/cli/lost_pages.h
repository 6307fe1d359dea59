// What happens when a page of a mapped file (a network, the feature cache) cannot be had: its disk
// fails, or another program shortened the file. The kernel then sends SIGBUS to whoever touches it.
// Thread rule: one call, before threads are started.
#pragma once

namespace graft {

// From now on the process ends in such a case with a line that names the file, and exit code 1.
void report_lost_pages();

}  // namespace graft
