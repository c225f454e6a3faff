/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The store, writer's side: an append-only, log-structured video store whose whole space is
 * reserved when it is created and recycled in place. docs/DISK_FORMAT.md is its specification.
 *
 * Threads: all on the reactor's thread, but store_create and store_stats. The callbacks run there
 * too. Nothing here blocks for long but store_create, store_open and store_close.
 */
#ifndef STORAGE_STORE_H
#define STORAGE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/core/compiler.h"
#include "capture/core/errmsg.h"
#include "capture/core/frame.h"
#include "capture/core/loss.h"
#include "capture/core/monotime.h"
#include "capture/core/reactor.h"
#include "storage/latency.h"
#include "storage/record.h"

struct store;

struct store_create_options {
	uint64_t size_bytes;    /* of each volume; 0: 90 % of what is free where least is */
	unsigned parity;        /* of the directories' worth, 0..3: so many may be lost */
	uint32_t segment_bytes; /* power of two, 1 MiB .. 1 GiB; 0: chosen from the size */
	bool sparse;            /* do not write the space through (tests, trial runs) */
	/* Progress of a long creation, any thread; may be NULL. Non-zero return: stop, undo. */
	int (*progress)(void *ctx, uint64_t done, uint64_t total);
	void *progress_ctx;
};

/*
 * Creates a store in directories `dirs`, 1 to 32, each on a disk of its own and each giving the
 * same space: the smallest decides, and where that would leave a tenth of all unused without
 * size_bytes the store is refused. A directory that does not exist is made; one that holds a store
 * already is refused. On failure nothing is left behind. Errors with message: -EEXIST, -ENOSPC
 * (says how much is missing), -EROFS, -EACCES, -EINVAL.
 */
int store_create(const char *const dirs[], unsigned ndirs, const struct store_create_options *o,
		 struct errmsg *em) MUST_CHECK;

struct store_callbacks {
	/* Frames that were appended and will not become durable (a flush failed, or a write before
	 * theirs): the caller puts them on the ledger with store_append_loss. Those between first
	 * and last of the camera, all of them. */
	void (*lost)(void *ctx, const struct loss *loss);
	/* State changes a person must see: "", or one line (no space left, disk failed). */
	void (*trouble)(void *ctx, const char *why);
	/* The durable position moved: everything appended before `position` survives a power cut.
	 */
	void (*durable)(void *ctx, uint64_t position);
};

struct store_options {
	int64_t commit_ns;   /* at most this long until appended is durable; default 1 s */
	size_t direct_bytes; /* frames from this size on are written straight from their slot;
				smaller ones are gathered; 0: default */
	size_t memory_bytes; /* bytes that may wait for the disk in gather buffers; 0: default */
	int64_t warn_ns;  /* so long before locks leave no room it is a trouble; default 7 days */
	int64_t retry_ns; /* how often a disk that failed is tried again; default 5 s */
	const struct storage_io_ops *io; /* NULL: the real disk; tests put theirs here */
	void *io_ctx;
};

/*
 * Opens for writing (`dir`: one, or several with commas between, see dirs.h): takes the lock,
 * recovers (finds the tail, drops what is torn), makes ready to append. Errors with message:
 * -ENOENT (no store here; says how to create one), -EBUSY (open by another process, with its pid),
 * -EPROTO (format of another version or unknown incompatible feature), -EBADMSG (damaged beyond
 * use; says `matlang store verify`), -EACCES, -EROFS.
 */
int store_open(struct store **out, const char *dir, struct reactor *r,
	       const struct store_options *o, const struct store_callbacks *cb, void *ctx,
	       struct errmsg *em) MUST_CHECK;
/* Writes everything out, seals or checkpoints, waits (runs the reactor), frees. 0 or the first
 * error: what was appended last may then be lost. NULL is fine. */
int store_close(struct store *s) MUST_CHECK;

/* The store's number for a camera of that name; makes one for a new name. Numbers are for ever.
 * -ENOSPC: table full (65,535), -EINVAL: bad name. */
int store_camera(struct store *s, const char *name, uint32_t *out_id) MUST_CHECK;

