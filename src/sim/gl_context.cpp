// SPDX-License-Identifier: Apache-2.0
// Loads EGL or OSMesa with dlopen. The few constants and prototypes are spelled out, so that no -dev package is needed.
#include "gl_context.hpp"

#include <dlfcn.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "sinew/core/error.hpp"

namespace sinew::sim {

namespace {

/// A library that stays loaded: Mesa registers exit handlers, and unloading it under them crashes at exit.
class Library {
 public:
  explicit Library(const char* name) : handle_(dlopen(name, RTLD_NOW | RTLD_LOCAL)) {}
  [[nodiscard]] explicit operator bool() const noexcept { return handle_ != nullptr; }
  template <class Function>
  [[nodiscard]] Function* function(const char* name) const noexcept {
    return reinterpret_cast<Function*>(dlsym(handle_, name));
  }
  /// For a library that turned out not to serve: MuJoCo would otherwise pick it by its mere presence.
  void unload() noexcept { dlclose(std::exchange(handle_, nullptr)); }

 private:
  void* handle_;
};

using EglInt = std::int32_t;
using EglBoolean = std::uint32_t;
constexpr EglInt kEglNone = 0x3038;
constexpr EglInt kEglRedSize = 0x3024;
constexpr EglInt kEglGreenSize = 0x3023;
constexpr EglInt kEglBlueSize = 0x3022;
constexpr EglInt kEglDepthSize = 0x3025;
constexpr EglInt kEglSurfaceType = 0x3033;
constexpr EglInt kEglPbufferBit = 0x0001;
constexpr EglInt kEglRenderableType = 0x3040;
constexpr EglInt kEglOpenglBit = 0x0008;
constexpr EglInt kEglOpenglApi = 0x30A2;
constexpr EglInt kEglPlatformSurfacelessMesa = 0x31DD;
constexpr EglInt kEglPlatformDevice = 0x313F;

/// The entry points of EGL 1.4 that we use.
struct Egl {
  explicit Egl(const Library& library)
      : get_proc_address(library.function<void*(const char*)>("eglGetProcAddress")),
        initialize(library.function<EglBoolean(void*, EglInt*, EglInt*)>("eglInitialize")),
        choose_config(library.function<EglBoolean(void*, const EglInt*, void**, EglInt, EglInt*)>("eglChooseConfig")),
        bind_api(library.function<EglBoolean(unsigned)>("eglBindAPI")),
        create_context(library.function<void*(void*, void*, void*, const EglInt*)>("eglCreateContext")),
        destroy_context(library.function<EglBoolean(void*, void*)>("eglDestroyContext")),
        make_current(library.function<EglBoolean(void*, void*, void*, void*)>("eglMakeCurrent")) {}
  [[nodiscard]] bool complete() const noexcept {
    return get_proc_address && initialize && choose_config && bind_api && create_context && destroy_context && make_current;
  }

