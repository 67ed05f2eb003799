// SPDX-License-Identifier: Apache-2.0
// Objects that keep scratch between calls, safe to share between Python threads: one call at a time.
#pragma once

#include <memory>
#include <mutex>
#include <utility>

#include "bindings.hpp"

namespace sinew::bindings {

/// A value and the lock of its calls.
template <class Value>
struct Guarded {
  explicit Guarded(Value what) : value(std::move(what)) {}
  Value value;
  std::unique_ptr<std::mutex> mutex = std::make_unique<std::mutex>();
};

/// Holds the lock while it lives. Waits without the interpreter lock, so that the thread that has this one can finish.
class Exclusive {
 public:
  explicit Exclusive(std::mutex& mutex) : mutex_(mutex) {
    const py::gil_scoped_release release;
    mutex_.lock();
  }
  ~Exclusive() { mutex_.unlock(); }
  Exclusive(const Exclusive&) = delete;
  Exclusive& operator=(const Exclusive&) = delete;

 private:
  std::mutex& mutex_;
};

}  // namespace sinew::bindings
