// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <functional>

namespace eigenscape {

/// Calls `work(first, last)` for parts of 0 … count−1 on LibTorch's threads, at::get_num_threads() of them. Which
/// part is whose depends on that number: no result may. An exception of `work` is passed on.
/// at::parallel_for, a template, would run on one thread: our code is compiled without OpenMP, since a LibTorch may
/// bring an OpenMP library of its own, and the threads of two of them get into each other's way.
void parallelFor(std::int64_t count, const std::function<void(std::int64_t first, std::int64_t last)>& work);

}  // namespace eigenscape
