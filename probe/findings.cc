#include "probe/findings.h"

namespace vrapl {

const char* VerdictName(Verdict verdict) {
  switch (verdict) {
    case Verdict::kGood:
      return "good";
    case Verdict::kLimits:
      return "limits";
    case Verdict::kMissing:
      return "missing";
    case Verdict::kUnknown:
      return "unknown";
  }
  return "";
}

}  // namespace vrapl
