// SPDX-License-Identifier: Apache-2.0
// Kinematics against Pinocchio, KDL and MuJoCo in one run: the rows K1-K10, I1-I7 and the C++ side of P1.
#include "bench.hpp"
#include "kinematics/suite.hpp"

int main(int argc, char** argv) {
  sinew::bench::Report report(sinew::bench::Options::parse(argc, argv));
  sinew::bench::forward_rows(report);
  sinew::bench::inverse_rows(report);
  return report.finish();
}
