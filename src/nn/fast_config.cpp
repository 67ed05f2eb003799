// SPDX-License-Identifier: Apache-2.0
#include "sinew/nn/heads/fast_config.hpp"

#include <string_view>

namespace sinew::nn {

FastConfig FastConfig::parse(const JsonCursor& document) {
  constexpr std::int64_t kMostVocab = 1 << 24, kMostTokens = 1 << 16;
  document.only_keys({"type", "first", "count", "max_tokens", "constrained", "stop", "horizon", "action_dim", "tokenizer", "model_ids"});
  if (document.at("type").text() != "fast") document.at("type").refuse("\"fast\"");
  FastConfig config{.first = document.at("first").integer(0, kMostVocab),
                    .count = document.at("count").integer(1, kMostVocab),
                    .max_tokens = document.at("max_tokens").integer(1, kMostTokens),
                    .constrained = document.at("constrained").boolean(),
                    .stop = {},
                    .horizon = document.at("horizon").integer(1, 1024),
                    .action_dim = document.at("action_dim").integer(1, 1024),
                    .tokenizer = document.at("tokenizer").text(),
                    .model_ids = document.at("model_ids").boolean()};
  for (const auto& token : document.at("stop").elements()) config.stop.push_back(token.integer(0, kMostVocab));
  const std::string_view folder = config.tokenizer;
  if (folder == "." || folder == ".." || folder.find_first_of("/\\") != std::string_view::npos)
    document.at("tokenizer").refuse("the name of a subfolder, or \"\"");
  return config;
}

}  // namespace sinew::nn