/* The number of a camera that has one. -ENOENT. */
int store_find_camera(const struct store *s, const char *name, uint32_t *out_id) MUST_CHECK;

/*
 * Appends a frame. Takes its own reference and drops it when the bytes are copied (gathered) or
 * written (direct). `position` (may be NULL) receives the log position behind it, for comparison
 * with `durable`. Errors: -ENOBUFS (too much waits for the disk: the frame was not taken, the
 * caller counts LOSS_DISK_LATE), -ENOSPC (all locked), -EIO (the disk has failed and is tried
 * again from time to time), -EMSGSIZE
 * (does not fit in a segment).
 */
int store_append_frame(struct store *s, struct frame *f, uint64_t *position) MUST_CHECK;

/* Whether a frame like this one is written straight from its slot; if not, its bytes are copied
 * once into a gather buffer, and that copy is to be counted. */
bool store_writes_direct(const struct store *s, const struct frame *f);

/* Small records (see record.h): always gathered. Errors as above; never -ENOBUFS. */
int store_append_loss(struct store *s, const struct loss *loss) MUST_CHECK;
int store_append_motion(struct store *s, const struct record_motion *m,
			const void *bits) MUST_CHECK;
int store_append_event(struct store *s, const struct record_event *e, const void *cells) MUST_CHECK;
int store_append_clock(struct store *s, const struct monotime_sample *c) MUST_CHECK;
/* A line for the log book (settings changed, started, stopped): UTF-8, at most 4000 bytes. */
int store_append_note(struct store *s, uint32_t camera_id, const char *text) MUST_CHECK;

/* Makes what was appended durable soon, without waiting for the interval. */
void store_commit(struct store *s);

void store_set_warning(struct store *s, int64_t ns);
void store_set_commit_interval(struct store *s, int64_t ns);

/*
 * Locks footage against recycling until it is released: every segment with records of the camera
 * in [from, to) UTC, those still to be written included. `l->number` is not looked at; *number
 * names the lock, *segments (may be NULL) is how many segments it covers now. It counts as soon as
 * what was appended so far is durable. Errors: -EINVAL (no such camera, empty span, no reason),
 * -ENOSPC (too many locks, or no room in the store to write it down), -EIO, -ENOMEM.
 */
int store_lock_add(struct store *s, const struct record_lock *l, uint64_t *number,
		   unsigned *segments) MUST_CHECK;
/* Releases a lock. -ENOENT: there is none of that number. */
int store_lock_remove(struct store *s, uint64_t number) MUST_CHECK;
size_t store_lock_count(const struct store *s);
/* By rising number; NULL past the end. Valid until the next call that changes locks. */
const struct record_lock *store_lock_at(const struct store *s, size_t index);

struct store_stats {
	uint64_t appended, durable; /* log positions, bytes since creation */
	uint64_t frames, records;   /* appended since open */
	uint64_t direct_frames, gathered_frames;
	uint64_t payload_bytes, written_bytes; /* their ratio is the overhead */
	uint64_t commits, recycled_segments;
	uint64_t write_errors;
	uint32_t segments, segments_used, segments_locked;
	uint32_t locks; /* that stand */
	uint64_t capacity_bytes;
	int64_t oldest_utc_ns; /* of the oldest record; 0: empty */
	int64_t stops_ns;      /* until locks leave no room to record; 0: not foreseen */
	int64_t commit_max_ns; /* longest commit since open */
	size_t waiting_bytes;  /* appended, not yet written */
	uint32_t volumes, parity, volumes_missing;
	char trouble[ERRMSG_MAX]; /* "" when all is well */
};
/* Any thread. */
void store_stats(const struct store *s, struct store_stats *out);

/* How long a disk took for each write and flush since the store was opened, failed ones included;
 * from when it was asked until it was done. What is read and what opening writes is not counted. */
struct store_latency {
	char dir[256]; /* its folder; "" : not known now */
	struct latency_summary write, flush;
};
/* Of volume 0 ...; the reactor's thread. -ENOENT: there is no such volume. */
int store_latency(const struct store *s, unsigned volume, struct store_latency *out) MUST_CHECK;

#endif
