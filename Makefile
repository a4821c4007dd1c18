# convd: 2-D convolutions and poolings over HTTP.  `make help` lists the targets.
#
#   make            build/convd
#   make run        installs what is missing, builds, serves on 127.0.0.1:8080
#   make test       installs what is missing, builds, runs every test
#
# Variables: CC (gcc or clang), SANITIZE (address, undefined, thread), BUILD (the build directory), ARGS (for run),
# HOST_CC (where CC compiles for another machine: what compiles for this one).

CC       ?= cc
HOST_CC  ?= $(CC)
BUILD    ?= build
SANITIZE ?=
ARGS     ?=

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDARY:
MAKEFLAGS += --no-builtin-rules --no-print-directory

# ---- what is compiled -------------------------------------------------------------------------------------------

MACHINE := $(shell $(CC) -dumpmachine 2>/dev/null)
IS_X86  := $(filter x86_64-%,$(MACHINE))

KERNELS_X86 := $(foreach level,sse4 avx2 avx512 avx512vbmi avx512bf16,$(wildcard lib/kernels/*_$(level).c))
LIB_SRC     := $(filter-out $(if $(IS_X86),,$(KERNELS_X86)),$(wildcard lib/*/*.c))
API_SRC     := $(wildcard api/*.c api/*/*.c)
SERVER_SRC  := $(wildcard server/*.c)
UNIT_LIB    := $(wildcard tests/unit/lib/test_*.c)
UNIT_API    := $(wildcard tests/unit/api/test_*.c)
BENCH_SRC   := $(wildcard tests/bench/*.c tests/bench/*/*.c)
FUZZ_SRC    := $(wildcard tests/fuzz/*.c)
WEB_TOOLS   := $(wildcard server/web/tools/*.c server/web/tools/*/*.c)
EXHAUSTIVE  := $(wildcard tests/exhaustive/*.c)
SOURCES     := $(LIB_SRC) $(API_SRC) $(SERVER_SRC) $(UNIT_LIB) $(UNIT_API) $(BENCH_SRC) $(FUZZ_SRC) $(EXHAUSTIVE) $(WEB_TOOLS)
BENCH_CXX_SRC := $(wildcard tests/bench/codec/*.cc tests/bench/conv/*.cc)
HEADERS     := $(wildcard lib/*.h lib/*/*.h api/*.h api/*/*.h server/*.h server/web/tools/*/*.h tests/unit/*.h tests/unit/*/*.h \
               tests/bench/*/*.h tests/fuzz/*.h)
# (Templates, *.inc.h, call functions by macros, which clang-format breaks.)
FORMATTED    = $(filter-out %.inc.h,$(HEADERS))

WARNINGS := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wstrict-prototypes -Wmissing-prototypes \
            -Wpointer-arith -Wcast-qual -Wwrite-strings -Wundef -Wvla -Wformat=2
HARDEN   := -fstack-protector-strong $(if $(SANITIZE),,-D_FORTIFY_SOURCE=2)
OPTIMISE := $(if $(SANITIZE),-O1,-O3) -g -fno-omit-frame-pointer -fno-math-errno -ffp-contract=off
COMMA          := ,
SANITIZE_FLAGS := $(if $(SANITIZE),-fsanitize=$(SANITIZE)$(if $(filter undefined,$(SANITIZE)),$(COMMA)float-cast-overflow) \
                  -fno-sanitize-recover=all $(if $(filter thread,$(SANITIZE)),,-DNO_UNROLL))

# CPPFLAGS, CFLAGS and LDFLAGS stay the caller's and come last.
COMPILE = $(CC) -I. -D_GNU_SOURCE -std=c17 $(WARNINGS) $(OPTIMISE) $(HARDEN) -fPIE -pthread $(SANITIZE_FLAGS) \
          $(KERNEL_FLAGS) $(CPPFLAGS) $(CFLAGS)
LINK    = $(CC) -pie -pthread -Wl,-z,relro,-z,now -Wl,--as-needed $(SANITIZE_FLAGS) $(LDFLAGS)

LIBS_LIB    := -lopenblas -lm
LIBS_API    := -ljansson -lpng -ljpeg -lz
LIBS_SERVER := -lmicrohttpd

obj = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))

# The web page, see below.
WEB      := $(BUILD)/web
SITE_OBJ := $(WEB)/site.o

.PHONY: all
all: $(BUILD)/convd ## build the server (the default)

$(BUILD)/convd: $(call obj,$(SERVER_SRC)) $(SITE_OBJ) $(BUILD)/libconvd-api.a $(BUILD)/libconvd-lib.a
	$(LINK) -o $@ $^ $(LIBS_SERVER) $(LIBS_API) $(LIBS_LIB)

$(BUILD)/libconvd-lib.a: $(call obj,$(LIB_SRC))
$(BUILD)/libconvd-api.a: $(call obj,$(API_SRC))
%.a:
	@rm -f $@
	ar rcs $@ $^

# gcc before 14 puts a 64-byte vector on a 32-byte boundary when AddressSanitizer looks for use after return
# (https://gcc.gnu.org/PR110027), so this one file's stack is not instrumented there.
IS_CLANG := $(findstring clang,$(shell $(CC) --version 2>/dev/null))
WIDE_STACK_FLAGS := $(if $(filter address,$(SANITIZE)),$(if $(IS_CLANG),,--param asan-stack=0))

# A file of lib/kernels is named <what>_<level>.c; only kernels of sums of products may contract a product and a sum.
SSE4_FLAGS   := -msse4.2 -mpopcnt
AVX2_FLAGS   := -mavx2 -mfma -mbmi -mbmi2 -mpopcnt
# With a sanitizer, the kernels are most of the build: those that no test will run, since this CPU cannot, are not optimised
# (and intrinsics are macros then, which convert signs).
UNRUN_FLAGS  := $(if $(SANITIZE),$(if $(shell grep -m1 -wo avx512dq /proc/cpuinfo),,-O0 -Wno-sign-conversion))
AVX512_FLAGS := $(AVX2_FLAGS) -mavx512f -mavx512dq -mavx512bw -mavx512vl -mprefer-vector-width=512 $(WIDE_STACK_FLAGS) \
                $(UNRUN_FLAGS)
$(BUILD)/obj/lib/kernels/%_sse4.o:   KERNEL_FLAGS := $(SSE4_FLAGS)
$(BUILD)/obj/lib/kernels/%_avx2.o:   KERNEL_FLAGS := $(AVX2_FLAGS)
$(BUILD)/obj/lib/kernels/%_avx512.o: KERNEL_FLAGS := $(AVX512_FLAGS)
$(foreach what,rows gemm winograd depthwise,$(BUILD)/obj/lib/kernels/$(what)_avx2.o $(BUILD)/obj/lib/kernels/$(what)_avx512.o): \
    KERNEL_FLAGS += -ffp-contract=fast
$(BUILD)/obj/lib/kernels/%_avx512vbmi.o: KERNEL_FLAGS := $(AVX512_FLAGS) -mavx512vbmi -mavx512vbmi2
$(BUILD)/obj/lib/kernels/%_avx512bf16.o: KERNEL_FLAGS := $(AVX512_FLAGS) -mavx512bf16
$(BUILD)/obj/lib/kernels/crc32_sse4.o: KERNEL_FLAGS += -mpclmul

$(BUILD)/obj/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(COMPILE) -MMD -MP -c -o $@ $<

-include $(patsubst %.o,%.d,$(call obj,$(SOURCES)))

# ---- the web page: the files of server/web become one C source -------------------------------------------------------

# The pages are asked for by fixed paths. All else is served below /assets/HASH, and HASH changes with any of it.
WEB_PAGES  := index.html docs.html openapi.json
DOCS_HTML  := $(WEB)/docs.html
WEB_ASSETS := $(sort $(filter-out screenshot.png,$(patsubst server/web/%,%,$(foreach depth,* */* */*/*, \
              $(foreach type,css js svg png,$(wildcard server/web/$(depth).$(type)))))))
WEB_FILES  := $(addprefix $(WEB)/site/,$(WEB_PAGES) $(WEB_ASSETS))

# Comments stay at home, a sixth of the page's weight: those that begin and end with their lines, and behind code those without
# quotation marks, which might be a string's.
$(addprefix $(WEB)/site/,$(WEB_ASSETS)): $(WEB)/site/%: server/web/% Makefile
	@mkdir -p $(@D)
	@case $< in \
	*.js | *.css) sed -e '/^ *\/\*.*\*\/ *$$/d' -e '/^ *\/\*/,/\*\/ *$$/d' -e "s| // [^'\"\`]*$$||" $< >$@ ;; \
	*) cp $< $@ ;; \
	esac

