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
struct box_settings;
struct recorder;
struct recorder_settings;

/* Work that a store function leaves for the thread that asked, because it blocks (files, disks).
 * `run` frees it. */
struct attr_deferred {
	int (*run)(struct attr_deferred *d, struct errmsg *em);
};

/* What paths are resolved against; the reactor's thread. */
struct attr_env {
	struct appliance *box;
	struct box_settings *settings;
	/* The value of `path` was changed through attr_write, or a camera came or went ("cameras").
	 * May be NULL. */
	void (*changed)(void *ctx, const char *path);
	void *changed_ctx;
	char last_error[ERRMSG_MAX]; /* the last refused change, in one line */
};

struct attr_target {
	struct attr_env *env;
	struct recorder *camera; /* NULL outside cameras/ */
	/* A store function of a camera's setting edits this copy; it is checked and taken as a
	 * whole afterwards. NULL outside cameras/ and for show. */
	struct recorder_settings *draft;
	/* A store function may leave its slow part here. NULL: it cannot (an -EBUSY). */
	struct attr_deferred **deferred;
};

struct attr {
	const char *path; /* "storage/commit_ms", "cameras/<camera>/fps" */
	enum attr_type type;
	bool writable;    /* in the control files */
	bool saved;       /* goes into the configuration file; not writable: at start only */
	bool pollable;    /* poll(2) wakes when it may have changed */
	double min, max;  /* INT, DOUBLE: the value; TEXT: max is the length in bytes */
	const char *unit; /* "ms", "frames/s", "" */
	const char *def;  /* default as text; NULL for figures */
	const char *const *choices; /* CHOICE: NULL-terminated */
	const char *help;           /* one sentence, English */
	/* Writes the value without newline; returns 0 or -errno. */
	int (*show)(const struct attr *a, const struct attr_target *t, char *out, size_t size);
	/* `value` is trimmed and has passed type and range. Nothing changes on error. */
	int (*store)(const struct attr *a, const struct attr_target *t, const char *value,
		     struct errmsg *em);
	size_t field; /* offset in the struct that show and store of this kind use */
	/* For attr_camera_show_figure: what lies there, by how much it is multiplied (0: 1), and
	 * how many digits are shown behind the point. */
	enum attr_repr { ATTR_BOOLEAN, ATTR_U16, ATTR_SIZE, ATTR_INT64, ATTR_REAL } repr;
	double scale;
	int digits;
};

/* The whole table, in the order of the reference. */
const struct attr *attr_at(size_t index); /* NULL past the end */
/* By concrete path ("cameras/gate-01/fps"); fills camera name if there is one. NULL if unknown. */
const struct attr *attr_find(const char *path, char *camera, size_t camera_size);
/* By concrete path, with a message that suggests a near name. */
const struct attr *attr_lookup(const char *path, char *camera, size_t camera_size,
			       struct errmsg *em);
/* "cameras/<camera>/..." of the table. */
bool attr_is_camera(const struct attr *a);
/* The concrete path of `a`; `camera` may be NULL outside cameras/. False: does not fit. */
bool attr_path(const struct attr *a, const char *camera, char *out, size_t size) MUST_CHECK;

/* On the reactor's thread: reads or writes one path. Errors with message: -ENOENT (unknown
 * attribute or camera; the message suggests a near name), -EACCES (not writable), -EINVAL (names
 * type and range), and what store returns. A change is logged: who, what, old, new. */
int attr_read(struct attr_env *env, const char *path, char *out, size_t size,
	      struct errmsg *em) MUST_CHECK;
/* `deferred` (may be NULL) receives what remains to be run on the caller's own thread, or NULL. */
int attr_write(struct attr_env *env, const char *path, const char *value, const char *who,
	       struct attr_deferred **deferred, struct errmsg *em) MUST_CHECK;

/* Adds or removes a camera by its name; logged like a change. -EEXIST, -EINVAL, -ENOENT. */
int attr_add_camera(struct attr_env *env, const char *name, const char *who,
		    struct errmsg *em) MUST_CHECK;
int attr_remove_camera(struct attr_env *env, const char *name, const char *who,
		       struct errmsg *em) MUST_CHECK;

/* Checks `value` against type and range only, without a running box. */
int attr_check(const struct attr *a, const char *value, struct errmsg *em) MUST_CHECK;

/* One line about the accepted values: "a whole number within 1..100". */
void attr_range(const struct attr *a, char *out, size_t size);

#endif