  void* (*get_proc_address)(const char*);
  EglBoolean (*initialize)(void*, EglInt*, EglInt*);
  EglBoolean (*choose_config)(void*, const EglInt*, void**, EglInt, EglInt*);
  EglBoolean (*bind_api)(unsigned);
  void* (*create_context)(void*, void*, void*, const EglInt*);
  EglBoolean (*destroy_context)(void*, void*);
  EglBoolean (*make_current)(void*, void*, void*, void*);
};

struct EglDisplay {
  void* display;
  std::string name;
};

std::vector<EglDisplay> egl_displays(const Egl& egl) {
  std::vector<EglDisplay> displays;
  using GetPlatformDisplay = void*(unsigned, void*, const EglInt*);
  const auto get_display = reinterpret_cast<GetPlatformDisplay*>(egl.get_proc_address("eglGetPlatformDisplayEXT"));
  if (get_display == nullptr) return displays;
  if (void* display = get_display(kEglPlatformSurfacelessMesa, nullptr, nullptr)) displays.push_back({display, "EGL surfaceless"});
  using QueryDevices = EglBoolean(EglInt, void**, EglInt*);
  const auto query_devices = reinterpret_cast<QueryDevices*>(egl.get_proc_address("eglQueryDevicesEXT"));
  std::array<void*, 16> devices{};
  EglInt count = 0;
  if (query_devices == nullptr || query_devices(static_cast<EglInt>(devices.size()), devices.data(), &count) == 0) return displays;
  for (EglInt i = 0; i < count; ++i)
    if (void* display = get_display(kEglPlatformDevice, devices[static_cast<std::size_t>(i)], nullptr))
      displays.push_back({display, "EGL device " + std::to_string(i)});
  return displays;
}

std::optional<GlContext::Routes> try_display(const Egl& egl, const EglDisplay& candidate) {
  void* const display = candidate.display;
  EglInt major = 0;
  EglInt minor = 0;
  // Never terminated: all contexts of the process on this display share the initialisation.
  if (egl.initialize(display, &major, &minor) == 0 || egl.bind_api(kEglOpenglApi) == 0) return std::nullopt;
  constexpr std::array attributes{
      kEglRedSize,   8,       kEglGreenSize, 8, kEglBlueSize, 8, kEglDepthSize, 24, kEglSurfaceType, kEglPbufferBit, kEglRenderableType,
      kEglOpenglBit, kEglNone};
  void* config = nullptr;
  EglInt count = 0;
  if (egl.choose_config(display, attributes.data(), &config, 1, &count) == 0 || count < 1) return std::nullopt;
  void* const context = egl.create_context(display, config, nullptr, nullptr);
  if (context == nullptr) return std::nullopt;
  // The API is a property of the thread, the context may be used from another one than this.
  const auto make_current = [egl, display, context] {
    return egl.bind_api(kEglOpenglApi) != 0 && egl.make_current(display, nullptr, nullptr, context) != 0;
  };
  if (!make_current()) {
    egl.destroy_context(display, context);
    return std::nullopt;
  }
  const auto release = [egl, display] { egl.make_current(display, nullptr, nullptr, nullptr); };
  release();
  return GlContext::Routes{candidate.name, make_current, release, [egl, display, context] { egl.destroy_context(display, context); }};
}

std::optional<GlContext::Routes> load_egl() {
  Library library("libEGL.so.1");
  if (!library) return std::nullopt;
  const Egl egl(library);
  if (egl.complete())
    for (const EglDisplay& display : egl_displays(egl))
      if (auto routes = try_display(egl, display)) return routes;
  library.unload();
  return std::nullopt;
}

constexpr unsigned kGlRgba = 0x1908;
constexpr unsigned kGlUnsignedByte = 0x1401;
constexpr int kScratchSize = 16;

std::optional<GlContext::Routes> load_osmesa() {
  Library library("libOSMesa.so.8");
  if (!library) return std::nullopt;
  const auto create = library.function<void*(unsigned, EglInt, EglInt, EglInt, void*)>("OSMesaCreateContextExt");
  const auto destroy = library.function<void(void*)>("OSMesaDestroyContext");
  const auto make_current = library.function<unsigned char(void*, void*, unsigned, int, int)>("OSMesaMakeCurrent");
  void* const context = create && destroy && make_current ? create(kGlRgba, 24, 8, 8, nullptr) : nullptr;
  if (context == nullptr) return std::nullopt;
  // OSMesa draws into memory of the caller; MuJoCo draws into a framebuffer object, so this one stays tiny and unread.
  auto scratch = std::make_shared<std::array<std::uint8_t, kScratchSize * kScratchSize * 4>>();
  return GlContext::Routes{"OSMesa",
                           [=] { return make_current(context, scratch->data(), kGlUnsignedByte, kScratchSize, kScratchSize) != 0; },
                           [=] { make_current(nullptr, nullptr, 0, 0, 0); }, [=] { destroy(context); }};
}

}  // namespace

GlContext GlContext::create() {
  if (auto routes = load_egl()) return GlContext(std::move(*routes));
  if (auto routes = load_osmesa()) return GlContext(std::move(*routes));
  fail(ErrorCode::not_found, {"MujocoRobot", "off-screen rendering", "EGL or OSMesa", "neither",
                              "apt-get install libegl1 libgl1-mesa-dri, or: apt-get install libosmesa6"});
}

GlContext::GlContext(GlContext&& other) noexcept : routes_(std::exchange(other.routes_, {})) {}

GlContext& GlContext::operator=(GlContext&& other) noexcept {
  std::swap(routes_, other.routes_);
  return *this;
}

GlContext::~GlContext() {
  if (routes_.destroy) routes_.destroy();
}

}  // namespace sinew::sim
