/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The threads: the reactor and the analysis workers. */
#include <inttypes.h>

#include "tools/matlangd/appliance.h"
#include "tools/matlangd/attr_field.h"
#include "tools/matlangd/attr_value.h"
#include "tools/matlangd/box_settings.h"

static ATTR_SHOW(show_max_turn)
{
	struct reactor_stats s;

	reactor_stats(appliance_reactor(t->env->box), &s);
	return attr_print(out, size, "%" PRIu64, s.max_turn_ns / (uint64_t)NSEC_PER_USEC);
}

static ATTR_SHOW(show_threads)
{
	return attr_print(out, size, "%u", t->env->settings->workers);
}

static ATTR_STORE(store_threads)
{
	int64_t v;
	int err = attr_value_int(value, &v);

	if (!err)
		t->env->settings->workers = (unsigned)v;
	return err;
}

/* All cameras' analysers together. */
static void sum(const struct attr_target *t, struct analyzer_stats *out)
{
	struct recorder_stats s;
	struct recorder *r;

	*out = (struct analyzer_stats){0};
	for (size_t i = 0; (r = appliance_camera_at(t->env->box, i)); i++) {
		recorder_stats(r, &s);
		out->analyzed += s.motion.analyzed;
		out->skipped += s.motion.skipped;
		out->errors += s.motion.errors;
		out->busy_ns += s.motion.busy_ns;
		if (s.motion.lag_ns > out->lag_ns)
			out->lag_ns = s.motion.lag_ns;
	}
}

static ATTR_SHOW(show_sum)
{
	struct analyzer_stats s;

	sum(t, &s);
	return attr_print(out, size, "%" PRIu64, *(const uint64_t *)((const char *)&s + a->field));
}

static ATTR_SHOW(show_busy)
{
	struct analyzer_stats s;

	sum(t, &s);
	return attr_print(out, size, "%.2f", (double)s.busy_ns / (double)NSEC_PER_SEC);
}

static ATTR_SHOW(show_lag)
{
	struct analyzer_stats s;

	sum(t, &s);
	return attr_print(out, size, "%.1f", (double)s.lag_ns / (double)NSEC_PER_MSEC);
}

#define REACTOR(name_, help_)                                                                  \
	{                                                                                      \
		.path = "reactor/" #name_, .type = ATTR_INT, .unit = #name_,                   \
		.show = attr_reactor_show_u64, .field = offsetof(struct reactor_stats, name_), \
		.help = help_                                                                  \
	}
#define WORKERS(name_, help_)                                                                    \
	{                                                                                        \
		.path = "workers/" #name_, .type = ATTR_INT, .unit = "frames", .show = show_sum, \
		.field = offsetof(struct analyzer_stats, name_), .help = help_                   \
	}

static const struct attr table[] = {
	REACTOR(turns, "Turns of the loop that serves cameras and disk, since start."),
	REACTOR(completions, "Completed operations, since start."),
	REACTOR(messages, "Messages from other threads, since start."),
	REACTOR(timers, "Timers that fired, since start."),
	{.path = "reactor/buffers_registered",
	 .type = ATTR_INT,
	 .unit = "buffers",
	 .show = attr_reactor_show_u64,
	 .field = offsetof(struct reactor_stats, buffers_registered),
	 .help = "Pieces of memory that are registered with the kernel for writing without a "
		 "copy."},
	{.path = "reactor/max_turn_us",
	 .type = ATTR_INT,
	 .unit = "us",
	 .show = show_max_turn,
	 .help = "Longest time one turn kept the others waiting, since start."},
	{.path = "workers/threads",
	 .type = ATTR_INT,
	 .saved = true,
	 .min = 0,
	 .max = 256,
	 .unit = "threads",
	 .def = "0",
	 .show = show_threads,
	 .store = store_threads,
	 .help = "Analysis threads; 0 is one for each processor."},
	WORKERS(analyzed, "Frames analysed since start, all cameras."),
	WORKERS(skipped, "Frames due for analysis that were passed over because it was late."),
	WORKERS(errors, "Frames that could not be analysed."),
	{.path = "workers/busy_seconds",
	 .type = ATTR_DOUBLE,
	 .unit = "s",
	 .show = show_busy,
	 .help = "Processor time spent on analysis since start."},
	{.path = "workers/lag_ms",
	 .type = ATTR_DOUBLE,
	 .unit = "ms",
	 .show = show_lag,
	 .help = "From capture to result, of the camera that is furthest behind."},
};
const struct attr_part attr_part_reactor = {table, ARRAY_SIZE(table)};
