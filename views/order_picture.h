// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>

#include "views/figure.h"

namespace eigenscape {

/// Has those parts of a figure's picture that take long made on other threads, and then calls `then` on this one:
/// picture() with the same options takes a moment there, or throws what it would have thrown here. At once where no
/// part takes long; never when the figure is gone before. Orders of one figure are made one after the other.
void orderPicture(Figure& figure, const ExportOptions& options, std::function<void()> then);

}  // namespace eigenscape
