# Two commands are all it takes: `make demo` runs the main job, `make check` passes lint, types and all tests.
# Both need Python 3.11+ and nothing else; they work in .venv and leave the system alone.

PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo check quick lint types test docs packages sanitized analyze fuzz bench clean

demo: .venv/installed
	$(BIN)/tallyport convert samples -o build/demo --overwrite --verbose; test $$? -le 1
	@echo; echo "One of the files, build/demo/january/deMeasles01.adv2.json:"; cat build/demo/january/deMeasles01.adv2.json

check: .venv/developer lint types test

lint: .venv/developer
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: .venv/developer
	$(BIN)/mypy

test: .venv/developer .venv/browser
	$(BIN)/python -m pytest --numprocesses=auto --dist=loadfile --no-loadscope-reorder

# What half a minute can say: lint, the shape of the code, the rules of the domain, every golden.
QUICK := tests/test_architecture.py tests/schemas tests/converters/model tests/converters/adv2 tests/converters/writers \
	tests/converters/test_goldens.py
quick: .venv/developer lint
	$(BIN)/python -m pytest --quiet --numprocesses=auto $(QUICK)

# Tests on a scanner that is compiled with checks for memory errors and undefined behaviour; SANITIZED_TESTS for others.
sanitized: .venv/developer
	$(BIN)/python -m fuzz.sanitized $(SANITIZED_TESTS)

# The scanner under made-up input, each target of fuzz/ for so many seconds; TARGETS for some of them.
SECONDS ?= 60
fuzz: .venv/developer
	$(BIN)/python -m fuzz.campaign --seconds $(SECONDS) --coverage $(TARGETS)

# The documentation as a site in build/site; a broken link or a name without a docstring is an error.
docs: .venv/developer
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict --site-dir build/site

# What a release publishes: a source distribution, and the wheel of it for this machine, under the tag of the oldest Linux
# that it fits. Releases have all platforms, by .github/workflows/packages.yml.
PACKAGES := build/packages
packages: .venv/developer
	rm -f $(PACKAGES)/*.whl $(PACKAGES)/*.tar.gz
	$(BIN)/python -m build --no-isolation --outdir $(PACKAGES) .
	if [ "$$(uname)" = Linux ]; then \
		PATH="$(abspath $(BIN)):$$PATH" auditwheel repair --wheel-dir $(PACKAGES) $(PACKAGES)/*-linux_*.whl \
		&& rm $(PACKAGES)/*-linux_*.whl; fi

# What GCC's analyzer and cppcheck find in the scanner: nothing; each exception is explained where it stands.
# -Wclobbered is left aside: nothing that a guard's way out reads is changed behind its setjmp.
WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wno-clobbered
analyze:
	$(CC) -std=c11 -O2 -fPIC -shared -fanalyzer -Werror $(WARNINGS) -o /dev/null $(wildcard $(NATIVE)/*.c)
	cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr --error-exitcode=1 \
		--suppress=missingIncludeSystem $(NATIVE)

bench: .venv/developer
	$(BIN)/python benchmarks/run_all.py

clean:
	rm -rf .venv build

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/installed: .venv/bin/python pyproject.toml build_native.py generate_abi.py $(wildcard converters/tallyport_converters/native/src/*.[ch])
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	touch $@

.venv/developer: .venv/installed requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement requirements-dev.txt
	touch $@

# The page is tested in a Chromium: the system's, else one within .venv, else (where that is not to be had) Debian's.
.venv/browser: .venv/developer
	for name in chromium chromium-browser google-chrome google-chrome-stable; do command -v $$name && break; done \
		|| PLAYWRIGHT_BROWSERS_PATH=$(CURDIR)/.venv/browsers $(BIN)/playwright install --only-shell chromium \
		|| { apt-get update -qq && apt-get install -qq -y --no-install-recommends chromium fonts-dejavu-core; }
	touch $@
