/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inside of the reader; for storage/reader*.c and storage/verify*.c only.
 *
 * What a reader knows: the segment table of the last checkpoint, corrected by following the chain
 * of segment headers from the checkpoint's head to the segment being written now, and the record
 * headers of that one segment. Everything else is read when a cursor comes to it.
 *
 * The writer may give a segment up at any moment. A header names, by `next`, the segment whose
 * contents it gives up, and a segment's own header (sequence, nonce) is replaced before anything
 * else in it: so whoever reads a segment, then finds its header and the head's `next` unchanged,
 * has read what it took it for.
 */
#ifndef STORAGE_READER_IMPL_H
#define STORAGE_READER_IMPL_H

#include "storage/disk_format.h"
#include "storage/io.h"
#include "storage/locktable.h"
#include "storage/reader.h"

struct reader_segment {
	uint64_t sequence, nonce; /* sequence 0: nothing in it that counts */
	enum format_segment_state state;
	bool locked;
	uint32_t boot;
	uint32_t records;
	uint32_t end; /* the log's end in it; all chunks before it are durable */
	int64_t first_mono_ns, last_mono_ns, first_utc_ns, last_utc_ns;
};

struct reader_boot {
	uint32_t number;
	uint8_t boot_id[16];
	struct format_clock first, last;
};

struct reader_name {
	uint32_t id;
	char name[DISK_CAMERA_NAME + 1];
};

struct reader_chunk {
	uint32_t start, bytes;
	uint32_t heads_bytes, records;
	size_t heads_at; /* in `heads` of the scan */
};

/* What is wrong with what was read: the first finding in words, and how many. */
struct reader_findings {
	uint64_t count;
	char first[ERRMSG_MAX];
};

/* The record headers of a segment that has no seal, gathered from its chunks. Counted, because a
 * cursor that is inside goes on with it when the reader has moved on. */
struct reader_scan {
	unsigned refs;
	uint32_t index;
	struct format_segment header;
	uint32_t end;      /* where the next chunk begins */
	uint32_t durable;  /* chunks before it were durable at some time: a hole there is damage */
	uint32_t searched; /* the end at which a chunk was looked for in every way already */
	uint32_t largest;  /* chunk so far, bytes */
	bool complete;     /* nothing more will come here ... */
	bool abandoned;    /* ... though the segment may hold more: look at it anew */
	struct reader_chunk *chunk;
	size_t chunks, chunks_room;
	uint8_t *heads;
	size_t heads_bytes, heads_room;
	uint32_t records;
	int64_t first_mono_ns, last_mono_ns;
	struct format_clock first_clock, last_clock;
	struct reader_findings damage;
};

struct reader {
	char dir[STORE_DIRS_MAX];
	struct storage_io *io;
	struct format_super super;
	struct format_checkpoint checkpoint; /* generation 0: none found */
	struct reader_segment *segment;      /* super.segments of them, by index */
	uint32_t *order;                     /* indices of those that count, by sequence */
	size_t used;
	struct reader_name **name; /* by id; each stays where it is until close */
	size_t names, names_room;
	struct reader_boot *boot; /* by number */
	size_t boots, boots_room;
	uint32_t head;            /* DISK_NO_SEGMENT: nothing written yet */
	uint32_t given_up;        /* the head's `next`, or DISK_NO_SEGMENT */
	struct reader_scan *scan; /* of the head; NULL when there is none or it is sealed */
	struct locktable locks;   /* that stand */
	uint64_t locks_told;      /* sequence of the segment that told of them last */
	uint64_t told;            /* sequence of the sealed head whose small records were read */
	uint8_t *window;          /* DISK_BLOCK aligned */
	uint32_t window_bytes;    /* READER_WINDOW, up to whole units */
	uint64_t index_bytes;     /* read for the index, all told */
	struct reader_findings damage; /* of the index itself */
};

#define READER_WINDOW (2u << 20)

/* --- reader_io.c: aligned reading --- */

/* DISK_BLOCK aligned memory, at least `len` bytes; NULL when there is none. Free with free(). */
void *reader_alloc(size_t len);
/* Reads [offset, offset + len) of a segment into memory of its own, whatever the alignment.
 * *out points at the first byte asked for, *mem is what to free. 0 or -errno. */
int reader_read(struct reader *r, uint32_t index, uint32_t offset, uint32_t len, uint8_t **mem,
		const uint8_t **out) MUST_CHECK;
/* The same of bytes with that checksum; -EBADMSG: there are none. */
int reader_read_crc(struct reader *r, uint32_t index, uint32_t offset, uint32_t len, uint32_t crc,
		    uint8_t **mem, const uint8_t **out) MUST_CHECK;
/* 0 with the segment's header as it is on the disk now, -EBADMSG when it is none, or -errno. */
int reader_header(struct reader *r, uint32_t index, struct format_segment *out) MUST_CHECK;

