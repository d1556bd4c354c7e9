// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/run_loader.h"

#include <QMetaObject>
#include <exception>

namespace eigenscape {

namespace {
constexpr int debounceMs = 250;
}

RunLoader::RunLoader(QObject* parent) : QObject(parent) {
  debounce_.setSingleShot(true);
  debounce_.setInterval(debounceMs);
  connect(&debounce_, &QTimer::timeout, this, &RunLoader::ask);
  thread_ = std::jthread([this](const std::stop_token& stop) { work(stop); });
}

RunLoader::~RunLoader() {
  thread_.request_stop();
  wake_.notify_all();
  thread_.join();
}

void RunLoader::load(const std::filesystem::path& directory) {
  directory_ = directory;
  debounce_.stop();
  ++number_;
  ask();
}

void RunLoader::reloadSoon() {
  if (!directory_.empty() && !debounce_.isActive()) debounce_.start();
}

void RunLoader::forget() {
  ++number_;
  debounce_.stop();
  directory_.clear();
  const std::lock_guard lock(mutex_);
  pending_.reset();
}

void RunLoader::retire() {
  forget();
  retired_ = true;
  const std::lock_guard lock(mutex_);
  // Else what is posted after the reading does it.
  if (!reading_) deleteLater();
}

/// Asking again for the same run does not make stale what is being read: a run that grows faster than it is read would
/// never be shown.
void RunLoader::ask() {
  {
    const std::lock_guard lock(mutex_);
    pending_ = Request{directory_, number_};
  }
  wake_.notify_all();
}

void RunLoader::work(const std::stop_token& stop) {
  while (true) {
    Request request;
    {
      std::unique_lock lock(mutex_);
      if (!wake_.wait(lock, stop, [this] { return pending_.has_value(); })) return;
      request = *pending_;
      pending_.reset();
      reading_ = true;
    }
    std::shared_ptr<const RunResults> run;
    QString message;
    try {
      run = std::make_shared<RunResults>(loadRun(request.directory));
    } catch (const std::exception& error) {
      message = QString::fromUtf8(error.what()).section('\n', 0, 0);
    }
    {
      const std::lock_guard lock(mutex_);
      reading_ = false;
    }
    QMetaObject::invokeMethod(
        this,
        [this, run, message, number = request.number] {
          if (retired_) deleteLater();
          if (number != number_) return;
          if (run) {
            Q_EMIT loaded(run);
          } else {
            Q_EMIT failed(message);
          }
        },
        Qt::QueuedConnection);
  }
}

}  // namespace eigenscape
