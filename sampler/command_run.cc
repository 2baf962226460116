#include "sampler/command_run.h"

#include <nlohmann/json.hpp>

#include "recording/json_integer.h"

namespace vrapl {
namespace {

using nlohmann::json;

json WhichRun(const CommandRun& run) {
  return {{"command_index", run.command_index}, {"repetition", run.repetition}, {"warmup", run.warmup}};
}

CommandRun WhichRunFromJson(const json& in) {
  return {.command_index = JsonInteger(in, "command_index"),
          .repetition = JsonInteger(in, "repetition"),
          .warmup = in.at("warmup").get<bool>()};
}

// A command line may hold anything.
std::string Dump(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

}  // namespace

std::string RunBeginToJson(const CommandRun& run) {
  json out = WhichRun(run);
  out["command"] = run.command;
  return Dump(out);
}

std::string RunEndToJson(const CommandRun& run) {
  json out = WhichRun(run);
  out["exit_code"] = run.exit_code;
  if (run.signal != 0) out["signal"] = run.signal;
  return Dump(out);
}

CommandRun RunBeginFromJson(const json& in) {
  CommandRun run = WhichRunFromJson(in);
  run.command = in.at("command").get<std::string>();
  return run;
}

CommandRun RunEndFromJson(const json& in) {
  CommandRun run = WhichRunFromJson(in);
  run.exit_code = JsonInteger(in, "exit_code");
  if (in.contains("signal")) run.signal = JsonInteger(in, "signal");
  return run;
}

}  // namespace vrapl
