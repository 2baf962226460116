// A command while `vrapl overhead` measures it: nothing wakes up beside it but for what must be done.
#pragma once

#include "cli/command_process.h"
#include "cli/energy_total.h"
#include "cli/heard_signals.h"

namespace vrapl {

// Until it has ended: signals that came to us alone are passed on, the third of all kills it; counters are read as
// often as they need.
void WatchUntilItEnds(CommandProcess& command, HeardSignals& signals, EnergyTotal& energy);

}  // namespace vrapl
