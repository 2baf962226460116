// One function per verb; each returns the exit code and says on stderr what went wrong.
#pragma once

#include "guest/line_source.h"
#include "guest/options.h"

namespace vrapl {

LineSourceOptions SourceOf(const GuestOptions& options);

// Prints what keeps lines from coming, when that changes.
class TroubleTeller {
 public:
  void Tell(const LineSource& source);

 private:
  std::string told_;
  bool foreign_told_ = false;
};

int Once(const GuestOptions& options);
int Watch(const GuestOptions& options);
int Find(const GuestOptions& options);
int Serve(const GuestOptions& options);
int Run(const GuestOptions& options);
int Top(const GuestOptions& options);

}  // namespace vrapl
