// SPDX-License-Identifier: Apache-2.0
// Backbones and heads by name: an ordinary object, no registration by side effect.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sinew/core/error.hpp"
#include "sinew/io/json_cursor.hpp"
#include "sinew/nn/layers.hpp"
#include "sinew/nn/parts.hpp"

namespace sinew::nn {

/// A backbone chosen at run time.
template <TensorOps Ops>
class AnyBackbone {
 public:
  using Tensor = typename Ops::Tensor;

  // In this order, here and below: asking whether the wrapper itself is one asks for this constructor again.
  template <class B>
    requires(!std::same_as<B, AnyBackbone> && Backbone<B, Ops>)
  AnyBackbone(B backbone)
      : self_(std::make_unique<Model<B>>(std::move(backbone))) {}  // NOLINT(google-explicit-constructor): a value wrapper

  [[nodiscard]] std::int64_t hidden_size() const { return self_->hidden_size(); }
  [[nodiscard]] std::int64_t vocab_size() const { return self_->vocab_size(); }
  [[nodiscard]] std::int64_t depth() const { return self_->depth(); }
  [[nodiscard]] std::int64_t image_token() const { return self_->image_token(); }
  [[nodiscard]] std::int64_t merge() const { return self_->merge(); }
  Tensor prefill(Ops& ops, const VisionLanguageInput& input, std::span<const std::int64_t> depths = {},
                 std::vector<Tensor>* states = nullptr) {
    return self_->prefill(ops, input, depths, states);
  }
  Tensor step(Ops& ops, std::int64_t token) { return self_->step(ops, token); }
  Tensor logits(Ops& ops, const Tensor& hidden) const { return self_->logits(ops, hidden); }

 private:
  struct Interface {
    virtual ~Interface() = default;
    virtual std::int64_t hidden_size() const = 0;
    virtual std::int64_t vocab_size() const = 0;
    virtual std::int64_t depth() const = 0;
    virtual std::int64_t image_token() const = 0;
    virtual std::int64_t merge() const = 0;
    virtual Tensor prefill(Ops& ops, const VisionLanguageInput& input, std::span<const std::int64_t> depths,
                           std::vector<Tensor>* states) = 0;
    virtual Tensor step(Ops& ops, std::int64_t token) = 0;
    virtual Tensor logits(Ops& ops, const Tensor& hidden) const = 0;
  };
  template <class B>
  struct Model final : Interface {
    explicit Model(B&& b) : backbone(std::move(b)) {}
    std::int64_t hidden_size() const override { return backbone.hidden_size(); }
    std::int64_t vocab_size() const override { return backbone.vocab_size(); }
    std::int64_t depth() const override { return backbone.depth(); }
    std::int64_t image_token() const override { return backbone.image_token(); }
    std::int64_t merge() const override { return backbone.merge(); }
    Tensor prefill(Ops& ops, const VisionLanguageInput& input, std::span<const std::int64_t> depths, std::vector<Tensor>* states) override {
      return backbone.prefill(ops, input, depths, states);
    }
    Tensor step(Ops& ops, std::int64_t token) override { return backbone.step(ops, token); }
    Tensor logits(Ops& ops, const Tensor& hidden) const override { return backbone.logits(ops, hidden); }
    B backbone;
  };
  std::unique_ptr<Interface> self_;
};

/// A head chosen at run time.
template <TensorOps Ops>
class AnyHead {
 public:
  template <class H>
    requires(!std::same_as<H, AnyHead> && Head<H, Ops>)
  AnyHead(H head) : self_(std::make_unique<Model<H>>(std::move(head))) {}  // NOLINT(google-explicit-constructor): a value wrapper

  [[nodiscard]] const HeadSpec& spec() const { return self_->spec(); }
  void act(Ops& ops, const Context<Ops>& context, const TensorMap& in, TensorMap& out) { self_->act(ops, context, in, out); }
  void reset() { self_->reset(); }

 private:
  struct Interface {
    virtual ~Interface() = default;
    virtual const HeadSpec& spec() const = 0;
    virtual void act(Ops& ops, const Context<Ops>& context, const TensorMap& in, TensorMap& out) = 0;
    virtual void reset() = 0;
  };
  template <class H>
  struct Model final : Interface {
    explicit Model(H&& h) : head(std::move(h)) {}
    const HeadSpec& spec() const override { return head.spec(); }
    void act(Ops& ops, const Context<Ops>& context, const TensorMap& in, TensorMap& out) override { head.act(ops, context, in, out); }
    void reset() override { head.reset(); }
    H head;
  };
  std::unique_ptr<Interface> self_;
};

/// A whole model chosen at run time.
template <TensorOps Ops>
class AnyModel {
 public:
  template <class M>
    requires(!std::same_as<M, AnyModel> && WholeModel<M, Ops>)
  AnyModel(M model) : self_(std::make_unique<Model<M>>(std::move(model))) {}  // NOLINT(google-explicit-constructor): a value wrapper

