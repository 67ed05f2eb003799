// SPDX-License-Identifier: Apache-2.0
// Timeline and command filter: the time of a tick, and what becomes of targets that Ruckig gets too.
#include <cstdio>
#include <exception>
#include <filesystem>

#include "bench.hpp"
#include "motion/suite.hpp"

int main(int argc, char** argv) {
  std::string python = std::filesystem::exists(".venv/bin/python") ? ".venv/bin/python" : "python3";
  sinew::bench::Report report(sinew::bench::Options::parse(argc, argv, {{"--python", &python}}));
  try {
    sinew::bench::Baselines baselines(python);
    sinew::bench::ActionSuite suite(report, baselines);
    sinew::bench::tick_rows(report);
    sinew::bench::chunk_rows(suite);
    sinew::bench::comparison_rows(report);
    return report.finish();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_motion: %s\n", error.what());
    return 1;
  }
}
