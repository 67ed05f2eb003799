# SPDX-License-Identifier: Apache-2.0
# The commands of the project. Each first runs scripts/bootstrap, which installs what is missing and is quick when nothing is.
.PHONY: help demo teleop train test sanitize fuzz bench soak docs package cross format tidy clean
.DEFAULT_GOAL := help
SHELL := bash
SOAK_MINUTES ?= 10
export SOAK_MINUTES

help:    ## list these commands
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1	\2/p' Makefile | expand -t 16

demo:    ## watch an arm do what two cameras and an instruction say; make demo ARGS="--seed 7"
	@scripts/bootstrap --sim
	@scripts/install-python
	@.venv/bin/python -m sinew demo $(ARGS)

teleop:  ## take over from a policy with the keyboard; make teleop ARGS="--gamepad"
	@scripts/bootstrap --sim
	@scripts/install-python
	@.venv/bin/python -m sinew teleop $(ARGS)

test:    ## build and test everything
	@scripts/test

sanitize: ## build and test everything under the address, undefined-behaviour and thread sanitizers
	@scripts/bootstrap --sim --dev
	@scripts/sanitize

fuzz:    ## build the fuzz targets as OSS-Fuzz does and run each for SECONDS_EACH (10)
	@scripts/bootstrap --fuzz
	@tests/fuzz/oss_fuzz/try_it.sh $${SECONDS_EACH:-10}

train:   ## record demonstrations, train the tabletop's policy and evaluate it; make train ARGS="--episodes 4000"
	@scripts/bootstrap --sim --dev --with-torch
	@scripts/install-python
	@.venv/bin/python -m sinew train --tabletop --output outputs/train --processes 2 $(ARGS)
	@.venv/bin/python -m sinew eval outputs/train/policy --episodes 210 --conditions plain random --json outputs/train/figures.json --card

bench:   ## run every benchmark; results in build/bench and docs/benchmarks.md
	@scripts/bootstrap --sim --dev --bench --with-torch
	@scripts/bench

soak:    ## run the long tests, SOAK_MINUTES (10) each
	@scripts/bootstrap --sim --dev
	@cmake --preset dev && cmake --build --preset dev
	@ctest --test-dir build/dev -L soak --output-on-failure --no-tests=error --timeout $$((SOAK_MINUTES * 60 + 600))

docs:    ## check all documents and build the site, build/site/index.html
	@scripts/bootstrap --docs
	@scripts/docs

package: ## build a wheel, an sdist and Debian packages into dist/; make package ARGS=wheel
	@scripts/bootstrap --sim --package
	@.venv/bin/python scripts/package $(ARGS)

cross:   ## build sinew::sinew for aarch64 and run its unit tests in an emulator
	@scripts/bootstrap --cross
	@scripts/cross

format:  ## format the C++ sources
	@scripts/bootstrap --dev
	@scripts/format --write

tidy:    ## clang-tidy over src/
	@scripts/bootstrap --sim --tidy
	@scripts/tidy

clean:   ## remove build/; .venv stays
	@rm -rf build
