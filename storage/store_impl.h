/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The writer's inside, shared by the files that make it up:
 *
 *   store.c       the public calls          append.c      records into chunks
 *   volume.c      creation, superblock      commit.c      writes in flight, flushes, durability
 *   segment.c     opening, closing, sealing seal.c        the index of a segment
 *   cut.c         failures                  checkpoint.c  tables to and from the disk
 *   recover.c     mount                     retain.c      recycling
 *   scan.c        walking chunks            boots.c       cameras and boots
 *   append_pool.c the buffers of chunks
 *   minutes*.c    minute maps
 *   replace.c     filling a volume anew     scrub*.c      putting right what has gone bad
 *   degraded.c    missing volumes; the stripes below have their own stripe_impl.h
 *   salvage.c     writing it again
 *   revive.c      after a failure           outlook.c     how long there is room
 *   locks.c       what people lock          retain_mark.c segments that are locked
 *
 * Threads: everything on the reactor's, but the counters (atomic) and `trouble` (its lock).
 */
#ifndef STORAGE_STORE_IMPL_H
#define STORAGE_STORE_IMPL_H

#include <pthread.h>
#include <stdatomic.h>

#include "capture/core/list.h"
#include "storage/dirs.h"
#include "storage/disk_format.h"
#include "storage/io.h"
#include "storage/locktable.h"
#include "storage/seal.h"
#include "storage/store.h"

#define STORE_DEPTH            8u /* writes in flight */
#define STORE_GATHER_BYTES     (1u << 20)
#define STORE_MEMORY_DEFAULT   (64u << 20)
#define STORE_DIRECT_DEFAULT   (256u << 10)
#define STORE_FAILURES_MAX     3u /* failed writes or flushes with no success between */
#define STORE_SEALS_CHECKPOINT 16u
#define STORE_REPLACE_RATE     (UINT64_C(100) << 20) /* bytes a second of a rebuild */
#define STORE_SCRUB_RATE       (UINT64_C(20) << 20)  /* bytes a second of a scrub */
#define OUTLOOK_KEEP           16u                   /* segments whose time is averaged */

/* One write, from its place in the log until it is done. `s->writes` holds them in ticket order. */
enum write_kind { WRITE_HEADER, WRITE_CHUNK, WRITE_SEAL, WRITE_CHECKPOINT };

struct write {
	struct list link;
	struct storage_io_op op;
	struct store *s;
	enum write_kind kind;
	uint64_t ticket;
	bool submitted;
	struct segment *seg; /* NULL: checkpoint */
	uint32_t start;      /* in the segment */
	const uint8_t *buf;
	size_t bytes;
	uint64_t offset; /* in the volume */
	int buf_index;
	struct frame *frame;   /* direct: reference held until done */
	struct gather *gather; /* gathered: back to the pool when done */
	void *memory;          /* freed when done */
	/* A chunk: what a second try needs (salvage.c). */
	uint32_t heads_bytes, records;
	uint32_t heads_done;
	unsigned cut;      /* s->cuts when it failed */
	uint32_t again;    /* records dealt with since it failed */
	uint64_t sequence; /* of the segment it was meant for */
};

/* A buffer in which small records become one chunk. */
struct gather {
	struct list link; /* in s->gathers_free */
	uint8_t *buf;
	bool reserve;      /* made when memory was used up: for small records only */
	size_t size, used; /* payload bytes so far, from the buffer's start */
	bool pooled;       /* a piece of s->pool, registered; otherwise made for the occasion */
	uint8_t *heads;    /* record headers, moved behind the payloads at the end */
	size_t heads_size, heads_used;
	uint32_t records;
	struct write write;
};

/* A segment that is being written or not wholly durable yet; in s->live, oldest first. */
struct segment {
	struct list link;
	struct format_segment head;
	struct seal seal; /* what is in it so far */
	/* Recovery: the newest sample in it. Otherwise the store's own, once the seal is built. */
	struct format_clock clock;
	uint32_t pos;    /* where the next chunk goes; the end when closed */
	unsigned writes; /* header and chunk writes not done */
	bool gate;       /* the header that gave up the old contents is durable: write */
	bool closed;     /* takes no more chunks */
	bool header_done, header_durable;
	bool header_failed;
	bool seal_queued, seal_done, seal_failed;
	unsigned seal_tries;
	uint64_t header_ticket, seal_ticket;
	struct write *header; /* until queued */
};

