// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <torch/types.h>

#include "core/model/model.h"

namespace eigenscape {

/// Holds the model in another floating type. float32 → float64 → float32 is exact.
class InPrecision {
 public:
  InPrecision(Model& model, torch::ScalarType type) : model_(model), before_(model.type()) {
    if (type != before_) model_.to(model_.device(), type);
  }
  ~InPrecision() {
    if (model_.type() != before_) model_.to(model_.device(), before_);
  }
  InPrecision(const InPrecision&) = delete;
  InPrecision& operator=(const InPrecision&) = delete;

 private:
  Model& model_;
  torch::ScalarType before_;
};

}  // namespace eigenscape
