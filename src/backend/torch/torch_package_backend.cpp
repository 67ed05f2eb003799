// SPDX-License-Identifier: Apache-2.0
// The only file that loads code: TorchScript's interpreter and AOTInductor's loader of shared objects.
#include "sinew/backend/torch/torch_package_backend.hpp"

#include <c10/core/InferenceMode.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <torch/csrc/inductor/aoti_package/model_package_loader.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/serialization/import.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <utility>
#include <variant>

#include "call_spec.hpp"
#include "sinew/backend/torch/tensor_bridge.hpp"
#include "sinew/core/error.hpp"
#include "sinew/core/fixed_text.hpp"
#include "sinew/io/text.hpp"
#include "torch_checks.hpp"

namespace sinew {

namespace {

/// What a text of PyTorch says in one line: the first; the last of a traceback.
std::string reason(const std::exception& error) {
  const auto* const torch_error = dynamic_cast<const c10::Error*>(&error);
  std::string_view text = torch_error != nullptr ? torch_error->what_without_backtrace() : error.what();
  while (text.ends_with('\n')) text.remove_suffix(1);
  const bool traceback = text.starts_with("The following operation failed in the TorchScript interpreter");
  return printable(traceback ? text.substr(text.rfind('\n') + 1) : text.substr(0, text.find('\n')), 240);
}

at::Tensor actions_of(const c10::IValue& result) {
  if (result.isTensor()) return result.toTensor();
  c10::IValue entry;
  if (result.isTuple() && !result.toTupleRef().elements().empty()) entry = result.toTupleRef().elements()[0];
  if (result.isGenericDict()) {
    const auto dict = result.toGenericDict();
    if (const auto found = dict.find("actions"); found != dict.end()) entry = found->value();
  }
  return entry.isTensor() ? entry.toTensor() : at::Tensor();
}

/// The offered tensor of that name, which something in the package asks for.
const TensorSpec& offered_spec(const std::string& name, const TensorSpecs& offered, const std::string& where) {
  std::vector<std::string_view> names;
  for (const auto& spec : offered) names.push_back(spec.name);
  return offered[find_name(name, names, where, "argument of the program, which takes what the encoder writes")];
}

struct ScriptPackage {
  torch::jit::Module module;
  TensorSpecs inputs{};

  ScriptPackage(const std::string& path, c10::Device device, const TensorSpecs& offered) : module(torch::jit::load(path, device)) {
    module.eval();
    const auto forward = module.find_method("forward");
    if (!forward) fail(ErrorCode::unsupported, {path, "program", "one with a method forward", "none", ""});
    for (const auto& argument : c10::ArrayRef(forward->function().getSchema().arguments()).slice(1)) {  // behind self
      if (find_spec(offered, argument.name()) == nullptr && argument.default_value()) continue;
      inputs.push_back(offered_spec(argument.name(), offered, path));
      if (!c10::TensorType::get()->isSubtypeOf(*argument.type()))
        fail(ErrorCode::unsupported, {path, "argument " + quote(argument.name()), "a Tensor", argument.type()->str(), ""});
    }
  }

  at::Tensor run(std::vector<at::Tensor> tensors) {
    torch::jit::Kwargs arguments;
    for (std::size_t i = 0; i < tensors.size(); ++i) arguments.emplace(inputs[i].name, std::move(tensors[i]));
    return actions_of(module.forward({}, arguments));
  }
};

struct InductorPackage {
  std::unique_ptr<torch::inductor::AOTIModelPackageLoader> loader;
  TensorSpecs inputs{};
  std::size_t actions = 0;

  InductorPackage(const std::string& path, c10::Device device, const TensorSpecs& offered) {
    constexpr std::size_t kRunners = 1;
    loader = std::make_unique<torch::inductor::AOTIModelPackageLoader>(path, "model", false, kRunners, device.index());
    const std::string compiled_for = loader->get_metadata()["AOTI_DEVICE_KEY"];
    if (compiled_for != c10::DeviceTypeName(device.type(), true))
      fail(ErrorCode::invalid_argument, {path, "device", quote(compiled_for) + ", which it was compiled for", quote(device.str()), ""});
    const detail::CallSpec call = detail::read_call_spec(loader->get_call_spec(), path);
    for (const std::string& name : call.names) inputs.push_back(offered_spec(name, offered, path));
    if (call.names.empty()) inputs = offered;
    if (inputs.size() != call.inputs)
      fail(ErrorCode::invalid_argument, {path, "arguments without names", fmt::format("{}, all that the encoder writes", inputs.size()),
                                         std::to_string(call.inputs), "export with keyword arguments"});
    actions = call.actions;
  }

