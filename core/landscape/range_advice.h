// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/model/model.h"
#include "core/model/objective.h"
#include "core/results/context.h"

namespace eigenscape {

struct Reach {
  double below = 1, above = 1;  ///< from −below to above
};

/// How far to go along `direction` on either side to see the walls: about where the loss on `examples` has risen by
/// ln(classes), as much as a network that knows nothing loses, or is not finite any more. At most ten times the length
/// of the weights, and four times as far as on the other side. Rounded up to numbers that read well on an axis. Some
/// twenty evaluations; the model is put back.
Reach advisedReach(Model& model, const Examples& examples, const torch::Tensor& direction, std::int64_t batchSize,
                   const Context& context);

/// The smallest of 1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8 times a power of ten that is not below `value` > 0.
double roundedUp(double value);

}  // namespace eigenscape
