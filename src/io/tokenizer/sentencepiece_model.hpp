// SPDX-License-Identifier: Apache-2.0
// What the sentencepiece library takes on trust in a model.
#pragma once

#include <string>
#include <string_view>

namespace sinew::tokenizer {

/// Checks the tables of normalisation rules of a serialised model, which the library walks without looking at their bounds. Throws Error.
void check_sentencepiece_model(std::string_view serialized_model, const std::string& where);

}  // namespace sinew::tokenizer
