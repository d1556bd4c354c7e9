// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <functional>
#include <vector>

#include "core/results/context.h"

namespace eigenscape {

/// The points of an optimizer's path. They are asked for one at a time, as a path of a large model does not fit the
/// memory: `point(i)` gives the flat parameters of the i-th, i < count.
struct Trajectory {
  std::int64_t count = 0;
  std::function<torch::Tensor(std::int64_t)> point;
};

struct PrincipalDirections {
  torch::Tensor rows;          ///< (components, dimension), unit length, in the type of the points, on the CPU
  std::vector<double> shares;  ///< of Σ‖θᵢ − θ‖², descending
};

/// The directions that explain most of Σ‖θᵢ − centre‖² (after Li et al., arXiv:1712.09913, section 7). Not centred on
/// the mean: the plane goes through `centre`, as the surface that the path is drawn on does. Fewer than `components`
/// when the path does not span as many. Each sign is such that the path's first point has a positive coordinate.
/// `bytes` bounds the points held at a time.
PrincipalDirections principalDirections(const Trajectory& path, const torch::Tensor& centre, std::int64_t components,
                                        const Context& context = {}, std::int64_t bytes = std::int64_t{1} << 30);

struct ProjectedPoint {
  double alpha = 0, beta = 0;
  double unexplained = 0;  ///< share of ‖θᵢ − centre‖² that lies outside of the plane; 0 for the centre itself
};

/// Whether x and y are neither zero nor, but for rounding, multiples of one another.
bool spanPlane(const torch::Tensor& x, const torch::Tensor& y);

/// Coordinates of the nearest point of the plane centre + αx + βy; x and y need be neither of unit length nor
/// orthogonal. Throws std::invalid_argument when they span no plane.
std::vector<ProjectedPoint> projected(const Trajectory& path, const torch::Tensor& centre, const torch::Tensor& x,
                                      const torch::Tensor& y, const Context& context = {});

/// α of each point along x alone.
std::vector<double> projected(const Trajectory& path, const torch::Tensor& centre, const torch::Tensor& x,
                              const Context& context);

}  // namespace eigenscape
