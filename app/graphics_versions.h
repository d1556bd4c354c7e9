// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

namespace eigenscape {

/// One line each for Qt and VTK.
std::string graphicsVersions();

}  // namespace eigenscape
