// What an emulated host has really used, for a test to hold a reading against.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

#include "emulator/emulated_host.h"

namespace vrapl {

// Ticks of each domain of a package since the start, by the domain's name.
inline std::map<std::string, uint64_t> TrueTicks(EmulatedHost& host, size_t package) {
  const nlohmann::json truth = nlohmann::json::parse(host.Truth());
  std::map<std::string, uint64_t> ticks;
  for (const nlohmann::json& domain : truth["packages"][package]["domains"]) ticks[domain["domain"]] = domain["ticks"];
  return ticks;
}

}  // namespace vrapl
