// SPDX-License-Identifier: GPL-3.0-or-later
#include "views/order_picture.h"

#include <algorithm>
#include <exception>
#include <memory>
#include <set>
#include <utility>

#include "views/surface.h"

namespace eigenscape {
namespace {

QList<SurfaceFigure*> reliefsOf(Figure& figure) {
  auto reliefs = figure.findChildren<SurfaceFigure*>();
  if (auto* relief = qobject_cast<SurfaceFigure*>(&figure)) reliefs << relief;
  return reliefs;
}

class Ordering {
 public:
  explicit Ordering(QList<SurfaceFigure*> reliefs) : reliefs_(std::move(reliefs)) {
    for (auto* relief : reliefs_) relief->setOrdering(true);
  }
  ~Ordering() {
    for (auto* relief : reliefs_) relief->setOrdering(false);
  }
  Ordering(const Ordering&) = delete;
  Ordering& operator=(const Ordering&) = delete;

 private:
  QList<SurfaceFigure*> reliefs_;
};

/// Calls `then` when none of the figure's reliefs has orders.
void whenDelivered(Figure& figure, std::function<void()> then) {
  const auto waited = std::make_shared<std::set<const QObject*>>();
  for (auto* relief : reliefsOf(figure)) {
    if (relief->hasOrders()) waited->insert(relief);
  }
  if (waited->empty()) return then();
  auto* waiter = new QObject(&figure);  // its connections go with it
  const auto take = [waited, waiter, then = std::move(then)](const QObject* relief) {
    if (waited->erase(relief) == 0 || !waited->empty()) return;
    waiter->deleteLater();
    then();
  };
  for (auto* relief : reliefsOf(figure)) {
    if (!waited->contains(relief)) continue;
    QObject::connect(relief, &SurfaceFigure::delivered, waiter, [take, relief] { take(relief); });
    // A part that goes away is not waited for. Queued: the whole figure may be on its way out, and then nothing comes
    // of it.
    QObject::connect(
        relief, &QObject::destroyed, waiter, [take, relief] { take(relief); }, Qt::QueuedConnection);
  }
}

}  // namespace

void orderPicture(Figure& figure, const ExportOptions& options, std::function<void()> then) {
  const auto reliefs = reliefsOf(figure);
  // A relief keeps one picture for files: who ordered before fetches that first.
  if (std::any_of(reliefs.begin(), reliefs.end(), [](const SurfaceFigure* relief) { return relief->hasOrders(); })) {
    whenDelivered(figure, [&figure, options, then = std::move(then)] { orderPicture(figure, options, then); });
    return;
  }
  try {
    const Ordering all(reliefs);
    // The picture itself knows best of what size its parts will be.
    if (!reliefs.isEmpty()) figure.picture(options);
  } catch (const std::exception&) {  // who fetches the picture is told the same
  }
  whenDelivered(figure, std::move(then));
}

}  // namespace eigenscape
