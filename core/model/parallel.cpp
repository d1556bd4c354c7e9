// SPDX-License-Identifier: GPL-3.0-or-later
#include "core/model/parallel.h"

#include <ATen/TensorIterator.h>
#include <torch/torch.h>

namespace eigenscape {

void parallelFor(std::int64_t count, const std::function<void(std::int64_t, std::int64_t)>& work) {
  if (count < 1) return;
  if (count == 1 || at::get_num_threads() == 1) return work(0, count);
  // The library's own loop over a tensor's elements runs on the library's threads; an element's address is its number.
  auto numbers = at::empty({count}, at::kByte);
  const auto* zero = static_cast<const char*>(numbers.data_ptr());
  auto elements = at::TensorIterator::nullary_op(numbers);
  elements.for_each(
      [&](char** data, const std::int64_t* strides, std::int64_t size, std::int64_t rows) {
        for (std::int64_t row = 0; row < rows; ++row) {
          const auto first = static_cast<std::int64_t>(*data - zero) + row * strides[1];
          work(first, first + size);
        }
      },
      1);
}

}  // namespace eigenscape
