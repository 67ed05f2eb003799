// SPDX-License-Identifier: Apache-2.0
// Runs a fuzz target without a fuzzer: replays its corpus, then seeded mutations of it, and holds it to a heap law.
// Usage: fuzz_x [--runs N] [--seed S] [--max-len BYTES] FILE_OR_FOLDER...
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "fuzz.hpp"
#include "heap_peak.hpp"
#include "test_seed.hpp"

namespace {

using Input = std::vector<std::uint8_t>;

// The heap law: what one input makes live at once is bounded by its size. A forged count of 2^32 elements breaks it at once.
constexpr std::size_t kHeapFixed = std::size_t{256} << 10;
constexpr std::size_t kHeapFactor = 256;
// What the signal handler saves.
const Input* current = nullptr;

extern "C" void save_input(int signal) {
  static constexpr char kName[] = "fuzz-failure.bin";
  const int file = ::open(kName, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (current != nullptr && file >= 0 && ::write(file, current->data(), current->size()) >= 0) {
    static constexpr char kText[] = "the input is in fuzz-failure.bin; replay it by naming that file\n";
    [[maybe_unused]] const auto ignored = ::write(STDERR_FILENO, kText, sizeof(kText) - 1);
  }
  ::signal(signal, SIG_DFL);
  ::raise(signal);
}

void run(const Input& input) {
  current = &input;
  sinew::testing::reset_heap_peak();
  LLVMFuzzerTestOneInput(input.data(), input.size());
  sinew::testing::law(sinew::testing::heap_peak() <= kHeapFixed + kHeapFactor * input.size(),
                      "the heap in use is at most 256 KiB + 256 times the input");
  current = nullptr;
}

std::vector<Input> read_corpus(const std::vector<std::filesystem::path>& places) {
  std::vector<std::filesystem::path> files;
  for (const auto& place : places) {
    if (std::filesystem::is_directory(place)) {
      for (const auto& entry : std::filesystem::directory_iterator(place)) files.push_back(entry.path());
    } else {
      files.push_back(place);
    }
  }
  std::sort(files.begin(), files.end());  // the order of a folder is not the same everywhere
  std::vector<Input> corpus;
  for (const auto& path : files) {
    std::ifstream file(path, std::ios::binary);
    if (!file) std::fprintf(stderr, "cannot read %s\n", path.c_str()), std::exit(2);
    corpus.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  return corpus;
}

/// Small random edits, and pieces of other inputs, which carry the format's own words.
class Mutator {
 public:
  Mutator(std::uint64_t seed, std::size_t max_length) : random_(seed), max_length_(max_length) {}

  [[nodiscard]] Input mutate(const std::vector<Input>& pool) {
    Input input = pool[below(pool.size())];
    for (std::size_t n = 1 + below(6); n > 0; --n) edit(input, pool[below(pool.size())]);
    if (input.size() > max_length_) input.resize(max_length_);
    return input;
  }
  [[nodiscard]] std::size_t below(std::size_t count) { return static_cast<std::size_t>(random_.below(count)); }

 private:
  void edit(Input& input, const Input& other) {
    static constexpr std::uint8_t kBytes[] = {0,   1,   0x7F, 0x80, 0xFF, '"', '\\', '{', '}', '[', ']',
                                              ',', ':', '0',  '9',  '-',  'e', '.',  '<', '>', '/', '&'};
    const std::size_t at = below(input.size() + 1);
    const std::size_t rest = input.size() - at;
    const auto place = input.begin() + static_cast<std::ptrdiff_t>(at);
    const std::size_t length = std::min(rest, below(2) == 0 ? 1 + below(4) : below(rest + 1));
    const auto end = place + static_cast<std::ptrdiff_t>(length);
    switch (below(8)) {
      case 0:
        if (rest > 0) *place = static_cast<std::uint8_t>(*place ^ (1U << below(8)));
        break;
      case 1:
        if (rest > 0) *place = kBytes[below(std::size(kBytes))];
        break;
      case 2: input.insert(place, kBytes[below(std::size(kBytes))]); break;
      case 3: input.erase(place, end); break;
      case 4: {
        const Input piece(place, end);
        input.insert(input.begin() + static_cast<std::ptrdiff_t>(below(input.size() + 1)), piece.begin(), piece.end());
        break;
      }
      case 5: {
        const std::size_t from = below(other.size() + 1);
        const std::size_t taken = std::min(other.size() - from, 1 + below(40));
        const Input piece(other.begin() + static_cast<std::ptrdiff_t>(from), other.begin() + static_cast<std::ptrdiff_t>(from + taken));
        input.insert(place, piece.begin(), piece.end());
        break;
      }
      case 6:
        for (std::size_t i = 0; i < std::min<std::size_t>(rest, 8); ++i)
          place[static_cast<std::ptrdiff_t>(i)] = static_cast<std::uint8_t>(random_.bits());
        break;
      default: std::reverse(place, end); break;
    }
  }

  sinew::testing::Random random_;
  std::size_t max_length_;
};

}  // namespace

int main(int argc, char** argv) {
  std::size_t runs = 0;
  std::uint64_t stream = 0;
  std::size_t max_length = 4096;
  std::vector<std::filesystem::path> places;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    const bool option = argument.starts_with("--") && i + 1 < argc;
    if (option && argument == "--runs") {
      runs = std::strtoull(argv[++i], nullptr, 10);
    } else if (option && argument == "--seed") {
      stream = std::strtoull(argv[++i], nullptr, 10);
    } else if (option && argument == "--max-len") {
      max_length = std::strtoull(argv[++i], nullptr, 10);
    } else {
      places.emplace_back(argument);
    }
  }
  for (const int signal : {SIGABRT, SIGSEGV, SIGFPE, SIGBUS, SIGILL}) std::signal(signal, save_input);

  std::vector<Input> pool = read_corpus(places);
  if (pool.empty()) return std::fprintf(stderr, "no corpus: name at least one file\n"), 2;
  for (const auto& input : pool) run(input);
  const std::size_t seeds = pool.size();
  Mutator mutator(stream, max_length);
  const auto begin = std::chrono::steady_clock::now();
  for (std::size_t i = 0; i < runs; ++i) {
    const Input input = mutator.mutate(pool);
    run(input);
    // Now and then a mutant becomes a parent, so that edits add up; the seeds themselves always stay.
    if (mutator.below(16) == 0) {
      if (pool.size() < seeds + 64) {
        pool.push_back(input);
      } else {
        pool[seeds + mutator.below(64)] = input;
      }
    }
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  std::printf("%zu inputs of the corpus, %zu mutants, seed %llu, %.0f executions/s\n", seeds, runs,
              static_cast<unsigned long long>(sinew::testing::seed() + stream), seconds > 0 ? static_cast<double>(runs) / seconds : 0.0);
  return 0;
}
