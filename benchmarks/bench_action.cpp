// SPDX-License-Identifier: Apache-2.0
// Actions against the libraries that published policies use for them, in one run.
#include <cstdio>
#include <exception>
#include <filesystem>

#include "action/suite.hpp"
#include "bench.hpp"

int main(int argc, char** argv) {
  std::string python = std::filesystem::exists(".venv/bin/python") ? ".venv/bin/python" : "python3";
  sinew::bench::Report report(sinew::bench::Options::parse(argc, argv, {{"--python", &python}}));
  try {
    sinew::bench::Baselines baselines(python);
    sinew::bench::ActionSuite suite(report, baselines);
    sinew::bench::fast_rows(suite);
    sinew::bench::space_rows(suite);
    return report.finish();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_action: %s\n", error.what());
    return 1;
  }
}
