// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/model/examples.h"
#include "core/model/model.h"
#include "core/results/context.h"

namespace eigenscape {

struct SharpnessOptions {
  double epsilon = 1e-3;  ///< |zᵢ| ≤ ε (|θᵢ| + 1)
  std::int64_t steps = 10;
  std::int64_t batchSize = 256;
};

struct Sharpness {
  double value = 0;  ///< 100 (max L(θ + z) − L(θ)) / (1 + L(θ))
  double loss = 0, highest = 0;
  std::int64_t gradients = 0;
};

/// The ε-sharpness of Keskar et al. (arXiv:1609.04836, metric 2.1) in the whole space. The maximum is looked for by
/// steps to the corner of the box that the gradient points to, each as far as it pays (Frank and Wolfe); like theirs
/// (ten steps of L-BFGS-B) it is a lower bound. Evaluation mode; the model is put back.
Sharpness epsilonSharpness(Model& model, const Examples& examples, const SharpnessOptions& options,
                           const Context& context = {});

}  // namespace eigenscape
