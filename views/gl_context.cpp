// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/gl_context.h"

#include <EGL/egl.h>
#include <EGL/eglext.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <vector>

namespace eigenscape {

struct GlContext::Handles {
  EGLDisplay display = EGL_NO_DISPLAY;
  EGLContext context = EGL_NO_CONTEXT;
  EGLSurface surface = EGL_NO_SURFACE;  ///< tiny; only for drivers that want one
};

namespace {

EGLDisplay platformDisplay(EGLenum platform, void* native) {
  const auto get = reinterpret_cast<PFNEGLGETPLATFORMDISPLAYEXTPROC>(eglGetProcAddress("eglGetPlatformDisplayEXT"));
  return get ? get(platform, native, nullptr) : EGL_NO_DISPLAY;
}

bool clientHas(const char* extension) {
  const char* all = eglQueryString(EGL_NO_DISPLAY, EGL_EXTENSIONS);
  return all && std::strstr(all, extension);
}

/// Ways to a display without a window system, the surest first.
std::vector<std::function<EGLDisplay()>> displays() {
  std::vector<std::function<EGLDisplay()>> all;
  if (clientHas("EGL_MESA_platform_surfaceless")) {
    all.push_back([] { return platformDisplay(EGL_PLATFORM_SURFACELESS_MESA, nullptr); });
  }
  if (clientHas("EGL_EXT_platform_device")) {
    std::array<EGLDeviceEXT, 16> devices{};
    EGLint count = 0;
    const auto query = reinterpret_cast<PFNEGLQUERYDEVICESEXTPROC>(eglGetProcAddress("eglQueryDevicesEXT"));
    if (query && query(EGLint(devices.size()), devices.data(), &count)) {
      for (EGLint i = 0; i < count; ++i) {
        all.push_back([device = devices[std::size_t(i)]] { return platformDisplay(EGL_PLATFORM_DEVICE_EXT, device); });
      }
    }
  }
  all.push_back([] { return eglGetDisplay(EGL_DEFAULT_DISPLAY); });
  return all;
}

}  // namespace

/// Displays are never terminated: EGL hands the same one out again, and other figures' contexts may live on it.
GlContext::GlContext() : handles_(std::make_unique<Handles>()) {
  const auto attempt = [this](EGLDisplay display) {
    if (display == EGL_NO_DISPLAY || !eglInitialize(display, nullptr, nullptr) || !eglBindAPI(EGL_OPENGL_API))
      return false;
    const EGLint wanted[] = {EGL_SURFACE_TYPE,
                             EGL_PBUFFER_BIT,
                             EGL_RENDERABLE_TYPE,
                             EGL_OPENGL_BIT,
                             EGL_RED_SIZE,
                             8,
                             EGL_GREEN_SIZE,
                             8,
                             EGL_BLUE_SIZE,
                             8,
                             EGL_NONE};
    EGLConfig config = nullptr;
    EGLint count = 0;
    if (!eglChooseConfig(display, wanted, &config, 1, &count) || count == 0) return false;
    const EGLint version[] = {
        EGL_CONTEXT_MAJOR_VERSION,           3,       EGL_CONTEXT_MINOR_VERSION, 2, EGL_CONTEXT_OPENGL_PROFILE_MASK,
        EGL_CONTEXT_OPENGL_CORE_PROFILE_BIT, EGL_NONE};
    EGLContext context = eglCreateContext(display, config, EGL_NO_CONTEXT, version);
    if (context == EGL_NO_CONTEXT) return false;
    EGLSurface surface = EGL_NO_SURFACE;
    if (!eglMakeCurrent(display, surface, surface, context)) {
      const EGLint tiny[] = {EGL_WIDTH, 16, EGL_HEIGHT, 16, EGL_NONE};
      surface = eglCreatePbufferSurface(display, config, tiny);
      if (surface == EGL_NO_SURFACE || !eglMakeCurrent(display, surface, surface, context)) {
        if (surface != EGL_NO_SURFACE) eglDestroySurface(display, surface);
        eglDestroyContext(display, context);
        return false;
      }
    }
    *handles_ = {display, context, surface};
    return true;
  };
  for (const bool software : {false, true}) {
    // A broken or foreign graphics driver is not the end: Mesa's software renderer needs none.
    if (software) setenv("LIBGL_ALWAYS_SOFTWARE", "1", 1);
    for (const auto& display : displays()) {
      if (attempt(display())) return;
    }
  }
  throw NoOpenGl(
      "3D figures need OpenGL 3.2 through EGL, which this machine lacks; install libegl1 and libgl1-mesa-dri (software "
      "rendering will do)");
}

GlContext::~GlContext() {
  release();
  if (handles_->surface != EGL_NO_SURFACE) eglDestroySurface(handles_->display, handles_->surface);
  eglDestroyContext(handles_->display, handles_->context);
}

void GlContext::makeCurrent() {
  // The bound API is a property of the thread, and Qt binds OpenGL ES on some platforms.
  eglBindAPI(EGL_OPENGL_API);
  if (!eglMakeCurrent(handles_->display, handles_->surface, handles_->surface, handles_->context)) {
    throw NoOpenGl("the OpenGL context of a 3D figure was lost; close the figure and open it again");
  }
}

void GlContext::release() {
  eglMakeCurrent(handles_->display, EGL_NO_SURFACE, EGL_NO_SURFACE, EGL_NO_CONTEXT);
}

}  // namespace eigenscape
