// SIGINT, SIGTERM and SIGHUP end a run with its last interval settled; a second one ends it at once.
#pragma once

#include <atomic>

namespace vrapl {

// Installs the handlers and returns the flag they set. Call once, before other threads start.
const std::atomic<bool>& StopOnSignals();

// Ends the run as a signal would. Threads: any.
void RequestStop();

}  // namespace vrapl