$(WEB)/site/openapi.json: api/openapi.json
	@mkdir -p $(@D)
	@cp $< $@

# Made anew when a file has come or gone.
$(WEB)/assets.list: $(if $(findstring |$(WEB_ASSETS)|,|$(file <$(WEB)/assets.list)|),,FORCE)
	@mkdir -p $(@D)
	@echo '$(WEB_ASSETS)' >$@
.PHONY: FORCE
FORCE:

$(WEB)/assets.hash: $(WEB)/assets.list $(addprefix server/web/,$(WEB_ASSETS))
	@(cd server/web && sha256sum $(WEB_ASSETS)) | sha256sum | cut -c 1-12 >$@

$(WEB)/preloads: $(WEB)/assets.hash Makefile
	@hash=$$(cat $<) && printf '<link rel="modulepreload" href="/assets/%s">\n' \
	    $(foreach module,$(filter %.js,$(WEB_ASSETS)),"$$hash/$(module)") >$@

# In a page @ASSETS@ is the path of that folder; the line @PRELOADS@ becomes a link to each module, so that browsers load
# all of them at once.
$(WEB)/site/index.html: server/web/index.html $(WEB)/assets.hash $(WEB)/preloads
$(WEB)/site/docs.html: $(DOCS_HTML) $(WEB)/assets.hash $(WEB)/preloads
$(WEB)/site/index.html $(WEB)/site/docs.html:
	@mkdir -p $(@D)
	sed -e '/@PRELOADS@/{r $(WEB)/preloads' -e 'd}' -e "s|@ASSETS@|/assets/$$(cat $(WEB)/assets.hash)|g" $< >$@

