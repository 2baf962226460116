// Symmetric positive definite matrices, small and dense: what a filter needs of them.
#pragma once

#include <cstddef>
#include <vector>

namespace vrapl {

// Rows of all elements, of which both halves are kept alike except where a function says otherwise.
class SymmetricMatrix {
 public:
  explicit SymmetricMatrix(size_t size) : size_(size), values_(size * size) {}

  size_t size() const { return size_; }
  double& at(size_t i, size_t j) { return values_[i * size_ + j]; }
  double at(size_t i, size_t j) const { return values_[i * size_ + j]; }
  double* row(size_t i) { return values_.data() + i * size_; }
  const double* row(size_t i) const { return values_.data() + i * size_; }

  // Sets a and its mirror.
  void Set(size_t i, size_t j, double value) { at(i, j) = at(j, i) = value; }
  // Copies the lower half to the upper.
  void Mirror();
  std::vector<double> Times(const std::vector<double>& vector) const;

  // The inverse, by Cholesky's decomposition; what is not positive definite is made so by adding to the diagonal.
  SymmetricMatrix Inverse() const;

 private:
  bool InvertInto(SymmetricMatrix& inverse, double ridge) const;

  size_t size_;
  std::vector<double> values_;
};

}  // namespace vrapl
