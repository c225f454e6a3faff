# Tests: tests/unit/<module>/test_*.c, one program each, linked with that module and what it may use.
# Linking so proves the layers once more: a storage test has no capture code to lean on.

libs_core    := $(LIB_core)
libs_capture := $(LIB_capture) $(LIB_core)
libs_analyze := $(LIB_analyze) $(LIB_core)
libs_storage := $(LIB_storage) $(LIB_core)
libs_tools   := $(LIB_matlangd) $(LIB_matlang) $(LIB_common) $(ALL_LIBS)

TEST_HELPERS := $(call objs,$(wildcard tests/lib/*.c))
# Minutes of pictures, one after another, in one thread: ThreadSanitizer finds nothing in them and
# takes minutes for each.
UNTHREADED := $(wildcard tests/unit/analyze/test_tamper*.c)
define unit_suite
unit_$(1)_SRC := $$(filter-out $(if $(filter thread,$(SAN)),$(UNTHREADED)),$$(wildcard tests/unit/$(1)/test_*.c))
unit_$(1)_HELP := $$(call objs,$$(filter-out tests/unit/$(1)/test_%,$$(wildcard tests/unit/$(1)/*.c)))
unit_$(1)_BIN := $$(patsubst tests/unit/$(1)/%.c,$(BUILD)/tests/$(1)/%,$$(unit_$(1)_SRC))
UNIT_BIN += $$(unit_$(1)_BIN)
$$(unit_$(1)_BIN): $(BUILD)/tests/$(1)/%: $(BUILD)/obj/tests/unit/$(1)/%.o $$(unit_$(1)_HELP) $(TEST_HELPERS) $$(libs_$(1))
	@mkdir -p $$(@D)
	$$(say) LD $$@
	$$(link) -lcmocka
.PHONY: unit-$(1)
unit-$(1): $$(unit_$(1)_BIN)
	$$(Q)tests/run.sh $$(unit_$(1)_BIN)
endef
$(foreach m,core capture analyze storage tools,$(eval $(call unit_suite,$(m))))

# Crash tests: the store over a simulated disk. Whole programs, each ends with its own sums.
crash_SRC := $(wildcard tests/crash/crash_*.c)
crash_HELP := $(call objs,$(filter-out $(crash_SRC),$(wildcard tests/crash/*.c)))
crash_BIN := $(patsubst tests/crash/%.c,$(BUILD)/tests/crash/%,$(crash_SRC))
$(crash_BIN): $(BUILD)/tests/crash/%: $(BUILD)/obj/tests/crash/%.o $(crash_HELP) $(TEST_HELPERS) $(libs_storage)
	@mkdir -p $(@D)
	$(say) LD $@
	$(link)
.PHONY: crash
crash: $(crash_BIN)
	$(Q)tests/crash/run.sh $(crash_BIN)
# The same power cuts, many more of them: hours. SEED=n repeats a workload that failed.
.PHONY: bench-crash
bench-crash: $(BUILD)/tests/crash/crash_model
	$(Q)TEST_TIMEOUT=$(or $(TEST_TIMEOUT),28800) CRASH_STATES=$(or $(CRASH_STATES),100000) tests/crash/run.sh $<

# Fuzzers: each tests/fuzz/fuzz_NAME.c is one, built by clang in a folder of its own with all it
# may reach instrumented. fuzz_libs_NAME: what it is linked with, if not storage and core.
# fuzz_extra_NAME: further sources.
FUZZ_SECONDS ?= 20
FUZZ_CC ?= clang
FUZZ_SAN := address,undefined
fuzz_extra_segment := tests/unit/storage/image.c
fuzz_extra_minutes := tests/unit/storage/image.c
fuzz_libs_config := $(LIB_matlangd) $(LIB_common) $(ALL_LIBS)
fuzz_libs_dcjpeg := $(libs_analyze)
fuzz_SRC := $(wildcard tests/fuzz/fuzz_*.c)
fuzz_BIN := $(patsubst tests/fuzz/%.c,$(BUILD)/%,$(fuzz_SRC))
define fuzzer
$(BUILD)/fuzz_$(1): $(BUILD)/obj/tests/fuzz/fuzz_$(1).o $(call objs,$(fuzz_extra_$(1))) $(TEST_HELPERS) \
		$(or $(fuzz_libs_$(1)),$(libs_storage))
	$$(say) LD $$@
	$$(link) -fsanitize=fuzzer
endef
$(foreach f,$(patsubst tests/fuzz/fuzz_%.c,%,$(fuzz_SRC)),$(eval $(call fuzzer,$(f))))
.PHONY: fuzz-programs fuzz fuzz-seeds
fuzz-programs: $(fuzz_BIN)
fuzz:
	$(Q)if ! echo 'int LLVMFuzzerTestOneInput(const char *d, long n) { return d == 0 && n; }' | \
		$(FUZZ_CC) -fsanitize=fuzzer,$(FUZZ_SAN) -x c - -o /dev/null 2>/dev/null; then \
		echo "SKIP: $(FUZZ_CC) with libFuzzer is not installed (Debian: clang)"; \
		echo "0 passed, 0 failed, $(words $(fuzz_SRC)) skipped"; \
	else \
		$(MAKE) --no-print-directory BUILD=build/fuzz CC=$(FUZZ_CC) SAN=$(FUZZ_SAN) \
			CFLAGS=-fsanitize=fuzzer-no-link fuzz-programs && \
		tests/fuzz/run.sh $(FUZZ_SECONDS) $(patsubst tests/fuzz/%.c,build/fuzz/%,$(fuzz_SRC)); \
	fi
# Writes the committed first inputs anew, after a change of the format.
fuzz-seeds: $(BUILD)/tests/fuzz/seeds_segment
	$(Q)mkdir -p tests/fuzz/corpus/segment
	$(Q)$< tests/fuzz/corpus/segment
$(BUILD)/tests/fuzz/seeds_segment: $(BUILD)/obj/tests/fuzz/seeds_segment.o \
		$(call objs,tests/unit/storage/image.c) $(TEST_HELPERS) $(libs_storage)
	@mkdir -p $(@D)
	$(say) LD $@
	$(link)

# Vector kernels against plain C, and what each takes: one harness for both (`checkasm --bench`).
checkasm_OBJ := $(call objs,$(wildcard tests/checkasm/*.c))
$(BUILD)/tests/checkasm/checkasm: $(checkasm_OBJ) $(LIB_analyze) $(LIB_core)
	@mkdir -p $(@D)
	$(say) LD $@
	$(link)
.PHONY: checkasm
checkasm: $(BUILD)/tests/checkasm/checkasm
	$(Q)$<

.PHONY: unit
unit: $(UNIT_BIN)
	$(Q)tests/run.sh $(UNIT_BIN)

.PHONY: layers
layers:
	$(Q)tests/check_layers.sh

# Programs of the end-to-end tests: they read stores and pictures with the project's own code.
E2E_BIN := $(patsubst tests/e2e/%.c,$(BUILD)/tests/e2e/%,$(wildcard tests/e2e/*.c))
$(E2E_BIN): $(BUILD)/tests/e2e/%: $(BUILD)/obj/tests/e2e/%.o $(ALL_LIBS)
	@mkdir -p $(@D)
	$(say) LD $@
	$(link)

# The disk format: stores of the C code against a reader written from docs/DISK_FORMAT.md alone.
$(BUILD)/tests/diskformat/dump_store: $(BUILD)/obj/tests/diskformat/dump_store.o $(libs_storage)
	@mkdir -p $(@D)
	$(say) LD $@
	$(link)
$(BUILD)/tests/diskformat/write_cut: $(BUILD)/obj/tests/diskformat/write_cut.o $(crash_HELP) $(TEST_HELPERS) $(libs_storage)
	@mkdir -p $(@D)
	$(say) LD $@
	$(link)
.PHONY: diskformat
diskformat: all $(E2E_BIN) $(BUILD)/tests/diskformat/dump_store $(BUILD)/tests/diskformat/write_cut
	$(Q)python3 -B tests/diskformat/run.py $(BUILD)

# The VM suite: the programs on real V4L2 drivers of Debian's kernels, under QEMU.
# Programs that only the VM runs: tests/vm/NAME.c with what is in tests/vm/NAME/, on the capture code
# alone.
define vm_program
VM_BIN += $(BUILD)/tests/vm/$(1)
$(BUILD)/tests/vm/$(1): $(BUILD)/obj/tests/vm/$(1).o $(call objs,$(wildcard tests/vm/$(1)/*.c)) $(LIB_capture) $(LIB_core)
	@mkdir -p $$(@D)
	$$(say) LD $$@
	$$(link)
endef
$(foreach p,$(patsubst tests/vm/%.c,%,$(wildcard tests/vm/*.c)),$(eval $(call vm_program,$(p))))

.PHONY: vm
vm: all $(VM_BIN) $(E2E_BIN)
	$(Q)tests/vm/run.sh $(BUILD) $(VM_ARGS)

.PHONY: lint
lint: $(BUILD)/matlangd
	$(Q)tests/lint.sh $(BUILD)

# Power cuts: a recording VM killed at random on a disk that keeps only what was flushed.
.PHONY: powercut bench-powercut
powercut: all $(VM_BIN) $(E2E_BIN)
	$(Q)tests/vm/powercut.sh $(BUILD) --cycles 5
bench-powercut: all $(VM_BIN) $(E2E_BIN)
	$(Q)tests/vm/powercut.sh $(BUILD) --cycles 100 --loss-limit 1.5

.PHONY: sigkill
sigkill: all $(E2E_BIN)
	$(Q)tests/crash/sigkill.sh $(BUILD)

.PHONY: format
format:
	clang-format -i $$(git ls-files --cached --others --exclude-standard -- '*.c' '*.h')

.PHONY: docs check-docs
docs: $(BUILD)/matlangd
	$(BUILD)/matlangd --list-attributes=markdown >docs/CONTROL_FILES.md
check-docs: $(BUILD)/matlangd
	$(Q)diff docs/CONTROL_FILES.md <($(BUILD)/matlangd --list-attributes=markdown) || \
		{ echo "docs/CONTROL_FILES.md is not what the table says: run make docs"; exit 1; }

.PHONY: test-deps
test-deps:
	$(Q)tools/deps.sh test

# Everything; the last line sums up. CI runs it with WERROR=1.
# A variable on make's command line is in its programs' environment: once more without vectors.
CHECK_SUITES ?= layers lint po-check unit unit+SAN=address,undefined unit+SAN=thread \
	unit-analyze+MATLANG_CPU_MASK=0 checkasm checkasm+SAN=address,undefined crash sigkill powercut diskformat fuzz e2e vm
.PHONY: check
check: test-deps
	$(Q)MAKE="$(MAKE)" tests/check.sh $(CHECK_SUITES)

.PHONY: bench
bench:
	$(Q)tools/deps.sh bench
	$(Q)$(MAKE) --no-print-directory all bench-programs
	$(Q)tools/bench/report.py $(BUILD) $(BENCH_ARGS)

.PHONY: e2e
e2e: all $(E2E_BIN)
	$(Q)tests/e2e/run.sh $(BUILD)
