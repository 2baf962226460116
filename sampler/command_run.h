// One run of a command under `vrapl run`, as a recording tells of it.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace vrapl {

struct CommandRun {
  // From the start of the sampling. The run's figures are of the samples from the first at or after begin_ns, which is
  // just before the command is let go, to the first at or after end_ns, when it has ended.
  int64_t begin_ns = 0;
  int64_t end_ns = INT64_MAX;  // not known: the recording ends before
  int command_index = 0;       // from 0, as typed
  int repetition = 0;          // from 0, warm-ups by themselves
  bool warmup = false;
  std::string command;  // as typed
  int exit_code = 0;    // as a shell has it
  int signal = 0;       // that killed it; 0: none
};

// The objects of the events "run-begin" and "run-end", docs/recording-format.md.
inline constexpr char kRunBeginEvent[] = "run-begin";
inline constexpr char kRunEndEvent[] = "run-end";
std::string RunBeginToJson(const CommandRun& run);
std::string RunEndToJson(const CommandRun& run);

// And back; times are the event's and not in the object. Errors: an exception, as JsonInteger's.
CommandRun RunBeginFromJson(const nlohmann::json& object);
CommandRun RunEndFromJson(const nlohmann::json& object);

}  // namespace vrapl