# The reference is made of the OpenAPI document by a program of ours. Like every tool it runs while we build.
DOCS_SRC := server/web/tools/docs.c $(wildcard server/web/tools/reference/*.c)

$(WEB)/docs: $(DOCS_SRC) $(wildcard server/web/tools/reference/*.h) Makefile
	@mkdir -p $(@D)
	$(HOST_CC) -I. -std=c17 -D_GNU_SOURCE $(WARNINGS) -O1 -g -o $@ $(DOCS_SRC) -ljansson
$(WEB)/docs.html: $(WEB)/docs api/openapi.json
	$< api/openapi.json >$@

# Neither names nor times go in, so that the same files give the same bytes.
$(WEB)/site/%.gz: $(WEB)/site/%
	@gzip -n -9 -c $< >$@

# A tool runs while we build, so neither the sanitizers nor CFLAGS, which may be another machine's, are for it.
$(WEB)/%: server/web/tools/%.c Makefile
	@mkdir -p $(@D)
	$(HOST_CC) -std=c17 -D_GNU_SOURCE $(WARNINGS) -O1 -g -o $@ $<

$(WEB)/site.c: $(WEB)/embed $(WEB_FILES) $(WEB_FILES:=.gz) $(WEB)/assets.hash
	@cd $(WEB)/site && sha256sum $(patsubst $(WEB)/site/%,%,$(WEB_FILES) $(WEB_FILES:=.gz)) >../digests
	cd $(WEB)/site && ../embed $$(cat ../assets.hash) <../digests >../site.c

$(SITE_OBJ): $(WEB)/site.c Makefile
	$(COMPILE) -MMD -MP -c -o $@ $<

-include $(SITE_OBJ:.o=.d)

# ---- C tests: the library's link without jansson and libmicrohttpd, the API's without libmicrohttpd -----------------

UNIT_LIB_BIN := $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(UNIT_LIB))
UNIT_API_BIN := $(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(UNIT_API))

$(BUILD)/tests/lib/%: $(BUILD)/obj/tests/unit/lib/%.o $(BUILD)/libconvd-lib.a
	@mkdir -p $(@D)
	$(LINK) -o $@ $^ -lcmocka $(LIBS_LIB)
$(BUILD)/tests/api/%: $(BUILD)/obj/tests/unit/api/%.o $(BUILD)/libconvd-api.a $(BUILD)/libconvd-lib.a
	@mkdir -p $(@D)
	$(LINK) -o $@ $^ -lcmocka $(LIBS_API) $(LIBS_LIB)

EXHAUSTIVE_BIN := $(patsubst tests/%.c,$(BUILD)/tests/%,$(EXHAUSTIVE))
$(BUILD)/tests/exhaustive/%: $(BUILD)/obj/tests/exhaustive/%.o $(BUILD)/libconvd-lib.a
	@mkdir -p $(@D)
	$(LINK) -o $@ $^ $(LIBS_LIB)

.PHONY: unit-binaries
unit-binaries: $(UNIT_LIB_BIN) $(UNIT_API_BIN)

# ---- fuzz targets: each twice, as a plain program for `make test` and for clang's libFuzzer ---------------------------

FUZZ_TARGETS := $(patsubst tests/fuzz/target_%.c,%,$(wildcard tests/fuzz/target_*.c))
FUZZ_BIN     := $(addprefix $(BUILD)/tests/fuzz/,$(FUZZ_TARGETS))
FUZZ_SHARED  := $(filter-out tests/fuzz/target_%.c tests/fuzz/driver.c tests/fuzz/libfuzzer.c,$(FUZZ_SRC))
FUZZ_LIBS    := $(BUILD)/libconvd-fuzz.a $(BUILD)/libconvd-api.a $(BUILD)/libconvd-lib.a
FUZZ_SEEDS   := $(BUILD)/tests/fuzz/corpus/handler.made

$(BUILD)/libconvd-fuzz.a: $(call obj,$(FUZZ_SHARED))
$(BUILD)/tests/fuzz/%: $(call obj,tests/fuzz/target_%.c tests/fuzz/driver.c) $(FUZZ_LIBS) | $(FUZZ_SEEDS)
	@mkdir -p $(@D)
	$(LINK) -o $@ $^ $(LIBS_API) $(LIBS_LIB)
$(BUILD)/fuzzers/%: $(call obj,tests/fuzz/target_%.c tests/fuzz/libfuzzer.c) $(FUZZ_LIBS) | $(FUZZ_SEEDS)
	@mkdir -p $(@D)
	$(LINK) -fsanitize=fuzzer -o $@ $^ $(LIBS_API) $(LIBS_LIB)
$(FUZZ_SEEDS): tests/fuzz/seeds.py $(wildcard tests/contract/*.json)
	/usr/bin/python3 $< $(basename $@)
	@touch $@

.PHONY: fuzz-binaries fuzzers
fuzz-binaries: $(FUZZ_BIN)
fuzzers: $(addprefix $(BUILD)/fuzzers/,$(FUZZ_TARGETS))

# ---- benches --------------------------------------------------------------------------------------------------------

# The C++ compiler of the same make. The peers' own files get every flag that makes them faster.
BENCH_CXX       := $(if $(IS_CLANG),$(patsubst clang%,clang++%,$(notdir $(CC))),$(CXX))
BENCH_CXX_FLAGS := -I. -std=c++17 -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wcast-qual -Wundef \
                   -O3 -march=native -DNDEBUG -g -fPIE -pthread
BENCH_CODEC_OBJ := $(call obj,tests/bench/bench_codec.c $(wildcard tests/bench/codec/*.c)) \
                   $(patsubst %.cc,$(BUILD)/obj/%.o,$(wildcard tests/bench/codec/*.cc))

$(BUILD)/obj/%.o: %.cc Makefile
	@mkdir -p $(@D)
	$(BENCH_CXX) $(BENCH_CXX_FLAGS) $(SANITIZE_FLAGS) $(CPPFLAGS) $(CXXFLAGS) -MMD -MP -c -o $@ $<

-include $(patsubst %.cc,$(BUILD)/obj/%.d,$(BENCH_CXX_SRC))

$(BUILD)/bench_codec: $(BENCH_CODEC_OBJ) $(BUILD)/libconvd-api.a $(BUILD)/libconvd-lib.a
	$(LINK) -o $@ $^ -lsimdjson -lstdc++ $(LIBS_API) $(LIBS_LIB)

# oneDNN's threads are OpenMP's.
$(BUILD)/obj/tests/bench/conv/onednn.o: CXXFLAGS += -fopenmp
$(BUILD)/bench_conv: $(call obj,tests/bench/bench_conv.c $(wildcard tests/bench/conv/*.c)) \
                     $(BUILD)/obj/tests/bench/conv/onednn.o $(BUILD)/libconvd-lib.a
	$(LINK) -fopenmp -o $@ $^ -ldnnl -lstdc++ $(LIBS_LIB)

$(BUILD)/bench_pool: $(call obj,tests/bench/bench_pool.c) $(BUILD)/libconvd-lib.a
	$(LINK) -o $@ $^ $(LIBS_LIB)

$(BUILD)/bench_sink: $(call obj,tests/bench/http/sink.c)
	$(LINK) -o $@ $^ $(LIBS_SERVER)

.PHONY: bench-binaries
bench-binaries: $(BUILD)/bench_codec $(BUILD)/bench_conv $(BUILD)/bench_pool $(BUILD)/bench_sink

# ---- what a person calls --------------------------------------------------------------------------------------------

INSTALL := CC="$(CC)" tests/tools/install-packages.sh

.PHONY: run
run: ## install what is missing, build, and serve on 127.0.0.1:8080 (ARGS="--port 9000" or CONVD_PORT=9000 for others)
	@$(INSTALL) build
	@$(MAKE) -j$$(nproc) all
	@exec $(BUILD)/convd $(ARGS)

.PHONY: test
test: ## install what is missing, build, and run every test
	@$(INSTALL) build test
	@$(MAKE) -j$$(nproc) all unit-binaries fuzz-binaries bench-binaries
	@$(MAKE) run-tests

.PHONY: run-tests
run-tests:
	@CC="$(CC)" SANITIZE="$(SANITIZE)" CONVD_BINARY=$(BUILD)/convd tests/tools/run-tests.sh \
	    $(UNIT_LIB_BIN) $(UNIT_API_BIN) $(FUZZ_BIN)

# (Not the first two in one build: the vectors that gcc misplaces under AddressSanitizer, see above, are what
# UndefinedBehaviorSanitizer reports.)
.PHONY: asan ubsan tsan
asan: ## the whole suite under AddressSanitizer and LeakSanitizer
	@$(MAKE) BUILD=build/asan SANITIZE=address test
ubsan: ## the whole suite under UndefinedBehaviorSanitizer
	@$(MAKE) BUILD=build/ubsan SANITIZE=undefined test
tsan: ## the whole suite under ThreadSanitizer
	@$(MAKE) BUILD=build/tsan SANITIZE=thread test

# The corpus that libFuzzer collects stays in build/fuzz/collected for the next time.
FUZZ_SECONDS ?= 60
.PHONY: fuzz
fuzz: ## coverage-guided fuzzing with clang and AddressSanitizer: each target for FUZZ_SECONDS (60)
	@CC=clang tests/tools/install-packages.sh build test
	@$(MAKE) -j$$(nproc) CC=clang BUILD=build/fuzz SANITIZE=address CFLAGS="$(CFLAGS) -fsanitize=fuzzer-no-link" fuzzers
	tests/fuzz/run-fuzzers.sh build/fuzz $(FUZZ_SECONDS) $(FUZZ_TARGETS)

.PHONY: exhaustive
exhaustive: ## write every float32 and read it back (CONVD_CPU=avx2 for another level; minutes on all cores)
	@$(INSTALL) build
	@$(MAKE) -j$$(nproc) $(EXHAUSTIVE_BIN)
	@set -e; for program in $(EXHAUSTIVE_BIN); do $$program; done

.PHONY: differential
differential: ## random layers against PyTorch (SEED=random for fresh ones)
	@$(INSTALL) build test
	@$(MAKE) all
	/usr/bin/python3 tests/differential/differential.py --binary $(BUILD)/convd --conv 2000 --pool 2000 --shape 1000 \
	    $(if $(SEED),--seed $(SEED))

.PHONY: screenshots
screenshots: ## pictures of the playground's views and states, into build/screenshots
	@$(INSTALL) build test
	@$(MAKE) -j$$(nproc) all
	CONVD_BINARY=$(BUILD)/convd tests/browser/screenshots.py $(BUILD)/screenshots

.PHONY: golden
golden: ## make the golden files of tests/golden anew from the installed PyTorch
	@$(INSTALL) build test
	/usr/bin/python3 tests/tools/golden_conv_pool.py
	/usr/bin/python3 tests/tools/golden_layers.py > $(BUILD)/layers.inc && mv $(BUILD)/layers.inc tests/golden/layers.inc

# The tables' figures mean something on a machine that does nothing else. QUICK=1: a look at it in some minutes.
BENCH_DIR     := $(BUILD)/bench
BENCH_LAYERS  := tests/bench/conv/layers.tsv
BENCH_THREADS := 1,2
.PHONY: bench
bench: ## codec, layers and HTTP beside their peers, into build/bench/*.tsv (an hour; QUICK=1 for minutes)
	@$(INSTALL) build bench
	@$(MAKE) -j$$(nproc) all bench-binaries
	tests/bench/texts.py $(BENCH_DIR)/texts
	$(BUILD)/bench_codec --threads $$(nproc) $(if $(QUICK),--repeat 5) $(BENCH_DIR)/texts/*.json > $(BENCH_DIR)/codec.tsv
	$(BUILD)/bench_conv --layers $(BENCH_LAYERS) --threads $(BENCH_THREADS) $(if $(QUICK),--repeat 3) > $(BENCH_DIR)/conv.tsv
	tests/bench/conv/torch_peer.py --layers $(BENCH_LAYERS) --threads $(BENCH_THREADS) $(if $(QUICK),--repeat 3) \
	    > $(BENCH_DIR)/conv-torch.tsv
	$(BUILD)/bench_pool --threads $(BENCH_THREADS) $(if $(QUICK),--repeat 3) > $(BENCH_DIR)/pool.tsv
	tests/bench/pool/torch_peer.py --threads $(BENCH_THREADS) $(if $(QUICK),--repeat 3) > $(BENCH_DIR)/pool-torch.tsv
	tests/bench/http/bench.py --build $(BUILD) $(if $(QUICK),--quick) > $(BENCH_DIR)/http.tsv
	@tests/bench/summary.py --codec $(BENCH_DIR)/codec.tsv --http $(BENCH_DIR)/http.tsv \
	    --conv $(BENCH_DIR)/conv.tsv $(BENCH_DIR)/conv-torch.tsv --layers $(BENCH_LAYERS)

.PHONY: test-image
test-image: ## build the container image and run the API tests against the container
	@$(INSTALL) build test image
	docker/test-image.sh

# The cross compiler finds the headers of the libraries, which are the same for every machine, behind its own.
ARM64_INCLUDES := -idirafter /usr/include -idirafter /usr/include/$(shell uname -m)-linux-gnu \
                  -idirafter /usr/include/$(shell uname -m)-linux-gnu/openblas-pthread
.PHONY: arm64
arm64: ## compile everything for arm64: nothing but guarded kernels is x86-only
	@$(INSTALL) build test
	@$(MAKE) CC=aarch64-linux-gnu-gcc HOST_CC="$(CC)" BUILD=build/arm64 CPPFLAGS="$(ARM64_INCLUDES)" CFLAGS=-Werror objects
.PHONY: objects
objects: $(call obj,$(LIB_SRC) $(API_SRC) $(SERVER_SRC)) $(SITE_OBJ)

.PHONY: format
format: ## clang-format over every C file
	@$(INSTALL) lint
	clang-format -i $(SOURCES) $(BENCH_CXX_SRC) $(FORMATTED)

.PHONY: lint
lint: ## clang-format, clang-tidy and cppcheck, without changing anything
	@$(INSTALL) lint
	clang-format --dry-run -Werror $(SOURCES) $(BENCH_CXX_SRC) $(FORMATTED)
	clang-tidy --quiet $(filter-out $(KERNELS_X86),$(LIB_SRC)) $(API_SRC) $(SERVER_SRC) $(WEB_TOOLS) $(BENCH_SRC) -- -std=c17 -I. -D_GNU_SOURCE
	cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr --error-exitcode=1 \
	    --suppress=missingIncludeSystem --suppress=ctuuninitvar --suppress='uninitvar:*.inc.h' \
	    --suppress='invalidPointerCast:lib/conv/zones.inc.h' -I. -D_GNU_SOURCE lib api server tests/bench

.PHONY: clean
clean: ## remove everything that was built
	rm -rf build

.PHONY: help
help: ## this list
	@awk -F':.*## ' '/^[a-z0-9 -]+:.*## /{printf "  make %-18s %s\n", $$1, $$2}' Makefile
