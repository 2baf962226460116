#include "attribution/symmetric_matrix.h"

#include <algorithm>
#include <cmath>

namespace vrapl {

void SymmetricMatrix::Mirror() {
  for (size_t i = 0; i < size_; ++i) {
    for (size_t j = 0; j < i; ++j) at(j, i) = at(i, j);
  }
}

std::vector<double> SymmetricMatrix::Times(const std::vector<double>& vector) const {
  std::vector<double> product(size_);
  for (size_t i = 0; i < size_; ++i) {
    double sum = 0;
    for (size_t j = 0; j < size_; ++j) sum += row(i)[j] * vector[j];
    product[i] = sum;
  }
  return product;
}

bool SymmetricMatrix::InvertInto(SymmetricMatrix& inverse, double ridge) const {
  const size_t n = size_;
  // L, scaled so that the diagonal is 1: its elements differ by many orders of magnitude otherwise.
  std::vector<double> scale(n);
  for (size_t i = 0; i < n; ++i) scale[i] = at(i, i) > 0 ? 1 / std::sqrt(at(i, i)) : 1;
  std::vector<double> lower(n * n);
  for (size_t i = 0; i < n; ++i) {
    double* const li = lower.data() + i * n;
    for (size_t j = 0; j <= i; ++j) {
      const double* const lj = lower.data() + j * n;
      double sum = at(i, j) * scale[i] * scale[j] + (i == j ? ridge : 0);
      for (size_t k = 0; k < j; ++k) sum -= li[k] * lj[k];
      if (i != j) {
        li[j] = sum / lj[j];
      } else if (sum > 1e-14) {
        li[i] = std::sqrt(sum);
      } else {
        return false;
      }
    }
  }
  // Rows of the transposed inverse of L: column c of it is solved forward from c.
  std::vector<double> inverted(n * n);  // row c: column c of L^-1
  for (size_t c = 0; c < n; ++c) {
    double* const column = inverted.data() + c * n;
    column[c] = 1 / lower[c * n + c];
    for (size_t i = c + 1; i < n; ++i) {
      const double* const li = lower.data() + i * n;
      double sum = 0;
      for (size_t k = c; k < i; ++k) sum -= li[k] * column[k];
      column[i] = sum / li[i];
    }
  }
  for (size_t i = 0; i < n; ++i) {
    for (size_t j = 0; j <= i; ++j) {
      double sum = 0;
      for (size_t k = i; k < n; ++k) sum += inverted[i * n + k] * inverted[j * n + k];
      inverse.Set(i, j, sum * scale[i] * scale[j]);
    }
  }
  return true;
}

SymmetricMatrix SymmetricMatrix::Inverse() const {
  SymmetricMatrix inverse(size_);
  for (double ridge = 0; !InvertInto(inverse, ridge); ridge = ridge == 0 ? 1e-12 : ridge * 100) {
  }
  return inverse;
}

}  // namespace vrapl