  at::Tensor run(const std::vector<at::Tensor>& tensors) {
    const auto results = loader->run(tensors);
    return actions < results.size() ? results[actions] : at::Tensor();
  }
};

using Package = std::variant<ScriptPackage, InductorPackage>;

std::string locate(const std::filesystem::path& directory, const std::string& file) {
  const auto refuse = [&](ErrorCode code, std::string_view got) {
    fail(code, {"torch_package_backend", "file " + quote(file, 256), "a file beneath the policy directory", got, ""});
  };
  const std::filesystem::path relative(file);
  if (relative.is_absolute() || std::ranges::find(relative, "..") != relative.end())
    refuse(ErrorCode::invalid_argument, "a path that leads out of it");
  std::error_code error;
  const auto root = std::filesystem::canonical(directory, error);
  const auto path = error ? root : std::filesystem::canonical(directory / relative, error);
  if (error) refuse(ErrorCode::not_found, error.message());
  if (!std::filesystem::is_regular_file(path, error)) refuse(ErrorCode::invalid_argument, "no regular file");
  if (std::ranges::mismatch(root, path).in1 != root.end()) refuse(ErrorCode::invalid_argument, "a link that leads out of it");
  return path.string();
}

Package load_package(const TorchPackageOptions& options, const BackendRequest& request) {
  const std::string extension = std::filesystem::path(options.file).extension().string();
  if (extension != ".pt" && extension != ".ts" && extension != ".pt2")
    fail(ErrorCode::unsupported,
         {"torch_package_backend", "file", "*.pt or *.ts (TorchScript) or *.pt2 (AOTInductor)", quote(options.file), ""});
  const c10::Device device = detail::parse_device(options.device);
  const std::string path = locate(request.directory, options.file);
  try {
    if (extension == ".pt2") return InductorPackage(path, device, request.offered);
    return ScriptPackage(path, device, request.offered);
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    fail(ErrorCode::failed, {path, "package", "one that this PyTorch loads", reason(error), ""});
  }
}

TensorSpec actions_spec(const ActionCard& action) {
  if (action.tokens)
    fail(ErrorCode::unsupported, {"torch_package_backend", "card", "actions that are numbers", "actions that are ids", ""});
  return {"actions", DType::f32, {action.layout ? action.layout->rows : action.horizon, action.size()}};
}

class TorchPackageBackend {
 public:
  TorchPackageBackend(const TorchPackageOptions& options, const BackendRequest& request)
      : spec_{.name = options.file, .outputs = {actions_spec(request.card.action)}},
        package_(load_package(options, request)),
        device_(options.device),
        batched_(options.batched) {
    spec_.inputs = std::visit([](const auto& package) { return package.inputs; }, package_);
  }

  [[nodiscard]] const ModelSpec& spec() const noexcept { return spec_; }
  [[nodiscard]] std::string_view last_error() const noexcept { return error_.view(); }

  [[nodiscard]] Status infer(const TensorMap& in, TensorMap& out) noexcept {
    error_.clear();
    try {
      const c10::InferenceMode mode;
      return call(in, out);
    } catch (const std::exception& error) {
      error_.format("{}", reason(error));
    } catch (...) {
      error_.format("an exception of an unknown type");
    }
    return Status::backend_failed;
  }

 private:
  Status call(const TensorMap& in, TensorMap& out) {
    std::vector<at::Tensor> tensors;
    for (const auto& spec : spec_.inputs) {
      const Tensor& tensor = in[spec.name];
      if (const Status status = check_tensor(spec, tensor); status != Status::ok) {
        error_.format("input '{}': {}", spec.name, to_string(status));
        return status;
      }
      // ATen has no views of constant memory.
      const at::Tensor view = as_torch(const_cast<Tensor&>(tensor));
      tensors.push_back((batched_ ? view.unsqueeze(0) : view).to(device_));
    }
    return take(std::visit([&](auto& package) { return package.run(std::move(tensors)); }, package_), out);
  }

  Status take(at::Tensor actions, TensorMap& out) {
    const TensorSpec& spec = spec_.outputs[0];
    if (!actions.defined()) {
      error_.format("the program returned no tensor of actions");
      return Status::missing;
    }
    if (actions.dim() == 3 && actions.size(0) == 1) actions = actions.squeeze(0);
    const auto sizes = actions.sizes();
    if (!std::ranges::equal(sizes, spec.capacity.dims()) || !c10::isFloatingType(actions.scalar_type())) {
      error_.format("the program returned {} of shape {}, expected {}", c10::toString(actions.scalar_type()),
                    fmt::format("[{}]", fmt::join(sizes, ", ")), to_string(spec));
      return Status::bad_shape;
    }
    const Status status = copy_from_torch(actions.to(at::kCPU, at::kFloat), out[spec.name]);
    if (status != Status::ok) error_.format("output '{}': {}", spec.name, to_string(status));
    return status;
  }

  ModelSpec spec_;
  Package package_;
  c10::Device device_;
  bool batched_;
  FixedText error_;
};

static_assert(Backend<TorchPackageBackend>);

}  // namespace

BackendFactory torch_package_backend(const TorchPackageOptions& options) {
  return [options](const BackendRequest& request) {
    if (!options.trust_code)
      fail(ErrorCode::unsupported, {"torch_package_backend", "package " + quote(options.file, 256), "trust_code = true", "false",
                                    "such a file is code: it can do whatever this process can"});
    return AnyBackend(TorchPackageBackend(options, request));
  };
}

}  // namespace sinew
