// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/bits_table.h"

#include <QApplication>
#include <QComboBox>
#include <QHeaderView>
#include <QItemSelectionModel>
#include <QKeyEvent>
#include <QPainter>
#include <algorithm>
#include <set>

#include "views/style.h"

namespace eigenscape {

void BitsModel::setLayers(std::shared_ptr<const std::vector<LayerChoices>> layers) {
  beginResetModel();
  layers_ = std::move(layers);
  held_ = {};
  other_.clear();
  const std::size_t count = layers_ ? layers_->size() : 0;
  held_.bits.assign(count, 0);
  held_.locked.assign(count, false);
  endResetModel();
}

void BitsModel::setHeld(const HeldBits& held) {
  held_ = held;
  if (rowCount() > 0) Q_EMIT dataChanged(index(0, Bits), index(rowCount() - 1, columnCount() - 1));
}

void BitsModel::setOther(std::vector<std::int64_t> bits) {
  other_ = std::move(bits);
  if (rowCount() > 0) Q_EMIT dataChanged(index(0, Other), index(rowCount() - 1, Other));
}

int BitsModel::rowCount(const QModelIndex& parent) const {
  return parent.isValid() || !layers_ ? 0 : int(layers_->size());
}

QVariant BitsModel::shown(int row, Column column) const {
  const auto i = std::size_t(row);
  const LayerChoices& layer = (*layers_)[i];
  switch (column) {
    case Layer:
      return QString::fromStdString(layer.layer);
    case Weights:
      return layer.parameters > 0 ? QVariant(QLocale::c().toString(qlonglong(layer.parameters))) : QVariant();
    case Bits:
      return qlonglong(held_.bits[i]);
    case Omega:
      for (const auto& choice : layer.choices) {
        if (choice.bits == held_.bits[i]) return numberText(choice.omega, 3);
      }
      return {};
    case Other:
      return other_.empty() ? QVariant() : QVariant(qlonglong(other_[i]));
    default:
      return {};
  }
}

QVariant BitsModel::data(const QModelIndex& index, int role) const {
  if (!index.isValid() || !layers_) return {};
  const auto column = Column(index.column());
  const auto i = std::size_t(index.row());
  const LayerChoices& layer = (*layers_)[i];
  if (role == Qt::DisplayRole || role == Qt::EditRole) return shown(index.row(), column);
  if (role == Qt::TextAlignmentRole)
    return int(Qt::AlignVCenter) | int(column == Layer ? Qt::AlignLeft : Qt::AlignRight);
  if (role == Qt::CheckStateRole && column == Lock) return held_.locked[i] ? Qt::Checked : Qt::Unchecked;
  if (role == Qt::FontRole && column == Other && !other_.empty() && other_[i] != held_.bits[i]) {
    QFont font;
    font.setBold(true);
    return font;
  }
  if (role == Qt::AccessibleTextRole && column == Lock)
    return held_.locked[i] ? tr("%1 is locked").arg(QString::fromStdString(layer.layer))
                           : tr("%1 is free").arg(QString::fromStdString(layer.layer));
  if (role == Qt::ToolTipRole && column == Omega) {
    for (const auto& choice : layer.choices) {
      if (choice.bits == held_.bits[i] && choice.inputOmega != 0)
        return tr("weights %1, inputs %2")
            .arg(numberText(choice.omega - choice.inputOmega, 3), numberText(choice.inputOmega, 3));
    }
  }
  if (role == Qt::ToolTipRole && !layer.group.empty())
    return tr("%1 shares its bits with the layers of group %2")
        .arg(QString::fromStdString(layer.layer), QString::fromStdString(layer.group));
  if (role == Qt::ToolTipRole && column == Layer) return QString::fromStdString(layer.layer);
  return {};
}

QVariant BitsModel::headerData(int section, Qt::Orientation orientation, int role) const {
  if (orientation != Qt::Horizontal || (role != Qt::DisplayRole && role != Qt::ToolTipRole)) return {};
  const bool tip = role == Qt::ToolTipRole;
  switch (section) {
    case Layer:
      return tip ? tr("Layers in network order") : tr("layer");
    case Weights:
      return tip ? tr("Numbers in the layer's weight") : tr("weights");
    case Bits:
      return tip ? tr("Double click or F2 to choose; + and − for the next width") : tr("bits");
    case Lock:
      return tip ? tr("Ticked: the budget leaves these bits as they are (L)") : tr("lock");
    case Omega:
      return tip ? tr("Predicted loss increase of this layer at these bits, of its inputs' where they are quantized, "
                      "too")
                 : tr("Ω");
    default:
      return tip ? tr("Bits of the setting that is compared with; bold where they differ") : tr("kept");
  }
}

Qt::ItemFlags BitsModel::flags(const QModelIndex& index) const {
  Qt::ItemFlags flags = Qt::ItemIsEnabled | Qt::ItemIsSelectable;
  if (index.column() == Bits) flags |= Qt::ItemIsEditable;
  if (index.column() == Lock) flags |= Qt::ItemIsUserCheckable;
  return flags;
}

bool BitsModel::setData(const QModelIndex& index, const QVariant& value, int role) {
  if (index.column() == Lock && role == Qt::CheckStateRole) {
    Q_EMIT lockWanted({index.row()}, value.toInt() == Qt::Checked);
    return true;
  }
  if (index.column() != Bits || role != Qt::EditRole) return false;
  const auto wanted = value.toLongLong();
  const auto& own = choices(index.row());
  const bool known =
      std::any_of(own.begin(), own.end(), [&](const BitChoice& choice) { return choice.bits == wanted; });
  if (known) Q_EMIT bitsWanted({{index.row(), wanted}});
  return known;
}

QWidget* BitsDelegate::createEditor(QWidget* parent, const QStyleOptionViewItem&, const QModelIndex& index) const {
  auto* box = new QComboBox(parent);
  const auto* model = qobject_cast<const BitsModel*>(index.model());
  if (!model) return box;
  for (const auto& choice : model->choices(index.row()))
    box->addItem(tr("%1 bits, Ω = %2").arg(choice.bits).arg(numberText(choice.omega, 3)), qlonglong(choice.bits));
  box->setAccessibleName(tr("bits of %1").arg(model->index(index.row(), BitsModel::Layer).data().toString()));
  box->view()->setMinimumWidth(box->sizeHint().width());
  auto* self = const_cast<BitsDelegate*>(this);
  connect(box, &QComboBox::activated, self, [self, box] {
    Q_EMIT self->commitData(box);
    Q_EMIT self->closeEditor(box);
  });
  return box;
}

void BitsDelegate::setEditorData(QWidget* editor, const QModelIndex& index) const {
  auto* box = qobject_cast<QComboBox*>(editor);
  if (box) box->setCurrentIndex(box->findData(index.data(Qt::EditRole)));
}

void BitsDelegate::setModelData(QWidget* editor, QAbstractItemModel* model, const QModelIndex& index) const {
  const auto* box = qobject_cast<QComboBox*>(editor);
  if (box && box->currentData() != index.data(Qt::EditRole)) model->setData(index, box->currentData(), Qt::EditRole);
}

void BitsDelegate::updateEditorGeometry(QWidget* editor, const QStyleOptionViewItem& option, const QModelIndex&) const {
  QRect place = option.rect;
  const int viewport = editor->parentWidget()->width();
  place.setWidth(std::min(std::max(place.width(), editor->sizeHint().width()), viewport));
  place.moveRight(std::min(place.right(), viewport - 1));
  place.setHeight(std::max(place.height(), editor->sizeHint().height()));
  editor->setGeometry(place);
}

void LockDelegate::paint(QPainter* painter, const QStyleOptionViewItem& option, const QModelIndex& index) const {
  QStyledItemDelegate::paint(painter, option, index);
  QStyleOptionViewItem own = option;
  initStyleOption(&own, index);
  const QStyle* style = own.widget ? own.widget->style() : QApplication::style();
  const QRect box = style->subElementRect(QStyle::SE_ItemViewItemCheckIndicator, &own, own.widget);
  const bool selected = own.state & QStyle::State_Selected;
  QColor line = own.palette.color(selected ? QPalette::HighlightedText : QPalette::Text);
  line.setAlphaF(0.6);
  painter->setPen(line);
  painter->drawRect(box.adjusted(0, 0, -1, -1));
}

BitsView::BitsView(BitsModel* model, QWidget* parent) : QTableView(parent), layers_(model) {
  setModel(model);
  setItemDelegateForColumn(BitsModel::Bits, new BitsDelegate(this));
  setItemDelegateForColumn(BitsModel::Lock, new LockDelegate(this));
  setSelectionBehavior(SelectRows);
  setEditTriggers(DoubleClicked | EditKeyPressed | SelectedClicked);
  setAlternatingRowColors(true);
  setTabKeyNavigation(false);
  setWordWrap(false);
  setTextElideMode(Qt::ElideMiddle);
  setAccessibleName(tr("bits of the layers"));
  verticalHeader()->hide();
  verticalHeader()->setDefaultSectionSize(fontMetrics().height() + 6);
  horizontalHeader()->setSectionResizeMode(QHeaderView::ResizeToContents);
  horizontalHeader()->setSectionResizeMode(BitsModel::Layer, QHeaderView::Stretch);
  horizontalHeader()->setHighlightSections(false);
  setColumnHidden(BitsModel::Other, true);
}

std::vector<int> BitsView::selectedLayers() const {
  std::set<int> rows;
  for (const auto& index : selectionModel()->selectedIndexes()) rows.insert(index.row());
  return {rows.begin(), rows.end()};
}

void BitsView::step(int direction) {
  BitEdits wanted;
  for (const int row : selectedLayers()) {
    const auto& choices = layers_->choices(row);
    const auto present = std::find_if(choices.begin(), choices.end(),
                                      [&](const BitChoice& choice) { return choice.bits == layers_->bits(row); });
    const auto next = (present - choices.begin()) + direction;
    if (next >= 0 && next < std::ptrdiff_t(choices.size())) wanted.emplace_back(row, choices[std::size_t(next)].bits);
  }
  Q_EMIT layers_->bitsWanted(wanted);
}

void BitsView::keyPressEvent(QKeyEvent* event) {
  const bool plain = !(event->modifiers() & (Qt::ControlModifier | Qt::AltModifier | Qt::MetaModifier));
  if (plain && (event->key() == Qt::Key_Plus || event->key() == Qt::Key_Minus))
    return step(event->key() == Qt::Key_Plus ? 1 : -1);
  if (plain && event->key() == Qt::Key_L) {
    const auto rows = selectedLayers();
    const bool on = std::any_of(rows.begin(), rows.end(), [this](int row) { return !layers_->locked(row); });
    Q_EMIT layers_->lockWanted(rows, on);
    return;
  }
  QTableView::keyPressEvent(event);
}

}  // namespace eigenscape