struct camera_entry {
	char name[DISK_CAMERA_NAME + 1]; /* "" : number not in use */
};

/* A small record that could not be placed at once; written as soon as the log goes on. */
struct deferred {
	struct list link;
	/* Where it was in the log before a cut, and which; UINT64_MAX and 0: nowhere yet. */
	uint64_t position;
	unsigned cut;
	struct format_record rec;
	uint8_t payload[];
};

struct minutes;
struct replace;
struct scrub;

struct store_counters {
	atomic_ullong appended, durable, frames, records, direct_frames, gathered_frames;
	atomic_ullong payload_bytes, written_bytes, commits, recycled, write_errors;
	atomic_ullong used, locked, locks, waiting_bytes, volumes_missing;
	atomic_llong oldest_utc_ns, commit_max_ns, stops_ns;
};
#define STORE_ADD(s, field, n) \
	atomic_fetch_add_explicit(&(s)->count.field, (n), memory_order_relaxed)
#define STORE_SUB(s, field, n) \
	atomic_fetch_sub_explicit(&(s)->count.field, (n), memory_order_relaxed)
#define STORE_SET(s, field, v) atomic_store_explicit(&(s)->count.field, (v), memory_order_relaxed)

struct store {
	struct latency_disk *latency; /* DISK_VOLUMES_MAX; of each volume, since open */
	struct storage_io *io;        /* NULL: failed, and cannot be opened again so far */
	const struct storage_io_ops *io_ops;
	void *io_ctx;
	struct reactor *reactor;
	struct format_super super;
	struct store_callbacks cb;
	void *ctx;
	char dir[STORE_DIRS_MAX];

	int64_t commit_ns;
	size_t direct_bytes, memory_bytes;

	/* Tables, as in a checkpoint. */
	struct format_checkpoint_segment *table; /* super.segments */
	struct camera_entry *cameras;            /* by number, 1..ncameras */
	uint32_t ncameras;
	uint32_t *camera_hash; /* numbers by name; power of two */
	size_t camera_hash_size;
	struct format_checkpoint_boot *boots; /* rising numbers */
	uint32_t nboots, boots_size;
	uint32_t boot; /* ours */
	uint8_t boot_id[16];
	struct format_clock clock; /* newest sample */

	struct locktable locks;

	/* Outlook. */
	int64_t opened_ns[OUTLOOK_KEEP]; /* when the last segments were opened, monotonic */
	unsigned opened;                 /* how many in all */
	unsigned stop_days;              /* told: no room in less than so many days; 0: none */
	int64_t warn_ns;                 /* so long before it is told */

	/* The log's end. */
	struct list live;
	struct segment *cur; /* takes records; NULL: opened with the next one */
	uint64_t last_sequence;
	uint32_t next_index;                /* segment to be opened next */
	uint64_t prev_sequence, prev_nonce; /* where the log leaves off, while live is empty */
	uint32_t prev_end, prev_index;
	struct list deferred;
	unsigned walked; /* segments looked at by recovery */

	struct gather *gather; /* open; NULL: none */
	struct list gathers_free;
	uint8_t *pool;
	void *pool_map; /* what `pool` lies in, aligned to a huge page */
	size_t pool_map_bytes;
	size_t pool_bytes, gather_bytes;
	struct gather *pool_gathers;
	int pool_index;

	/* Writes. */
	struct list writes;
	uint64_t ticket;
	unsigned inflight; /* submitted, checkpoint writes included */
	size_t waiting;    /* bytes of gathered chunks not written yet */

	/* Commit. */
	struct reactor_timer timer;
	struct storage_io_op flush;
	bool committing; /* between commit_begin and the flush's end */
	bool flushing;
	bool again; /* begin another one as soon as this ends */
	uint64_t commit_ticket, commit_position;
	int64_t commit_begun_ns;
	uint64_t durable; /* log position */

	/* Checkpoint. */
	uint64_t generation;       /* of the newest durable one */
	unsigned area;             /* where it lies */
	uint64_t checkpoint_floor; /* segments of lower sequence may be given up */
	bool checkpoint_due, checkpoint_running;
	bool checkpoint_written;
	bool clean; /* closing: the checkpoint being written is the last one */
	uint64_t checkpoint_ticket, checkpoint_generation, checkpoint_next_floor;
	unsigned checkpoint_failures;
	bool open_waits; /* no segment is opened until a checkpoint is durable */
	unsigned seals;  /* since the last checkpoint */

