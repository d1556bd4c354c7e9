// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QObject>
#include <QString>
#include <QTimer>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "core/results/run_directory.h"

namespace eigenscape {

/// Reads run directories on a thread of its own. load() replaces what was asked before, and what was
/// read for that is never delivered; reloading goes on beside a reading of the same run.
class RunLoader : public QObject {
  Q_OBJECT
 public:
  explicit RunLoader(QObject* parent = nullptr);
  ~RunLoader() override;

  /// Reads at once.
  void load(const std::filesystem::path& directory);
  /// reloadSoon() reads this directory from now on.
  void follow(const std::filesystem::path& directory) { directory_ = directory; }
  /// Reads the same directory again, at most four times a second however often this is called.
  void reloadSoon();
  /// Nothing that was asked for so far will be delivered.
  void forget();
  /// Delivers nothing more and is deleted as soon as that need not wait for what is being read.
  void retire();

 Q_SIGNALS:
  void loaded(std::shared_ptr<const eigenscape::RunResults> run);
  void failed(const QString& message);

 private:
  struct Request {
    std::filesystem::path directory;
    std::uint64_t number = 0;
  };
  void work(const std::stop_token& stop);
  void ask();

  std::filesystem::path directory_;
  std::uint64_t number_ = 0;  ///< of the latest load() or forget(); what was asked before is stale
  QTimer debounce_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::optional<Request> pending_;
  bool reading_ = false;
  bool retired_ = false;  ///< of the window's thread
  std::jthread thread_;
};

}  // namespace eigenscape
