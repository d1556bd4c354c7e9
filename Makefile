# SPDX-License-Identifier: GPL-3.0-or-later
# The commands of the README. Each is complete on a fresh machine: it installs what is missing, configures and builds.

PRESET ?= release
BUILD ?= build
# One job a core, and no more than fit the memory: a file that uses LibTorch takes up to 1.5 GB to compile.
JOBS ?= $(shell awk -v cores="$$(nproc)" '/^MemTotal/ { fit = int($$2 / 1572864); if (fit < 1) fit = 1; print (fit < cores ? fit : cores) }' /proc/meminfo)
DEMO ?= runs/quickstart
# Of bench: a folder with CIFAR-10's test_batch.bin and data_batch_1.bin, and weights of the ResNet-20.
BENCH_DATA ?=
BENCH_WEIGHTS ?=
BENCH = '$(BUILD)/eigenscape_bench' --data '$(BENCH_DATA)'
# Seconds of a product against images and parameters, and the figure of them.
SCALING = echo 'seconds against images and parameters: $(BUILD)/scaling.csv, .svg'; \
  '$(BUILD)/eigenscape_bench' --scaling > '$(BUILD)/scaling.csv' && \
  { ! command -v python3 >/dev/null || python3 tests/bench/scaling_figure.py '$(BUILD)/scaling.csv' '$(BUILD)/scaling.svg'; }

.DEFAULT_GOAL := help
.PHONY: help packages configure build demo test bench bench-cases bench-scaling format clean

help:
	@echo 'make demo    install what is missing, build, run the quickstart recipe, say where its figures and tables are'
	@echo 'make test    the same set-up, then build and run every test'
	@echo 'make build   the same set-up, then build $(BUILD)/eigenscape'
	@echo 'make bench   build and run the benchmarks; BENCH_DATA=FOLDER (CIFAR-10) adds those beside other libraries'
	@echo 'make bench-scaling  seconds of a product against images and parameters, as $(BUILD)/scaling.csv and .svg'
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
	@$(SCALING)
	@[ -z '$(BENCH_DATA)' ] || $(MAKE) --no-print-directory bench-cases

# What other libraries are timed on (tests/README.md), on CIFAR-10 in BENCH_DATA. A part of bench, which builds first.
bench-cases:
	@for model in mixer mlp-1m; do \
	  $(BENCH) --model $$model --epochs 3 --train-into '$(BUILD)'/$$model.safetensors && \
	  $(BENCH) --model $$model --weights '$(BUILD)'/$$model.safetensors --json '$(BUILD)/bench.json' || exit 1; \
	done
	@if [ -z '$(BENCH_WEIGHTS)' ]; then \
	  echo 'resnet20 is left out: BENCH_WEIGHTS=FILE has to name its weights'; \
	else \
	  $(BENCH) --model resnet20 --weights '$(BENCH_WEIGHTS)' --json '$(BUILD)/bench.json'; \
	fi
	@! command -v python3 >/dev/null || python3 tests/peers/benchmark.py --table '$(BUILD)/bench.json'

# That part of bench alone.
bench-scaling: configure
	@cmake --build '$(BUILD)' --parallel $(JOBS) --target eigenscape_bench
	@$(SCALING)

format:
	@find app core datasets tests views -name '*.h' -o -name '*.cpp' | xargs -d '\n' clang-format-14 -i

clean:
	rm -rf '$(BUILD)'
