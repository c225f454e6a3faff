/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Files that appear together and whole, or not at all: each is written under a temporary name in
 * its own directory and all are renamed at the end.
 */
#ifndef MATLANG_OUTPUTS_H
#define MATLANG_OUTPUTS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "capture/core/compiler.h"
#include "capture/core/errmsg.h"

struct output {
	char *path; /* final name */
	char *temp; /* name while it is being written */
	bool published;
};

struct outputs {
	struct output *item;
	size_t count, room;
	bool force; /* replace what is there */
};

/* A new empty file to be called `path`; *temp (owned by the set) is what to write to. -EEXIST when
 * the name is taken and `force` is not set; other errors with message. */
int outputs_add(struct outputs *o, const char *path, const char **temp,
		struct errmsg *em) MUST_CHECK;
/* Makes every file durable and gives it its name. On failure those that had got theirs are taken
 * back (not with `force`: what they replaced is gone), and the message says why. */
int outputs_publish(struct outputs *o, struct errmsg *em) MUST_CHECK;
/* Removes what was not published; frees. */
void outputs_free(struct outputs *o);

#define SHA256_HEX_SIZE 65
/* SHA-256 of a file as hexadecimal digits. */
int outputs_sha256(const char *path, char hex[static SHA256_HEX_SIZE],
		   struct errmsg *em) MUST_CHECK;

#endif
