// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <utility>

#include "app/bits_page.h"

/// The workbench on a run, on screen and looked at.
inline std::unique_ptr<eigenscape::BitsPage> pageOf(std::shared_ptr<const eigenscape::RunResults> run) {
  auto page = std::make_unique<eigenscape::BitsPage>();
  page->resize(1100, 750);
  page->setLookedAt(true);
  page->show();
  page->showRun(std::move(run));
  return page;
}
