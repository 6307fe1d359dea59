// How the C library gets a process its memory. Thread rule: before there is a second thread.
#pragma once

namespace graft {

// For a program that ends when its work is done: memory comes in large pages, and what was freed is
// kept for what comes next. Setting up pages was a third of `graft label`, a tenth of a warm
// training. Takes address space at once, and memory only as it is used; does nothing where the
// system has no large pages, or a limit on address space.
void prepare_memory();

}  // namespace graft
