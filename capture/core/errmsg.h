/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A message for a person, carried beside a -errno.
 *
 * Libraries never print. A function that can fail in a way a person must act on takes a
 * `struct errmsg *` (may be NULL) and leaves one line there: what failed, on what, what to do.
 * On success the message is untouched. Any thread; the struct belongs to the caller.
 */
#ifndef CORE_ERRMSG_H
#define CORE_ERRMSG_H

#include <stdarg.h>

#include "capture/core/compiler.h"

#define ERRMSG_MAX 512

struct errmsg {
	char text[ERRMSG_MAX]; /* NUL-terminated, no newline, cut at the size */
};

/* Writes the line and returns `err` (a negative errno), so that a caller can `return` it. */
int errmsg_set(struct errmsg *em, int err, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Puts "context: " before what is there already (or before strerror(-err) if nothing is);
 * returns `err`. */
int errmsg_prefix(struct errmsg *em, int err, const char *fmt, ...) PRINTF_LIKE(3, 4);

#endif
