// SPDX-License-Identifier: Apache-2.0
// Binds the arithmetic on chunks: real-time chunking and temporal ensembling.
#include <optional>

#include "bindings.hpp"
#include "sinew/core/chunk_math.hpp"
#include "sinew/core/temporal_ensembler.hpp"

namespace sinew {

namespace py = pybind11;
using namespace bindings;

namespace {

FlowMoment moment_of(double time, const std::string& noise_at, std::string_view where) {
  constexpr std::array<std::string_view, 2> kEnds = {"zero", "one"};
  return {time, find_name(noise_at, kEnds, where, "noise_at") == 0 ? FlowDirection::noise_at_zero : FlowDirection::noise_at_one};
}

std::span<const float> span_of(const Floats& array) { return {array.data(), static_cast<std::size_t>(array.size())}; }

/// x and v `[horizon, dim]`, weights `[horizon]`, prefix `[rows, columns]`, checked.
struct Guidance {
  Guidance(const Floats& x, const Floats& v, const Floats& prefix, const Floats& weights, std::string_view where) {
    require_shape(x, {-1, -1}, where, "x");
    require_shape(v, {x.shape(0), x.shape(1)}, where, "v");
    require_shape(weights, {x.shape(0)}, where, "weights");
    require_shape(prefix, {-1, -1}, where, "prefix");
    if (prefix.shape(0) > x.shape(0) || prefix.shape(1) > x.shape(1))
      fail(ErrorCode::invalid_argument, {where, "prefix", "at most the rows and columns of x", shape_text(prefix), ""});
    rest = {span_of(prefix), static_cast<int>(prefix.shape(0)), static_cast<int>(prefix.shape(1))};
  }
  ChunkPrefix<float> rest;
};

/// TemporalEnsembler whose width is that of the first chunk.
class Ensembler {
 public:
  Ensembler(double coefficient, int horizon) : coefficient_(coefficient), horizon_(horizon) {
    (void)TemporalEnsembler<float>(coefficient, horizon, 1);
  }

  Floats update(const Floats& chunk) {
    constexpr const char* kWhere = "TemporalEnsembler.update";
    const py::ssize_t dim = inner_ ? inner_->dim() : py::ssize_t{-1};
    require_shape(chunk, {horizon_, dim}, kWhere, "chunk");
    if (!inner_) inner_.emplace(coefficient_, horizon_, static_cast<int>(chunk.shape(1)));
    Floats action(chunk.shape(1));
    raise_unless_ok(inner_->update(span_of(chunk), writable(action)), kWhere, "chunk");
    return action;
  }
  void reset() { inner_.reset(); }

 private:
  double coefficient_;
  int horizon_;
  std::optional<TemporalEnsembler<float>> inner_;
};

void bind_guidance(py::module_& m) {
  m.def(
      "rtc_guidance_weight",
      [](double time, double most, const std::string& noise_at) {
        const FlowMoment moment = moment_of(time, noise_at, "rtc_guidance_weight");
        return rtc_guidance_weight(moment.t, moment.direction, most);
      },
      py::arg("time"), py::arg("max_weight"), py::arg("noise_at") = "zero",
      "How strongly a step at `time` is guided. noise_at: \"zero\" (kinetix, StarVLA, GR00T) or \"one\" (openpi, LeRobot).");
  m.def(
      "rtc_weighted_error",
      [](const Floats& x, const Floats& v, const Floats& prefix, const Floats& weights, double time, const std::string& noise_at) {
        constexpr const char* kWhere = "rtc_weighted_error";
        const Guidance guidance(x, v, prefix, weights, kWhere);
        Floats error({x.shape(0), x.shape(1)});
        raise_unless_ok(rtc_weighted_error<float>(span_of(x), span_of(v), guidance.rest, span_of(weights),
                                                  moment_of(time, noise_at, kWhere), writable(error)),
                        kWhere, "x");
        return error;
      },
      py::arg("x"), py::arg("v"), py::arg("prefix"), py::arg("weights"), py::arg("time"), py::arg("noise_at") = "zero",
      "(prefix - x1) * weights, x1 the action that v [horizon, dim] at x leads to; float32 [horizon, dim]. Its product with the Jacobian "
      "of "
      "x1 by x is the correction. prefix [rows, columns] may be smaller; the rest counts as 0.");
  m.def(
      "rtc_apply_correction",
      [](const Floats& v, const Floats& correction, double time, double most, const std::string& noise_at) {
        constexpr const char* kWhere = "rtc_apply_correction";
        Floats result = copy_of(v);
        raise_unless_ok(rtc_apply_correction<float>(span_of(correction), moment_of(time, noise_at, kWhere), most, writable(result)), kWhere,
                        "correction");
        return result;
      },
      py::arg("v"), py::arg("correction"), py::arg("time"), py::arg("max_weight"), py::arg("noise_at") = "zero",
      "v + g correction, or v - g correction where time runs from 1 to 0; float32, shape of v.");
  m.def(
      "rtc_guide",
      [](const Floats& x, const Floats& v, const Floats& prefix, const Floats& weights, double time, double most,
         const std::string& noise_at) {
        constexpr const char* kWhere = "rtc_guide";
        const Guidance guidance(x, v, prefix, weights, kWhere);
        Floats result = copy_of(v);
        raise_unless_ok(
            rtc_guide<float>(span_of(x), guidance.rest, span_of(weights), moment_of(time, noise_at, kWhere), most, writable(result)),
            kWhere, "x");
        return result;
      },
      py::arg("x"), py::arg("v"), py::arg("prefix"), py::arg("weights"), py::arg("time"), py::arg("max_weight"),
      py::arg("noise_at") = "zero", "Both with the Jacobian taken for the identity, as LeRobot computes; float32 [horizon, dim].");
}

}  // namespace

void bind_chunk_math(py::module_& m) {
  m.def(
      "rtc_prefix_weights",
      [](int start, int end, int total, const std::string& schedule) {
        constexpr const char* kWhere = "rtc_prefix_weights";
        if (total < 0 || total > (1 << 20)) fail(ErrorCode::invalid_argument, {kWhere, "total", "0 to 1048576", std::to_string(total), ""});
        Floats weights(total);
        raise_unless_ok(rtc_prefix_weights<float>(start, end, prefix_schedule(schedule), writable(weights)), kWhere, "start and end");
        return weights;
      },
      py::arg("start"), py::arg("end"), py::arg("total"), py::arg("schedule"),
      "float32 [total]: weight of the previous chunk at each step; 1 before `start` (the delay), 0 from `end` on. schedule: \"zeros\", "
      "\"ones\", \"linear\" or \"exp\". As the reference (kinetix); LeRobot cuts `end` to `total` first.");
  bind_guidance(m);
  py::class_<Ensembler>(m, "TemporalEnsembler",
                        "ACT's average of all predictions of one moment, on line; weights exp(-coefficient * i), i = 0 the oldest.")
      .def(py::init<double, int>(), py::arg("coefficient"), py::arg("horizon"))
      .def("update", &Ensembler::update, py::arg("chunk"),
           "Takes the chunk [horizon, dim] predicted now; returns the action float32 [dim] of now.")
      .def("reset", &Ensembler::reset, "Forgets all predictions: a new episode.");
}

}  // namespace sinew
