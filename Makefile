# One Makefile, no recursion. Sources are found by folder; objects mirror the tree under build/<variant>/, so variants
# never mix and "make clean" is one rm. "make help" lists the targets.
VARIANT ?= debug
B       ?= build/$(VARIANT)
CC      ?= cc
PREFIX  ?= /usr/local
PYTHON  ?= python3

# Rooms from the ground floor up. A part of the product can be built and tested alone: make unit ROOMS="base sys crypto".
ROOMS ?= base sys json crypto codec model store pg keyvault catalog vault policy identity readiness plugin worker job api \
         engine client cli

PKGS := libpq libcurl libcjson libcrypto libsodium sqlite3 libzstd libmicrohttpd libxxhash ncursesw
pkg_cflags := $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
pkg_libs   := $(shell pkg-config --libs $(PKGS) 2>/dev/null) -lm -pthread

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 -Wvla -Wundef \
        -Wpointer-arith -Wcast-qual -Wwrite-strings -Wimplicit-fallthrough
BASE := -std=gnu17 -D_GNU_SOURCE -pthread -fno-common -fstack-protector-strong -MMD -MP -include src/base/banned.h

FLAGS_debug   := -O1 -g3 -DKG_FAULTS
FLAGS_asan    := -O1 -g -DKG_FAULTS -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
FLAGS_tsan    := -O1 -g -DKG_FAULTS -fsanitize=thread
FLAGS_cov     := -O0 -g --coverage -DKG_FAULTS
FLAGS_fuzz    := -O1 -g -DKG_FAULTS -DKG_FUZZ -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
FLAGS_release := -O2 -g -D_FORTIFY_SOURCE=2
ALL_CFLAGS = $(BASE) $(WARN) $(WERROR) $(FLAGS_$(VARIANT)) $(pkg_cflags) $(CFLAGS)

# Who may see whose headers is a matter of -I: the portal cannot include src/ at all.
src_inc := -Iinclude -Isrc
ui_inc  := -Iinclude -Iui

src_c   := $(foreach r,$(ROOMS),$(wildcard src/$(r)/*.c))
lib_obj := $(src_c:%.c=$(B)/%.o)
lib     := $(B)/libkeepgres.a
support := $(patsubst %.c,$(B)/%.o,$(wildcard tests/support/*.c))
UNIT    ?= $(wildcard tests/unit/test_*.c tests/contract/test_*.c)
unit    := $(UNIT:%.c=$(B)/%)
fuzz_c  := $(wildcard tests/fuzz/fuzz_*.c)

all: $(B)/keepgres ## Build the product (VARIANT=debug release asan tsan cov)

$(B)/keepgres: $(B)/src/main.o $(lib)
	$(CC) $(ALL_CFLAGS) -o $@ $< $(lib) $(LDFLAGS) $(pkg_libs)
$(lib): $(lib_obj)
	@rm -f $@; $(AR) rcs $@ $^
$(B)/src/%.o: src/%.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(src_inc) -c -o $@ $<
$(B)/ui/%.o: ui/%.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(ui_inc) -c -o $@ $<
$(B)/tests/%.o: tests/%.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(src_inc) -Itests -c -o $@ $<
$(B)/tests/unit/%: $(B)/tests/unit/%.o $(support) $(lib)
	$(CC) $(ALL_CFLAGS) -o $@ $< $(support) $(lib) $(LDFLAGS) $(pkg_libs) -lcmocka
$(B)/tests/contract/%: $(B)/tests/contract/%.o $(support) $(lib)
	$(CC) $(ALL_CFLAGS) -o $@ $< $(support) $(lib) $(LDFLAGS) $(pkg_libs) -lcmocka

unit: $(unit) ## Build and run unit and contract tests
	@fail=0; for t in $(unit); do ./$$t || fail=1; done; exit $$fail

clean: ## Remove everything that was built
	rm -rf build
.PHONY: all unit clean
.DELETE_ON_ERROR:
.SECONDARY:
-include $(lib_obj:.o=.d) $(B)/src/main.d $(unit:=.d) $(support:.o=.d)
