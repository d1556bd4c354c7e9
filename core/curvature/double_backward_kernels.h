// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <torch/library.h>

namespace eigenscape {

/// Each gives `library`, whose key is that of a device's autograd, its kernel of one derivative. The library's own
/// kernel stands at the alias key Autograd; one at a backend's key goes before it.
void implementConvolutionBackward(torch::Library& library);
void implementGeluBackward(torch::Library& library);
void implementLayerNormBackward(torch::Library& library);

}  // namespace eigenscape
