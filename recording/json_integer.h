// Integers out of JSON that somebody hands us. What the JSON library does by itself turns any number into the type
// asked for: 1e300 as an int64_t is undefined behaviour, 2^40 as an int another number.
//
// Pure; threads: any.
#pragma once

#include <concepts>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <utility>
#include <vector>

namespace vrapl {

// Becomes the integer type that it is assigned to. Errors: an exception (of the standard library or of the JSON's) when
// the key is missing, the value is no integer, or the type has no room for it.
class JsonInteger {
 public:
  explicit JsonInteger(const nlohmann::json& value) : value_(value) {}
  JsonInteger(const nlohmann::json& object, const char* key) : value_(object.at(key)) {}

  template <std::integral T>
  requires(!std::same_as<T, bool>) operator T()
      const {  // NOLINT(google-explicit-constructor): so that a struct's fields say the type
    return value_.is_number_unsigned() ? Narrow<T>(value_.get_ref<const uint64_t&>())
                                       : Narrow<T>(value_.get_ref<const int64_t&>());
  }

 private:
  template <typename T, typename U>
  static T Narrow(U value) {
    if (!std::in_range<T>(value)) throw std::out_of_range(std::to_string(value) + " is out of range");
    return static_cast<T>(value);
  }

  const nlohmann::json& value_;
};

template <std::integral T>
std::vector<T> JsonIntegers(const nlohmann::json& array) {
  std::vector<T> values;
  for (const nlohmann::json& value : array) values.push_back(JsonInteger(value));
  return values;
}

}  // namespace vrapl
