// SPDX-License-Identifier: Apache-2.0
// Recordings: what a recorder costs beside a robot, and what it costs to look through them.
#include <cstdio>
#include <exception>
#include <filesystem>

#include "bench.hpp"
#include "record/suite.hpp"

int main(int argc, char** argv) {
  std::string python = std::filesystem::exists(".venv/bin/python") ? ".venv/bin/python" : "python3";
  sinew::bench::Report report(sinew::bench::Options::parse(argc, argv, {{"--python", &python}}));
  try {
    sinew::bench::Baselines baselines(python);
    sinew::bench::recorder_rows(report, baselines);
    sinew::bench::fk_rows(report);
    return report.finish();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_record: %s\n", error.what());
    return 1;
  }
}
