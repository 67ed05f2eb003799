// SPDX-License-Identifier: Apache-2.0
#include "arguments.hpp"

#include <charconv>
#include <cmath>
#include <csignal>
#include <string_view>

#include "sinew/core/error.hpp"
#include "sinew/io/text.hpp"

namespace sinew::watchdog {

namespace {

constexpr const char* kWhere = "sinew-watchdog";
constexpr std::string_view kFlags[] = {"--name",      "--timeout-ms", "--period-ms", "--stop-command", "--stop-signal",
                                       "--stop-file", "--pid",        "--priority",  "--once",         "--help"};

template <class Number>
Number number(std::string_view flag, std::string_view text, Number lowest, Number highest) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !(value >= lowest && value <= highest))
    fail(ErrorCode::invalid_argument,
         {kWhere, flag, "a number from " + std::to_string(lowest) + " to " + std::to_string(highest), quote(text), ""});
  return value;
}

Time milliseconds(std::string_view flag, std::string_view text) { return from_seconds(1e-3 * number(flag, text, 0.0, 1e6)); }

int signal_number(std::string_view flag, std::string_view text) {
  constexpr std::pair<std::string_view, int> kSignals[] = {{"INT", SIGINT},   {"TERM", SIGTERM}, {"USR1", SIGUSR1}, {"USR2", SIGUSR2},
                                                           {"STOP", SIGSTOP}, {"KILL", SIGKILL}, {"HUP", SIGHUP},   {"QUIT", SIGQUIT}};
  for (const auto& [name, value] : kSignals)
    if (text == name || text == "SIG" + std::string(name)) return value;
  if (text.empty() || text[0] < '0' || text[0] > '9')
    fail(ErrorCode::invalid_argument, {kWhere, flag, "INT, TERM, USR1, USR2, STOP, KILL, HUP, QUIT or a number", quote(text), ""});
  return number(flag, text, 1, SIGRTMAX);
}

/// False when the flag is none of these.
bool take_stop(StopRequest& stop, std::string_view flag, const char* value) {
  if (flag == "--stop-command")
    stop.command = value;
  else if (flag == "--stop-file")
    stop.file = value;
  else if (flag == "--stop-signal")
    stop.signal = signal_number(flag, value);
  else if (flag == "--pid")
    stop.process = number(flag, value, 2, 1 << 22);
  else
    return false;
  return true;
}

void take(Arguments& arguments, std::string_view flag, const char* value) {
  if (flag == "--name")
    arguments.name = value;
  else if (flag == "--timeout-ms")
    arguments.options.timeout = milliseconds(flag, value);
  else if (flag == "--period-ms")
    arguments.options.period = milliseconds(flag, value);
  else if (flag == "--priority")
    arguments.priority = number(flag, value, 0, 99);
  else if (!take_stop(arguments.stop, flag, value))
    fail(ErrorCode::internal, {kWhere, flag, "a flag with a value", "", ""});
}

void require_complete(const Arguments& arguments) {
  const StopRequest& stop = arguments.stop;
  if (arguments.name.empty()) fail(ErrorCode::invalid_argument, {kWhere, "--name", "the name of a heartbeat", "none", "see --help"});
  if ((stop.signal != 0) != (stop.process != 0))
    fail(ErrorCode::invalid_argument,
         {kWhere, "--stop-signal and --pid", "both or neither", stop.signal != 0 ? "no --pid" : "no --stop-signal", ""});
  if (!stop.command && !stop.file && stop.signal == 0)
    fail(ErrorCode::invalid_argument,
         {kWhere, "what to do at a trip", "--stop-command, --stop-signal or --stop-file", "none", "see --help"});
  if ((stop.command && stop.command->empty()) || (stop.file && stop.file->empty()))
    fail(ErrorCode::invalid_argument, {kWhere, "--stop-command or --stop-file", "a text", "an empty one", ""});
}

}  // namespace

const char* usage() noexcept {
  return "sinew-watchdog --name NAME [options]\n"
         "Watches the heartbeat NAME and asks for a stop when it fails. Not a safety-rated function.\n"
         "  --timeout-ms T       longest time without a good beat, 1 to 1000 (20)\n"
         "  --period-ms P        time between two looks, 0.1 to half of the timeout (1)\n"
         "  --stop-signal S --pid P  sends signal S (name or number) to process P\n"
         "  --stop-file PATH     writes one line to PATH\n"
         "  --stop-command CMD   runs /bin/sh -c CMD\n"
         "                       at least one of the three; done in this order\n"
         "  --priority N         SCHED_FIFO priority to ask for, 1 to 99; 0 does not ask (80)\n"
         "  --once               ends after a trip, when the stop command has ended\n"
         "Signals: INT or TERM ends it, USR1 arms it again after a trip.\n"
         "Exit: 0 ended without a trip; 1 set-up failed; 2 bad arguments; 3 tripped, stop asked for; 4 tripped, and a stop could not be "
         "asked for.\n";
}

Arguments parse_arguments(std::span<const char* const> words) {
  Arguments arguments;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string_view flag = kFlags[find_name(words[i], kFlags, kWhere, "argument")];
    if (flag == "--help")
      arguments.help = true;
    else if (flag == "--once")
      arguments.once = true;
    else if (i + 1 == words.size())
      fail(ErrorCode::invalid_argument, {kWhere, flag, "a value after it", "nothing", "see --help"});
    else
      take(arguments, flag, words[++i]);
  }
  if (!arguments.help) require_complete(arguments);
  return arguments;
}

}  // namespace sinew::watchdog
