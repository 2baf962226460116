// A comparison of models as text to read, as CSV and as JSON lines. Pure.
#pragma once

#include <string>

#include "cli/model_comparison.h"

namespace vrapl {

// A table for each domain: rows by models, in joules, with the spread; what no row was charged; and where another model
// stood in.
std::string ComparisonToText(const Comparison& comparison);

// One line per row, domain and model, under docs/models.md's columns.
std::string ComparisonToCsv(const Comparison& comparison, const std::string& source);
std::string ComparisonToJsonl(const Comparison& comparison, const std::string& source);

}  // namespace vrapl
