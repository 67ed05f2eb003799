// SPDX-License-Identifier: Apache-2.0
// An off-screen OpenGL context without a display: EGL or OSMesa, loaded at run time, so that nothing links to OpenGL.
#pragma once

#include <functional>
#include <string>

namespace sinew::sim {

/// One context. Not shared: one thread at a time, and only inside the life of a `Current`.
class GlContext {
 public:
  /// Tries EGL (surfaceless, then each device), then OSMesa. Throws Error with the line that installs one of them.
  static GlContext create();
  GlContext(GlContext&& other) noexcept;
  GlContext& operator=(GlContext&& other) noexcept;
  ~GlContext();

  /// Holds the context current on this thread; lets go in the destructor, so that another robot's can follow.
  class Current {
   public:
    explicit Current(const GlContext& context) : context_(context), ok_(context.routes_.make_current()) {}
    Current(const Current&) = delete;
    Current& operator=(const Current&) = delete;
    ~Current() {
      if (ok_) context_.routes_.release();
    }
    [[nodiscard]] explicit operator bool() const noexcept { return ok_; }

   private:
    const GlContext& context_;
    bool ok_;
  };

  /// "EGL surfaceless", "EGL device 0" or "OSMesa".
  [[nodiscard]] const std::string& name() const noexcept { return routes_.name; }

  /// What one library offers; filled by the loaders.
  struct Routes {
    std::string name;
    std::function<bool()> make_current;
    std::function<void()> release;
    std::function<void()> destroy;
  };

 private:
  explicit GlContext(Routes routes) : routes_(std::move(routes)) {}
  Routes routes_;
};

}  // namespace sinew::sim
