// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/welcome.h"

#include <QCommandLinkButton>
#include <QLabel>
#include <QVBoxLayout>

namespace eigenscape {

namespace {
constexpr int doorWidth = 600;
}

Welcome::Welcome(QWidget* parent) : QWidget(parent) {
  auto* column = new QVBoxLayout(this);
  column->addStretch(2);
  auto* title = new QLabel(tr("Eigenscape"));
  QFont font = title->font();
  font.setPointSizeF(font.pointSizeF() * 2.2);
  title->setFont(font);
  column->addWidget(title, 0, Qt::AlignHCenter);
  auto* text =
      new QLabel(tr("The loss landscape of a network, its Hessian spectrum, and which layers can take fewer bits."));
  text->setWordWrap(true);
  text->setAlignment(Qt::AlignHCenter);
  text->setFixedWidth(doorWidth);
  column->addWidget(text, 0, Qt::AlignHCenter);
  column->addSpacing(20);

  const auto addDoor = [&](const QString& heading, const QString& explanation) {
    auto* door = new QCommandLinkButton(heading, explanation);
    door->setFixedWidth(doorWidth);
    column->addWidget(door, 0, Qt::AlignHCenter);
    return door;
  };
  auto* quickstart =
      addDoor(tr("Run the quickstart"),
              tr("Trains a small network on drawn images and shows every figure; a few minutes, no download."));
  auto* open = addDoor(tr("Open a run"), tr("A folder that an earlier run or the command line wrote."));
  auto* own =
      addDoor(tr("Start from your own model"), tr("A recipe (.toml), or the weights of a network that is known here."));
  connect(quickstart, &QAbstractButton::clicked, this, &Welcome::quickstartRequested);
  connect(open, &QAbstractButton::clicked, this, &Welcome::openRunRequested);
  connect(own, &QAbstractButton::clicked, this, &Welcome::ownModelRequested);
  column->addStretch(3);
}

}  // namespace eigenscape
