#include "delivery/guest_line.h"

#include <utility>

namespace vrapl {

absl::StatusOr<GuestLine> ParseGuestLine(absl::string_view text) {
  DecodedGuestLine decoded = DecodeGuestLine({text.data(), text.size()});
  switch (decoded.fault) {
    case GuestLineFault::kNone:
      return std::move(decoded.line);
    case GuestLineFault::kDamaged:
      return absl::DataLossError(decoded.why);
    case GuestLineFault::kForeign:
      return absl::InvalidArgumentError(decoded.why);
  }
  return absl::InternalError(decoded.why);
}

}  // namespace vrapl
