// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/cost_unit.h"

#include <QObject>
#include <algorithm>
#include <iterator>

namespace eigenscape {
namespace {

struct Step {
  double size;
  const char* bytes;
  const char* operations;
};

const Step& stepFor(double most) {
  static constexpr Step steps[] = {{1e12, "TB", "tera-operations"},
                                   {1e9, "GB", "giga-operations"},
                                   {1e6, "MB", "mega-operations"},
                                   {1e3, "kB", "kilo-operations"},
                                   {1, "bytes", "operations"}};
  return *std::find_if(std::begin(steps), std::end(steps) - 1,
                       [most](const Step& step) { return most >= 0.1 * step.size; });
}

}  // namespace

CostUnit byteUnit(double most) {
  const Step& step = stepFor(most);
  return {step.size, QObject::tr(step.bytes)};
}

CostUnit operationUnit(double most) {
  const Step& step = stepFor(most);
  return {step.size, QObject::tr(step.operations)};
}

}  // namespace eigenscape
