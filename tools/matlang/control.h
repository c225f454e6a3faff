/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The control files of a running box, seen from outside: plain files under one directory. Paths
 * are relative to it ("cameras/gate-01/fps"); one that begins with the directory itself is
 * understood too.
 */
#ifndef MATLANG_CONTROL_H
#define MATLANG_CONTROL_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/core/compiler.h"
#include "capture/core/errmsg.h"

#define CONTROL_VALUE_MAX 8192

struct control {
	const char *dir;
};

/* `dir` NULL: $MATLANG_CONTROL, else /run/matlang. */
void control_init(struct control *box, const char *dir);
/* -ENOENT with message when nothing runs there. */
int control_check(const struct control *box, struct errmsg *em) MUST_CHECK;
bool control_exists(const struct control *box, const char *path);

/* The value without its newline. `em` may be NULL. -ENOENT, -EACCES, -EISDIR, -EINVAL (a path
 * that leaves the directory) ... */
int control_read(const struct control *box, const char *path, char *out, size_t size,
		 struct errmsg *em) MUST_CHECK;
/* A whole number; `fallback` when it cannot be read. */
int64_t control_number(const struct control *box, const char *path, int64_t fallback);
double control_real(const struct control *box, const char *path, double fallback);
/* Writes `value` and a newline. The message holds what the box says against it. */
int control_write(const struct control *box, const char *path, const char *value,
		  struct errmsg *em) MUST_CHECK;

/* Sorted list of paths. */
struct control_paths {
	char **path;
	size_t count, room;
};
/* Every readable value that `pattern` means: a file, a directory (all below it), or a pattern
 * with '*', '?', '[' (none of which matches a '/'). -ENOENT with message when nothing does. */
int control_list(const struct control *box, const char *pattern, struct control_paths *out,
		 struct errmsg *em) MUST_CHECK;
/* Names of the directory's subdirectories, sorted; empty when it does not exist. */
int control_children(const struct control *box, const char *path,
		     struct control_paths *out) MUST_CHECK;
void control_paths_free(struct control_paths *list);
bool control_is_value(const struct control *box, const char *path);

/* Absolute name of a path, for open(2); -EINVAL when it leaves the directory. */
int control_name(const struct control *box, const char *path, char out[static PATH_MAX],
		 struct errmsg *em) MUST_CHECK;

#endif
