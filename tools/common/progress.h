/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How far long work has come: one line on standard error, redrawn, and only on a terminal. */
#ifndef COMMON_PROGRESS_H
#define COMMON_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
	bool shown;       /* standard error is a terminal */
	bool drawn;       /* a line stands there */
	const char *what; /* "verifying"; kept, not copied */
	int64_t started_ns, last_ns;
};

void progress_begin(struct progress *p, const char *what);
/* `total` 0: not known. Draws at most ten times a second. */
void progress_bytes(struct progress *p, uint64_t done, uint64_t total);
/* The same for a count of things. */
void progress_count(struct progress *p, uint64_t done, uint64_t total);
/* Wipes the line, so that other output starts clean. May be called at any time. */
void progress_end(struct progress *p);

#endif
