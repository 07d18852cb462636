# xord's build. `make` builds build/xord; `make check` runs the tests of the tree; `make e2e` runs real
# daemons; `make bench` measures. SAN=1 builds all of it with address and undefined-behaviour
# sanitizers under build/san/.

VERSION := 0.1.0
PREFIX  ?= /usr/local
LINKED  := libuv jansson libsodium libmd lmdb inih
# Of the last the header alone: rpc/server/http_library.h.
PKGS    := $(LINKED) libmicrohttpd

BUILD := $(if $(SAN),build/san,build)
CC    := $(if $(filter default,$(origin CC)),gcc,$(CC))

ifeq ($(filter clean,$(MAKECMDGOALS)),)
ifneq ($(shell pkg-config --exists $(PKGS) check && echo found),found)
$(error libraries are missing: run scripts/deps, or apt-get install $$(scripts/deps --list))
endif
endif

WARNINGS := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla \
            -Wpointer-arith -Wcast-qual -Wwrite-strings -Wformat=2 -Wundef -Wswitch-enum
HARDEN   := -fstack-protector-strong -D_FORTIFY_SOURCE=2 -fPIE
SANFLAGS := $(if $(SAN),-fsanitize=address -fsanitize=undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
OPT      := $(if $(SAN),-O1 -g,-O2 -g)
# For fuzz-run alone: clang instruments, and its runtime is each target's main(). gcc judges warnings.
SANFLAGS += $(if $(FUZZER),-fsanitize=fuzzer-no-link -Wno-error)
FUZZ_MAIN := $(if $(FUZZER),-fsanitize=fuzzer,$(BUILD)/tests/fuzz/replay.o)
CPPFLAGS += -I. -D_GNU_SOURCE -DXORD_VERSION='"$(VERSION)"'
CFLAGS   += -std=c17 $(OPT) $(WARNINGS) $(if $(SAN),,$(HARDEN)) $(SANFLAGS) $(shell pkg-config --cflags $(PKGS))
LDFLAGS  += $(if $(SAN),,-pie -Wl,-z,relro,-z,now) $(SANFLAGS)
# Without libm, which tests link: it would be a tenth of an idle daemon's memory.
LDLIBS   := $(shell pkg-config --libs $(LINKED)) -lpthread -ldl
CHECK_CFLAGS := $(shell pkg-config --cflags check)
CHECK_LIBS   := $(shell pkg-config --libs check) -lm

COMMON := $(wildcard common/*.c)
CORE   := $(wildcard daemon/dht/*.c daemon/dht/*/*.c)
RPC    := $(wildcard rpc/*.c rpc/*/*.c)
SHELL_SOURCES := $(filter-out daemon/main.c,$(wildcard daemon/*.c daemon/store/*.c))
LIBRARY_OBJECTS := $(patsubst %.c,$(BUILD)/%.o,$(COMMON) $(CORE) $(RPC) $(SHELL_SOURCES))

UNIT_TESTS := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/common/test_*.c tests/dht/test_*.c \
              tests/rpc/test_*.c tests/daemon/test_*.c tests/sim/test_*.c))
SIM_MAINS  := tests/sim/sim.c tests/sim/lookups.c
SIM_HELPERS := $(patsubst %.c,$(BUILD)/%.o,$(filter-out $(SIM_MAINS) \
              $(wildcard tests/sim/test_*.c),$(wildcard tests/sim/*.c)))
TEST_HELPERS := $(patsubst %.c,$(BUILD)/%.o,$(filter-out $(SIM_MAINS) $(wildcard tests/*/test_*.c),\
              $(wildcard tests/*.c tests/common/*.c tests/dht/*.c tests/rpc/*.c tests/daemon/*.c \
              tests/sim/*.c)))
FUZZ_HELPERS := $(patsubst %,$(BUILD)/tests/sim/%.o,ram disk disk_multi blob genuine trace)
FUZZ       := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/fuzz/fuzz_*.c))
PAGES      := $(patsubst docs/man/%.scd,$(BUILD)/man/%,$(wildcard docs/man/*.scd))
COMPLETIONS := $(patsubst scripts/%,$(BUILD)/%,$(wildcard scripts/completions/*))
FILL       := $(BUILD)/docs/gen/fill
BENCH      := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/bench/bench_*.c))
BENCH_HELPERS := $(patsubst %.c,$(BUILD)/%.o,$(filter-out $(wildcard tests/bench/bench_*.c),\
              $(wildcard tests/bench/*.c)))

.PHONY: all tests check unit fuzz fuzz-run layers style format pages completions e2e page-test \
        systemd-test package-test bench install uninstall deb clean sim sim-long sim-life sim-same \
        sim-lookups mutants mutants-quick
.SECONDARY:

all: $(BUILD)/xord

$(BUILD)/xord: $(BUILD)/daemon/main.o $(BUILD)/libxord.a
	$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(BUILD)/libxord.a: $(LIBRARY_OBJECTS)
	rm -f $@
	$(AR) rcs $@ $^

$(BUILD)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) $(if $(filter tests/%,$<),$(CHECK_CFLAGS)) -MMD -MP -c -o $@ $<

# The page lies in this object.
$(BUILD)/rpc/server/status_page.o: rpc/server/status.html

$(BUILD)/tests/fuzz/%: $(BUILD)/tests/fuzz/%.o $(filter %.o,$(FUZZ_MAIN)) $(FUZZ_HELPERS) \
              $(BUILD)/libxord.a
	$(CC) $(LDFLAGS) -o $@ $^ $(filter -%,$(FUZZ_MAIN)) $(LDLIBS)

$(BUILD)/tests/bench/%: $(BUILD)/tests/bench/%.o $(BENCH_HELPERS) $(BUILD)/libxord.a
	$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(SIM_MAINS:%.c=$(BUILD)/%): $(BUILD)/tests/sim/%: $(BUILD)/tests/sim/%.o $(SIM_HELPERS) \
              $(BUILD)/libxord.a
	$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS) -lm

$(BUILD)/tests/%: $(BUILD)/tests/%.o $(TEST_HELPERS) $(BUILD)/libxord.a
	$(CC) $(LDFLAGS) -o $@ $^ $(CHECK_LIBS) $(LDLIBS)

# Manual pages, from docs/man/ and the tables of the code. Written only when all is well.
$(FILL): $(patsubst %.c,$(BUILD)/%.o,$(wildcard docs/gen/*.c)) $(BUILD)/libxord.a
	$(CC) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(BUILD)/man/%: docs/man/%.scd $(FILL)
	@mkdir -p $(@D)
	@command -v scdoc >/dev/null || { echo "pages need scdoc: apt-get install scdoc" >&2; exit 1; }
	$(FILL) <$< >$@.scd
	scdoc <$@.scd >$@.new
	@mv $@.new $@

pages: $(PAGES)

$(BUILD)/completions/%: scripts/completions/% $(FILL)
	@mkdir -p $(@D)
	$(FILL) <$< >$@.new
	@mv $@.new $@

completions: $(COMPLETIONS)

tests: $(UNIT_TESTS) $(FUZZ) $(FILL)

# Each test binary prints its own summary, as many at once as there are processors, the simulator's,
# which are the longest, first.
unit: $(UNIT_TESTS)
	@scripts/each $(filter $(BUILD)/tests/sim/%,$^) $(filter-out $(BUILD)/tests/sim/%,$^)

# One simulation of many nodes: make sim NODES=1000 HOURS=24 SEED=7 SIM="loss=50 median_minutes=30".
# build/tests/sim/sim --help names all that can be set.
NODES ?= 100
HOURS ?= 1
SEED  ?= 1

sim: $(BUILD)/tests/sim/sim
	$< nodes=$(NODES) minutes=$$(($(HOURS) * 60)) seed=$(SEED) $(SIM)

# Many seeds of every kind of session, and the longest: an hour or two.
SEEDS ?= 20

sim-long: $(BUILD)/tests/sim/sim
	scripts/sim-long $< $(SEEDS)
	$(MAKE) sim-life

# The life of a value in full size against its targets. LIFE=half runs that scenario alone;
# build/tests/sim/sim --help names them.
LIFE ?= churn multis partition half power bootstrap listen

sim-life: $(BUILD)/tests/sim/sim
	@missed=0; for name in $(LIFE); do $< life=$$name seed=$(SEED) || missed=1; done; exit $$missed

# The same seed must run the same way whatever compiled it.
sim-same: $(BUILD)/tests/sim/sim
	scripts/sim-same $<

# README's table of lookups; LARGE= leaves out the two rows that take minutes.
LARGE ?= 100000

sim-lookups: $(BUILD)/tests/sim/lookups
	@echo "| nodes | log2 | hops (most) | messages | ms: mean / median / 99 % | of the 8 nearest found |"
	@echo "|---|---|---|---|---|---|"
	@for nodes in 100 1000 10000 $(LARGE); do $< $$nodes || exit 1; done
	@$< --static 1000000

# Each fuzz target replays its corpus as a test.
fuzz: $(FUZZ)
	@set -e; for target in $^; do $$target tests/fuzz/corpus/$$(basename $$target | sed s/fuzz_//); done

# Looks for new inputs with clang's libFuzzer, SECONDS for each target (make fuzz-run SECONDS=600).
# New inputs gather in build/fuzz/corpus/; what crashes is kept in build/fuzz/findings/, and belongs
# into tests/fuzz/corpus/ once it is understood. FUZZ_ONLY=bencode runs that target alone.
SECONDS   ?= 30
FUZZ_ONLY ?= *
FUZZ_RUNS  = $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_$(FUZZ_ONLY).c))

fuzz-run:
	$(MAKE) SAN=1 FUZZER=1 CC=clang BUILD=build/fuzz $(FUZZ_RUNS:%=build/fuzz/tests/fuzz/fuzz_%)
	mkdir -p build/fuzz/findings $(FUZZ_RUNS:%=build/fuzz/corpus/%)
	set -e; for name in $(FUZZ_RUNS); do build/fuzz/tests/fuzz/fuzz_$$name \
	  -max_total_time=$(SECONDS) -timeout=5 -rss_limit_mb=1024 -print_final_stats=1 \
	  -artifact_prefix=build/fuzz/findings/$$name- build/fuzz/corpus/$$name tests/fuzz/corpus/$$name; done

layers: $(BUILD)/libxord.a
	scripts/check-layers $(BUILD)

style:
	scripts/check-style

# Plants faults, one by one, and expects the simulator to find each (tests/sim/mutants.txt).
mutants: $(BUILD)/tests/sim/sim
	scripts/mutants

# Four of them, in seconds. With sanitizers they would be found no better.
mutants-quick: $(if $(SAN),,$(BUILD)/tests/sim/sim)
	$(if $(SAN),,scripts/mutants --quick)

check: all unit fuzz layers style sim-same mutants-quick

e2e: all completions $(if $(shell command -v scdoc),pages)
	XORD=$(abspath $(BUILD)/xord) scripts/e2e

# Boots a Debian with systemd and runs the service in it, as root; scripts/deps --boot first. Where
# there is debhelper it installs the package, else what `make install` does.
systemd-test: all $(if $(shell command -v dh),deb)
	scripts/systemd-test

# The status page in a headless Chromium, which is large and no part of the usual run; scripts/deps
# --page first. Pictures of the page are kept in build/page/.
page-test: all
	XORD=$(abspath $(BUILD)/xord) scripts/e2e --page

# ONLY=ping measures that line alone; scripts/bench names them.
bench: all $(BENCH) $(BUILD)/tests/sim/sim
	scripts/bench $(BUILD) $(ONLY)

format:
	clang-format -i $$(git ls-files '*.c' '*.h')

# PREFIX and DESTDIR as usual; what goes where is in the script. Neither touches /etc.
install uninstall: export PREFIX := $(PREFIX)
install: all pages completions
	scripts/install $(BUILD)

uninstall:
	scripts/install --remove

# The Debian package, in build/deb/, and what is expected of it: a few minutes.
deb:
	scripts/deb $(BUILD)/deb

package-test:
	tests/package/run $(BUILD)/package-test

clean:
	rm -rf build

-include $(patsubst %.c,$(BUILD)/%.d,daemon/main.c $(COMMON) $(CORE) $(RPC) $(SHELL_SOURCES) \
         $(wildcard docs/gen/*.c tests/*.c tests/*/*.c))
