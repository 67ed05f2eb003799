// SPDX-License-Identifier: Apache-2.0
// What every set of operations for models must do, as a function that returns what went wrong, so that any test framework can use it.
#pragma once

#include <string>
#include <vector>

#include "sinew/testing/tensor_ops_attention.hpp"
#include "sinew/testing/tensor_ops_elements.hpp"
#include "sinew/testing/tensor_ops_images.hpp"
#include "sinew/testing/tensor_ops_norms.hpp"
#include "sinew/testing/tensor_ops_products.hpp"
#include "sinew/testing/tensor_ops_recurrence.hpp"
#include "sinew/testing/tensor_ops_refusals.hpp"
#include "sinew/testing/tensor_ops_views.hpp"

namespace sinew::testing {

/// Runs the suite and returns one line per violation; empty means that the operations keep the contract of nn::TensorOps.
///
/// The laws: every operation agrees with plain loops in double, within bounds that follow from the sizes, for seeded shapes (empty ones
/// too) in every layout that it must take, and where it need not take one it is refused or right; results are dense; no input is written;
/// what scopes hand out and caches hold stays; what does not fit is refused with an Error, and nothing has changed then.
template <nn::TensorOps Ops>
[[nodiscard]] std::vector<std::string> check_tensor_ops(Ops& ops, const TensorOpsOptions& options = {}) {
  std::vector<std::string> violations;
  detail::OpsCase<Ops> c(ops, options, violations);
  detail::check_copies(c);
  detail::check_concat(c);
  detail::check_views(c);
  detail::check_scopes(c);
  detail::check_linear(c);
  detail::check_add_linear(c);
  detail::check_embedding(c);
  detail::check_gather(c);
  detail::check_scatter(c, true);
  detail::check_scatter(c, false);
  detail::check_layer_norm(c);
  detail::check_rms_norm(c);
  detail::check_modulated_norm(c);
  detail::check_rope(c);
  detail::check_transform(c);
  detail::check_attention(c);
  detail::check_convolution(c);
  detail::check_max_pool(c);
  detail::check_caches(c);
  detail::check_causal_conv(c);
  detail::check_log_decay(c);
  detail::check_delta_rule(c);
  detail::check_activate(c);
  detail::check_products_and_sums(c);
  detail::check_adds(c);
  detail::check_view_refusals(c);
  detail::check_product_refusals(c);
  detail::check_norm_refusals(c);
  detail::check_attention_refusals(c);
  detail::check_recurrence_refusals(c);
  detail::check_image_refusals(c);
  detail::check_element_refusals(c);
  detail::check_write_refusals(c);
  detail::check_linear(c);  // refusals did no lasting harm
  return violations;
}

}  // namespace sinew::testing
