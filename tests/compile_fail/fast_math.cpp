// SPDX-License-Identifier: Apache-2.0
// A unit that includes Sinew must not give up IEEE 754; built with -O2 it may.
#include "sinew/sinew.hpp"

int main() { return sinew::available_isas().empty() ? 1 : 0; }
