// The verbs: each takes the words after `vrapl` with the verb itself taken out, and returns the exit code.
#pragma once

namespace vrapl {

int ProbeVerb(int argc, char** argv);
int SampleVerb(int argc, char** argv);
int ReplayVerb(int argc, char** argv);
int ExportVerb(int argc, char** argv);
int ReportVerb(int argc, char** argv);
int CompareVerb(int argc, char** argv);
int CalibrateVerb(int argc, char** argv);
int ServeVerb(int argc, char** argv);
int RunVerb(int argc, char** argv);
int MarkVerb(int argc, char** argv);
int AttachVerb(int argc, char** argv);
int DetachVerb(int argc, char** argv);
int LeakTestVerb(int argc, char** argv);
int OverheadVerb(int argc, char** argv);
int DeliverToOneVerb(int argc, char** argv);  // vrapl VM_NAME SERIAL_PATH

}  // namespace vrapl
