// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/form_section.h"

#include <QFormLayout>
#include <QLabel>
#include <QToolButton>
#include <QVBoxLayout>

namespace eigenscape {
namespace {

QToolButton* foldingButton(const QString& title, bool open, bool heading) {
  auto* button = new QToolButton;
  button->setText(title);
  button->setCheckable(true);
  button->setChecked(open);
  button->setAutoRaise(true);
  button->setToolButtonStyle(Qt::ToolButtonTextBesideIcon);
  button->setArrowType(open ? Qt::DownArrow : Qt::RightArrow);
  button->setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
  QFont font = button->font();
  font.setBold(heading);
  button->setFont(font);
  QObject::connect(button, &QToolButton::toggled, button,
                   [button](bool on) { button->setArrowType(on ? Qt::DownArrow : Qt::RightArrow); });
  return button;
}

QFormLayout* formLayout() {
  auto* layout = new QFormLayout;
  layout->setContentsMargins(0, 0, 0, 0);
  layout->setHorizontalSpacing(8);
  layout->setVerticalSpacing(3);
  layout->setFieldGrowthPolicy(QFormLayout::AllNonFixedFieldsGrow);
  layout->setLabelAlignment(Qt::AlignLeft);
  return layout;
}

}  // namespace

FormSection::FormSection(const QString& title, bool open, QWidget* parent) : QWidget(parent) {
  auto* outer = new QVBoxLayout(this);
  outer->setContentsMargins(0, 0, 0, 0);
  outer->setSpacing(2);
  heading_ = foldingButton(title, open, true);
  outer->addWidget(heading_);
  body_ = new QWidget;
  outer->addWidget(body_);
  column_ = new QVBoxLayout(body_);
  column_->setContentsMargins(16, 0, 0, 4);
  column_->setSpacing(4);
  rows_ = formLayout();
  column_->addLayout(rows_);
  body_->setVisible(open);
  connect(heading_, &QToolButton::toggled, body_, &QWidget::setVisible);
}

QString FormSection::title() const {
  return heading_->text();
}

void FormSection::addRow(const QString& label, QWidget* widget, bool advanced) {
  if (advanced && !more_) {
    more_ = foldingButton(tr("more"), false, false);
    extra_ = new QWidget;
    extraRows_ = formLayout();
    extra_->setLayout(extraRows_);
    extra_->setVisible(false);
    connect(more_, &QToolButton::toggled, extra_, &QWidget::setVisible);
    column_->addWidget(more_);
    column_->addWidget(extra_);
  }
  auto* text = new QLabel(label);
  text->setToolTip(widget->toolTip());
  text->setBuddy(widget);
  (advanced ? extraRows_ : rows_)->addRow(text, widget);
}

void FormSection::addWidget(QWidget* widget) {
  column_->addWidget(widget);
}

void FormSection::setOpen(bool open) {
  heading_->setChecked(open);
}

}  // namespace eigenscape
