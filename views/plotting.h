// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

// QCustomPlot's header uses Qt's keywords, which the rest of this program leaves undefined: they are lent to it alone.
// Qt's own headers come first, so that they never see them.
#include <QCache>
#include <QDateTime>
#include <QMargins>
#include <QMouseEvent>
#include <QMultiMap>
#include <QObject>
#include <QPaintEvent>
#include <QPainter>
#include <QPainterPath>
#include <QPixmap>
#include <QPointer>
#include <QSharedPointer>
#include <QStack>
#include <QTimeZone>
#include <QTimer>
#include <QVector>
#include <QWheelEvent>
#include <QWidget>
#include <QtNumeric>

#define signals Q_SIGNALS
#define slots Q_SLOTS
#define emit
#define foreach Q_FOREACH
#include <qcustomplot.h>
#undef signals
#undef slots
#undef emit
#undef foreach
