// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>

#include "core/results/error.h"

namespace eigenscape {

/// There is no OpenGL 3.2 to be had, neither from a graphics card nor in software.
class NoOpenGl : public RunError {
 public:
  using RunError::RunError;
};

/// An OpenGL context without a window or display, by EGL: on the graphics card where there is one, else in software.
class GlContext {
 public:
  /// Throws NoOpenGl that names what to install.
  GlContext();
  ~GlContext();
  GlContext(const GlContext&) = delete;
  GlContext& operator=(const GlContext&) = delete;

  void makeCurrent();
  void release();

 private:
  struct Handles;
  std::unique_ptr<Handles> handles_;
};

}  // namespace eigenscape