	/* Failures. */
	bool cutting;        /* draining before a cut */
	bool flush_failed;   /* cut at the durable position */
	uint64_t cut;        /* position of the first chunk that failed */
	struct list salvage; /* writes of chunks that failed, by ticket: to be written again */
	/* While what was cut off is not durable again, no position behind the cut is told: those
	 * that were given out for it lie there. 0: none. */
	uint64_t hold;
	unsigned cuts;     /* number of the next one, from 1 */
	bool commit_lifts; /* the commit that runs covers all of it */
	unsigned failures;
	bool no_space;
	struct minutes *minutes;
	int failed;                 /* 0, or -EIO until the disk can be used again */
	struct reactor_timer retry; /* armed while failed */
	int64_t retry_ns;
	struct replace *replace; /* a rebuild; replace.c */
	struct errmsg replace_failed;
	uint64_t replace_rate;
	struct scrub *scrub; /* the pass that runs, or the last; scrub.c */
	uint64_t scrub_rate;
	uint32_t held;         /* not to be given up: it is being put right; or DISK_NO_SEGMENT */
	unsigned volumes_told; /* how many are missing, as last said */

	struct store_counters count;
	pthread_mutex_t lock; /* protects: trouble, replace, scrub */
	char trouble[ERRMSG_MAX];
};

/* volume.c */
/* Page-aligned, zeroed. NULL: no memory. */
void *volume_alloc(size_t bytes);
int volume_random(void *buf, size_t len) MUST_CHECK;

/* boots.c */
uint32_t camera_find(const struct store *s, const char *name);
/* Puts a camera under a number (recovery, checkpoint). -EBADMSG: contradicts what is known. */
int camera_put(struct store *s, uint32_t id, const char *name) MUST_CHECK;
int camera_add(struct store *s, const char *name, uint32_t *out_id) MUST_CHECK;
/* Takes in what a segment says of its boot; `last` may be all zero. */
int boot_put(struct store *s, uint32_t boot, const uint8_t id[16], const struct format_clock *first,
	     const struct format_clock *last) MUST_CHECK;
/* Whether a sample gives the running boot another UTC than it had so far. */
bool boot_stepped(struct store *s, const struct format_clock *c);
/* Finds or makes the number of the running boot. */
int boot_begin(struct store *s, const struct monotime_sample *now) MUST_CHECK;

/* segment.c */
/* Opens s->next_index. -ENOSPC: all locked; -EAGAIN: not yet; -ENOMEM. */
int segment_open(struct store *s) MUST_CHECK;
/* No more chunks into s->cur. */
void segment_close(struct store *s);
/* Queues the seal when all that comes before it is done. */
void segment_try_seal(struct store *s, struct segment *seg);
void segment_free(struct segment *seg);
/* Fills the table's entry from the live segment. */
void segment_to_table(struct store *s, const struct segment *seg, enum format_segment_state state);
/* Builds the seal as it goes to disk: *out (to be freed) covers [seal_start, segment_bytes). */
int segment_build_seal(const struct store *s, struct segment *seg, uint8_t **out,
		       uint32_t *seal_start) MUST_CHECK;

/* commit.c */
void write_queue(struct store *s, struct write *w);
/* Lets go of what the write held. */
void write_free(struct store *s, struct write *w);
/* Submits what may be submitted, finishes what can be finished. */
void commit_pump(struct store *s);
/* Begins a commit now, or right after the one that runs. */
void commit_kick(struct store *s);
/* Something was appended: a commit is due within the interval. */
void commit_arm(struct store *s);
/* The commit timer fired. */
void commit_timer(struct reactor_timer *t);
/* Log position of everything placed. */
uint64_t commit_appended(const struct store *s);

/* checkpoint.c */
int checkpoint_load(struct store *s, struct format_checkpoint *out) MUST_CHECK;
/* Starts an asynchronous one from a copy of the tables. */
void checkpoint_start(struct store *s);
/* The blocking one, at open. */
int checkpoint_write_sync(struct store *s) MUST_CHECK;
/* A commit that covered it succeeded or failed, or its write failed. */
void checkpoint_settle(struct store *s, bool ok);

