# Everything is done by two commands: `make demo` and `make test`. Both install what they need, or say what is missing.

SHELL := /bin/bash
SWIFT ?= swift
BUILD ?= debug
PREFIX ?= /usr
DESTDIR ?=
BIN := .build/$(BUILD)
RELEASE_FLAGS := --configuration release --static-swift-stdlib

.PHONY: demo test unit sim explore bench mutants fuzz sanitize soak e2e service lint check build release install deb docs clean prerequisites

demo: build
	$(BIN)/pilotlightctl demo

test: unit sim e2e service

# One target after the other: Swift Testing runs all tests of a process at once, and those that talk over real sockets would starve
# beside those that compute. Tests that are stuck are ended, loudly. SCRATCH, UNIT_FLAGS and PATIENCE are for `make sanitize`.
SCRATCH ?= .build
UNIT_FLAGS ?=
PATIENCE ?= 1
UNIT_TARGETS := $(notdir $(filter Tests/%Tests,$(wildcard Tests/*)))
unit: prerequisites
	$(SWIFT) build --build-tests --scratch-path $(SCRATCH) $(UNIT_FLAGS)
	@export PILOTLIGHT_PYTHON="$$(Tests/EndToEnd/python.sh)" && for target in $(UNIT_TARGETS); do \
	  printf '%-20s ' "$$target"; \
	  if ! timeout --kill-after=10 $$((300 * $(PATIENCE))) $(SWIFT) test --scratch-path $(SCRATCH) $(UNIT_FLAGS) --skip-build \
	    --disable-xctest --filter "$$target" > $(SCRATCH)/unit.log 2>&1; \
	  then grep -vE '^(◇|✔)' $(SCRATCH)/unit.log; echo "$$target failed"; exit 1; fi; \
	  grep -E 'Test run with' $(SCRATCH)/unit.log; \
	done

# Simulated worlds: every pair of the named faults, a crash at each record, every place on the way to dr-active and home, and SEEDS
# random ones of KIND (any, noise or outage) from FIRST on. `make sim SEED=n` tells one story. Exclusive access is checked in the
# debug builds of the tests; here it would cost a tenth of the time.
SEEDS ?= 10000
FIRST ?= 1
KIND ?= any
SIMULATOR := .build/simulator/release/simulator
SIMULATOR_BUILD := $(SWIFT) build --scratch-path .build/simulator --configuration release --product simulator \
  --static-swift-stdlib -Xswiftc -enforce-exclusivity=unchecked
sim: prerequisites
	$(SIMULATOR_BUILD)
ifdef SEED
	$(SIMULATOR) tell --seed $(SEED) --kind $(KIND)
else
	$(SIMULATOR) pairs
	$(SIMULATOR) cuts
	$(SIMULATOR) explore --from healthy
	$(SIMULATOR) explore --from healthy --fence --prepare --disturbances 1
	$(SIMULATOR) explore --from switchover --disturbances 2
	$(SIMULATOR) explore --from switchover --aurora --disturbances 2
	$(SIMULATOR) explore --from dr-active --disturbances 2
	$(SIMULATOR) worlds --seeds $(SEEDS) --first $(FIRST) --kind $(KIND)
endif

# Every place the machine can come to when up to DISTURBANCES things go wrong, each anywhere: minutes for 3, hours for more.
DISTURBANCES ?= 3
explore: prerequisites
	$(SIMULATOR_BUILD)
	$(SIMULATOR) explore --fence --prepare --disturbances $(DISTURBANCES)

# Our own share of a failover's time, with the real daemon.
bench: build prerequisites
	Tests/EndToEnd/bench.sh 8

# Planted bugs, and how many worlds it takes to find each.
mutants: prerequisites
	Tests/Mutants/run.py

# Every reader of foreign bytes under libFuzzer and AddressSanitizer, TIME seconds each; TARGETS chooses among Tests/FuzzTests/Corpus.
TIME ?= 60
fuzz: prerequisites
	TIME=$(TIME) Tests/Fuzzer/run.sh $(TARGETS)

# Unit and end-to-end tests under a sanitizer; a report fails them. SANITIZER=thread or address; both, one after the other.
SANITIZER ?= thread address
sanitize: prerequisites
	Tests/Sanitizers/run.sh $(SANITIZER)

# The real daemon through POLLS polls of every outcome on loopback: memory, descriptors and threads must stay flat.
POLLS ?= 1000000
soak: release
	python3 Tests/Soak/run.py --polls $(POLLS) --program .build/release/pilotlightd --csv .build/soak.csv

e2e: build
	PILOTLIGHT_BIN="$(CURDIR)/$(BIN)" Tests/EndToEnd/run.sh

# The packaged service under a real systemd, in machines of its own (namespaces; root). BUSY: seconds that a busy daemon is watched
# for a restart it must not get; 600 is the bar.
BUSY ?= 20
service: build
	BUSY=$(BUSY) PILOTLIGHT_BIN="$(CURDIR)/$(BIN)" Tests/Systemd/run.sh

build: prerequisites
	$(SWIFT) build --configuration $(BUILD)

# What the build and the tests need from Debian; missing packages are installed when we may.
prerequisites:
	@systemd/prerequisites.sh

lint:
	$(SWIFT) format lint --strict --recursive Sources Tests Package.swift
	@if command -v shellcheck >/dev/null; then shellcheck --external-sources systemd/*.sh packaging/*.sh packaging/debian/p* Tests/EndToEnd/*.sh Tests/Systemd/*.sh \
	  Tests/Fuzzer/*.sh Tests/Sanitizers/*.sh config/programs/* .ci/run; fi

# Exactly what CI runs.
check: lint build test

release: prerequisites
	$(SWIFT) build $(RELEASE_FLAGS) --product pilotlightd
	$(SWIFT) build $(RELEASE_FLAGS) --product pilotlightctl

install: release
	packaging/install.sh .build/release "$(DESTDIR)" "$(PREFIX)"

# The Debian package, in .build/deb. An error of lintian's fails it.
deb: release
	packaging/deb.sh .build/release .build/deb
	lintian --allow-root --fail-on=error .build/deb/*.deb

# The documents that the programs write about themselves; a test compares them.
docs: build
	$(BIN)/pilotlightd --print reference > config/REFERENCE.md
	$(BIN)/pilotlightd --print catalog > systemd/pilotlight.catalog
	$(BIN)/pilotlightd --policy --config config/pilotlight.yaml > config/iam-policy.json
	$(BIN)/pilotlightctl docs cli > config/CLI.md
	$(BIN)/pilotlightctl docs scenarios > config/SCENARIOS.md
	packaging/manual.py $(BIN) packaging/man

clean:
	rm -rf .build
