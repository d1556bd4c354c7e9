// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "core/model/parameter_space.h"

namespace eigenscape {

/// Reads the tensors of a state dict by the file's content, not its suffix: `.pt/.pth/.th` of torch.save in the zip or
/// in the old (before 1.6) layout, a TorchScript module, a pickled dictionary of numpy arrays, or `.safetensors`. A
/// wrapping dictionary key (`state_dict`, `model_state_dict`, `model`, `net`) and a common `module.` prefix are taken
/// off. Integer tensors keep their type. Runs no code from the file. Tensors that share a storage there share one here.
/// Throws RecipeError when the file is not there, RunError (one line naming the file) when it is cut short or foreign.
NamedTensors readStateDict(const std::filesystem::path& file);

/// `.safetensors`, tensors by name in file order; `metadata` receives the `__metadata__` strings.
NamedTensors readSafetensors(const std::filesystem::path& file, std::map<std::string, std::string>* metadata = nullptr);
/// Writes beside and renames. Tensors are copied to the CPU; types: F64 F32 F16 BF16 I64 I32 I16 I8 U8 BOOL.
void writeSafetensors(const std::filesystem::path& file, const NamedTensors& tensors,
                      const std::map<std::string, std::string>& metadata = {});

}  // namespace eigenscape
