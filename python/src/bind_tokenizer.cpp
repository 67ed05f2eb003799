// SPDX-License-Identifier: Apache-2.0
// Binds io/tokenizer.hpp: Tokenizer.
#include "bindings.hpp"
#include "sinew/io/tokenizer.hpp"

namespace sinew {

namespace py = pybind11;

namespace {

/// The UTF-8 of a str, which Python keeps with it.
std::string_view utf8(const py::str& text) {
  Py_ssize_t size = 0;
  const char* data = PyUnicode_AsUTF8AndSize(text.ptr(), &size);
  if (data == nullptr) throw py::error_already_set();
  return {data, static_cast<std::size_t>(size)};
}

py::list encode(const Tokenizer& self, const py::str& text, bool add_special_tokens) {
  const std::vector<TokenId> ids = self.encode(utf8(text), add_special_tokens);
  py::list list(ids.size());
  for (std::size_t i = 0; i < ids.size(); ++i) PyList_SET_ITEM(list.ptr(), static_cast<Py_ssize_t>(i), PyLong_FromLong(ids[i]));
  return list;
}

}  // namespace

void bind_tokenizer(py::module_& observation) {
  py::class_<Tokenizer>(
      observation, "Tokenizer",
      "Text to token ids: byte-level BPE from tokenizer.json, equal to the package `tokenizers`, or a SentencePiece model.")
      .def_static(
          "from_file", [](const py::object& path) { return Tokenizer::from_file(py::str(path).cast<std::string>()); }, py::arg("path"),
          "path: tokenizer.json, a SentencePiece file (.model), or a folder that holds tokenizer.json or tokenizer.model.")
      .def("encode", &encode, py::arg("text"), py::arg("add_special_tokens") = false,
           "The ids of a text; with add_special_tokens, between those that the file puts around it.")
      .def(
          "decode",
          [](const Tokenizer& self, const std::vector<TokenId>& ids, bool skip_special_tokens) {
            return self.decode(ids, skip_special_tokens);
          },
          py::arg("ids"), py::arg("skip_special_tokens") = false, "The text of ids; what is not UTF-8 becomes U+FFFD.")
      .def_property_readonly("vocab_size", &Tokenizer::vocab_size, "Number of tokens, added ones included.")
      .def_property_readonly("bos_id", &Tokenizer::bos_id, "Of a SentencePiece model, else None.")
      .def_property_readonly("eos_id", &Tokenizer::eos_id, "Of a SentencePiece model, else None.")
      .def_property_readonly("pad_id", &Tokenizer::pad_id, "Of a SentencePiece model, else None.")
      .def(
          "id_of", [](const Tokenizer& self, const py::str& token) { return self.id_of(utf8(token)); }, py::arg("token"),
          "The id of the token with exactly this content, or None.")
      .def(
          "token_of", [](const Tokenizer& self, TokenId id) { return std::string(self.token_of(id)); }, py::arg("id"),
          "The content of a token as the file spells it, empty for ids that do not exist.");
}

}  // namespace sinew
