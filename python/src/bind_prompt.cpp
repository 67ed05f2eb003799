// SPDX-License-Identifier: Apache-2.0
// Binds the prompts of observation/: prompt.
#include "bindings.hpp"
#include "sinew/io/text.hpp"
#include "sinew/observation/prompt.hpp"

namespace sinew {

namespace py = pybind11;
using namespace bindings;

namespace {

std::string field_text(const py::handle& value) {
  if (py::isinstance<py::bool_>(value)) return value.cast<bool>() ? "true" : "false";
  if (!py::isinstance<py::str>(value) && !py::isinstance<py::int_>(value) && !py::isinstance<py::float_>(value))
    fail(ErrorCode::invalid_argument,
         {"prompt", "a field", "text, a number or a switch", py::str(py::type::of(value)).cast<std::string>(), ""});
  const py::str text(value);
  py::ssize_t size = 0;
  const char* bytes = PyUnicode_AsUTF8AndSize(text.ptr(), &size);
  if (bytes != nullptr) return {bytes, static_cast<std::size_t>(size)};
  PyErr_Clear();
  fail(ErrorCode::invalid_argument, {"prompt", "text", "characters that UTF-8 can hold", "a lone surrogate", ""});
}

/// The images as a caller gives them: how many, view names, or (view, time step).
struct Images {
  std::vector<std::string> views;
  std::vector<PromptImage> images;

  Images() = default;
  Images(const py::handle& given, const std::string& where) {
    constexpr int kMost = 100000;
    if (PyIndex_Check(given.ptr()) != 0 && !py::isinstance<py::sequence>(given)) {
      const auto count = given.cast<long long>();
      if (count < 0 || count > kMost)
        fail(ErrorCode::invalid_argument, {where, "images", fmt::format("0 to {}", kMost), std::to_string(count), ""});
      images.resize(static_cast<std::size_t>(count));
      return;
    }
    if (!py::isinstance<py::sequence>(given) || py::isinstance<py::str>(given))
      fail(ErrorCode::invalid_argument, {where, "images", "a number, a sequence of view names or of (view, time step)",
                                         py::str(py::type::of(given).attr("__name__")).cast<std::string>(), ""});
    std::vector<int> steps;
    for (const auto& entry : py::reinterpret_borrow<py::sequence>(given)) {
      const bool pair = py::isinstance<py::tuple>(entry) && py::len(entry) == 2;
      const py::tuple both = pair ? py::reinterpret_borrow<py::tuple>(entry) : py::make_tuple(entry, 0);
      if (!py::isinstance<py::str>(both[0]) || PyIndex_Check(both[1].ptr()) == 0)
        fail(ErrorCode::invalid_argument,
             {where, "images", "view names or (view, time step)", quote(py::repr(entry).cast<std::string>()), ""});
      views.push_back(field_text(both[0]));
      steps.push_back(both[1].cast<int>());
    }
    for (std::size_t i = 0; i < views.size(); ++i) images.push_back({views[i], steps[i]});
  }
};

std::string prompt(const std::string& name, const py::kwargs& fields) {
  const std::string where = "prompt " + name;
  PromptCard card{.name = name, .fields = {}, .max_bytes = 0};
  std::optional<std::string> instruction;
  std::optional<Doubles> state;
  Images images;
  for (const auto& [key, value] : fields) {
    const auto field = key.cast<std::string>();
    if (field == "instruction") {
      if (!py::isinstance<py::str>(value))
        fail(ErrorCode::invalid_argument, {where, "field 'instruction'", "a str", py::str(py::type::of(value)).cast<std::string>(), ""});
      instruction = field_text(value);
    } else if (field == "state") {
      if (value.is_none()) continue;
      state = Doubles::ensure(value);
      if (!*state || state->ndim() != 1)
        fail(ErrorCode::invalid_argument, {where, "state", "a sequence of numbers", quote(py::repr(value).cast<std::string>()), ""});
    } else if (field == "images") {
      images = Images(value, where);
    } else if (!value.is_none()) {
      card.fields[field] = field_text(value);
    }
  }
  const Prompt made(card);
  if (!instruction) fail(ErrorCode::not_found, {where, "field 'instruction'", "a value", "none", ""});
  const PromptInput input{
      .instruction = *instruction, .state = state ? as_span(*state) : std::span<const double>(), .images = images.images};
  std::size_t size = 0;
  static_cast<void>(made.render(input, {}, size));
  std::string text(size, '\0');
  const Status status = made.render(input, text, size);
  const bool lacks_state = made.needs_state() && input.state.empty();
  raise_unless_ok(status, where,
                  status == Status::missing ? (lacks_state ? "state" : "images with their views")
                                            : "instruction, state or view that the template cannot hold");
  return text;
}

}  // namespace

void bind_prompt(py::module_& observation) {
  observation.def(
      "prompt", &prompt, py::arg("template"),
      "The text of a prompt template: \"instruction\", \"qwen_chat\", \"qwen_vla\", \"robotmanip\", \"robotnav\", \"starvla\", \"pi0\", "
      "\"pi0_openpi\", \"smolvla\", \"pi05\" (LeRobot 0.6), \"pi05_lerobot04\", \"pi0_fast_openpi\", \"pi0_fast_lerobot\", \"openvla\" or "
      "\"groot\".\n\nArgs: the template's fields by name; instruction: str; state: the normalised state, a sequence of numbers, for "
      "templates that write it; images: how many, or view names, or (view, time step), one slot each.");
}

}  // namespace sinew
