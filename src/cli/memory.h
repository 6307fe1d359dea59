// How the C library gets a process its memory. Thread rule: before there is a second thread.
#pragma once

namespace graft {

// For a program that ends when its work is done: what was freed is kept for what comes next. Pages
// that were given back and taken anew cost a warm training a fifteenth of its time. Takes address
// space at once, and memory only as it is used; does nothing under a limit on address space.
void prepare_memory();

}  // namespace graft
