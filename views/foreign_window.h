// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vtkGenericOpenGLRenderWindow.h>
#include <vtkLogger.h>

namespace eigenscape {

/// VTK's window on a context of ours. GLEW looks for an X display and complains when there is none, although the
/// functions that it loaded before serve all the same. VTK would then believe that it has a new context and build
/// everything anew for each frame.
class ForeignWindow : public vtkGenericOpenGLRenderWindow {
 public:
  static ForeignWindow* New() {
    auto* window = new ForeignWindow;
    window->InitializeObjectBase();
    return window;
  }
  vtkTypeMacro(ForeignWindow, vtkGenericOpenGLRenderWindow)

      void OpenGLInitContext() override {
    if (Initialized) return;
    const int warnings = vtkObject::GetGlobalWarningDisplay();
    const auto verbosity = vtkLogger::GetCurrentVerbosityCutoff();
    vtkObject::GlobalWarningDisplayOff();
    vtkLogger::SetStderrVerbosity(vtkLogger::VERBOSITY_OFF);
    Superclass::OpenGLInitContext();
    vtkLogger::SetStderrVerbosity(verbosity);
    vtkObject::SetGlobalWarningDisplay(warnings);
    Initialized = true;
    GlewInitValid = true;
  }
};

}  // namespace eigenscape