/* The segment's seal block; -EBADMSG when it has none of that sequence and nonce. */
int reader_seal(struct reader *r, uint32_t index, uint64_t sequence, uint64_t nonce,
		struct format_seal *out) MUST_CHECK;
/* Sections `from` to `to` of a seal, each checked against its checksum; *start[i] points at
 * section i. Free *mem with free(). -EBADMSG: damaged. */
int reader_sections(struct reader *r, const struct format_seal *f, enum format_section from,
		    enum format_section to, uint8_t **mem,
		    const uint8_t *start[FORMAT_SECTIONS]) MUST_CHECK;
void reader_finding(struct reader_findings *f, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* --- reader.c --- */

/* As reader_open, over another back end. */
int reader_open_io(struct reader **out, const char *dir, const struct storage_io_ops *ops,
		   void *ctx, struct errmsg *em) MUST_CHECK;

/* --- reader_index.c: the segment table --- */

/* Reads the newest checkpoint if it is newer than what is loaded. 1: loaded; 0: nothing new. */
int reader_index_load(struct reader *r, struct errmsg *em) MUST_CHECK;
/* Follows the log from the head on and takes in what is new. -ESTALE: the log went round past the
 * head: a newer checkpoint is needed. */
int reader_index_follow(struct reader *r) MUST_CHECK;
void reader_index_free(struct reader *r);
/* Place in `order` of the first segment with a sequence of at least `sequence`. */
size_t reader_index_find(const struct reader *r, uint64_t sequence);
/* Whether the contents that were there have been given up since. Reads the disk. */
bool reader_index_stale(struct reader *r, uint32_t index, uint64_t sequence, uint64_t nonce);
/* reader_learn.c: the name of a camera; one that is no name says nothing. */
int reader_index_name(struct reader *r, uint32_t id, const char *name, size_t len) MUST_CHECK;
/* Takes in what a record says about the store itself: names, clock, locks. `payload` may be NULL
 * for kinds that have none. */
int reader_index_learn(struct reader *r, const struct format_segment *h,
		       const struct format_record *rec, const uint8_t *payload) MUST_CHECK;

/* Puts `order` right after a change of the table. */
void reader_index_sort(struct reader *r);
/* The log goes on in this segment: it is the head now, and its `next` is given up. */
void reader_index_enter(struct reader *r, const struct format_segment *h);
/* Reads the head as far as it goes, up to `limit` unless that is 0. *end: where it ends. */
int reader_index_read_head(struct reader *r, const struct format_segment *h, uint32_t limit,
			   uint32_t *end) MUST_CHECK;
/* reader_rebuild.c: the table without a checkpoint. */
int reader_index_rebuild(struct reader *r) MUST_CHECK;

/* --- reader_scan.c: segments without a seal --- */

/* The header must have been read. `durable`: see struct reader_scan. NULL: no memory. */
struct reader_scan *reader_scan_new(const struct reader *r, uint32_t index,
				    const struct format_segment *h, uint32_t durable);
struct reader_scan *reader_scan_ref(struct reader_scan *s);
void reader_scan_unref(struct reader_scan *s); /* NULL is fine */
/*
 * Takes in chunks from s->end on, up to `limit`; before s->durable by their trailers alone, behind
 * it only when every payload holds. `closed`: the log has left the segment at `limit`, so what is
 * missing before it is damage to pass over; otherwise stops at the first chunk that is not there
 * (yet), looking at most `reach` bytes ahead for its end.
 */
int reader_scan_more(struct reader *r, struct reader_scan *s, uint32_t limit, uint32_t reach,
		     bool closed) MUST_CHECK;

/* The part of a segment that is in r->window. All zero: none. */
struct reader_window {
	uint32_t start, end;
	unsigned attempt; /* 0: as the volumes say; else read_again's plus one */
};
/* NULL: not all of it is there. */
const uint8_t *reader_window_at(const struct reader *r, const struct reader_window *w,
				uint32_t offset, uint32_t len);
/* Looks for the chunk at s->end, or with `skip` the first one behind it, up to `stop`. 1: *c is
 * it, its checksum not yet looked at; 0: none; -errno. */
int reader_scan_find(struct reader *r, const struct reader_scan *s, struct reader_window *w,
		     uint32_t stop, bool skip, struct format_chunk *c) MUST_CHECK;

/* --- reader_clock.c: UTC by the clock track --- */

const struct reader_boot *reader_clock_boot(const struct reader *r, uint32_t number);
int reader_clock_note(struct reader *r, uint32_t boot, const uint8_t boot_id[16],
		      const struct format_clock *c) MUST_CHECK;
/* Fills utc_ns and clock of `rec` (boot and mono_ns are there); first, last: the clock samples of
 * its segment. */
void reader_clock_apply(const struct reader *r, const struct format_clock *first,
			const struct format_clock *last, struct record *rec);
/* Times that the records of a segment may have, generously. False: they have none. */
bool reader_clock_range(const struct reader *r, const struct reader_segment *s, int64_t *from,
			int64_t *to);

#endif
