#include "guest/help.h"

namespace vrapl {
namespace {

constexpr char kHelp[] =
    R"(vrapl-guest: the energy of this virtual machine, measured on its host and told to it by vrapl.

Usage:
  vrapl-guest --once           print the newest line and end
  vrapl-guest --watch          print every line as it comes, one every 2 s by default
  vrapl-guest serve            own the port; offer the lines to any number of readers, and to tools made for RAPL
  vrapl-guest run -- COMMAND   joules per run of a command, with how sure that is
  vrapl-guest top              joules per process
  vrapl-guest find             which port lines are read from, and why

  vrapl-guest VERB --help      options and examples
  vrapl-guest --version

Options of all:
  --port=PATH      a virtio port, a serial port, or the socket of `serve`. Default: the socket of `serve` if it runs, else the
                   virtio channel org.vrapl.power.0, else the first serial port that is no console (never ttyS0)
  --dir=DIR        where `serve` publishes (default: /run/vrapl-guest)

Options of --once and --watch:
  --format=text    for people; line: as it came, with its CRC; json: an object; watts: the number alone
  --timeout=90s    --once: give up after this; some hosts send a line every 30 s only

First steps:
  vrapl-guest find             is there a port?
  vrapl-guest --once           does a line come? It may take two intervals: the first line may have waited in the port
  cat /dev/ttyS1               works too; this program checks the CRC, finds the port, and survives reconnects

One reader per port: two take lines from each other. `serve` is for several.
Energy is of the whole VM, as its host sees it: its CPUs, and what the host does for its devices. st says what to mind.
Exit codes: 0 done, 1 failed, 2 wrong usage. run: the command's, 125 when vrapl-guest failed or was
wrongly used.
)";

constexpr char kServeHelp[] =
    R"(vrapl-guest serve: owns the port and publishes what comes.

Usage: vrapl-guest serve [--port=PATH] [--dir=DIR] [--textfile=FILE.prom] [--mount] [--mode=0444]

Keeps in DIR (default: /run/vrapl-guest), each file replaced as a whole:
  line                             the newest line
  socket                           connect, and read the newest line and each that follows; any number of readers
  sys/class/powercap/intel-rapl:0  energy_uj, max_energy_range_uj, name: as the kernel shows a RAPL package
  state                            what a restart needs so that energy_uj never falls

Options:
  --textfile=FILE.prom       keep Prometheus metrics there, for the textfile collector of node_exporter
  --mount                    show the tree at /sys/class/powercap too (as root; not where the kernel has a package of its own)
  --mode=0444                of the files; who may read may also connect. Energy tells what a machine does: 0400 is for root alone
  --max-energy-range-uj=N    where energy_uj begins anew (default: 2^53 - 1)

When no line has come for three intervals, or 10 s, energy_uj is taken away: a counter that stands still would read as 0 W.

Tools that read it:
  prometheus-node-exporter --collector.rapl --path.sysfs=/run/vrapl-guest/sys
  SCAPHANDRE_POWERCAP_PATH=/run/vrapl-guest/sys/class/powercap scaphandre --vm stdout
  kepler --host.sysfs=/run/vrapl-guest/sys
  socat -u UNIX-CONNECT:/run/vrapl-guest/socket -
)";

constexpr char kRunHelp[] =
    R"(vrapl-guest run: joules per run of a command.

Usage: vrapl-guest run [--for=10s] [--lines=5] [--max=10m] -- COMMAND [ARGUMENT]...

Repeats COMMAND until the runs span enough lines, then divides the VM's active energy between the two lines around them by CPU
time: what the command and all that it waited for used, of what all of the guest used. Reports on stderr; stdout is the
command's. A command that fails ends it, with its exit code.

  --for=10s        repeat for so long at least
  --lines=5        and over so many intervals at least
  --max=10m        start no run after this
  --timeout=90s    for the first line to come, and the last

The interval (95 %) has the measurement of the host, the step in which energy is told, and the guest's clock ticks. It does not have
the assumption that a second of CPU time costs the same whoever uses it. Where it is wider than half of the figure, the
answer is "too short", and exit code 1.

Example: vrapl-guest run --for=30s -- gzip -k9 file
)";

constexpr char kTopHelp[] =
    R"(vrapl-guest top: joules per process, every line.

Usage: vrapl-guest top [-n COUNT] [--rows=20]

Divides the VM's active energy of each interval by the CPU time of its processes. What no living process used is in the row
"ended, kernel, rest". Where the host does not know the idle floor yet (model=capacity), all of the energy is divided, and it
says so.

  -n COUNT     so many tables, then end
  --rows=20    processes in a table; one row more has all others
)";

}  // namespace

std::string HelpText(const std::string& verb) {
  if (verb == "serve") return kServeHelp;
  if (verb == "run") return kRunHelp;
  if (verb == "top") return kTopHelp;
  return kHelp;
}

}  // namespace vrapl
