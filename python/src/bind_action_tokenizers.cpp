// SPDX-License-Identifier: Apache-2.0
// Binds action/bin_tokenizer.hpp and action/fast_tokenizer.hpp: BinTokenizer, FastTokenizer.
#include <algorithm>
#include <limits>

#include "bindings.hpp"
#include "sinew/action/bin_tokenizer.hpp"
#include "sinew/action/fast_tokenizer.hpp"

namespace sinew {

namespace py = pybind11;
using namespace bindings;

namespace {

using Ids = py::array_t<std::int64_t, py::array::c_style | py::array::forcecast>;

std::vector<py::ssize_t> shape_of(const py::array& array) { return {array.shape(), array.shape() + array.ndim()}; }

py::array array_of(const py::object& list, std::string_view where) {
  py::array array = py::array::ensure(list);
  if (array) return array;
  PyErr_Clear();
  fail(ErrorCode::invalid_argument, {where, "ids", "a list or array of integers", py::str(py::type::of(list)).cast<std::string>(), ""});
}

/// Ids of a caller as the library's; those that do not fit are no token either way.
std::vector<TokenId> to_ids(const py::array& array, std::string_view where) {
  const char kind = array.dtype().kind();
  if (array.size() > 0 && kind != 'i' && kind != 'u')  // an empty list is float64 to NumPy
    fail(ErrorCode::invalid_argument, {where, "ids", "integers", py::str(array.dtype()).cast<std::string>(), ""});
  const Ids ids(array);
  std::vector<TokenId> narrow(static_cast<std::size_t>(ids.size()));
  const std::int64_t most = std::numeric_limits<TokenId>::max();
  std::transform(ids.data(), ids.data() + ids.size(), narrow.begin(),
                 [most](std::int64_t id) { return static_cast<TokenId>(std::clamp(id, -most, most)); });
  return narrow;
}

BinTokenizer make_bins(TokenId vocab_size, int bins) { return BinTokenizer({.vocab_size = vocab_size, .bins = bins}); }

BinTokenizer make_uniform(const std::vector<double>& low, const std::vector<double>& high, int bins, TokenId offset) {
  return BinTokenizer({.rule = BinRule::uniform, .bins = bins, .low = low, .high = high, .offset = offset});
}

Ids encode_bins(const BinTokenizer& self, const Doubles& values) {
  std::vector<TokenId> ids(static_cast<std::size_t>(values.size()));
  raise_unless_ok(self.encode(as_span(values), ids), "BinTokenizer.encode", "values");
  Ids out(shape_of(values));
  std::copy(ids.begin(), ids.end(), out.mutable_data());
  return out;
}

Doubles decode_bins(const BinTokenizer& self, const py::object& list, bool strict) {
  const py::array ids = array_of(list, "BinTokenizer.decode");
  Doubles values(shape_of(ids));
  raise_unless_ok(self.decode(to_ids(ids, "BinTokenizer.decode"), std::span(values.mutable_data(), static_cast<std::size_t>(values.size())),
                              strict ? UnknownIds::refuse : UnknownIds::clip),
                  "BinTokenizer.decode", "ids");
  return values;
}

/// Of this thread: its tables are worth keeping between calls.
FastScratch& own_scratch() {
  thread_local FastScratch scratch;
  return scratch;
}

template <class Value>
std::vector<TokenId> encode_values(const FastTokenizer& self, const py::array& chunk, bool strict) {
  const auto array = py::array_t < Value, py::array::c_style | py::array::forcecast > ::ensure(chunk);
  require_shape(array, {-1, -1}, "FastTokenizer.encode", "chunk");
  FastScratch& scratch = own_scratch();
  FastEncoded encoded;
  std::vector<TokenId> ids(static_cast<std::size_t>(array.size()) * 4);
  const FastChunk<const Value> values{{array.data(), static_cast<std::size_t>(array.size())}, static_cast<std::size_t>(array.shape(1))};
  const Status status = self.encode(values, scratch, ids, encoded);
  raise_unless_ok(status, "FastTokenizer.encode", scratch.last_error());
  if (strict && encoded.lost + encoded.clamped > 0)
    fail(ErrorCode::invalid_argument, {"FastTokenizer.encode", "chunk", "coefficients that the vocabulary has",
                                       fmt::format("{} that it has not, {} below its range", encoded.lost, encoded.clamped),
                                       "the published processor drops them in silence; normalise, or fit on wider data"});
  ids.resize(encoded.count);
  return ids;
}

/// float32 and below is transformed in float32, anything else in float64, as scipy.fft does.
bool in_float(const py::array& chunk) { return chunk.dtype().kind() == 'f' && chunk.itemsize() <= 4; }

std::vector<TokenId> encode_fast(const FastTokenizer& self, const py::array& chunk, bool strict) {
  return in_float(chunk) ? encode_values<float>(self, chunk, strict) : encode_values<double>(self, chunk, strict);
}

FastDecodeOptions decode_options(const std::string& mode) {
  if (mode == "strict") return {};
  if (mode == "lerobot") return FastDecodeOptions::lerobot();
  if (mode == "reference") return FastDecodeOptions::reference();
  fail(ErrorCode::invalid_argument, {"FastTokenizer.decode", "mode", "strict, lerobot or reference", "'" + mode + "'", ""});
}

Floats decode_fast(const FastTokenizer& self, const py::object& list, std::size_t horizon, std::size_t dim, const std::string& mode) {
  const py::array ids = array_of(list, "FastTokenizer.decode");
  const FastDecodeOptions options = decode_options(mode);
  if (horizon == 0 || dim == 0 || horizon > FastTokenizer::kMaxHorizon || dim > FastTokenizer::kMaxDim)
    fail(ErrorCode::invalid_argument,
         {"FastTokenizer.decode", "horizon and dim", fmt::format("1 to {} and 1 to {}", FastTokenizer::kMaxHorizon, FastTokenizer::kMaxDim),
          fmt::format("{} and {}", horizon, dim), ""});
  Floats chunk({horizon, dim});
  FastScratch& scratch = own_scratch();
  const Status status = self.decode(to_ids(ids, "BinTokenizer.decode"), options, scratch,
                                    {{chunk.mutable_data(), static_cast<std::size_t>(chunk.size())}, dim});
  raise_unless_ok(status, "FastTokenizer.decode", scratch.last_error());
  return chunk;
}

template <class Value>
FastTokenizer fit_values(const std::vector<py::array>& chunks, const FastFitOptions& options) {
  std::vector<py::array_t<Value, py::array::c_style | py::array::forcecast>> arrays;
  std::vector<FastChunk<const Value>> values;
  for (const py::array& chunk : chunks) {
    const auto& array = arrays.emplace_back(chunk);
    require_shape(array, {-1, -1}, "FastTokenizer.fit", "chunk");
    values.push_back({{array.data(), static_cast<std::size_t>(array.size())}, static_cast<std::size_t>(array.shape(1))});
  }
  const py::gil_scoped_release release;
  return FastTokenizer::fit(values, options);
}

FastTokenizer fit(const py::iterable& chunks, std::size_t vocab_size, double scale) {
  std::vector<py::array> arrays;
  for (const py::handle chunk : chunks) arrays.push_back(py::array::ensure(chunk));
  for (const py::array& array : arrays)
    if (!array) fail(ErrorCode::invalid_argument, {"FastTokenizer.fit", "chunks", "arrays [horizon, dim]", "something else", ""});
  const bool singles = std::all_of(arrays.begin(), arrays.end(), in_float);
  const FastFitOptions options{.vocab_size = vocab_size, .scale = scale};
  return singles ? fit_values<float>(arrays, options) : fit_values<double>(arrays, options);
}

std::string path_of(const py::object& path) { return py::str(path).cast<std::string>(); }

}  // namespace

void bind_action_tokenizers(py::module_& action) {
  const FastFitOptions defaults;
  py::class_<BinTokenizer>(action, "BinTokenizer", "Values in [-1, 1] as OpenVLA's action tokens: a larger value has a smaller id.")
      .def(py::init(&make_bins), py::arg("vocab_size"), py::arg("bins") = 256, "bins: edges over [-1, 1]; there is one bin less.")
      .def_static("uniform", &make_uniform, py::arg("low"), py::arg("high"), py::arg("bins") = 256, py::arg("offset") = 0,
                  "Bins of equal width between limits [dim]: id = offset + bin.")
      .def("encode", &encode_bins, py::arg("a"), "float [...] -> int64 ids of the same shape; values outside the limits are clipped.")
      .def("decode", &decode_bins, py::arg("ids"), py::arg("strict") = false,
           "int [...] -> float64 centres of bins, same shape. Ids that are no bin give the nearest; strict refuses them.")
      .def_property_readonly("first_id", &BinTokenizer::first_id)
      .def_property_readonly("last_id", &BinTokenizer::last_id);

  py::class_<FastTokenizer>(action, "FastTokenizer", "FAST: chunks as tokens, with the ids of the published processor.")
      .def_static(
          "from_pretrained", [](const py::object& directory) { return FastTokenizer::from_pretrained(path_of(directory)); },
          py::arg("directory"), "Reads tokenizer.json and processor_config.json.")
      .def_static("fit", &fit, py::arg("chunks"), py::arg("vocab_size") = defaults.vocab_size, py::arg("scale") = defaults.scale,
                  "Learns a vocabulary from arrays [horizon, dim], normalised to about [-1, 1].")
      .def(
          "save", [](const FastTokenizer& self, const py::object& directory) { self.save(path_of(directory)); }, py::arg("directory"),
          "Writes tokenizer.json and processor_config.json into a folder that exists.")
      .def("encode", &encode_fast, py::arg("chunk"), py::arg("strict") = false,
           "float32 or float64 [horizon, dim] -> list of ids. Coefficients outside what was learned are lost, as with the published "
           "processor; strict raises instead.")
      .def("decode", &decode_fast, py::arg("ids"), py::arg("horizon"), py::arg("dim"), py::arg("mode") = "strict",
           "ids -> float32 [horizon, dim]. mode: \"strict\" raises for whatever is not exactly a chunk; \"lerobot\" cuts, and fills with "
           "zero coefficients; \"reference\" gives a chunk of zeros where the published processor does.")
      .def_property_readonly("vocab_size", &FastTokenizer::vocab_size, "Number of tokens.")
      .def_property_readonly("scale", &FastTokenizer::scale)
      .def_property_readonly("min_token", &FastTokenizer::min_token, "Least coefficient of the trained range.")
      .def_property_readonly("max_token", &FastTokenizer::max_token, "Greatest coefficient that the vocabulary has a character for.");
}

}  // namespace sinew
