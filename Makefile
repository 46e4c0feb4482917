# One Makefile, no recursion. Sources are found by folder; objects mirror the tree under build/<variant>/, so variants
# never mix and "make clean" is one rm. "make help" lists the targets.
VARIANT ?= debug
B       ?= build/$(VARIANT)
CC      ?= cc
PREFIX  ?= /usr/local
PYTHON  ?= python3
JOBS    ?= 2

# Rooms from the ground floor up. A part of the product can be built and tested alone:
#   make unit B=build/mine ROOMS="base sys crypto" UNIT=tests/unit/test_crypto.c
ROOMS ?= base sys json crypto codec model store pg keyvault catalog vault policy identity readiness plugin worker job api \
         engine client cli

PKGS := libpq libcurl libcjson libcrypto libsodium sqlite3 libzstd libmicrohttpd libxxhash ncursesw
pkg_cflags := $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
pkg_libs   := $(shell pkg-config --libs $(PKGS) 2>/dev/null) -lm -pthread

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 -Wvla -Wundef \
        -Wpointer-arith -Wcast-qual -Wwrite-strings -Wimplicit-fallthrough
BASE := -std=gnu17 -D_GNU_SOURCE -pthread -fno-common -fstack-protector-strong -MMD -MP -include src/base/banned.h

sanitize := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
FLAGS_debug   := -O1 -g3 -DKG_FAULTS
FLAGS_asan    := -O1 -g -DKG_FAULTS $(sanitize)
FLAGS_tsan    := -O1 -g -DKG_FAULTS -fsanitize=thread
FLAGS_cov     := -O0 -g --coverage -DKG_FAULTS
FLAGS_fuzz    := -O1 -g -DKG_FAULTS -DKG_FUZZ -fsanitize=fuzzer-no-link $(sanitize)
FLAGS_release := -O2 -g -D_FORTIFY_SOURCE=2
ALL_CFLAGS = $(BASE) $(WARN) $(WERROR) $(FLAGS_$(VARIANT)) $(pkg_cflags) $(CFLAGS)

