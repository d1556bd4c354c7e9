// SPDX-License-Identifier: GPL-3.0-or-later
#include <ATen/Dispatch.h>
#include <torch/torch.h>

#include <algorithm>
#include <array>

#include "core/curvature/double_backward_kernels.h"
#include "core/model/parallel.h"

// Per row of n numbers, with the mean µ, r = 1/√(variance + ε), x̂ = (x − µ) r, γ, and gradₒ from above, the derivative
// of a layer normalisation is
//
//     gI = r (y − mean(y) − x̂ mean(x̂ y)),  y = γ gradₒ;      gγ = Σ gradₒ x̂;      gβ = Σ gradₒ
//
// and its own, weighed with u, v, w for the three, where q = r (u − mean(u) − x̂ mean(x̂ u)) is the change of x̂ along u:
//
//     ∂/∂gradₒ = γ q + v x̂ + w
//     ∂/∂γ     = Σ gradₒ q
//     ∂/∂x     = −r (mean(x̂ u) gI + mean(x̂ y) q + mean(q y) x̂) + r (z − mean(z) − x̂ mean(x̂ z)),  z = v gradₒ
//
// All of it in one pass over the rows, each of which stays in the cache.

#if defined(__x86_64__) && defined(__linux__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__)
#define EIGENSCAPE_VECTOR_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define EIGENSCAPE_VECTOR_CLONES
#endif

