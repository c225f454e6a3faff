/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The status table's contents and its drawing, free of threads and terminals. */
#ifndef MATLANGD_STATUSTABLE_H
#define MATLANGD_STATUSTABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "tools/matlangd/appliance.h"
#include "tools/matlangd/log.h"

/* One camera at one moment; what the table shows and no more. */
struct statustable_row {
	char name[CAMERA_NAME_MAX];
	enum camera_state state;
	char why[ERRMSG_MAX];
	uint32_t fourcc, width, height;
	double fps;
	enum slab_kind memory;
	bool has_memory;
	uint64_t bytes, recorded, lost;
	unsigned level;
	bool in_event;
};

struct statustable {
	struct statustable_row *row; /* `count`, in name order */
	size_t count;
	char state[ERRMSG_MAX];
	struct store_stats store;
	int64_t now_mono_ns, started_mono_ns;
	double cpu_seconds;
	uint64_t rss_bytes;
};

/* Reactor's thread. Fills `t` anew; -ENOMEM. statustable_free releases it. */
int statustable_take(struct statustable *t, struct appliance *box) MUST_CHECK;
void statustable_free(struct statustable *t);

/* Draws at most `lines` lines of at most `columns` columns; the cameras that need a look come
 * first. `before`: an earlier moment, for rates (may be NULL). `notes`: recent log lines. */
void statustable_draw(FILE *out, const struct statustable *t, const struct statustable *before,
		      unsigned lines, unsigned columns, char notes[][LOG_LINE_MAX], size_t nnotes);
/* One line for a log. */
void statustable_line(FILE *out, const struct statustable *t, const struct statustable *before);

#endif
