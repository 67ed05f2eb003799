// SPDX-License-Identifier: Apache-2.0
// Programs of make_packages.py against the same affine map in plain loops.
#include "sinew/backend/torch/torch_package_backend.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <string>
#include <vector>

#include "sinew/core/error.hpp"
#include "sinew/testing/backend_conformance.hpp"
#include "temporary_directory.hpp"

namespace {

using sinew::DType;
using sinew::Shape;
using sinew::Status;

const std::filesystem::path kPackages = SINEW_PACKAGES_DIR;
const sinew::TensorSpecs kOffered{{"state", DType::f32, Shape{4}}, {"image", DType::u8, Shape{2, 2, 3}}};

sinew::PolicyCard two_joints() {
  sinew::PolicyCard card;
  card.action.joint_names = {"a", "b"};
  card.action.horizon = 3;
  return card;
}

sinew::AnyBackend load(const sinew::TorchPackageOptions& options, const sinew::TensorSpecs& offered = kOffered,
                       const std::filesystem::path& directory = kPackages) {
  const sinew::PolicyCard card = two_joints();
  return sinew::torch_package_backend(options)({directory, card, offered});
}

/// What make_packages.py computes: weight[i, j] = (i - 2 j) / 8, bias[i] = i / 4, and the mean of the bytes.
std::vector<float> expected(const sinew::TensorMap& in, bool with_image) {
  const auto state = in["state"].as<float>();
  const auto bytes = in["image"].as<std::uint8_t>();
  const double mean = with_image ? std::accumulate(bytes.begin(), bytes.end(), 0.0) / static_cast<double>(bytes.size()) : 0;
  std::vector<float> actions;
  for (int i = 0; i < 6; ++i) {
    double sum = i / 4.0 + mean;
    for (int j = 0; j < 4; ++j) sum += (i - 2 * j) / 8.0 * static_cast<double>(state[static_cast<std::size_t>(j)]);
    actions.push_back(static_cast<float>(sum));
  }
  return actions;
}

void check_numbers(const sinew::TorchPackageOptions& options, bool with_image, double tolerance) {
  auto backend = load(options);
  CHECK(backend.spec().allocates);
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    const auto in = sinew::testing::filled_inputs({.inputs = kOffered}, seed);
    auto out = sinew::make_tensors(backend.spec().outputs);
    const Status status = backend.infer(in, out);
    REQUIRE_MESSAGE(status == Status::ok, backend.last_error());
    REQUIRE(out["actions"].shape() == Shape{3, 2});
    const auto actions = out["actions"].as<float>();
    const auto wanted = expected(in, with_image);
    for (std::size_t i = 0; i < 6; ++i) CHECK(actions[i] == doctest::Approx(wanted[i]).epsilon(tolerance));
  }
}

void check_conformance(const sinew::TorchPackageOptions& options) {
  auto backend = load(options);
  for (const auto& violation : sinew::testing::check_backend(backend)) FAIL_CHECK(violation);
}

/// Whether the packages of AOTInductor are there; says why when they are not.
bool compiled() {
  std::ifstream reason(kPackages / "no_compiler.txt");
  if (reason) MESSAGE("skipped, AOTInductor compiled nothing: " << std::string(std::istreambuf_iterator<char>(reason), {}));
  return !reason;
}

constexpr bool kTrusted = true;

}  // namespace

TEST_CASE("torch package: without trust_code nothing is opened, whatever it is") {
  for (const char* file : {"nothing_of_that_name.pt", "traced.pt", "positional.pt2", "/etc/passwd"})
    CHECK_THROWS_WITH_AS((void)load({.file = file}), doctest::Contains("such a file is code: it can do whatever this process can"),
                         sinew::Error);
}

TEST_CASE("torch package: TorchScript computes the numbers of a plain loop") {
  SUBCASE("traced, two inputs") { check_numbers({.file = "traced.pt", .trust_code = kTrusted}, true, 1e-6); }
  SUBCASE("a dict") { check_numbers({.file = "dict.pt", .trust_code = kTrusted}, false, 1e-6); }
  SUBCASE("a tuple, bf16, no batch, an argument that nobody offers") {
    check_numbers({.file = "tuple.ts", .trust_code = kTrusted, .batched = false}, false, 1.0 / 128);
  }
}

TEST_CASE("torch package: TorchScript takes by name what it asks for") {
  CHECK(load({.file = "traced.pt", .trust_code = kTrusted}).spec().inputs == kOffered);
  CHECK(load({.file = "dict.pt", .trust_code = kTrusted}).spec().inputs == sinew::TensorSpecs{kOffered[0]});
  CHECK(load({.file = "traced.pt", .trust_code = kTrusted}, {kOffered[1], kOffered[0]}).spec().inputs == kOffered);
}

TEST_CASE("torch package: TorchScript conforms") {
  check_conformance({.file = "traced.pt", .trust_code = kTrusted});
  check_conformance({.file = "tuple.ts", .trust_code = kTrusted, .batched = false});
}

TEST_CASE("torch package: arguments that the encoder does not write are refused by name") {
  CHECK_THROWS_WITH_AS((void)load({.file = "traced.pt", .trust_code = kTrusted}, {{"states", DType::f32, Shape{4}}, kOffered[1]}),
                       doctest::Contains("got 'state' (did you mean 'states'?)"), sinew::Error);
  CHECK_THROWS_WITH_AS((void)load({.file = "number.pt", .trust_code = kTrusted}), doctest::Contains("argument 'state': expected a Tensor"),
                       sinew::Error);
}

