// SPDX-License-Identifier: Apache-2.0
// A chunk that is checked as a whole and taken over, against the same checks in NumPy.
#include <algorithm>
#include <cstring>
#include <random>

#include "motion/suite.hpp"
#include "sinew/motion/chunk_timeline.hpp"

namespace sinew::bench {

namespace {

constexpr int kHorizon = 16;
constexpr int kDim = 14;
constexpr std::size_t kEntries = 16;
constexpr Time kBlend = std::chrono::milliseconds(100);

ChunkTimelineOptions options() {
  return {.max_horizon = kHorizon,
          .blend = kBlend,
          .validity = Time{},
          .lower = std::vector<double>(kDim, -2.5),
          .upper = std::vector<double>(kDim, 2.5)};
}

}  // namespace

void chunk_rows(ActionSuite& suite) {
  std::mt19937_64 random(6);
  std::uniform_real_distribution<double> value(-2.4, 2.4);
  std::vector<ActionChunk> chunks(kEntries, ActionChunk(kHorizon, kDim));
  std::vector<double> all;
  for (ActionChunk& chunk : chunks) {
    chunk.dt = std::chrono::milliseconds(50);
    for (double& x : chunk.values) x = value(random);
    all.insert(all.end(), chunk.values.begin(), chunk.values.end());
  }
  suite.baselines().write("plans", all.data(), all.size() * sizeof(double));

  ChunkTimeline timeline(kDim, options());
  Time now{};
  std::uint64_t sequence = 0;
  Status status = Status::ok;
  const ActionChunk* last = nullptr;
  // Each chunk comes 400 ms after the one before, 50 ms after its own observation, and is blended with it.
  const auto push = [&](std::size_t entry) {
    ActionChunk& chunk = chunks[entry];
    now += std::chrono::milliseconds(400);
    chunk.t0 = now - std::chrono::milliseconds(50);
    chunk.sequence = ++sequence;
    status = timeline.push(chunk, now);
    last = &chunk;
    keep(status);
  };
  // Where nothing is blended any more, the targets are the rows that the other side took over.
  const auto agrees = [&](std::span<const std::byte> theirs) {
    std::vector<double> rows(kHorizon * kDim), target(kDim);
    if (status != Status::ok || theirs.size() != rows.size() * sizeof(double)) return false;
    std::memcpy(rows.data(), theirs.data(), theirs.size());
    for (int step = 0; step < kHorizon; ++step) {
      const Time t = last->t0 + step * last->dt;
      if (t < now + kBlend) continue;
      if (timeline.at(t, target) != Status::ok || !std::equal(target.begin(), target.end(), rows.begin() + step * kDim)) return false;
    }
    return true;
  };
  const ActionWork work{.run = push, .agrees = agrees, .entries = kEntries};
  // Refused at its last number: every rule was looked at, and nothing was taken over.
  ChunkTimeline strict(kDim, options());
  std::vector<ActionChunk> refused = chunks;
  for (ActionChunk& chunk : refused) {
    chunk.values.back() = 2.6;
    chunk.sequence = 1;
  }
  Status answer = Status::ok;
  const ActionWork check{.run = [&](std::size_t entry) { keep(answer = strict.push(refused[entry], Time{})); },
                         .agrees = [&](std::span<const std::byte>) { return answer == Status::out_of_range; },
                         .entries = kEntries};
  suite.compare({.id = "T2/check",
                 .what = "chunk [16, 14] checked as a whole: shape, order, times, finite, envelope",
                 .unit = "us",
                 .scale = 1e6,
                 .most = 5,
                 .note = heap_note(check, "chunks")},
                check);
  suite.compare({.id = "T2/push",
                 .what = "chunk [16, 14] checked (shape, order, times, finite, envelope) and taken over, the old one kept for the blend",
                 .unit = "us",
                 .scale = 1e6,
                 .most = 5,
                 .note = heap_note(work, "chunks")},
                work);
}

}  // namespace sinew::bench
