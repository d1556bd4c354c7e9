// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "core/model/model.h"
#include "core/model/objective.h"
#include "core/results/context.h"

namespace eigenscape {

/// How far to go along `direction` either way to see the walls: about where the loss on `examples` has risen by
/// ln(classes), as much as a network that knows nothing loses, or is not finite any more. At most ten times the length
/// of the weights. Rounded up to a number that reads well on an axis. Some twenty evaluations; the model is put back.
double advisedReach(Model& model, const Examples& examples, const torch::Tensor& direction, std::int64_t batchSize,
                    const Context& context);

/// The smallest of 1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8 times a power of ten that is not below `value` > 0.
double roundedUp(double value);

}  // namespace eigenscape