# Who may see whose headers: tests/lint/layers.txt. The portal sees base, json and the contract in include/ only.
src_inc := -Iinclude -Isrc
ui_inc  := -Iinclude -Isrc -Iui -I$(B)
themes  := $(sort $(wildcard themes/*.theme))

src_c   := $(foreach r,$(ROOMS),$(wildcard src/$(r)/*.c))
ui_c    := $(if $(filter client,$(ROOMS)),$(wildcard ui/*.c ui/*/*.c))
lib_obj := $(src_c:%.c=$(B)/%.o) $(ui_c:%.c=$(B)/%.o)
lib     := $(B)/libkeepgres.a
sup_obj := $(patsubst %.c,$(B)/%.o,$(wildcard tests/support/*.c))
support := $(B)/libsupport.a
UNIT    ?= $(wildcard tests/unit/test_*.c tests/contract/test_*.c)
unit    := $(UNIT:%.c=$(B)/%)
FUZZ    ?= $(wildcard tests/fuzz/fuzz_*.c)
fuzz    := $(FUZZ:%.c=$(B)/%)
tests_o := $(unit:=.o) $(fuzz:=.o) $(B)/tests/fuzz/driver.o

all: $(B)/keepgres ## Build the product (VARIANT=debug release asan tsan cov)

# Whole: of two functions with one name the archive would silently give the first.
$(B)/keepgres: $(B)/src/main.o $(lib)
	$(CC) $(ALL_CFLAGS) -o $@ $< -Wl,--whole-archive $(lib) -Wl,--no-whole-archive $(LDFLAGS) $(pkg_libs)
$(lib): $(lib_obj)
	@rm -f $@; $(AR) rcs $@ $^
$(support): $(sup_obj)
	@mkdir -p $(@D); rm -f $@; $(AR) rcs $@ $^
$(B)/src/main.o: src_inc += -Iui # which wires the portal in, as every other role
$(B)/src/%.o: src/%.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(src_inc) -c -o $@ $<
$(B)/ui/%.o: ui/%.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(ui_inc) -c -o $@ $<
# The shipped themes are part of the program: rows of a table that theme.c includes.
$(B)/ui/theme/theme.o: $(B)/shipped_themes.inc
$(B)/shipped_themes.inc: $(themes)
	@mkdir -p $(@D)
	for t in $(themes:themes/%.theme=%); do echo "{ \"$$t\","; sed 's/["\\]/\\&/g; s/.*/"&\\n"/' themes/$$t.theme; echo "},"; done >$@
$(B)/tests/%.o: tests/%.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(ui_inc) -Itests -c -o $@ $<
$(B)/tests/unit/%: $(B)/tests/unit/%.o $(support) $(lib)
	$(CC) $(ALL_CFLAGS) -o $@ $< $(support) $(lib) $(LDFLAGS) $(pkg_libs) -lcmocka
$(B)/tests/contract/%: $(B)/tests/contract/%.o $(support) $(lib)
	$(CC) $(ALL_CFLAGS) -o $@ $< $(support) $(lib) $(LDFLAGS) $(pkg_libs) -lcmocka
# A fuzz target is LLVMFuzzerTestOneInput() in a file. With VARIANT=fuzz CC=clang libFuzzer drives it; in every other
# variant a small driver of our own does (corpus, then random mutations from a printed seed).
fuzz_main := $(if $(filter fuzz,$(VARIANT)),,$(B)/tests/fuzz/driver.o)
$(B)/tests/fuzz/fuzz_%: $(B)/tests/fuzz/fuzz_%.o $(fuzz_main) $(lib)
	$(CC) $(ALL_CFLAGS) -o $@ $< $(or $(fuzz_main),-fsanitize=fuzzer) $(lib) $(LDFLAGS) $(pkg_libs)

build-unit: $(unit) # what "make test" builds in each variant before it counts
build-fuzz: $(fuzz)

unit: $(unit) ## Build and run unit and contract tests (B= ROOMS= UNIT= for a part)
	@fail=0; for t in $(unit); do ./$$t || fail=1; done; exit $$fail

deps: ## Install the packages that are missing (Debian, Ubuntu), or name them
	@tests/support/deps.sh build test

test: deps ## Everything that must pass: builds, units, sanitizers, checks, integration, end to end
	@$(PYTHON) tests/support/run.py -j $(JOBS) --plan tests/support/plan.txt
check: deps ## The quick part of the tests: builds, units, checks (about a minute)
	@$(PYTHON) tests/support/run.py -j $(JOBS) --plan tests/support/plan.txt --only build,unit,lint
SOAK_MINUTES ?= 60
soak: deps all ## The long runs: 500 kills; random operations for SOAK_MINUTES (60), from SOAK_SEED (printed)
	@SOAK_MINUTES=$(SOAK_MINUTES) SOAK_SEED=$(SOAK_SEED) $(PYTHON) tests/support/run.py -j 1 --plan tests/support/plan.txt --only build,soak

check-headers: ## Every header compiles alone
	@CC="$(CC)" tests/lint/headers.sh
check-layers: ## Nobody includes what stands above or beside
	@tests/lint/layers.sh
check-docs: all ## The generated pages are fresh, links lead somewhere
	@tests/lint/docs.sh $(B)/keepgres
lint: ## Words, sizes, calls, shell scripts
	@fail=0; for l in words size shell; do tests/lint/$$l.sh || fail=1; done; exit $$fail
docs: all ## Write the generated pages: docs/cli.md, docs/api.md, docs/errors.md, docs/settings.md
	@for d in cli api errors settings; do $(B)/keepgres internal docs-$$d >build/docs-$$d.md && mv build/docs-$$d.md docs/$$d.md || exit 1; done

demo: deps ## Back up a real database and prove that it comes back (two minutes)
	@$(MAKE) --no-print-directory -s -j$(JOBS) VARIANT=release B=build/release all
	@tests/support/demo.sh build/release/keepgres
pictures: deps all ## Draw docs/pictures anew: screens of the walk through the portal, tests/e2e/e2e_tour.sh
	@PICTURES=$(CURDIR)/docs/pictures KEEPGRES=$(CURDIR)/$(B)/keepgres tests/e2e/e2e_tour.sh
cov: deps ## Coverage of the unit tests by folder, against tests/lint/coverage.txt
	@$(MAKE) --no-print-directory -s -j$(JOBS) VARIANT=cov B=build/cov build-unit
	@$(PYTHON) tests/support/cov.py build/cov $(UNIT:%.c=build/cov/%)
FUZZ_SECONDS ?= 60
fuzz: deps ## Run every fuzz target for FUZZ_SECONDS with clang's libFuzzer
	@$(MAKE) --no-print-directory -s -j$(JOBS) VARIANT=fuzz B=build/fuzz CC=clang build-fuzz
	@tests/support/fuzz.sh build/fuzz $(FUZZ_SECONDS) $(FUZZ)
fuzz-ui: ## The same for the portal alone: keys, pastes, sizes, answers at random
	@$(MAKE) --no-print-directory fuzz FUZZ=tests/fuzz/fuzz_ui.c
bench: ## Measure against pg_dump, restic and borg, and write docs/BENCHMARKS.md (30 minutes, 15 GB of disk)
	@tests/support/deps.sh build test bench
	@$(MAKE) --no-print-directory -s -j$(JOBS) VARIANT=release B=build/release all
	@$(PYTHON) tests/bench/bench.py --keepgres build/release/keepgres --scale 100 --runs 3 --write docs/BENCHMARKS.md
bench-jobs: ## Measure how long a service takes to list 100,000 jobs, and write docs/BENCHMARKS.md
	@$(MAKE) --no-print-directory -s -j$(JOBS) VARIANT=release B=build/release all
	@$(PYTHON) tests/bench/bench_jobs.py --keepgres build/release/keepgres --write docs/BENCHMARKS.md
bench-ui: ## Measure the portal: start, keys, quiet, memory, with 100,000 jobs
	@tests/support/deps.sh build test
	@$(MAKE) --no-print-directory -s -j$(JOBS) VARIANT=release B=build/release all
	@tests/bench/bench_ui.sh build/release/keepgres
bench-small: ## The same on 1/50 of the data, once; writes nothing
	@tests/support/deps.sh build test bench
	@$(MAKE) --no-print-directory -s -j$(JOBS) VARIANT=release B=build/release all
	@$(PYTHON) tests/bench/bench.py --keepgres build/release/keepgres --scale 2 --runs 1

doc_dir  := $(DESTDIR)$(PREFIX)/share/doc/keepgres
unit_dir := $(DESTDIR)$(PREFIX)/lib/systemd/system
man_dir  := $(DESTDIR)$(PREFIX)/share/man/man1
bash_dir := $(DESTDIR)$(PREFIX)/share/bash-completion/completions
zsh_dir  := $(DESTDIR)$(PREFIX)/share/zsh/site-functions
install: ## Install the release build, its pages, completion for bash and zsh, the systemd unit (PREFIX, DESTDIR)
	@$(MAKE) --no-print-directory -s -j$(JOBS) VARIANT=release B=build/release all
	install -D -m 755 build/release/keepgres $(DESTDIR)$(PREFIX)/bin/keepgres
	install -d $(doc_dir)/formats $(doc_dir)/pictures $(unit_dir)
	install -m 644 README.md LICENSE $(wildcard docs/*.md) $(doc_dir)/
	install -m 644 $(wildcard docs/pictures/*.svg) $(doc_dir)/pictures/
	$(if $(wildcard docs/formats/*.md),install -m 644 $(wildcard docs/formats/*.md) $(doc_dir)/formats/)
	sed 's,@BINDIR@,$(PREFIX)/bin,g' docs/keepgres.service >$(unit_dir)/keepgres.service
	chmod 644 $(unit_dir)/keepgres.service
	install -d $(man_dir) $(bash_dir) $(zsh_dir)
	build/release/keepgres completion bash >$(bash_dir)/keepgres
	build/release/keepgres completion zsh >$(zsh_dir)/_keepgres
	for p in $$(build/release/keepgres internal docs-man); do \
	    build/release/keepgres internal docs-man $$p >$(man_dir)/$$p.1 || exit 1; chmod 644 $(man_dir)/$$p.1; done
	chmod 644 $(bash_dir)/keepgres $(zsh_dir)/_keepgres
uninstall: ## Remove what install put there; vaults and state stay
	rm -f $(DESTDIR)$(PREFIX)/bin/keepgres $(unit_dir)/keepgres.service $(bash_dir)/keepgres $(zsh_dir)/_keepgres \
	      $(man_dir)/keepgres.1 $(man_dir)/keepgres-*.1
	rm -rf $(doc_dir)

clean: ## Remove everything that was built
	rm -rf build
help: ## This list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1|\2/p' Makefile | awk -F'|' '{ printf "%-16s %s\n", $$1, $$2 }'

.PHONY: all unit build-unit build-fuzz deps test check soak check-headers check-layers check-docs lint docs demo pictures cov fuzz \
        fuzz-ui bench bench-jobs bench-ui bench-small install uninstall clean help
.DELETE_ON_ERROR:
.SECONDARY:
-include $(lib_obj:.o=.d) $(B)/src/main.d $(tests_o:.o=.d) $(sup_obj:.o=.d)
