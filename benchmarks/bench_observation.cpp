// SPDX-License-Identifier: Apache-2.0
// Observation encoding against transformers, Pillow, openpi_client, tokenizers and the memory's own speed in one run: the rows O1-O8.
#include <cstdio>
#include <exception>
#include <filesystem>

#include "bench.hpp"
#include "observation/suite.hpp"

int main(int argc, char** argv) {
  std::string python = std::filesystem::exists(".venv/bin/python") ? ".venv/bin/python" : "python3";
  sinew::bench::Report report(sinew::bench::Options::parse(argc, argv, {{"--python", &python}}));
  try {
    sinew::bench::Baselines baselines(python);
    sinew::bench::Suite suite(report, baselines);
    sinew::bench::image_rows(suite);
    sinew::bench::tokenizer_rows(suite);
    sinew::bench::encoder_rows(suite);
    sinew::bench::memory_rows(suite);
    return report.finish();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_observation: %s\n", error.what());
    return 1;
  }
}
