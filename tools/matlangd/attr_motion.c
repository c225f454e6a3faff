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

static ATTR_SHOW(show_tamper)
{
	struct recorder_stats s;

	recorder_stats(t->camera, &s);
	return attr_print(out, size, "%s", tamper_name(s.motion.tamper));
}

#define P "cameras/<camera>/motion/"
#define SETTING(name_, type_, kind_, field_, min_, max_, unit_, def_, help_)                  \
	{                                                                                     \
		.path = P name_, .type = type_, .writable = true, .saved = true, .min = min_, \
		.max = max_, .unit = unit_, .def = def_, .show = attr_setting_show_##kind_,   \
		.store = attr_setting_store_##kind_,                                          \
		.field = offsetof(struct recorder_settings, motion.field_), .help = help_     \
	}
#define FIGURE(name_, type_, unit_, repr_, field_, scale_, digits_, help_)                     \
	{                                                                                      \
		.path = P name_, .type = type_, .unit = unit_, .repr = repr_, .scale = scale_, \
		.digits = digits_, .show = attr_camera_show_figure,                            \
		.field = offsetof(struct recorder_stats, field_), .help = help_                \
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
	SETTING("tamper_enabled", ATTR_BOOL, bool, tamper, 0, 1, "", "1",
		"Whether it is told when the view is lost: the lens covered, out of focus or "
		"blinded, the camera turned; off and on again learns the view anew."),
	SETTING("tamper_seconds", ATTR_DOUBLE, seconds, tamper_ns, 1, 3600, "s", "15",
		"How long the view must be lost before it is told."),
	SETTING("tamper_accept_seconds", ATTR_DOUBLE, seconds, tamper_accept_ns, 0, 604800, "s",
		"600", "What a turned camera sees is its normal view after this; 0 is never."),
	{.path = P "tamper",
	 .type = ATTR_TEXT,
	 .pollable = true,
	 .unit = "",
	 .show = show_tamper,
	 .help = "What is the matter with the view now: none, covered, defocused, moved or "
		 "blinded."},
	COUNTER(tampers, "events", "Times the view was lost since start."),
	{.path = P "level",
	 .type = ATTR_INT,
	 .min = 0,
	 .max = 1000,
	 .unit = "1/1000",
	 .show = attr_camera_show_figure,
	 .repr = ATTR_U16,
	 .field = offsetof(struct recorder_stats, motion.level),
	 .help = "How much moves now."},
	{.path = P "in_event",
	 .type = ATTR_BOOL,
	 .pollable = true,
	 .unit = "",
	 .show = attr_camera_show_figure,
	 .repr = ATTR_BOOLEAN,
	 .field = offsetof(struct recorder_stats, motion.in_event),
	 .help = "1 while an event is running."},
	COUNTER(events, "events", "Events of motion since start."),
	FIGURE("alarms_hour", ATTR_INT, "events", ATTR_SIZE, alarms_hour, 1, 0,
	       "Events that began within the last hour, of motion or a lost view: many by a quiet "
	       "road say that something should be masked or the sensitivity lowered."),
	COUNTER(analyzed, "frames", "Frames analysed since start."),
	COUNTER(skipped, "frames",
		"Frames due for analysis that were passed over because it was late."),
	COUNTER(errors, "frames", "Frames that could not be analysed."),
	FIGURE("lag_ms", ATTR_DOUBLE, "ms", ATTR_INT64, motion.lag_ns, 1e-6, 1,
	       "From capture to result, of the last analysed frame."),
	FIGURE("lag_max_ms", ATTR_DOUBLE, "ms", ATTR_INT64, motion.lag_max_ns, 1e-6, 1,
	       "The longest of these since start."),
	FIGURE("busy_seconds", ATTR_DOUBLE, "s", ATTR_INT64, motion.busy_ns, 1e-9, 3,
	       "Processor time spent since start."),
	FIGURE("noise", ATTR_DOUBLE, "grey levels", ATTR_REAL, motion.noise, 1, 2,
	       "Mean noise of the picture as the detector sees it."),
	FIGURE("restless_percent", ATTR_DOUBLE, "%", ATTR_REAL, motion.restless, 100, 1,
	       "Part of the picture that always moves (trees, water): only what stands out there "
	       "counts; mask it where nobody can come."),
	FIGURE("state_bytes", ATTR_INT, "bytes", ATTR_SIZE, motion.state_bytes, 1, 0,
	       "Memory the detector holds for this camera."),
};
const struct attr_part attr_part_motion = {table, ARRAY_SIZE(table)};
