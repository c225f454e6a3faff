/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The store, reader's side. Opens a store that may be being written by another process, takes no
 * lock and does not slow the writer. Everything shown has passed its checksums; what is damaged
 * is skipped, counted and named.
 *
 * Threads: a reader and its cursors belong to one thread at a time.
 */
#ifndef STORAGE_READER_H
#define STORAGE_READER_H

#include <stddef.h>
#include <stdint.h>

#include "capture/core/compiler.h"
#include "capture/core/errmsg.h"
#include "storage/dirs.h"
#include "storage/record.h"

struct reader;
struct reader_cursor;

/* Errors with message: -ENOENT, -EPROTO, -EBADMSG, -EACCES. */
int reader_open(struct reader **out, const char *dir, struct errmsg *em) MUST_CHECK;
void reader_close(struct reader *r);
/* Takes in what the writer has made durable since. 0 or -errno. */
int reader_refresh(struct reader *r) MUST_CHECK;

struct reader_camera {
	uint32_t id;
	const char *name; /* valid until reader_refresh or close */
};
size_t reader_camera_count(const struct reader *r);
struct reader_camera reader_camera_at(const struct reader *r, size_t index);
/* 0 when there is no camera of that name. */
uint32_t reader_camera_id(const struct reader *r, const char *name);
/* "" when there is no camera of that number. */
const char *reader_camera_name(const struct reader *r, uint32_t id);

/* Locks that stand, by rising number. */
size_t reader_lock_count(const struct reader *r);
/* NULL past the end; valid until reader_refresh or close. */
const struct record_lock *reader_lock_at(const struct reader *r, size_t index);
/* What a lock keeps now: segments that hold something of it, whole. Reads their seals. */
struct reader_lock_extent {
	uint32_t segments;
	uint64_t bytes;
};
int reader_lock_extent(struct reader *r, const struct record_lock *l,
		       struct reader_lock_extent *out) MUST_CHECK;

/* What the cameras recorded in sealed segments that reach to `from_utc_ns` or later. */
struct reader_camera_usage {
	uint32_t id;
	uint64_t frames, bytes; /* of pictures */
};
struct reader_usage {
	struct reader_camera_usage *camera; /* by id */
	size_t cameras;
	uint32_t segments;
	int64_t span_ns; /* the time of these segments, one after another */
};
int reader_usage(struct reader *r, int64_t from_utc_ns, struct reader_usage *out) MUST_CHECK;
void reader_usage_free(struct reader_usage *u);

struct reader_info {
	char dir[STORE_DIRS_MAX];
	uint8_t uuid[16];
	uint32_t version, volumes, parity;
	uint32_t volumes_missing;         /* do not count; of several */
	char volumes_why[ERRMSG_MAX / 2]; /* which and why, "" when none */
	uint64_t capacity_bytes;
	uint32_t segment_bytes, segments, segments_used, segments_locked;
	int64_t created_utc_ns, oldest_utc_ns, newest_utc_ns;
	uint64_t position; /* in the log, behind the last whole chunk found: what the writer called
			      durable up to here or less is there */
	uint64_t compat_features, ro_compat_features, incompat_features;
	bool being_written;
};
void reader_info(const struct reader *r, struct reader_info *out);

struct reader_query {
	uint32_t camera_id;             /* or RECORD_ANY_CAMERA */
	unsigned kinds;                 /* RECORD_MASK()s */
	int64_t from_utc_ns, to_utc_ns; /* inclusive, exclusive; 0 and INT64_MAX: all */
};

/* In log order, which is time order for each camera and kind. */
int reader_cursor_open(struct reader_cursor **out, struct reader *r, const struct reader_query *q,
		       struct errmsg *em) MUST_CHECK;
void reader_cursor_close(struct reader_cursor *c);
/* From now on passes over segments whose motion records `m` covers and nobody wants
 * (reader_minutes.h). For queries of motion records alone; `m` outlives the cursor. */
struct reader_minutes;
void reader_cursor_narrow(struct reader_cursor *c, const struct reader_minutes *m);
/* 1: *out is the next record; 0: end of what there is (call again after reader_refresh to go on);
 * -errno: the store cannot be read any more. Damaged records are passed over and counted. */
int reader_cursor_next(struct reader_cursor *c, struct record *out) MUST_CHECK;
/* Reads and checks the payload of the record last returned; sets rec->payload. -EBADMSG: damaged;
 * -ESTALE: recycled by the writer in the meantime. */
int reader_cursor_load(struct reader_cursor *c, struct record *rec) MUST_CHECK;

struct reader_damage {
	uint64_t records, segments; /* passed over */
	uint64_t stale;             /* recycled while being read: not damage */
	char first[ERRMSG_MAX];     /* names the first: segment, offset, what */
};
void reader_cursor_damage(const struct reader_cursor *c, struct reader_damage *out);
/* For `find`: what answering cost. */
struct reader_cost {
	uint64_t index_bytes, payload_bytes, records_seen;
};
void reader_cursor_cost(const struct reader_cursor *c, struct reader_cost *out);

#endif