TEST_CASE("torch package: a file elsewhere, or of another kind, is refused") {
  const sinew::testing::TemporaryDirectory directory;
  directory.write("weights.safetensors", "");
  std::filesystem::create_directory(directory.path() / "folder.pt");
  std::filesystem::create_symlink(kPackages / "traced.pt", directory.path() / "link.pt");
  const auto refused = [&directory](const std::string& file, const char* why) {
    CAPTURE(file);
    CHECK_THROWS_WITH_AS((void)load({.file = file, .trust_code = kTrusted}, kOffered, directory.path()), doctest::Contains(why),
                         sinew::Error);
  };
  refused((kPackages / "traced.pt").string(), "leads out");
  refused("../traced.pt", "leads out");
  refused("link.pt", "a link that leads out");
  refused("folder.pt", "no regular file");
  refused("absent.pt", "No such file");
  refused("weights.safetensors", "*.pt or *.ts (TorchScript) or *.pt2 (AOTInductor)");
  refused("", "*.pt or *.ts");
  CHECK_THROWS_WITH_AS((void)load({.file = "weights.pt", .trust_code = kTrusted}), doctest::Contains("one that this PyTorch loads"),
                       sinew::Error);
  CHECK_THROWS_WITH_AS((void)load({.file = "text.pt2", .trust_code = kTrusted}), doctest::Contains("one that this PyTorch loads"),
                       sinew::Error);
  CHECK_THROWS_AS((void)load({.file = "traced.pt", .trust_code = kTrusted, .device = "abacus"}), sinew::Error);
}

TEST_CASE("torch package: a card whose actions are ids is refused") {
  sinew::PolicyCard card = two_joints();
  card.action.tokens = sinew::ActionTokensCard{.language = "fast", .mapping = "none", .folder = "fast", .max_tokens = 8};
  CHECK_THROWS_WITH_AS((void)sinew::torch_package_backend({.file = "traced.pt", .trust_code = kTrusted})({kPackages, card, kOffered}),
                       doctest::Contains("actions that are ids"), sinew::Error);
}

TEST_CASE("torch package: what goes wrong inside is a status with its reason, and the next call works") {
  auto backend = load({.file = "moody.pt", .trust_code = kTrusted});
  auto in = sinew::make_tensors(backend.spec().inputs);
  auto out = sinew::make_tensors(backend.spec().outputs);
  const auto refused = [&](float mood, Status status, const char* why) {
    CAPTURE(mood);
    in["state"].as<float>()[0] = mood;
    CHECK(backend.infer(in, out) == status);
    CHECK_MESSAGE(backend.last_error().find(why) != std::string_view::npos, backend.last_error());
    CHECK(backend.last_error().find('\n') == std::string_view::npos);
    in["state"].as<float>()[0] = 0;
    CHECK(backend.infer(in, out) == Status::ok);
    CHECK(backend.last_error().empty());
  };
  refused(1, Status::backend_failed, "not today");
  refused(2, Status::backend_failed, "shapes cannot be multiplied");
  refused(3, Status::bad_shape, "[2, 3], expected actions f32 [3, 2]");
  refused(4, Status::bad_shape, "Long");
  auto silent = load({.file = "no_chunk.pt", .trust_code = kTrusted});
  CHECK(silent.infer(in, out) == Status::missing);
  sinew::TensorMap nothing;
  CHECK(backend.infer(in, nothing) == Status::missing);
}

TEST_CASE("torch package: AOTInductor computes the numbers of a plain loop, and conforms") {
  if (!compiled()) return;
  for (const char* file : {"positional.pt2", "named.pt2"}) {
    CAPTURE(file);
    check_numbers({.file = file, .trust_code = kTrusted}, true, 1e-6);
    check_conformance({.file = file, .trust_code = kTrusted});
  }
  CHECK(load({.file = "named.pt2", .trust_code = kTrusted}).spec().inputs == sinew::TensorSpecs{kOffered[1], kOffered[0]});
}

TEST_CASE("torch package: AOTInductor refuses other names, another number, other shapes") {
  if (!compiled()) return;
  CHECK_THROWS_WITH_AS((void)load({.file = "named.pt2", .trust_code = kTrusted}, {kOffered[0]}), doctest::Contains("got 'image'"),
                       sinew::Error);
  CHECK_THROWS_WITH_AS((void)load({.file = "positional.pt2", .trust_code = kTrusted}, {kOffered[0]}),
                       doctest::Contains("expected 1, all that the encoder writes, got 2"), sinew::Error);
  // CTest sets AOTI_RUNTIME_CHECK_INPUTS, as the header asks.
  auto backend = load({.file = "positional.pt2", .trust_code = kTrusted}, {{"state", DType::f32, Shape{3}}, kOffered[1]});
  const auto in = sinew::make_tensors(backend.spec().inputs);
  auto out = sinew::make_tensors(backend.spec().outputs);
  CHECK(backend.infer(in, out) == Status::backend_failed);
  CHECK_MESSAGE(backend.last_error().find("expected: 4") != std::string_view::npos, backend.last_error());
}
