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
  const char* prefix;
};

const Step& stepFor(double most) {
  static constexpr Step steps[] = {
      {1e12, "TB", "T"}, {1e9, "GB", "G"}, {1e6, "MB", "M"}, {1e3, "kB", "k"}, {1, "bytes", ""}};
  return *std::find_if(std::begin(steps), std::end(steps) - 1,
                       [most](const Step& step) { return most >= 0.1 * step.size; });
}

}  // namespace

CostUnit byteUnit(double most) {
  const Step& step = stepFor(most);
  const QString name = QObject::tr(step.bytes);
  return {step.size, name, name};
}

CostUnit operationUnit(double most) {
  const Step& step = stepFor(most);
  const QString prefix = step.prefix;
  return {step.size, QObject::tr("%1 bit operations").arg(prefix).trimmed(), prefix};
}

}  // namespace eigenscape
