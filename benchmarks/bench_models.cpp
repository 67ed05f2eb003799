// SPDX-License-Identifier: Apache-2.0
// Models against PyTorch and transformers, same weights and inputs, in one run.
#include <cstdio>
#include <exception>
#include <filesystem>
#include <string>

#include "bench.hpp"
#include "models/suite.hpp"
#ifdef SINEW_BENCH_TORCH
#include <ATen/Parallel.h>
#endif

int main(int argc, char** argv) {
  try {
    if (argc == 3 && std::string(argv[1]) == "--load") return sinew::bench::load_once(argv[2]);
    std::string python = std::filesystem::exists(".venv/bin/python") ? ".venv/bin/python" : "python3";
    sinew::bench::Report report(sinew::bench::Options::parse(argc, argv, {{"--python", &python}}));
    sinew::bench::Baselines baselines(python);
#ifdef SINEW_BENCH_TORCH
    at::set_num_threads(1);  // as the child; several threads on the one core that we are pinned to wait for each other
#endif
    sinew::bench::ModelSuite suite(report, baselines);
    sinew::bench::policy_rows(suite);
    sinew::bench::act_rows(suite);
    sinew::bench::head_rows(suite);
    sinew::bench::other_head_rows(suite);
    sinew::bench::backbone_rows(suite);
    sinew::bench::linear_layer_rows(suite);
    sinew::bench::file_rows(suite, argv[0]);
    return report.finish();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_models: %s\n", error.what());
    return 1;
  }
}
