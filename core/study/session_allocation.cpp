// SPDX-License-Identifier: GPL-3.0-or-later
#include <torch/torch.h>

#include <algorithm>
#include <cmath>

#include "core/results/tables.h"
#include "core/study/bit_plan.h"
#include "core/study/session_support.h"

namespace eigenscape {

namespace {

/// Why no bits can be chosen from computed sensitivities; empty: they can.
std::string obstacle(const std::vector<SensitivityRow>& rows) {
  for (const auto& row : rows) {
    if (!std::isfinite(row.omega))
      return "omega of " + row.layer + " at " + std::to_string(row.bits) + " bits is not finite";
  }
  return rows.empty() ? "the model has no layer with a weight matrix" : "";
}

}  // namespace

void Session::allocation() {
  const auto& quantization = recipe_.quantization;
  const auto rows = readTable<SensitivityRow>(journal_.directory());
  const auto why = obstacle(rows);
  BitPlan plan;
  phase("allocation", "allocating bits", 0, [&](const Context& context) -> Products {
    if (!why.empty()) {
      note("no bits were allocated: " + why, context);
      return 0;
    }
    plan = planBits(quantization, choicesOf(quantization, rows, SensitivityRow::file), context);
    for (const auto& line : plan.notes) note(line, context);
    writePlan(plan, quantization, journal_.info(), journal_.directory());
    for (const char* table : {AllocationRow::file, ParetoRow::file, SettingRow::file}) journal_.notify(table);
    return 0;
  });
}

}  // namespace eigenscape
