// What the processor does first. Thread rule: of the calling thread.
#pragma once

namespace graft {

// For a thread that serves onlookers: from now on, threads of ordinary priority go before the
// calling one and those that it starts, processes included. There is no way back.
void give_way();

}  // namespace graft
