/* SPDX-License-Identifier: GPL-2.0-or-later */
/* show and store functions for attributes that are one field of a struct, and the macros that
 * declare such attributes. */
#ifndef MATLANGD_ATTR_FIELD_H
#define MATLANGD_ATTR_FIELD_H

#include <stddef.h>
#include <stdint.h>

#include "tools/matlangd/attr.h"

#define ATTR_SHOW(name) \
	int name(const struct attr *a, const struct attr_target *t, char *out, size_t size)
#define ATTR_STORE(name)                                                               \
	int name(const struct attr *a, const struct attr_target *t, const char *value, \
		 struct errmsg *em)

/* Formats into `out`: 0, or -EOVERFLOW when it does not fit. */
int attr_print(char *out, size_t size, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* A field of struct recorder_settings, by type. Times are int64 nanoseconds, shown in seconds. */
ATTR_SHOW(attr_setting_show_bool);
ATTR_STORE(attr_setting_store_bool);
ATTR_SHOW(attr_setting_show_u8);
ATTR_STORE(attr_setting_store_u8);
ATTR_SHOW(attr_setting_show_u32);
ATTR_STORE(attr_setting_store_u32);
ATTR_SHOW(attr_setting_show_double);
ATTR_STORE(attr_setting_store_double);
ATTR_SHOW(attr_setting_show_seconds);
ATTR_STORE(attr_setting_store_seconds);

/* An unsigned of struct box_settings. Storing only keeps the value: what works by it is told by the
 * caller. */
ATTR_SHOW(attr_box_show_unsigned);
ATTR_STORE(attr_box_store_unsigned);

/* A number of struct recorder_stats, as `repr`, `scale` and `digits` say. */
ATTR_SHOW(attr_camera_show_figure);
/* A uint64_t of struct recorder_stats, struct store_stats, struct reactor_stats. */
ATTR_SHOW(attr_camera_show_u64);
ATTR_SHOW(attr_storage_show_u64);
ATTR_SHOW(attr_reactor_show_u64);

/* The parts that make up the whole table. */
struct attr_part {
	const struct attr *attrs;
	size_t count;
};
extern const struct attr_part attr_part_box;
extern const struct attr_part attr_part_storage;
extern const struct attr_part attr_part_lock;
extern const struct attr_part attr_part_volumes;
extern const struct attr_part attr_part_latency;
extern const struct attr_part attr_part_scrub;
extern const struct attr_part attr_part_reactor;
extern const struct attr_part attr_part_all, attr_part_camera;
extern const struct attr_part attr_part_motion;

#endif
