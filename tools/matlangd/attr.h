/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The attribute table: every setting and every figure of a running box, declared once. The
 * control files, the configuration file, `matlang get/set/watch` and docs/CONTROL_FILES.md all
 * come from it.
 *
 * A path in the table is a pattern: "cameras/<camera>/motion/sensitivity". show and store run on
 * the reactor's thread.
 */
#ifndef MATLANGD_ATTR_H
#define MATLANGD_ATTR_H

#include <stdbool.h>
#include <stddef.h>

#include "capture/core/errmsg.h"

#define ATTR_PATH_MAX  192
#define ATTR_VALUE_MAX 8192 /* with newline and NUL */

enum attr_type { ATTR_BOOL, ATTR_INT, ATTR_DOUBLE, ATTR_TEXT, ATTR_CHOICE, ATTR_ACTION };

struct appliance;
struct recorder;

struct attr_target {
	struct appliance *box;
	struct recorder *camera; /* NULL outside cameras/ */
};

struct attr {
	const char *path; /* "storage/commit_ms", "cameras/<camera>/fps" */
	enum attr_type type;
	bool writable;
	bool saved;                 /* goes into the configuration file */
	bool pollable;              /* poll(2) wakes when it may have changed */
	double min, max;            /* INT, DOUBLE */
	const char *unit;           /* "ms", "frames/s", "" */
	const char *def;            /* default as text; NULL for figures */
	const char *const *choices; /* CHOICE: NULL-terminated */
	const char *help;           /* one sentence, English */
	/* Writes the value without newline; returns 0 or -errno. */
	int (*show)(const struct attr *a, const struct attr_target *t, char *out, size_t size);
	/* `value` is trimmed and has passed type and range. Nothing changes on error. */
	int (*store)(const struct attr *a, const struct attr_target *t, const char *value,
		     struct errmsg *em);
};

/* The whole table, in the order of the reference. */
const struct attr *attr_at(size_t index); /* NULL past the end */
/* By concrete path ("cameras/gate-01/fps"); fills camera name if there is one. NULL if unknown. */
const struct attr *attr_find(const char *path, char *camera, size_t camera_size);

/* On the reactor's thread: reads or writes one path. Errors with message: -ENOENT (unknown
 * attribute or camera; the message suggests a near name), -EACCES (not writable), -EINVAL (names
 * type and range), and what store returns. A change is logged: who, what, old, new. */
int attr_read(struct appliance *box, const char *path, char *out, size_t size,
	      struct errmsg *em) MUST_CHECK;
int attr_write(struct appliance *box, const char *path, const char *value, const char *who,
	       struct errmsg *em) MUST_CHECK;

/* Checks `value` against type and range only, without a running box. */
int attr_check(const struct attr *a, const char *value, struct errmsg *em) MUST_CHECK;

#endif
