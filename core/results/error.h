// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <stdexcept>
#include <string>

// What can go wrong through what a user gave us. Caught in `main` and in `Job`, nowhere else. `what()` is one line that
// names the file or the field and the remedy.
namespace eigenscape {

/// The command line or the recipe is wrong (exit status 2): names the key, the value and what is accepted.
class RecipeError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The run failed (exit status 1): a file that is cut short or foreign, a full disk, a folder that cannot be written.
class RunError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The caller asked to stop (exit status 3). Thrown by Context::check().
class Stopped : public std::runtime_error {
 public:
  Stopped() : std::runtime_error("interrupted") {}
};

}  // namespace eigenscape
