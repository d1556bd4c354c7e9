// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/figure_list.h"

#include <QKeyEvent>
#include <QLineEdit>
#include <QListWidget>
#include <QScreen>
#include <QScrollBar>
#include <QVBoxLayout>
#include <algorithm>

#include "app/figure_tabs.h"

namespace eigenscape {
namespace {

constexpr int idRole = Qt::UserRole;  ///< kind and name: a run that goes on moves the tabs while the list is open

bool holdsAll(const QString& title, const QStringList& words) {
  return std::all_of(words.begin(), words.end(),
                     [&](const QString& word) { return title.contains(word, Qt::CaseInsensitive); });
}

}  // namespace

FigureList::FigureList(FigureTabs& tabs)
    : QFrame(&tabs, Qt::Popup), tabs_(tabs), search_(new QLineEdit), list_(new QListWidget) {
  setFrameShape(QFrame::StyledPanel);
  setAttribute(Qt::WA_DeleteOnClose);
  auto* rows = new QVBoxLayout(this);
  rows->setContentsMargins(4, 4, 4, 4);
  rows->addWidget(search_);
  rows->addWidget(list_);
  search_->setPlaceholderText(tr("Type a part of the name …"));
  search_->setClearButtonEnabled(true);
  search_->setAccessibleName(tr("search figures"));
  list_->setAccessibleName(tr("all figures"));
  list_->setFrameShape(QFrame::NoFrame);
  list_->setFocusPolicy(Qt::NoFocus);  // what is typed goes to the search
  list_->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  search_->installEventFilter(this);
  connect(search_, &QLineEdit::textChanged, this, &FigureList::fill);
  // Queued: in between the tabs are neither the old ones nor the new.
  connect(&tabs_, &FigureTabs::figuresChanged, this, &FigureList::keepUp, Qt::QueuedConnection);
  connect(search_, &QLineEdit::returnPressed, this, &FigureList::take);
  connect(list_, &QListWidget::itemClicked, this, &FigureList::take);
  fill();
}

void FigureList::fill() {
  list_->clear();
  const QStringList words = search_->text().split(' ', Qt::SkipEmptyParts);
  QListWidgetItem* present = nullptr;
  for (int page = 1; page <= FigureId::pages; ++page) {
    bool headed = false;
    for (int i = 0; i < tabs_.count(); ++i) {
      const FigureId& id = tabs_.figure(i)->id();
      if (id.page() != page || !holdsAll(FigureId::pageTitle(page) + ' ' + id.title(), words)) continue;
      if (!headed) {
        auto* head = new QListWidgetItem(tr("%1 (key %2)").arg(FigureId::pageTitle(page)).arg(page), list_);
        head->setFlags(Qt::ItemIsEnabled);  // seen, and not chosen
        QFont bold = font();
        bold.setBold(true);
        head->setFont(bold);
        headed = true;
      }
      auto* item = new QListWidgetItem("    " + id.title(), list_);
      item->setData(idRole, QStringList{id.kind, id.name});
      if (!present || i == tabs_.currentIndex()) present = item;
    }
  }
  list_->setCurrentItem(present);
}

/// What was chosen stays chosen.
void FigureList::keepUp() {
  const auto* item = list_->currentItem();
  const QVariant chosen = item ? item->data(idRole) : QVariant();
  const int scrolled = list_->verticalScrollBar()->value();
  fill();
  for (int row = 0; row < list_->count(); ++row) {
    if (chosen.isValid() && list_->item(row)->data(idRole) == chosen) list_->setCurrentRow(row);
  }
  list_->verticalScrollBar()->setValue(scrolled);
}

void FigureList::popUp(const QPoint& corner) {
  const QRect room = screen() ? screen()->availableGeometry() : QRect(corner, QSize(400, 600));
  int high = search_->sizeHint().height() + 4 * 4;
  for (int row = 0; row < list_->count(); ++row) high += list_->sizeHintForRow(row);
  const int wide = std::max(280, list_->sizeHintForColumn(0) + list_->verticalScrollBar()->sizeHint().width() + 24);
  resize(wide, std::clamp(high, 120, std::max(120, room.height() * 3 / 4)));
  move(std::clamp(corner.x() - width(), room.left(), std::max(room.left(), room.right() - width())),
       std::clamp(corner.y(), room.top(), std::max(room.top(), room.bottom() - height())));
  show();
  search_->setFocus();
  if (list_->currentItem()) list_->scrollToItem(list_->currentItem(), QAbstractItemView::PositionAtCenter);
}

void FigureList::take() {
  const auto* item = list_->currentItem();
  if (!item || !item->data(idRole).isValid()) return;
  const QStringList id = item->data(idRole).toStringList();
  close();
  for (int i = 0; i < tabs_.count(); ++i) {
    const FigureId& own = tabs_.figure(i)->id();
    if (own.kind == id[0] && own.name == id[1]) return Q_EMIT chosen(i);
  }
}

/// Up and down move in the list while the search has the keyboard; headings are passed over.
bool FigureList::eventFilter(QObject* watched, QEvent* event) {
  if (watched != search_ || event->type() != QEvent::KeyPress) return QFrame::eventFilter(watched, event);
  const int key = static_cast<QKeyEvent*>(event)->key();
  if (key != Qt::Key_Up && key != Qt::Key_Down) return QFrame::eventFilter(watched, event);
  const int step = key == Qt::Key_Up ? -1 : 1;
  for (int row = list_->currentRow() + step; row >= 0 && row < list_->count(); row += step) {
    if (!list_->item(row)->data(idRole).isValid()) continue;
    list_->setCurrentRow(row);
    break;
  }
  return true;
}

}  // namespace eigenscape
