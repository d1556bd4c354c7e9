# SPDX-License-Identifier: GPL-3.0-or-later
# The commands of the README. Each is complete on a fresh machine: it installs what is missing, configures and builds.

PRESET ?= release
BUILD ?= build
# One job a core, and no more than fit the memory: a file that uses LibTorch takes up to 1.5 GB to compile.
JOBS ?= $(shell awk -v cores="$$(nproc)" '/^MemTotal/ { fit = int($$2 / 1572864); if (fit < 1) fit = 1; print (fit < cores ? fit : cores) }' /proc/meminfo)
DEMO ?= runs/quickstart

.DEFAULT_GOAL := help
.PHONY: help packages configure build demo test bench format clean

help:
	@echo 'make demo    install what is missing, build, run the quickstart recipe, say where its figures and tables are'
	@echo 'make test    the same set-up, then build and run every test'
	@echo 'make build   the same set-up, then build $(BUILD)/eigenscape'
	@echo 'make bench   build and run the benchmarks'
	@echo 'make format  lay the source out with clang-format 14'
	@echo 'make clean   remove $(BUILD)'

packages:
	@.ci/install-packages

configure: packages
	@cmake --preset '$(PRESET)' -B '$(BUILD)'

build: configure
	@cmake --build '$(BUILD)' --parallel $(JOBS) --target eigenscape

demo: build
	@rm -rf '$(DEMO)'
	'$(BUILD)/eigenscape' --batch quickstart --out '$(DEMO)'
	@echo
	@echo 'Figures:'
	@find "$$(cd '$(DEMO)' && pwd)/figures" -name '*.png' | sort
	@echo 'Tables:'
	@find "$$(cd '$(DEMO)' && pwd)" -maxdepth 1 -name '*.csv' | sort
	@echo 'In the window: $(BUILD)/eigenscape $(DEMO)'

test: configure
	@cmake --build '$(BUILD)' --parallel $(JOBS)
	@.ci/run-tests '$(BUILD)' $(JOBS)

bench: configure
	@cmake --build '$(BUILD)' --parallel $(JOBS) --target benchmarks
	'$(BUILD)/eigenscape_bench'
	@[ ! -x '$(BUILD)/eigenscape_frames' ] || QT_QPA_PLATFORM=offscreen '$(BUILD)/eigenscape_frames'

format:
	@find app core datasets tests views -name '*.h' -o -name '*.cpp' | xargs -d '\n' clang-format-14 -i

clean:
	rm -rf '$(BUILD)'
