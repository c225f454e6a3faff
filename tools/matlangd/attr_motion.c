/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One camera's motion detection. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "tools/matlangd/appliance.h"
#include "tools/matlangd/attr_field.h"

static ATTR_SHOW(show_zones)
{
	int n = motion_zones_format(&recorder_settings(t->camera)->motion, out, size);

	return n >= 0 && (size_t)n < size ? 0 : -EOVERFLOW;
}

static ATTR_STORE(store_zones)
{
	return motion_zones_parse(value, &t->draft->motion, em);
}

static void stats(const struct attr_target *t, struct analyzer_stats *out)
{
	struct recorder_stats s;

	recorder_stats(t->camera, &s);
	*out = s.motion;
}

static ATTR_SHOW(show_level)
{
	struct analyzer_stats s;

	stats(t, &s);
	return attr_print(out, size, "%u", s.level);
}

static ATTR_SHOW(show_in_event)
{
	struct analyzer_stats s;

	stats(t, &s);
	return attr_print(out, size, "%d", s.in_event);
}

static ATTR_SHOW(show_lag)
{
	struct analyzer_stats s;

	stats(t, &s);
	return attr_print(out, size, "%.1f", (double)s.lag_ns / (double)NSEC_PER_MSEC);
}

static ATTR_SHOW(show_busy)
{
	struct analyzer_stats s;

	stats(t, &s);
	return attr_print(out, size, "%.3f", (double)s.busy_ns / (double)NSEC_PER_SEC);
}

static ATTR_SHOW(show_noise)
{
	struct analyzer_stats s;

	stats(t, &s);
	return attr_print(out, size, "%.2f", s.noise);
}

static ATTR_SHOW(show_restless)
{
	struct analyzer_stats s;

	stats(t, &s);
	return attr_print(out, size, "%.1f", 100 * s.restless);
}

static ATTR_SHOW(show_state_bytes)
{
	struct analyzer_stats s;

	stats(t, &s);
	return attr_print(out, size, "%zu", s.state_bytes);
}

#define P "cameras/<camera>/motion/"
#define SETTING(name_, type_, kind_, field_, min_, max_, unit_, def_, help_)                  \
	{                                                                                     \
		.path = P name_, .type = type_, .writable = true, .saved = true, .min = min_, \
		.max = max_, .unit = unit_, .def = def_, .show = attr_setting_show_##kind_,   \
		.store = attr_setting_store_##kind_,                                          \
		.field = offsetof(struct recorder_settings, motion.field_), .help = help_     \
	}
#define COUNTER(name_, unit_, help_)                                                             \
	{                                                                                        \
		.path = P #name_, .type = ATTR_INT, .unit = unit_, .show = attr_camera_show_u64, \
		.field = offsetof(struct recorder_stats, motion.name_), .help = help_            \
	}

static const struct attr table[] = {
	SETTING("enabled", ATTR_BOOL, bool, enabled, 0, 1, "", "1",
		"Whether motion is looked for."),
	SETTING("rate", ATTR_DOUBLE, double, rate, 0, 240, "frames/s", "5",
		"Frames analysed in a second; 0 is every frame."),
	SETTING("sensitivity", ATTR_INT, u8, sensitivity, 1, 100, "", "50",
		"1 sees only gross change, 100 everything that moves."),
	SETTING("min_cells", ATTR_INT, u32, min_cells, 1, 8160, "cells", "2",
		"Cells that must move together before it counts as motion; 1 also sees what is "
		"small and dim."),
	SETTING("start_frames", ATTR_INT, u32, start_frames, 1, 100, "frames", "2",
		"Analysed frames with motion before an event begins."),
	SETTING("end_seconds", ATTR_DOUBLE, seconds, end_ns, 0, 3600, "s", "3",
		"Quiet time before an event ends."),
	SETTING("absorb_seconds", ATTR_DOUBLE, seconds, absorb_ns, 0, 86400, "s", "60",
		"What stands still for so long becomes background; 0 is never."),
	SETTING("preroll_seconds", ATTR_DOUBLE, seconds, preroll_ns, 0, 600, "s", "5",
		"Footage kept with an event from before it began."),
	SETTING("postroll_seconds", ATTR_DOUBLE, seconds, postroll_ns, 0, 3600, "s", "10",
		"Footage kept with an event from after it ended."),
	{.path = P "zones",
	 .type = ATTR_TEXT,
	 .writable = true,
	 .saved = true,
	 .max = ATTR_VALUE_MAX - 2,
	 .unit = "",
	 .def = "",
	 .show = show_zones,
	 .store = store_zones,
	 .help = "Where to look: \"NAME: X,Y X,Y X,Y; ...\" in picture pixels; ! before a name is "
		 "a "
		 "mask, - switches it off, @N after it is its own sensitivity; empty is the whole "
		 "picture."},
	{.path = P "level",
	 .type = ATTR_INT,
	 .min = 0,
	 .max = 1000,
	 .unit = "1/1000",
	 .show = show_level,
	 .help = "How much moves now."},
	{.path = P "in_event",
	 .type = ATTR_BOOL,
	 .pollable = true,
	 .unit = "",
	 .show = show_in_event,
	 .help = "1 while an event is running."},
	COUNTER(events, "events", "Events since start."),
	COUNTER(analyzed, "frames", "Frames analysed since start."),
	COUNTER(skipped, "frames",
		"Frames due for analysis that were passed over because it was late."),
	COUNTER(errors, "frames", "Frames that could not be analysed."),
	{.path = P "lag_ms",
	 .type = ATTR_DOUBLE,
	 .unit = "ms",
	 .show = show_lag,
	 .help = "From capture to result, of the last analysed frame."},
	{.path = P "busy_seconds",
	 .type = ATTR_DOUBLE,
	 .unit = "s",
	 .show = show_busy,
	 .help = "Processor time spent since start."},
	{.path = P "noise",
	 .type = ATTR_DOUBLE,
	 .unit = "grey levels",
	 .show = show_noise,
	 .help = "Mean noise of the picture as the detector sees it."},
	{.path = P "restless_percent",
	 .type = ATTR_DOUBLE,
	 .unit = "%",
	 .show = show_restless,
	 .help = "Part of the picture that always moves (trees, water): only what stands out there "
		 "counts; mask it where nobody can come."},
	{.path = P "state_bytes",
	 .type = ATTR_INT,
	 .unit = "bytes",
	 .show = show_state_bytes,
	 .help = "Memory the detector holds for this camera."},
};
const struct attr_part attr_part_motion = {table, ARRAY_SIZE(table)};
