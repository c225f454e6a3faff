# Benches that are programs of their own.

$(BUILD)/bench_motion: $(call objs,tools/bench/bench_motion.c) $(LIB_analyze) $(LIB_core)
	$(say) LD $@
	$(link)

.PHONY: bench-motion
bench-motion: $(BUILD)/bench_motion
	$(Q)$<

$(BUILD)/bench_dcjpeg: $(call objs,tools/bench/bench_dcjpeg.c) $(ALL_LIBS)
	$(say) LD $@
	$(link)

.PHONY: bench-dcjpeg
bench-dcjpeg: $(BUILD)/bench_dcjpeg
	$(Q)$<

.PHONY: bench-programs
bench-programs: $(BUILD)/bench_motion $(BUILD)/bench_dcjpeg $(BUILD)/tests/checkasm/checkasm