  [[nodiscard]] const HeadSpec& spec() const { return self_->spec(); }
  void act(Ops& ops, const TensorMap& in, TensorMap& out) { self_->act(ops, in, out); }
  void reset() { self_->reset(); }

 private:
  struct Interface {
    virtual ~Interface() = default;
    virtual const HeadSpec& spec() const = 0;
    virtual void act(Ops& ops, const TensorMap& in, TensorMap& out) = 0;
    virtual void reset() = 0;
  };
  template <class M>
  struct Model final : Interface {
    explicit Model(M&& m) : model(std::move(m)) {}
    const HeadSpec& spec() const override { return model.spec(); }
    void act(Ops& ops, const TensorMap& in, TensorMap& out) override { model.act(ops, in, out); }
    void reset() override { model.reset(); }
    M model;
  };
  std::unique_ptr<Interface> self_;
};

/// Builds backbones, heads and whole models from the configuration and the weights of a policy directory.
template <TensorOps Ops>
class ModelRegistry {
 public:
  using LoadBackbone = std::function<AnyBackbone<Ops>(const Loader<Ops>&, const JsonCursor& config, const SequenceOptions& options)>;
  using LoadHead = std::function<AnyHead<Ops>(const Loader<Ops>&, const JsonCursor& config, const HeadInputs& inputs)>;
  using LoadModel = std::function<AnyModel<Ops>(const Loader<Ops>&, const JsonCursor& config, const HeadInputs& inputs)>;
  struct BackboneEntry {
    std::vector<NameRule> names;  ///< of stored weights
    LoadBackbone load;
  };
  struct HeadEntry {
    std::function<std::int64_t(const JsonCursor& config)> new_tokens;  ///< that it adds to a prompt
    LoadHead load;
  };
  struct ModelEntry {
    std::vector<NameRule> names;
    LoadModel load;
  };

  /// A class with `Config::parse(JsonCursor)` and a constructor from loader, configuration and options (a head, a whole model: inputs).
  /// Throws Error when the name is taken.
  template <class Model>
  void add_backbone(std::string name, std::vector<NameRule> names) {
    insert(backbones_, std::move(name),
           BackboneEntry{std::move(names), [](const Loader<Ops>& loader, const JsonCursor& config, const SequenceOptions& options) {
                           return AnyBackbone<Ops>(Model(loader, Model::Config::parse(config), options));
                         }});
  }
  template <class Model>
  void add_head(std::string name) {
    insert(heads_, std::move(name),
           HeadEntry{[](const JsonCursor& config) -> std::int64_t {
                       if constexpr (requires(typename Model::Config c) { c.new_tokens(); })
                         return Model::Config::parse(config).new_tokens();
                       return 0;
                     },
                     [](const Loader<Ops>& loader, const JsonCursor& config, const HeadInputs& inputs) {
                       return AnyHead<Ops>(Model(loader, Model::Config::parse(config), inputs));
                     }});
  }
  template <class Model>
  void add_model(std::string name, std::vector<NameRule> names) {
    insert(models_, std::move(name),
           ModelEntry{std::move(names), [](const Loader<Ops>& loader, const JsonCursor& config, const HeadInputs& inputs) {
                        return AnyModel<Ops>(Model(loader, Model::Config::parse(config), inputs));
                      }});
  }

  /// Throw Error that lists the known names.
  [[nodiscard]] const BackboneEntry& backbone(std::string_view name) const { return find(backbones_, name, "backbone"); }
  [[nodiscard]] const HeadEntry& head(std::string_view name) const { return find(heads_, name, "head"); }
  [[nodiscard]] const ModelEntry& model(std::string_view name) const { return find(models_, name, "model"); }
  [[nodiscard]] std::vector<std::string_view> backbones() const { return names_of(backbones_); }
  [[nodiscard]] std::vector<std::string_view> heads() const { return names_of(heads_); }
  [[nodiscard]] std::vector<std::string_view> models() const { return names_of(models_); }

 private:
  template <class Entry>
  using Map = std::map<std::string, Entry, std::less<>>;

  template <class Entry>
  static void insert(Map<Entry>& map, std::string name, Entry entry) {
    const auto [place, added] = map.try_emplace(std::move(name), std::move(entry));
    if (!added) fail(ErrorCode::invalid_argument, {"ModelRegistry", "name", "a new one", place->first, "it is registered already"});
  }
  template <class Entry>
  static std::vector<std::string_view> names_of(const Map<Entry>& map) {
    std::vector<std::string_view> names;
    for (const auto& [name, entry] : map) names.push_back(name);
    return names;
  }
  template <class Entry>
  static const Entry& find(const Map<Entry>& map, std::string_view name, std::string_view what) {
    const auto names = names_of(map);
    return map.find(names[find_name(name, names, "ModelRegistry", what)])->second;
  }

  Map<BackboneEntry> backbones_;
  Map<HeadEntry> heads_;
  Map<ModelEntry> models_;
};

}  // namespace sinew::nn