namespace eigenscape {

namespace {

using torch::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// Rows of one chunk. What is not asked for or not there is null.
template <class T>
struct Rows {
  std::int64_t count, n;
  const T *x, *gradOutput, *mean, *scale;
  const T* u;              ///< weight of gI, a row each
  const T *v, *w, *gamma;  ///< of n
  T *byGradOutput, *byX;   ///< a row each
  T* byGamma;              ///< of n, added to
  T *q, *y;                ///< room for a row each
};

/// Sums with a fixed number of partial sums, which a compiler may keep in vector registers without reordering anything.
template <class T, class Term>
inline __attribute__((always_inline)) T sumOf(std::int64_t n, Term&& term) {
  constexpr int lanes = 16;
  T partial[lanes] = {};
  std::int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    for (int lane = 0; lane < lanes; ++lane) partial[lane] += term(i + lane);
  }
  T sum = 0;
  for (; i < n; ++i) sum += term(i);
  for (int lane = 0; lane < lanes; ++lane) sum += partial[lane];
  return sum;
}

template <class T>
inline __attribute__((always_inline)) void differentiateRow(const Rows<T>& rows, std::int64_t row) {
  const auto n = rows.n;
  const T* const x = rows.x + row * n;
  const T* const g = rows.gradOutput + row * n;
  const T mean = rows.mean[row], r = rows.scale[row];
  const T *const gamma = rows.gamma, *const v = rows.v, *const w = rows.w;
  T *const q = rows.q, *const y = rows.y;
  const auto normalized = [=](std::int64_t i) { return (x[i] - mean) * r; };
  const T unit = T(1) / static_cast<T>(n);

  T xu = 0, qy = 0, xy = 0, meanY = 0;
  if (rows.u) {
    const T* const u = rows.u + row * n;
    const T meanU = unit * sumOf<T>(n, [=](std::int64_t i) { return u[i]; });
    xu = unit * sumOf<T>(n, [=](std::int64_t i) { return u[i] * normalized(i); });
    for (std::int64_t i = 0; i < n; ++i) q[i] = r * (u[i] - meanU - normalized(i) * xu);
    for (std::int64_t i = 0; i < n; ++i) y[i] = gamma ? g[i] * gamma[i] : g[i];
    meanY = unit * sumOf<T>(n, [=](std::int64_t i) { return y[i]; });
    xy = unit * sumOf<T>(n, [=](std::int64_t i) { return y[i] * normalized(i); });
    qy = unit * sumOf<T>(n, [=](std::int64_t i) { return y[i] * q[i]; });
  }
  if (rows.byGamma && rows.u) {
    for (std::int64_t i = 0; i < n; ++i) rows.byGamma[i] += g[i] * q[i];
  }
  if (rows.byGradOutput) {
    T* const out = rows.byGradOutput + row * n;
    for (std::int64_t i = 0; i < n; ++i) {
      T value = rows.u ? (gamma ? gamma[i] * q[i] : q[i]) : T(0);
      if (v) value += v[i] * normalized(i);
      if (w) value += w[i];
      out[i] = value;
    }
  }
  if (!rows.byX) return;
  T* const out = rows.byX + row * n;
  for (std::int64_t i = 0; i < n; ++i) {
    const T gI = r * (y[i] - meanY - normalized(i) * xy);
    out[i] = rows.u ? -r * (xu * gI + xy * q[i] + qy * normalized(i)) : T(0);
  }
  if (!v) return;
  const T meanZ = unit * sumOf<T>(n, [=](std::int64_t i) { return v[i] * g[i]; });
  const T xz = unit * sumOf<T>(n, [=](std::int64_t i) { return v[i] * g[i] * normalized(i); });
  for (std::int64_t i = 0; i < n; ++i) out[i] += r * (v[i] * g[i] - meanZ - normalized(i) * xz);
}

// Compiled once per instruction set; the loader picks the processor's.
EIGENSCAPE_VECTOR_CLONES void differentiate(const Rows<float>& rows) {
  for (std::int64_t row = 0; row < rows.count; ++row) differentiateRow(rows, row);
}
EIGENSCAPE_VECTOR_CLONES void differentiate(const Rows<double>& rows) {
  for (std::int64_t row = 0; row < rows.count; ++row) differentiateRow(rows, row);
}

template <class T>
const T* dataOf(const Tensor& tensor) {
  return tensor.defined() ? tensor.data_ptr<T>() : nullptr;
}

struct Saved {
  Tensor gradOutput, x, mean, scale, gamma;
};

template <class T>
void differentiateAll(const Saved& saved, const std::array<Tensor, 3>& gg, const std::array<Tensor, 3>& by) {
  const auto rows = saved.mean.numel(), n = saved.x.numel() / std::max<std::int64_t>(rows, 1);
  // As many chunks on every machine, so that the sums by γ don't depend on the number of threads.
  const std::int64_t chunks = std::min<std::int64_t>(rows, 64);
  auto shares = by[2].defined() ? torch::zeros({chunks, n}, by[2].options()) : Tensor();
  const auto room = torch::empty({chunks, 2 * n}, saved.x.options());
  parallelFor(chunks, [&](std::int64_t first, std::int64_t last) {
    for (auto chunk = first; chunk < last; ++chunk) {
      const auto from = chunk * rows / chunks, to = (chunk + 1) * rows / chunks;
      const auto atRow = [&](const T* data, std::int64_t width) { return data ? data + from * width : nullptr; };
      Rows<T> part{to - from,
                   n,
                   atRow(dataOf<T>(saved.x), n),
                   atRow(dataOf<T>(saved.gradOutput), n),
                   atRow(dataOf<T>(saved.mean), 1),
                   atRow(dataOf<T>(saved.scale), 1),
                   atRow(dataOf<T>(gg[0]), n),
                   dataOf<T>(gg[1]),
                   dataOf<T>(gg[2]),
                   dataOf<T>(saved.gamma),
                   by[0].defined() ? by[0].data_ptr<T>() + from * n : nullptr,
                   by[1].defined() ? by[1].data_ptr<T>() + from * n : nullptr,
                   shares.defined() ? shares.data_ptr<T>() + chunk * n : nullptr,
                   room.data_ptr<T>() + chunk * 2 * n,
                   room.data_ptr<T>() + (chunk * 2 + 1) * n};
      differentiate(part);
    }
  });
  if (shares.defined()) by[2].view({n}).copy_(shares.sum(0));
}

struct Arguments : torch::CustomClassHolder {
  Arguments(at::IntArrayRef s, std::array<bool, 3> m) : shape(s.vec()), mask(m) {}
  std::vector<std::int64_t> shape;
  std::array<bool, 3> mask;
};

/// Only the outputs that the mask asks for are returned, in order: an autograd function has no undefined outputs.
class LayerNormBackward : public torch::autograd::Function<LayerNormBackward> {
 public:
  static variable_list forward(AutogradContext* context, const Tensor& gradOutput, const Tensor& x, const Tensor& mean,
                               const Tensor& scale, const c10::optional<Tensor>& gamma,
                               const c10::optional<Tensor>& beta, const c10::intrusive_ptr<Arguments>& arguments) {
    at::AutoDispatchBelowADInplaceOrView below;
    context->save_for_backward({gradOutput, x, mean, scale, gamma.value_or(Tensor())});
    context->saved_data["arguments"] = c10::IValue::make_capsule(arguments);
    const auto [gI, gGamma, gBeta] =
        at::native_layer_norm_backward(gradOutput, x, arguments->shape, mean, scale, gamma, beta, arguments->mask);
    variable_list outputs;
    const std::array<Tensor, 3> all{gI, gGamma, gBeta};
    for (std::size_t i = 0; i < 3; ++i) {
      if (arguments->mask[i]) outputs.push_back(all[i]);
    }
    return outputs;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    TORCH_CHECK(!at::GradMode::is_enabled(), "layer normalisation has no third derivative here");
    const auto capsule = context->saved_data["arguments"].toCapsule();
    const auto* arguments = static_cast<const Arguments*>(capsule.get());
    auto tensors = context->get_saved_variables();
    for (auto& tensor : tensors) tensor = tensor.defined() ? tensor.contiguous() : tensor;
    const Saved saved{tensors[0], tensors[1], tensors[2], tensors[3], tensors[4]};
    std::array<Tensor, 3> gg, by;
    for (std::size_t i = 0, next = 0; i < 3; ++i) {
      if (!arguments->mask[i]) continue;
      gg[i] = gradients[next++];
      if (gg[i].defined()) gg[i] = gg[i].contiguous();
    }
    const bool any = gg[0].defined() || gg[1].defined() || gg[2].defined();
    if (any && context->needs_input_grad(0)) by[0] = torch::empty_like(saved.gradOutput);
    if ((gg[0].defined() || gg[1].defined()) && context->needs_input_grad(1)) by[1] = torch::empty_like(saved.x);
    if (gg[0].defined() && saved.gamma.defined() && context->needs_input_grad(4))
      by[2] = torch::empty_like(saved.gamma);
    AT_DISPATCH_FLOATING_TYPES(saved.x.scalar_type(), "layer_norm_double_backward",
                               [&] { differentiateAll<scalar_t>(saved, gg, by); });
    return {by[0], by[1], Tensor(), Tensor(), by[2], Tensor(), Tensor()};
  }
};

bool takesPart(const c10::optional<Tensor>& tensor) {
  return tensor.has_value() && tensor->defined() && tensor->requires_grad();
}

std::tuple<Tensor, Tensor, Tensor> layerNormBackward(const Tensor& gradOutput, const Tensor& x, at::IntArrayRef shape,
                                                     const Tensor& mean, const Tensor& scale,
                                                     const c10::optional<Tensor>& gamma,
                                                     const c10::optional<Tensor>& beta, std::array<bool, 3> mask) {
  if (!at::GradMode::is_enabled() || !(takesPart(gradOutput) || takesPart(x) || takesPart(gamma))) {
    at::AutoDispatchBelowADInplaceOrView below;
    return at::native_layer_norm_backward(gradOutput, x, shape, mean, scale, gamma, beta, mask);
  }
  const auto outputs =
      LayerNormBackward::apply(gradOutput, x, mean, scale, gamma, beta, c10::make_intrusive<Arguments>(shape, mask));
  std::array<Tensor, 3> all;
  for (std::size_t i = 0, next = 0; i < 3; ++i) {
    if (mask[i]) all[i] = outputs[next++];
  }
  return {all[0], all[1], all[2]};
}

}  // namespace

void implementLayerNormBackward(torch::Library& library) {
  library.impl("native_layer_norm_backward", TORCH_FN(layerNormBackward));
}

}  // namespace eigenscape
