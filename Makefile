# Beamline. `make demo` and `make test` work on a fresh Debian 12 with a Swift toolchain; what else is missing they install.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := build

BUILD_PACKAGES := libpq-dev libyaml-dev liburing-dev libcrypt-dev libssl-dev \
  libcurl4-openssl-dev zlib1g-dev pkg-config
RUN_PACKAGES := postgresql openssl python3 python3-venv liblua5.3-0 libopentracing-c-wrapper0
# What the HTTP server is measured against, and its reading of odd requests compared with.
NGINX := $(firstword $(wildcard /usr/sbin/nginx) .tools/nginx/usr/sbin/nginx)
# What `beamline routes` is tried out with, beside nginx.
HAPROXY := $(firstword $(wildcard /usr/sbin/haproxy) .tools/haproxy/usr/sbin/haproxy)
BENCH_PACKAGES := libuv1-dev wrk
VENV := .tools/venv
NIO_VERSION := 0.26.0
BOT_VERSION := 2.13.1
CLIENTS := $(VENV)/clients-$(NIO_VERSION)-$(BOT_VERSION)
SYNAPSE_VENV := .tools/synapse
SYNAPSE_VERSION := 1.66.0
# What the main process is measured against.
HOMESERVER_VENV := .tools/homeserver
HOMESERVER_VERSION := 1.163.2
# `make demo DEMO_SECONDS=20` ends by itself. DEMO_DIRECTORY keeps the fleet's folder; without it a temporary one is used.
DEMO_SECONDS ?= 0
DEMO_DIRECTORY ?=
FUZZ_SECONDS ?= 60
FUZZ_RUNS ?= 4000
FUZZ_TARGET ?= $(notdir $(wildcard Tests/Fuzz/Corpus/*))
FUZZ_BUILD := .build-fuzz
FUZZ_FLAGS := -Xswiftc -sanitize=fuzzer,address -Xswiftc -assert-config -Xswiftc Debug
# The suites of layers 0 to 3, where threads, C and unsafe memory are.
SANITIZE_SUITES ?= Bytes JSON Reactor ReactorTesting HTTPWire ReplicationWire YAML TLS HTTPServer \
  HTTPClient Replication Postgres PostgresCluster
RELEASE := -c release --static-swift-stdlib

.PHONY: build test soak sanitize demo fuzz fuzz-check format lint clean toolchain build-deps deps client bench \
  bench-reactor bench-replication bench-homeserver bench-synapse bench-fanout allocation-check redis
# Two apt-gets or two `swift build`s at once would only wait for each other.
.NOTPARALLEL:

# Installs the Debian packages of $(1) that are missing: as root, or through sudo; else says what to run.
define install
	@missing=""; for package in $(1); do \
	  dpkg-query -W -f='$${Status}' $$package 2>/dev/null | grep -q 'ok installed' || missing="$$missing $$package"; \
	done; \
	if [ -n "$$missing" ]; then \
	  if ! command -v apt-get >/dev/null; then \
	    echo "Missing, by the names of Debian packages (there is no apt-get here):$$missing" >&2; exit 1; fi; \
	  if [ "$$(id -u)" = 0 ]; then as=""; \
	  elif command -v sudo >/dev/null; then as="sudo"; \
	  else echo "Missing Debian packages. Run as root: apt-get update && apt-get install -y$$missing" >&2; exit 1; fi; \
	  echo "Installing$$missing"; \
	  $$as apt-get update -qq; \
	  $$as env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
	fi
endef

toolchain:
	@command -v swift >/dev/null || { echo "No Swift toolchain found: install Swift 6.2 or later from https://www.swift.org/install" >&2; exit 1; }

build-deps: toolchain
	$(call install,$(BUILD_PACKAGES))

# Everything at once, so that whoever must run the command by hand runs it once.
deps: toolchain
	$(call install,$(BUILD_PACKAGES) $(RUN_PACKAGES))

# Release executables with the Swift runtime linked in: .build/release/beamline and .build/release/synctl.
build: build-deps
	swift build $(RELEASE) --product beamline
	swift build $(RELEASE) --product synctl

# The real clients that the integration tests drive, in a virtual environment of their own.
$(CLIENTS): | deps
	rm -rf $(VENV)
	python3 -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check "matrix-nio[e2e]==$(NIO_VERSION)" \
	  simplematrixbotlib==$(BOT_VERSION)
	touch $@

client: deps $(CLIENTS)

test: lint client $(NGINX) $(HAPROXY)
	BEAMLINE_TEST_NGINX="$(abspath $(NGINX))" BEAMLINE_TEST_HAPROXY="$(abspath $(HAPROXY))" BEAMLINE_TEST_PYTHON="$(CURDIR)/$(VENV)/bin/python" swift test
	$(MAKE) --no-print-directory fuzz-check allocation-check

# That echoes and HTTP requests allocate nothing on their steady path, which only optimised code can show.
allocation-check: deps
	swift build -c release --product allocation-check
	.build/release/allocation-check

# Main, synchrotrons and PostgreSQL killed by SIGKILL in random order for SOAK_SECONDS, while people write and read.
SOAK_SECONDS ?= 600
soak: deps
	BEAMLINE_SOAK_SECONDS=$(SOAK_SECONDS) swift test --filter SoakTests

# SANITIZE_SUITES under ThreadSanitizer and AddressSanitizer with its leak check, each on epoll and on what `auto`
# chooses. Nothing is suppressed. Suites that take turns on both backends by themselves do so each time. XCTest, which
# has no tests here, is not even started: the leak check finds what its own main function leaves behind. The model test
# of replication plays fewer schedules, since each takes ten times as long.
sanitize: deps
	@suites="^($$(echo $(SANITIZE_SUITES) | tr ' ' '|'))Tests\\."; \
	export BEAMLINE_LAYERS=low BEAMLINE_MODEL_SCHEDULES=$${BEAMLINE_MODEL_SCHEDULES:-400} TSAN_OPTIONS="halt_on_error=0 exitcode=66 $${TSAN_OPTIONS:-}" ASAN_OPTIONS="detect_leaks=1 $${ASAN_OPTIONS:-}"; \
	for sanitizer in thread address; do \
	  build="--sanitize=$$sanitizer --scratch-path .build-$${sanitizer:0:1}san"; \
	  swift build --build-tests $$build; \
	  for backend in epoll auto; do \
	    echo "$$sanitizer sanitizer, BEAMLINE_BACKEND=$$backend"; \
	    BEAMLINE_BACKEND=$$backend swift test --disable-xctest --skip-build $$build --filter "$$suites"; \
	  done; \
	done

demo: deps build
	.build/release/beamline demo $(if $(DEMO_DIRECTORY),--directory '$(DEMO_DIRECTORY)') --seconds $(DEMO_SECONDS)

# Lets libFuzzer loose on each parser, or those of FUZZ_TARGET, for FUZZ_SECONDS. What it learns stays in
# $(FUZZ_BUILD)/found for the next time; an input that breaks a parser in $(FUZZ_BUILD)/broken, from where it
# belongs into Tests/Fuzz/Corpus once the parser is right.
fuzz: build-deps
	BEAMLINE_FUZZ=1 swift build -c release --scratch-path $(FUZZ_BUILD) --product fuzz $(FUZZ_FLAGS)
	@program=$$(BEAMLINE_FUZZ=1 swift build -c release --scratch-path $(FUZZ_BUILD) --show-bin-path)/fuzz; \
	for target in $(FUZZ_TARGET); do \
	  found=$(FUZZ_BUILD)/found/$$target broken=$(FUZZ_BUILD)/broken/$$target; mkdir -p $$found $$broken; \
	  echo "Fuzzing $$target for $(FUZZ_SECONDS) seconds"; \
	  SWIFT_BACKTRACE=enable=no $$program $$target -max_total_time=$(FUZZ_SECONDS) -max_len=2048 -timeout=10 \
	    -rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix=$$broken/ $$found Tests/Fuzz/Corpus/$$target \
	    2>$(FUZZ_BUILD)/$$target.log || { tail -n 40 $(FUZZ_BUILD)/$$target.log; exit 1; }; \
	  grep -a stat::number_of_executed_units $(FUZZ_BUILD)/$$target.log; \
	done

# The part of `make fuzz` that `make test` can afford: what reads from strangers first, FUZZ_RUNS inputs each, the
# same ones every time.
fuzz-check: build-deps
	BEAMLINE_FUZZ=1 swift build -c release --scratch-path $(FUZZ_BUILD) --product fuzz-http $(FUZZ_FLAGS)
	@program=$$(BEAMLINE_FUZZ=1 swift build -c release --scratch-path $(FUZZ_BUILD) --show-bin-path)/fuzz-http; \
	for target in http chunked; do \
	  found=$(FUZZ_BUILD)/checked/$$target broken=$(FUZZ_BUILD)/broken/$$target; \
	  rm -rf $$found; mkdir -p $$found $$broken; \
	  SWIFT_BACKTRACE=enable=no $$program $$target -runs=$(FUZZ_RUNS) -seed=1 -max_len=1024 -timeout=10 \
	    -rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix=$$broken/ $$found Tests/Fuzz/Corpus/$$target \
	    2>$(FUZZ_BUILD)/$$target.log || { tail -n 40 $(FUZZ_BUILD)/$$target.log; exit 1; }; \
	  echo "Fuzzed $$target: $$(grep -a stat::number_of_executed_units $(FUZZ_BUILD)/$$target.log)"; \
	done

# Server CPU per response when many parked requests are answered at once, on each backend.
bench: build-deps
	swift run -c release --package-path Benchmarks FanOut

# The reactor and the HTTP server beside their peers in one run: .bench/reactor.md, .json, .svg. It takes about
# half an hour; `make bench-reactor BENCH="--quick --only echo-64B"` measures less, `BENCH=--help` tells what else.
BENCH ?=
bench-reactor: build-deps $(NGINX)
	$(call install,$(BENCH_PACKAGES))
	swift build $(RELEASE) --package-path Benchmarks
	swift build $(RELEASE) --package-path Benchmarks/Peers
	Benchmarks/.build/release/Bench --ours Benchmarks/.build/release --peers Benchmarks/Peers/.build/release \
	  --nginx $(NGINX) $(BENCH)

# Replication beside Redis' pub/sub and Python's parser in one run: .bench/replication.md, .json, .svg. It takes ten
# minutes; `make bench-replication BENCH=--quick` takes four. Redis' server is in its tools, under another name.
bench-replication: deps build $(SYNAPSE_VENV)/synapse-$(SYNAPSE_VERSION)
	@$(MAKE) --no-print-directory redis
	swift build $(RELEASE) --package-path Benchmarks --product Replicator
	swift build $(RELEASE) --package-path Benchmarks --product Bench
	swift build $(RELEASE) --package-path Benchmarks/Peers --product RowSink
	Benchmarks/.build/release/Bench --suite replication --homeserver .build/release/beamline --ours Benchmarks/.build/release \
	  --peers Benchmarks/Peers/.build/release --redis .tools/redis/redis-server \
	  --python $(SYNAPSE_VENV)/bin/python $(BENCH)

# The main process beside Synapse, with a database of a million events each: .bench/homeserver.md, .json, .svg. Making the
# databases takes ten minutes the first time, and 4 GB; `make bench-homeserver BENCH="--quick --events 100000"` takes less.
bench-homeserver: deps build $(HOMESERVER_VENV)/synapse-$(HOMESERVER_VERSION)
	swift build $(RELEASE) --package-path Benchmarks --product Bench
	swift build $(RELEASE) --package-path Benchmarks/Peers --product RequestLoad
	Benchmarks/.build/release/Bench --suite homeserver --ours .build/release --peers Benchmarks/Peers/.build/release \
	  --homeserver .build/release/beamline --python $(HOMESERVER_VENV)/bin/python $(BENCH)

# Redis' server is in its tools, under another name.
redis:
	$(call install,redis-tools)
	@mkdir -p .tools/redis && ln -sf "$$(command -v redis-check-rdb)" .tools/redis/redis-server

# A synchrotron beside Synapse's generic_worker: .bench/synapse.md, .json, .svg. Two runs take about ten minutes;
# `make bench-synapse BENCH="--quick --only lockstep-50"` takes one run of one scenario.
bench-synapse: deps build $(HOMESERVER_VENV)/synapse-$(HOMESERVER_VERSION)-workers
	@$(MAKE) --no-print-directory redis
	swift build $(RELEASE) --package-path Benchmarks --product SyncLoad
	swift build $(RELEASE) --package-path Benchmarks --product Bench
	Benchmarks/.build/release/Bench --suite synapse --ours Benchmarks/.build/release --peers Benchmarks/.build/release \
	  --homeserver .build/release/beamline --redis .tools/redis/redis-server \
	  --python $(HOMESERVER_VENV)/bin/python $(BENCH)

# A synchrotron at scale, on both backends, beside programs in C: .bench/fanout.md, .json, .svg.
bench-fanout: deps build
	swift build $(RELEASE) --package-path Benchmarks --product SyncLoad
	swift build $(RELEASE) --package-path Benchmarks --product Bench
	for product in FanOutLoad HTTPEpoll HTTPUring; do \
	  swift build $(RELEASE) --package-path Benchmarks/Peers --product $$product; done
	Benchmarks/.build/release/Bench --suite fanout --ours Benchmarks/.build/release --peers Benchmarks/Peers/.build/release \
	  --homeserver .build/release/beamline $(BENCH)

$(HOMESERVER_VENV)/synapse-$(HOMESERVER_VERSION): | deps
	rm -rf $(HOMESERVER_VENV)
	python3 -m venv $(HOMESERVER_VENV)
	$(HOMESERVER_VENV)/bin/pip install --quiet --disable-pip-version-check \
	  matrix-synapse==$(HOMESERVER_VERSION) psycopg2-binary==2.9.13
	touch $@

# What its workers need besides: they talk through Redis.
$(HOMESERVER_VENV)/synapse-$(HOMESERVER_VERSION)-workers: $(HOMESERVER_VENV)/synapse-$(HOMESERVER_VERSION)
	$(HOMESERVER_VENV)/bin/pip install --quiet --disable-pip-version-check txredisapi==1.4.12 hiredis==3.5.0
	touch $@

# The last release that spoke this protocol over TCP. A later prometheus_client no longer goes with it.
$(SYNAPSE_VENV)/synapse-$(SYNAPSE_VERSION): | deps
	rm -rf $(SYNAPSE_VENV)
	python3 -m venv $(SYNAPSE_VENV)
	$(SYNAPSE_VENV)/bin/pip install --quiet --disable-pip-version-check \
	  matrix-synapse==$(SYNAPSE_VERSION) prometheus_client==0.14.1
	touch $@

# Taken out of their packages, since installing those would start servers of the system's.
.tools/nginx/usr/sbin/nginx .tools/haproxy/usr/sbin/haproxy: .tools/%:
	@name=$(notdir $@); rm -rf .tools/$$name; mkdir -p .tools/$$name; \
	cd .tools/$$name && { apt-get download -qq $$name 2>/dev/null || \
	  { apt-get update -qq && apt-get download -qq $$name; }; } && dpkg -x $${name}_*.deb . || \
	  { echo "No $$name: run apt-get update as root, then try again" >&2; exit 1; }

format: toolchain
	swift format --in-place --recursive --parallel Package.swift Sources Tests Benchmarks

lint: toolchain
	swift format lint --strict --recursive --parallel Package.swift Sources Tests Benchmarks

clean:
	rm -rf .build $(FUZZ_BUILD) .build-tsan .build-asan .tools .bench Benchmarks/.build Benchmarks/Peers/.build
