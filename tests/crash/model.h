/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A store on a simulated disk, and beside it a list of everything that was appended to it: what a
 * reader shows is compared with the list. Failures print what is wrong and end the program with a
 * message that names the seed.
 */
#ifndef TESTS_CRASH_MODEL_H
#define TESTS_CRASH_MODEL_H

#include "capture/core/reactor.h"
#include "storage/disk_format.h"
#include "storage/store.h"
#include "tests/lib/simdisk.h"

#define MODEL_CAMERAS 3u

struct model_item {
	enum record_kind kind;
	uint32_t camera; /* 0..MODEL_CAMERAS - 1 */
	uint32_t id;     /* its place in the list + 1: what tells it from all others */
	uint32_t bytes;
	int64_t mono_ns;
	uint64_t position; /* behind it; 0: not known */
	bool locked;
	bool lost; /* may be: reported lost, or a failed append */
};

struct model {
	uint64_t seed, random;
	const char *doing; /* for messages */
	struct reactor *reactor;
	struct simdisk *disk; /* NULL: it is another back end */
	const struct storage_io_ops *io;
	void *io_ctx;
	const char *dirs;
	uint64_t operations; /* for messages, when there is no disk */
	struct store *store;
	uint32_t segment_bytes, segments;
	uint32_t camera[MODEL_CAMERAS]; /* the store's numbers */
	struct model_item *item;
	size_t items, room;
	uint64_t durable;
	int64_t mono_ns, utc_offset_ns;
	uint64_t lost[MODEL_CAMERAS];
	uint64_t frames[MODEL_CAMERAS]; /* taken by the store */
	unsigned frames_out;            /* slots the store still holds */
	size_t locked_from, locked_to;  /* items a lock was asked for */
	int64_t lock_to_ns;             /* mono: later items before it are locked too; 0: none */
	uint64_t lock_number;           /* of the lock that stands */
	uint64_t lock_position;         /* the lock counts when durable gets here; 0: none stands */
	char trouble[ERRMSG_MAX];
};

/* An empty store image of `segments` segments of 1 MiB, made once with store_create. */
const uint8_t *model_empty_store(uint32_t segments, uint64_t *size);

void model_fail(const struct model *m, const char *fmt, ...) PRINTF_LIKE(2, 3)
	__attribute__((noreturn));
#define model_check(m, ok, ...)                     \
	do {                                        \
		if (!(ok))                          \
			model_fail(m, __VA_ARGS__); \
	} while (0)

/* Starts with a new store. */
void model_start(struct model *m, uint64_t seed, uint32_t segments);
/* Starts without a disk: the caller sets io, io_ctx, dirs, segment_bytes and segments. */
void model_start_bare(struct model *m, uint64_t seed);
/* Another store with what is known of `from`'s, not open, its own reactor; it still has from's disk
 * or back end: the caller puts another in its place. */
void model_adopt(struct model *m, const struct model *from);
/* 0 or what store_open says. */
int model_open(struct model *m) MUST_CHECK;
void model_end(struct model *m);
uint64_t model_random(struct model *m, uint64_t n); /* 0..n-1 */

/* Appends one record of a random kind; returns what the store says. */
int model_append(struct model *m) MUST_CHECK;
int model_append_frame(struct model *m, uint32_t bytes) MUST_CHECK;
/* Locks the segments of some durable items, or releases what is locked. */
void model_lock(struct model *m);
/* Releases every lock there is. */
void model_release(struct model *m);
/* One turn of the reactor, without waiting. */
void model_turn(struct model *m);

/* What a reader shows of a disk: numbers of items, in order. */
struct model_shown {
	uint32_t *id;
	uint64_t *sequence; /* of the segment it was in */
	size_t count, room;
	uint64_t frames[MODEL_CAMERAS];
};
/* Reads everything and compares it with the list: nothing invented, nothing half-written, in
 * order; no damage. */
void model_read(struct model *m, struct simdisk *disk, struct model_shown *out);
/* The same over another back end. */
void model_read_io(struct model *m, const char *dirs, const struct storage_io_ops *io, void *ctx,
		   struct model_shown *out);
void model_shown_free(struct model_shown *s);
/* The same records. */
bool model_same_shown(const struct model_shown *a, const struct model_shown *b);
/* `b` is `a` without whole segments from the front that had to be given up, as a store that goes on
 * does, and perhaps more at the end. */
void model_check_follows(struct model *m, const struct model_shown *a, const struct model_shown *b);
/* Everything durable is shown, but for whole segments that were due to be recycled. */
void model_check_durable(struct model *m, const struct model_shown *s);

#endif