/* cut.c */
void cut_at(struct store *s, uint64_t position);
void cut_after_flush(struct store *s);
/* A frame is lost after all. */
void cut_lost(struct store *s, const struct format_record *rec);
/* When nothing is in flight any more: drops what is behind the cut and goes on. */
void cut_perform(struct store *s);
void store_trouble(struct store *s, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* One trouble is over: says that all is well, unless another one stands. */
void store_trouble_over(struct store *s);

/* degraded.c */
/* The trouble that is left when all else is well: volumes that are missing, or none. */
void store_tell_volumes(struct store *s);
/* Says so when that has changed. */
void store_watch_volumes(struct store *s);

/* store.c */
/* Opens volume and superblock: s->io, s->super. */
int store_open_volume(struct store *s, struct errmsg *em) MUST_CHECK;

/* salvage.c */
/* Keeps a chunk's write that failed, or was never tried. */
void salvage_keep(struct store *s, struct write *w);
/* Whether the record at an offset of a segment is in one that is kept. */
bool salvage_has(const struct store *s, uint64_t sequence, uint32_t offset);
/* Appends again what a later cut took, or the cut number `cut` before log position `limit`. False:
 * it does not go further now. */
bool salvage_replay(struct store *s, unsigned cut, uint64_t limit);
/* Gives them up. */
void salvage_drop(struct store *s, void (*drop)(void *ctx, const struct format_record *rec),
		  void *ctx);
/* What was cut off is written again or waits for it. */
static inline bool salvage_waits(const struct store *s)
{
	return !list_empty(&s->salvage) || !list_empty(&s->deferred);
}

/* revive.c */
/* The store has failed: it is tried again from time to time. */
void revive_later(struct store *s);
void revive_timer(struct reactor_timer *t);

/* recover.c */
int recover_store(struct store *s, struct errmsg *em) MUST_CHECK;

/* scan.c */
/*
 * Walks the chunks of a segment from its start and calls `record` for every record of every whole
 * chunk (checksums of headers and payloads verified), up to `limit` or the first that is missing
 * or damaged. *end: where the last whole chunk ended. -errno of `record` stops.
 */
int scan_segment(struct storage_io *io, const struct format_super *super,
		 const struct format_segment *h, uint32_t limit,
		 int (*record)(void *ctx, const struct format_record *rec, const uint8_t *head,
			       const uint8_t *payload),
		 int (*chunk)(void *ctx, const struct format_chunk *c, const uint8_t *bytes),
		 void *ctx, uint32_t *end) MUST_CHECK;

/* retain.c */
/* The segment to be given up next, other than `except`; DISK_NO_SEGMENT: none, *wait says that a
 * checkpoint would help. */
uint32_t retain_pick(struct store *s, uint32_t except, bool *wait);
/* Marks it free in the table. */
void retain_give_up(struct store *s, uint32_t index);
void retain_count(struct store *s);

/* outlook.c */
/* A segment was opened. */
void outlook_opened(struct store *s);
/* Locks or the log have moved on: says so when locks will leave no room. */
void outlook_update(struct store *s);
/* Whether that is a trouble to tell; tells it. */
bool outlook_tell(struct store *s);

/* retain_mark.c */
/* Appends the marks of locked segments to a segment just opened. */
int retain_append_locks(struct store *s) MUST_CHECK;
/* Applies the payload of a lock record. */
void retain_apply_locks(struct store *s, const uint8_t *payload, uint32_t bytes);
/* Times that the records of a segment may have, generously; everything when that is not known. */
void retain_span(const struct store *s, const struct format_checkpoint_segment *e, int64_t *from,
		 int64_t *to);
/* 1: the segment may hold something of what the lock is about; 0: it does not. */
int retain_covers(struct store *s, const struct record_lock *l, uint32_t index) MUST_CHECK;
/* Marks segments as locked or not, in the table and in the log. */
int retain_mark(struct store *s, const uint32_t *index, uint32_t count, bool locked) MUST_CHECK;

/* locks.c */
/* Appends all locks that stand to a segment just opened. */
int locks_carry(struct store *s) MUST_CHECK;
/* A segment takes no more: it is locked if some lock covers it. */
void locks_close(struct store *s, struct segment *seg);
/* The running boot has learned the time: its segments are looked at again. */
int locks_recheck_boot(struct store *s) MUST_CHECK;
/* After the log was walked from `from_sequence` on (0: all of it, without a checkpoint). */
int locks_recover(struct store *s, uint64_t from_sequence) MUST_CHECK;

#endif
