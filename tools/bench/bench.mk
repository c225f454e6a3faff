# Benches that are programs of their own.

$(BUILD)/bench_motion: $(call objs,tools/bench/bench_motion.c) $(LIB_analyze) $(LIB_core)
	$(say) LD $@
	$(link)

.PHONY: bench-motion
bench-motion: $(BUILD)/bench_motion
	$(Q)$<
