// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/graphics_versions.h"

#include <vtkVersion.h>

#include <QtGlobal>

namespace eigenscape {

std::string graphicsVersions() {
  return std::string("Qt ") + qVersion() + "\nVTK " + vtkVersion::GetVTKVersion() + "\n";
}

}  // namespace eigenscape
