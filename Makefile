# What one does with katahost's source. `make` alone says what there is.

.DEFAULT_GOAL := help
.PHONY: help run test test-rust test-web test-browser soak bench lint types setup format

# Tools of the tests that are neither Rust nor npm packages live here, out of the way.
TOOLS := target/tools
# The browser of the tests, programs whose screens are recorded, and shells and others that blocks
# are typed into; Debian's packages have these names.
PROGRAMS := chromium fish htop less mc nano sqlite3 tmux vim zsh
# Those whose packages have other names, as PROGRAM:PACKAGE.
OTHER_PROGRAMS := ssh:openssh-client sshd:openssh-server
# The tests start sshd by hand; its package must not open this machine to the network.
KEEP_SSH_DOWN := $(SUDO) systemctl --quiet mask ssh.service ssh.socket 2>/dev/null || true
# What `make bench` compares with.
BENCH_TOOLS := target/bench-tools
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)

help: ## Say what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

run: ## Build everything and serve the quickstart, or the lab in LAB=folder
	cargo run --release -- $(LAB)

test: setup test-rust test-web test-browser ## Install what the tests need, and run them all

test-rust: setup
	cargo test --quiet

test-web: setup
	cd web && npm test

test-browser: setup
	cargo build
	node --test --test-concurrency=1 tests/browser/*.test.mjs

soak: setup ## Let people do anything for SOAK_SECONDS (600), cut a network for CUT_SECONDS (180), write FLOOD_LINES (10000000: 1 GB) unwatched, sleep SLEEP_SECONDS (70); SOAK_SEED and CUT_SEED repeat what was drawn
	SOAK_SECONDS=$(or $(SOAK_SECONDS),600) cargo test --quiet --test it soak:: -- --nocapture
	CUT_SECONDS=$(or $(CUT_SECONDS),180) FLOOD_LINES=$(or $(FLOOD_LINES),10000000) SLEEP_SECONDS=$(or $(SLEEP_SECONDS),70) \
		cargo test --quiet --test it faults:: -- --nocapture --test-threads 1

bench: setup $(BENCH_TOOLS)/node/installed $(BENCH_TOOLS)/python/installed ## Measure speed and size, beside limits and peers; ROWS="echo memory" chooses
	cargo bench --bench bench -- $(ROWS)

lint: setup ## Check form, lints, documentation and spelling
	cargo fmt --check
	cargo clippy --all-targets --quiet -- --deny warnings
	RUSTDOCFLAGS='--deny warnings' cargo doc --no-deps --document-private-items --quiet
	cd web && npm run --silent check && npx tsc -p ../tests/browser/tsconfig.json
	$(TOOLS)/bin/typos

types: ## Write the front end's message types anew, from src/protocol
	DOCS_RS=1 KATAHOST_WRITE=1 cargo test --quiet --lib typescript

format: setup ## Bring everything into form
	cargo fmt
	cd web && npm run --silent format

setup: web/node_modules/.katahost-stamp $(TOOLS)/bin/typos
	@PATH="$$PATH:/usr/sbin"; \
	for program in $(PROGRAMS) $(OTHER_PROGRAMS); do command -v $${program%:*} >/dev/null || missing="$$missing $${program#*:}"; done; \
	case "$$missing" in *openssh-server*) $(KEEP_SSH_DOWN) ;; esac; \
	if [ -n "$$missing" ]; then $(SUDO) apt-get update --quiet=2 && $(SUDO) apt-get install --yes --quiet=2 $$missing; fi

web/node_modules/.katahost-stamp: web/package-lock.json
	cd web && npm ci --ignore-scripts --loglevel=error
	cp web/package-lock.json $@

$(TOOLS)/bin/typos:
	python3 -m venv $(TOOLS)
	$(TOOLS)/bin/pip install --quiet --disable-pip-version-check typos==1.52.0

# A peer that can't be installed is left out of the table, which says so; the next run tries again.
$(BENCH_TOOLS)/node/installed:
	mkdir -p $(@D) && echo '{"private": true}' > $(@D)/package.json
	npm install --prefix $(@D) --no-audit --no-fund --loglevel=error wetty@3.2.0 markdown-it@12.3.2 && touch $@ \
		|| echo '*** WeTTY or markdown-it could not be installed; their rows will be missing ***' >&2

$(BENCH_TOOLS)/python/installed:
	python3 -m venv $(@D) && $(@D)/bin/pip install --quiet --disable-pip-version-check terminado==0.18.1 tornado==6.6.1 && touch $@ \
		|| echo '*** terminado could not be installed; its rows will be missing ***' >&2
