// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/order_picture.h"

#include <memory>
#include <utility>

#include "views/surface.h"

namespace eigenscape {

void orderPicture(Figure& figure, const ExportOptions& options, std::function<void()> then) {
  auto reliefs = figure.findChildren<SurfaceFigure*>();
  if (auto* relief = qobject_cast<SurfaceFigure*>(&figure)) reliefs << relief;
  // The picture itself knows best of what size its parts will be.
  for (auto* relief : reliefs) relief->setOrdering(true);
  if (!reliefs.isEmpty()) figure.picture(options);
  for (auto* relief : reliefs) relief->setOrdering(false);
  struct Wait {
    int left = 0;
    std::function<void()> then;
  };
  const auto wait = std::make_shared<Wait>(Wait{0, std::move(then)});
  for (auto* relief : reliefs) {
    if (!relief->hasOrders()) continue;
    ++wait->left;
    // A part that goes away is not waited for.
    auto once = [wait, waiting = true]() mutable {
      if (std::exchange(waiting, false) && --wait->left == 0) wait->then();
    };
    const auto shared = std::make_shared<decltype(once)>(once);
    QObject::connect(relief, &SurfaceFigure::delivered, &figure, [shared] { (*shared)(); });
    // Queued: the whole figure may be on its way out, and then nothing comes of it.
    QObject::connect(
        relief, &QObject::destroyed, &figure, [shared] { (*shared)(); }, Qt::QueuedConnection);
  }
  if (wait->left == 0) wait->then();
}

}  // namespace eigenscape
