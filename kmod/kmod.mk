# make kmod, kmod-install, kmod-uninstall: the kernel modules, through DKMS.

KMOD_SOURCE ?= /usr/src/matlang-$(VERSION)
KMOD_FILES := Makefile Kbuild dkms.conf README.md $(notdir $(wildcard kmod/*.c kmod/*.h))

# What the modules cost, in the VM: ratios, on both kernels.
.PHONY: bench-kmod
bench-kmod: all $(VM_BIN) $(E2E_BIN)
	$(Q)tests/vm/run.sh $(BUILD) --tests bench_kmod,bench_kmod_pool,bench_kmod_faults

# The same tests, and ioctl fuzzing with failing allocations, on a kernel with every checker.
.PHONY: bench-kmod-debug
bench-kmod-debug: all $(VM_BIN) $(E2E_BIN)
	$(Q)tests/vm/run.sh $(BUILD) --kernels "$(DEBUG_KERNELS)" --tests $(DEBUG_TESTS)
DEBUG_KERNELS ?= 6.1-debug 6.12-debug
DEBUG_TESTS ?= pool_memory,pool_drm,pool_vivid,rack_queues,rack_killed,rack_footage,rack_faults,rack_record,debug_inject

# sparse and checkpatch --strict.
.PHONY: kmod-lint
kmod-lint:
	$(Q)tests/vm/kmod_lint.sh $(or $(MATLANG_VM_CACHE),$(BUILD)/vm)

.PHONY: kmod kmod-install kmod-uninstall
kmod:
	$(Q)$(MAKE) --no-print-directory -C kmod OUT=$(abspath $(BUILD))/kmod

kmod-install:
	$(Q)[ -n "$(DESTDIR)" ] || command -v dkms >/dev/null || { echo "no dkms here: apt-get install dkms" >&2; exit 1; }
	$(Q)install -dm755 $(DESTDIR)$(KMOD_SOURCE)
	$(Q)cd kmod && install -m644 $(KMOD_FILES) $(DESTDIR)$(KMOD_SOURCE)/
	$(Q)install -Dm644 kmod/60-matlang-pool.rules \
		$(DESTDIR)$(sysconfdir)/udev/rules.d/60-matlang-pool.rules
	$(Q)if [ -z "$(DESTDIR)" ]; then \
		dkms status -m matlang -v $(VERSION) | grep -q . || dkms add -m matlang -v $(VERSION); \
		dkms install --force -m matlang -v $(VERSION); \
	fi
	@echo "installed; next: modprobe matlang_pool"

kmod-uninstall:
	$(Q)if [ -z "$(DESTDIR)" ] && command -v dkms >/dev/null; then \
		dkms remove -m matlang -v $(VERSION) --all || true; \
	fi
	$(Q)rm -rf $(DESTDIR)$(KMOD_SOURCE)
	$(Q)rm -f $(DESTDIR)$(sysconfdir)/udev/rules.d/60-matlang-pool.rules
