// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QString>

namespace eigenscape {

/// What costs of settings are said in: the value in it is the cost over `size`.
struct CostUnit {
  double size = 1;
  QString name;     ///< after an amount: "kB", "G bit operations"
  QString ofTitle;  ///< after what a title calls the cost: "kB", "G"; empty where nothing is left to say
};

/// That suits amounts up to `most` bytes. Decimal, as disks and papers have them.
CostUnit byteUnit(double most);
/// The same of bit operations.
CostUnit operationUnit(double most);

}  // namespace eigenscape
