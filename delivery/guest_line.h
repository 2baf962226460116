// The guest line (guest_line/guest_line.h) in the host's own terms: a text that is not one is an absl::Status.
#pragma once

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "guest_line/guest_line.h"

namespace vrapl {

// `text` is a line with or without its end ("\n", "\r\n"). Unknown keys are skipped. Pure. Threads: any.
//
// Errors: DATA_LOSS when the CRC is missing or wrong; INVALID_ARGUMENT when it is right and the text is not a line of
// this version.
absl::StatusOr<GuestLine> ParseGuestLine(absl::string_view text);

}  // namespace vrapl
