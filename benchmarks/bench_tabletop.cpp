// SPDX-License-Identifier: Apache-2.0
// L1, L2: the shipped policy of the tabletop: one chunk on one core, and the whole loop, simulation and recording included.
#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <filesystem>
#include <string>

#include "bench.hpp"
#include "sinew/io/card_json.hpp"
#include "sinew/sim/mujoco_robot.hpp"
#include "sinew/sinew.hpp"
#ifdef SINEW_BENCH_TORCH
#include <ATen/Parallel.h>

#include "sinew/backend/torch/torch_backend.hpp"
#endif

namespace {

using namespace sinew;
using Seconds = std::chrono::duration<double>;

constexpr int kSide = 96;
const std::filesystem::path kPolicy = SINEW_BENCH_MODELS "/tabletop";

/// A folder that is removed with its contents.
struct TemporaryFolder {
  std::filesystem::path path = std::filesystem::temp_directory_path() / fmt::format("bench_tabletop.{}", ::getpid());
  TemporaryFolder() { std::filesystem::create_directories(path); }
  ~TemporaryFolder() { std::filesystem::remove_all(path); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
};

/// The shipped policy with weights and products in another type.
std::filesystem::path with_dtype(const std::filesystem::path& folder, DType dtype) {
  const auto made = folder / to_string(dtype);
  std::filesystem::copy(kPolicy, made);
  PolicyCard card = read_card(kPolicy / "sinew.json");
  card.dtype = dtype;
  write_card(card, made / "sinew.json");
  return made;
}

sim::MujocoRobot make_robot(std::uint64_t seed) {
  return sim::MujocoRobot::tabletop({.seed = seed, .camera_height = kSide, .camera_width = kSide});
}

/// Runs the policy on frames of several layouts in turn.
class ChunkWork {
 public:
  ChunkWork(const std::filesystem::path& directory, std::string_view backend, std::span<const Observation> observations)
      : policy_(Policy::load(directory, registry(), backend)), chunk_(policy_.make_chunk()), observations_(observations) {}

  bool run(std::size_t entry) { return policy_.act(observations_[entry], chunk_, {.seed = 1}) == Status::ok; }
  [[nodiscard]] std::span<const float> actions() const { return policy_.outputs()["actions"].as<float>(); }
  [[nodiscard]] bench::Run timed() {
    return [this](int batch) {
      for (int i = 0; i < batch; ++i) (void)run(next_++ % observations_.size());
    };
  }

 private:
  static BackendRegistry registry() {
    auto registry = BackendRegistry::with_defaults();
#ifdef SINEW_BENCH_TORCH
    registry.add("torch", torch_backend());
#endif
    return registry;
  }

