// Power that an operator gave, and how sure of it he is.
#pragma once

namespace vrapl {

struct GivenPower {
  GivenPower(double power_w = 0, double error_w = 0) : watts(power_w), err_w(error_w) {}  // a number alone is exact
  double watts;
  double err_w;  // half width of the 95 % interval; 0: taken for exact
  friend bool operator==(const GivenPower&, const GivenPower&) = default;
};

}  // namespace vrapl
