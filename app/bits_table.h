// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QAbstractTableModel>
#include <QStyledItemDelegate>
#include <QTableView>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "core/quantization/bit_choices.h"

namespace eigenscape {

/// Bits of every layer, and which of them have to stay.
struct HeldBits {
  std::vector<std::int64_t> bits;
  std::vector<bool> locked;
  Limit limit;  ///< that the bits were last chosen under
  bool operator==(const HeldBits& other) const {
    return bits == other.bits && locked == other.locked && limit.cost == other.limit.cost &&
           limit.share == other.limit.share;
  }
};

/// Rows, and the bits that they are to have.
using BitEdits = std::vector<std::pair<int, std::int64_t>>;

/// The layers as rows: name, weights, bits (to edit), a lock (to tick), Ω at these bits, and the bits of the setting
/// that is compared with. It shows what it is given and asks for changes.
class BitsModel : public QAbstractTableModel {
  Q_OBJECT
 public:
  enum Column { Layer, Weights, Bits, Lock, Omega, Other, columns };
  using QAbstractTableModel::QAbstractTableModel;

  void setLayers(std::shared_ptr<const std::vector<LayerChoices>> layers);
  void setHeld(const HeldBits& held);
  /// Bits to compare with; empty: none.
  void setOther(std::vector<std::int64_t> bits);
  const std::vector<BitChoice>& choices(int row) const { return (*layers_)[std::size_t(row)].choices; }
  std::int64_t bits(int row) const { return held_.bits[std::size_t(row)]; }
  bool locked(int row) const { return held_.locked[std::size_t(row)]; }

  int rowCount(const QModelIndex& parent = {}) const override;
  int columnCount(const QModelIndex& parent = {}) const override { return parent.isValid() ? 0 : int(columns); }
  QVariant data(const QModelIndex& index, int role) const override;
  QVariant headerData(int section, Qt::Orientation orientation, int role) const override;
  Qt::ItemFlags flags(const QModelIndex& index) const override;
  bool setData(const QModelIndex& index, const QVariant& value, int role) override;

 Q_SIGNALS:
  void bitsWanted(const eigenscape::BitEdits& edits);
  void lockWanted(const std::vector<int>& rows, bool on);

 private:
  QVariant shown(int row, Column column) const;

  std::shared_ptr<const std::vector<LayerChoices>> layers_;
  HeldBits held_;
  std::vector<std::int64_t> other_;
};

/// Offers the layer's widths in a list.
class BitsDelegate : public QStyledItemDelegate {
  Q_OBJECT
 public:
  using QStyledItemDelegate::QStyledItemDelegate;
  QWidget* createEditor(QWidget* parent, const QStyleOptionViewItem& option, const QModelIndex& index) const override;
  void setEditorData(QWidget* editor, const QModelIndex& index) const override;
  void setModelData(QWidget* editor, QAbstractItemModel* model, const QModelIndex& index) const override;
  /// As wide as its words, over the cells beside it.
  void updateEditorGeometry(QWidget* editor, const QStyleOptionViewItem& option,
                            const QModelIndex& index) const override;
};

/// A box to tick that has its frame on dark ground, too.
class LockDelegate : public QStyledItemDelegate {
  Q_OBJECT
 public:
  using QStyledItemDelegate::QStyledItemDelegate;
  void paint(QPainter* painter, const QStyleOptionViewItem& option, const QModelIndex& index) const override;
};

/// The table: + and − give the selected layers the next width, L locks them.
class BitsView : public QTableView {
  Q_OBJECT
 public:
  explicit BitsView(BitsModel* model, QWidget* parent = nullptr);
  /// Rows that the keys work on.
  std::vector<int> selectedLayers() const;

 protected:
  void keyPressEvent(QKeyEvent* event) override;

 private:
  void step(int direction);

  BitsModel* layers_;
};

}  // namespace eigenscape