  Policy policy_;
  ActionChunk chunk_;
  std::span<const Observation> observations_;
  std::size_t next_ = 0;
};

void add_chunk_row(bench::Report& report, const std::filesystem::path& folder, std::span<const Observation> observations, DType dtype) {
  const std::string id = fmt::format("L1/chunk/{}", to_string(dtype));
  if (!report.wants(id)) return;
  constexpr double kMost = 10;
  const auto directory = with_dtype(folder, dtype);
  ChunkWork ours(directory, "cpu", observations);
  bench::Row row{.id = id,
                 .what = fmt::format("shipped tabletop policy, observation to chunk, one core, {}", to_string(dtype)),
                 .unit = "ms",
                 .baseline = bench::kAbsent,
                 .bound = fmt::format("<= {} ms", kMost)};
  bench::Run theirs_run = nullptr;
#ifdef SINEW_BENCH_TORCH
  ChunkWork theirs(directory, "torch", observations);
  theirs_run = theirs.timed();
  double worst = 0;
  bool ok = true;
  for (std::size_t entry = 0; entry < observations.size(); ++entry) {
    ok = ours.run(entry) && theirs.run(entry) && ok;
    for (std::size_t i = 0; i < ours.actions().size(); ++i)
      worst = std::max(worst, std::abs(double{ours.actions()[i]} - theirs.actions()[i]));
  }
  row.checked = ok && worst < (dtype == DType::f32 ? 1e-4 : 0.1);
  row.baseline = "the same policy on ATen (backend \"torch\")";
  row.note = fmt::format("normalised actions differ by <= {:.1e}", worst);
#else
  row.note = "built without SINEW_TORCH: nothing to compare with";
#endif
  const auto [mine, other] = bench::time_pair(ours.timed(), theirs_run, report.options().min_time);
  row.ours = mine.median * 1e3;
  row.ours_p99 = mine.p99 * 1e3;
  row.ours_worst = mine.worst * 1e3;
  row.n = mine.repetitions;
  if (other) row.theirs = other->median * 1e3, row.ratio = other->median / mine.median;
  row.pass = row.ours <= kMost;
  report.add(row);
}

void add_loop_row(bench::Report& report, const std::filesystem::path& folder) {
  const std::string id = "L2/real_time";
  if (!report.wants(id)) return;
  constexpr int kEpisodes = 21;
  constexpr double kLeast = 5;
  constexpr Time kLongest = std::chrono::seconds(12);
  auto robot = make_robot(1);
  auto policy = Policy::load(kPolicy);
  const PolicyCard& card = policy.card();
  Recorder recorder(folder / "run.mcap", &card, {.file = {.joint_names = card.action.joint_names}, .wait_for_room = true});
  ControlLoop loop(
      robot, policy,
      {.control_rate = 100, .inference_rate = 2.5, .chain = Chain<>::from_urdf(robot.urdf(), "link0", "tool"), .recorder = &recorder});
  const auto texts = sim::known_instructions();
  int succeeded = 0;
  const Time begun = robot.now();
  const auto start = std::chrono::steady_clock::now();
  for (std::uint64_t episode = 0; episode < kEpisodes; ++episode) {
    const std::string text(texts[episode % texts.size()]);
    robot.reset(900'000'000 + episode, sim::parse_instruction(text));
    policy.reset();
    Status status = loop.reset();
    const Time end = robot.now() + kLongest;
    while (status == Status::ok && !robot.succeeded(text) && robot.now() < end) status = loop.run_for(text, std::chrono::milliseconds(100));
    succeeded += robot.succeeded(text) ? 1 : 0;
  }
  const double wall = Seconds(std::chrono::steady_clock::now() - start).count(), simulated = to_seconds(robot.now() - begun);
  report.add({.id = id,
              .what = "physics, 2 cameras, policy, limits at 100 Hz and recording in one process: seconds of the robot for each of ours",
              .unit = "x",
              .ours = simulated / wall,
              .baseline = "real time",
              .theirs = 1.0,
              .ratio = simulated / wall,
              .bound = fmt::format(">= {} x", kLeast),
              .pass = simulated / wall >= kLeast,
              .checked = 2 * succeeded > kEpisodes,
              .n = kEpisodes,
              .note = fmt::format("{} of {} episodes succeeded", succeeded, kEpisodes)});
}

}  // namespace

int main(int argc, char** argv) try {
  bench::Report report(bench::Options::parse(argc, argv));
#ifdef SINEW_BENCH_TORCH
  at::set_num_threads(1);  // the process is pinned to one core, where two threads that wait for one another would spin
#endif
  const TemporaryFolder folder;
  std::vector<Observation> observations(4);
  {
    auto robot = make_robot(0);
    for (std::size_t i = 0; i < observations.size(); ++i) {
      robot.reset(i);
      if (robot.observe("put the red cube on the yellow plate", observations[i]) != Status::ok) return EXIT_FAILURE;
    }
  }
  for (const DType dtype : {DType::f32, DType::bf16}) add_chunk_row(report, folder.path, observations, dtype);
  add_loop_row(report, folder.path);
  return report.finish();
} catch (const Error& error) {
  fmt::print(stderr, "{}\n", error.what());
  return 2;
}
