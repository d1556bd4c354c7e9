// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/export_dialog.h"

#include <QCheckBox>
#include <QComboBox>
#include <QDialogButtonBox>
#include <QDir>
#include <QFileDialog>
#include <QFileInfo>
#include <QFormLayout>
#include <QHBoxLayout>
#include <QLabel>
#include <QLineEdit>
#include <QPointer>
#include <QPushButton>
#include <QSpinBox>
#include <algorithm>
#include <cmath>

#include "app/command_line.h"
#include "app/picture_saver.h"
#include "app/shell.h"
#include "views/compare_figure.h"

namespace eigenscape {

namespace {

QSpinBox* millimetres(double value) {
  auto* box = new QSpinBox;
  box->setRange(leastFigureMm, mostFigureMm);
  box->setSuffix(QObject::tr(" mm"));
  box->setValue(static_cast<int>(std::ceil(value)));
  return box;
}

/// What --batch and --render draw the figure with where nothing is asked for.
ExportOptions usualOptions(const Figure& figure) {
  ExportOptions options = wideEnough(figure, {});
  if (figure.preferredHeightMm() > 0) options.heightMm = figure.preferredHeightMm();
  return options;
}

}  // namespace

ExportDialog::ExportDialog(const Figure& figure, const QString& folder, const QString& format, QWidget* parent)
    : QDialog(parent), comparison_(dynamic_cast<const CompareFigure*>(&figure)) {
  setWindowTitle(tr("Export %1").arg(figure.id().title()));
  ExportOptions chosen = usualOptions(figure);
  chosen.theme = figure.theme();
  if (figure.exportChoice()) chosen = figure.exportChoice()->options;
  file_ = new QLineEdit;
  file_->setObjectName(QStringLiteral("file"));
  file_->setMinimumWidth(360);
  format_ = new QComboBox;
  format_->setObjectName(QStringLiteral("format"));
  for (const QString& known : figure.formats()) format_->addItem(known.toUpper(), known);
  if (!format.isEmpty()) format_->setCurrentIndex(std::max(0, format_->findData(format)));
  width_ = millimetres(chosen.widthMm);
  width_->setObjectName(QStringLiteral("width"));
  height_ = millimetres(chosen.heightMm);
  height_->setObjectName(QStringLiteral("height"));
  scale_ = new QSpinBox;
  scale_->setObjectName(QStringLiteral("scale"));
  scale_->setRange(1, 8);
  scale_->setSuffix(QStringLiteral(" ×"));
  scale_->setValue(static_cast<int>(chosen.scale));
  font_ = new QDoubleSpinBox;
  font_->setObjectName(QStringLiteral("type"));
  font_->setRange(leastFigurePoints, mostFigurePoints);
  font_->setDecimals(1);
  font_->setSuffix(tr(" pt"));
  font_->setValue(chosen.fontPoints);
  style_ = new QComboBox;
  style_->setObjectName(QStringLiteral("style"));
  style_->addItem(tr("Light"), QVariant::fromValue(int(Theme::Light)));
  style_->addItem(tr("Dark"), QVariant::fromValue(int(Theme::Dark)));
  style_->setCurrentIndex(style_->findData(int(chosen.theme)));
  caption_ = new QCheckBox(tr("Caption: model, data, seed, version"));
  caption_->setObjectName(QStringLiteral("caption"));
  caption_->setChecked(chosen.caption);
  for (const auto& [widget, name] : {std::pair<QWidget*, QString>{file_, tr("file")},
                                     {format_, tr("format")},
                                     {width_, tr("width")},
                                     {height_, tr("height")},
                                     {scale_, tr("pixel density")},
                                     {font_, tr("size of type")},
                                     {style_, tr("style")}}) {
    widget->setAccessibleName(name);
  }
  remark_ = new QLabel;
  remark_->setWordWrap(true);

  auto* browse = new QPushButton(tr("Browse …"));
  auto* row = new QHBoxLayout;
  row->addWidget(file_, 1);
  row->addWidget(browse);
  auto* size = new QHBoxLayout;
  size->addWidget(width_);
  size->addWidget(new QLabel(QStringLiteral("×")));
  size->addWidget(height_);
  size->addStretch(1);
  auto* form = new QFormLayout(this);
  form->addRow(tr("File"), row);
  form->addRow(tr("Format"), format_);
  form->addRow(tr("Width × height"), size);
  form->addRow(tr("Type"), font_);
  form->addRow(tr("Pixel density"), scale_);
  form->addRow(tr("Style"), style_);
  form->addRow(QString(), caption_);
  form->addRow(remark_);
  auto* buttons = new QDialogButtonBox(QDialogButtonBox::Cancel);
  export_ = buttons->addButton(tr("Export"), QDialogButtonBox::AcceptRole);
  copy_ = buttons->addButton(tr("Copy as batch command"), QDialogButtonBox::ActionRole);
  copy_->setObjectName(QStringLiteral("copy"));
  copy_->setToolTip(tr("The command line that draws this figure with what is chosen here"));
  connect(copy_, &QPushButton::clicked, this, [this] {
    Q_EMIT commandRequested();
    remark_->setText(tr("The command is on the clipboard."));
  });
  form->addRow(buttons);

  file_->setText(QDir(folder).filePath(figure.id().fileStem() + '.' + format_->currentData().toString()));
  connect(browse, &QPushButton::clicked, this, &ExportDialog::browse);
  connect(format_, &QComboBox::currentIndexChanged, this, &ExportDialog::formatChosen);
  connect(file_, &QLineEdit::textEdited, this, &ExportDialog::refresh);
  for (QSpinBox* box : {width_, height_, scale_}) connect(box, &QSpinBox::valueChanged, this, &ExportDialog::refresh);
  connect(font_, &QDoubleSpinBox::valueChanged, this, &ExportDialog::refresh);
  connect(buttons, &QDialogButtonBox::accepted, this, &QDialog::accept);
  connect(buttons, &QDialogButtonBox::rejected, this, &QDialog::reject);
  refresh();
}

QString ExportDialog::file() const {
  const QString suffix = '.' + format_->currentData().toString(), text = file_->text().trimmed();
  return text.endsWith(suffix, Qt::CaseInsensitive) ? text.left(text.size() - suffix.size()) + suffix : text + suffix;
}

ExportOptions ExportDialog::options() const {
  ExportOptions options;
  options.widthMm = width_->value();
  options.heightMm = height_->value();
  options.scale = scale_->value();
  options.fontPoints = font_->value();
  options.caption = caption_->isChecked();
  options.theme = Theme(style_->currentData().toInt());
  return options;
}

QString ExportDialog::format() const {
  return format_->currentData().toString();
}

void ExportDialog::formatChosen() {
  QString text = file_->text();
  for (int i = 0; i < format_->count(); ++i) {
    const QString suffix = '.' + format_->itemData(i).toString();
    if (text.endsWith(suffix, Qt::CaseInsensitive)) text.chop(suffix.size());
  }
  file_->setText(text + '.' + format_->currentData().toString());
  refresh();
}

void ExportDialog::refresh() {
  const QString format = format_->currentData().toString();
  const bool table = format == "csv", pixels = format == "png";
  for (QWidget* one : {static_cast<QWidget*>(width_), static_cast<QWidget*>(height_), static_cast<QWidget*>(font_),
                       static_cast<QWidget*>(style_), static_cast<QWidget*>(caption_)}) {
    one->setEnabled(!table);
  }
  scale_->setEnabled(pixels);
  const ExportOptions now = options();
  const auto count = [&](double mm) { return qRound(mm / 25.4 * now.dotsPerInch * now.scale); };
  QString remark = table ? tr("The numbers that the figure shows.") : QString();
  if (pixels) remark = tr("%1 × %2 pixels").arg(count(now.widthMm)).arg(count(now.heightMm));
  const auto [wide, high] = roomForType(now.fontPoints);
  QString lacking;
  if (now.widthMm < wide || now.heightMm < high)
    lacking = tr("Type of %1 pt needs at least %2 × %3 mm.").arg(now.fontPoints).arg(wide).arg(high);
  else if (comparison_ && !hasRoomToCompare(now.widthMm, now.heightMm))
    lacking = tr("A comparison needs at least 120 × 80 or 80 × 120 mm.");
  const bool room = table || lacking.isEmpty();
  if (!room) remark = lacking;
  if (QFileInfo::exists(file())) remark += (remark.isEmpty() ? "" : ". ") + tr("The file exists and will be replaced.");
  remark_->setText(remark);
  copy_->setEnabled(room);
  export_->setEnabled(room && !file_->text().trimmed().isEmpty());
  export_->setText(QFileInfo::exists(file()) ? tr("Replace") : tr("Export"));
}

void ExportDialog::browse() {
  auto* dialog = new QFileDialog(this, windowTitle(), file());
  dialog->setAttribute(Qt::WA_DeleteOnClose);
  dialog->setAcceptMode(QFileDialog::AcceptSave);
  dialog->setDefaultSuffix(format_->currentData().toString());
  dialog->selectFile(file());
  connect(dialog, &QFileDialog::fileSelected, this, [this](const QString& chosen) {
    const int known = format_->findData(QFileInfo(chosen).suffix().toLower());
    if (known >= 0) format_->setCurrentIndex(known);
    file_->setText(chosen);
    refresh();
  });
  dialog->open();
}

void ExportDialog::ask(Figure& figure, const QString& folder, const QString& format, QWidget* parent,
                       PictureSaver& saver) {
  auto* dialog = new ExportDialog(figure, folder, format, parent);
  dialog->setAttribute(Qt::WA_DeleteOnClose);
  const QPointer<Figure> target(&figure);
  connect(dialog, &QDialog::accepted, &saver, [&saver, dialog, target] {
    if (!target) return;
    target->setExportChoice({dialog->format(), dialog->options()});
    saver.save(*target, dialog->file(), dialog->options());
  });
  connect(dialog, &ExportDialog::commandRequested, &saver, [dialog, target] {
    if (!target) return;
    target->setExportChoice({dialog->format(), dialog->options()});
    Q_EMIT target->copyBatchCommandRequested();
  });
  dialog->open();
}

QString exportArguments(const Figure& figure) {
  if (!figure.exportChoice()) return {};
  const auto& [format, options] = *figure.exportChoice();
  const ExportOptions usual = usualOptions(figure);
  QStringList words;
  if (format != QLatin1String("png")) words << "--figures" << format;
  if (options.widthMm != usual.widthMm || options.heightMm != usual.heightMm || options.fontPoints > mostUsualPoints)
    words << "--figure-size" << QStringLiteral("%1x%2").arg(options.widthMm).arg(options.heightMm);
  if (options.fontPoints != usual.fontPoints) words << "--figure-font-size" << QString::number(options.fontPoints);
  if (options.scale != usual.scale) words << "--figure-density" << QString::number(options.scale);
  if (options.theme == Theme::Dark)
    words << "--style"
          << "dark";
  if (!options.caption) words << "--no-caption";
  return words.isEmpty() ? QString() : ' ' + words.join(' ');
}

QString figureArguments(const Figure& figure, std::int64_t epoch, std::int64_t last) {
  QString words = " --figure " + QString::fromStdString(shellQuoted(figure.id().fileStem().toStdString()));
  if (epoch != last) words += QStringLiteral(" --epoch %1").arg(epoch);
  const auto view = figure.pointOfView();
  if (view && *view != SurfaceView()) {
    const auto number = [](double value) { return QString::number(value, 'g', QLocale::FloatingPointShortest); };
    words += QStringLiteral(" --view %1,%2,%3").arg(number(view->azimuth), number(view->elevation), number(view->zoom));
  }
  return words + exportArguments(figure);
}

}  // namespace eigenscape
