/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The configuration file: lines of `path = value`, the control files' paths. A line that begins
 * with '#' is a comment. Strict: whatever is not understood is an error that names file and line,
 * and nothing is taken.
 *
 * Threads: a config belongs to one thread at a time.
 */
#ifndef MATLANGD_CONFIG_H
#define MATLANGD_CONFIG_H

#include <stddef.h>

#include "capture/core/compiler.h"
#include "capture/core/errmsg.h"
#include "tools/matlangd/attr.h"

/* A file beyond this is refused unread: hundreds of cameras with zones are a tenth of it. */
#define CONFIG_FILE_MAX (16u << 20)

struct config_entry {
	char *path, *value;
	const struct attr *attr;
	char *origin; /* "FILE:LINE", "--set", "--camera": for messages */
};

struct config {
	struct config_entry *entry;
	size_t count;
};

/* Splits one line (no newline, NUL-terminated, changed in place). 1: *path and *value point into
 * it; 0: blank or comment; -EINVAL with message. */
int config_split(char *line, char **path, char **value, struct errmsg *em) MUST_CHECK;

/* Parses `len` bytes of text named `name`. Errors with "name:line: " in the message: -EINVAL,
 * -EEXIST (a path set twice), -ENOENT (unknown attribute), -ENOMEM. */
int config_parse(struct config *out, const char *text, size_t len, const char *name,
		 struct errmsg *em) MUST_CHECK;
/* Reads and parses a file. -ENOENT when there is none; -EFBIG, -errno. */
int config_read(struct config *out, const char *file, struct errmsg *em) MUST_CHECK;
void config_free(struct config *c);

/* Whole file into memory, NUL-terminated; the caller frees. */
int config_read_text(const char *file, char **out, size_t *len, struct errmsg *em) MUST_CHECK;

/* Sets one path, over what is there already: an option of the command line. */
int config_set(struct config *c, const char *path, const char *value, const char *origin,
	       struct errmsg *em) MUST_CHECK;

/* The settings of the box as a whole, into env->settings; before there is an appliance. */
int config_apply_start(const struct config *c, struct attr_env *env, struct errmsg *em) MUST_CHECK;
/* Adds the cameras that are named and gives each its settings, as a whole. Without a box
 * (env->box NULL) everything is tried out and nothing done. */
int config_apply_cameras(const struct config *c, struct attr_env *env,
			 struct errmsg *em) MUST_CHECK;

#endif
