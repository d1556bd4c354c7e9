// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <exception>

namespace eigenscape {

/// Bytes of main memory that can be had without swapping, within what a container (control group 2) allows; 0 when the
/// system does not say.
std::int64_t freeMemory();

/// Bytes of main memory that this process holds now; 0 when the system does not say.
std::int64_t residentMemory();

/// Whether the exception says that memory for a tensor could not be had, on a device or in main memory.
bool isOutOfMemory(const std::exception& error);

}  // namespace eigenscape
