// What describes an exported recording, as JSON: the conditions of the run, what was asked for, marks and events.
#pragma once

#include <string>

#include "export/export_sink.h"

namespace vrapl {

std::string RunMetaJson(const RecordedRun& run, const ExportQuery& query);

}  // namespace vrapl
