/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inside of the stripes, for storage/stripe*.c only:
 *
 *   stripe.c        putting together, state, membership    stripe_read.c   reading, in every way
 *   stripe_write.c  writing, flushing                      stripe_code.c   parity
 *   stripe_sync.c   the blocking calls                     stripe_check.c  comparing
 *   stripe_rebuild.c  filling a volume anew            stripe_mend.c   putting blocks right
 */
#ifndef STORAGE_STRIPE_IMPL_H
#define STORAGE_STRIPE_IMPL_H

#include <pthread.h>
#include <stdatomic.h>

#include "storage/stripe.h"

#define STRIPE_POOL  10u  /* writes at once; more than the store has in flight */
#define STRIPE_PIECE 256u /* stripes moved at once: 1 MiB of each volume */

struct stripe_volume {
	struct storage_io *io; /* NULL: not there */
	enum stripe_state state;
	char dir[256];
	char why[STRIPE_WHY_MAX];
	atomic_ullong read_errors, wrong, write_errors;
};

struct stripe_write;

struct stripe_child {
	struct storage_io_op op;
	struct stripe_set *set;
	struct stripe_write *write; /* NULL: of the flush */
	unsigned volume;
};

/* One write of the store's, a piece at a time; from a pool made at open. */
struct stripe_write {
	struct list link; /* in set->idle */
	struct storage_io_op *op;
	const uint8_t *buf; /* what is left */
	size_t left;
	uint64_t offset;
	size_t piece; /* bytes under way */
	unsigned pending;
	int res;
	struct stripe_child child[DISK_VOLUMES_MAX];
	struct iovec *iov; /* STRIPE_PIECE for each volume */
	uint8_t *parity;   /* STRIPE_PIECE blocks for each parity volume */
	uint64_t place;    /* of the piece under way, in every volume */
};

enum stripe_flush_stage { STRIPE_FLUSH_DATA, STRIPE_FLUSH_MEMBER, STRIPE_FLUSH_MEMBER_FLUSH };

struct stripe_flush {
	struct storage_io_op *op; /* NULL: none under way */
	enum stripe_flush_stage stage;
	unsigned pending;
	int res;
	struct stripe_child child[DISK_VOLUMES_MAX];
	uint8_t *block;
};

/* A volume that is filled anew; member.rebuilding says which. */
struct stripe_rebuild {
	uint64_t from, to;   /* window being copied; to 0: none */
	bool touched;        /* something was written there meanwhile: to be copied again */
	uint64_t frontier;   /* copied; member.frontier of it is on the disks */
	uint64_t flushing;   /* frontier when the flush under way began */
	int64_t recorded_ns; /* when the frontier was last put on the disks */
};

#define STRIPE_RETIRED_MAX 16u

struct stripe_set {
	struct storage_io io;
	struct format_super super;
	unsigned n, k, m; /* volumes, of data, of parity */
	bool writing;
	struct stripe_volume volume[DISK_VOLUMES_MAX];
	uint32_t usable; /* volumes that count: they hold everything durable; a bit each */
	struct format_member member; /* the newest, on the disks or being written */
	/* Changes of the membership, and how many of them are on the disks. */
	unsigned changes, recording, recorded;
	uint8_t matrix[DISK_VOLUMES_MAX * DISK_VOLUMES_MAX]; /* n rows of k: block r is row r */
	uint8_t *tables;                                     /* ISA-L's, of the parity rows */
	struct list idle;                                    /* stripe_write */
	struct list waiting;                                 /* storage_io_op without one */
	struct stripe_write *pool;
	struct latency_disk *latency; /* by volume; NULL: nobody counts */
	struct stripe_flush flush;
	struct stripe_rebuild rebuild;
	/* Replaced ones, until close: something may be in flight to them. */
	struct storage_io *retired[STRIPE_RETIRED_MAX];
	unsigned nretired;
	uint32_t blamed;      /* left out by the last read_again */
	pthread_mutex_t lock; /* protects: states and their reasons, for stripe_status */
};

static inline struct stripe_set *stripe_of(struct storage_io *io)
{
	return container_of(io, struct stripe_set, io);
}

/* --- where a byte is ------------------------------------------------------------------------ */

/* Roles 0..k-1 are data, k..n-1 parity; they go round by segment, so that all volumes wear alike.
 */
static inline unsigned stripe_turn(const struct stripe_set *s, uint64_t offset)
{
	return offset < s->super.segments_offset ? 0
						 : (unsigned)((offset - s->super.segments_offset) /
							      s->super.segment_bytes % s->n);
}
static inline unsigned stripe_holder(const struct stripe_set *s, unsigned turn, unsigned role)
{
	return (turn + role) % s->n;
}
/* Where the roles are others again. */
static inline uint64_t stripe_turn_end(const struct stripe_set *s, uint64_t offset)
{
	if (offset < s->super.segments_offset)
		return s->super.segments_offset;
	uint64_t i = (offset - s->super.segments_offset) / s->super.segment_bytes;

	return s->super.segments_offset + (i + 1) * s->super.segment_bytes;
}
/* Number of the block, and offset of its stripe in every volume. */
static inline uint64_t stripe_block(uint64_t offset)
{
	return (offset - DISK_AREAS_START) / DISK_BLOCK;
}
static inline uint64_t stripe_place(const struct stripe_set *s, uint64_t block)
{
	return DISK_AREAS_START + block / s->k * DISK_BLOCK;
}

/* stripe.c */
/* A volume refused `what`. 0: without it all goes on; otherwise `err`: too few are left. */
int stripe_lost(struct stripe_set *s, unsigned volume, int err, const char *what) MUST_CHECK;
/* Takes what is written. */
bool stripe_takes(const struct stripe_set *s, unsigned volume);
/* The membership on the disks says something else than what is. */
static inline bool stripe_dirty(const struct stripe_set *s)
{
	return s->recorded != s->changes;
}
/* Makes the block to be written now to every volume that takes writing; *at: where. */
void stripe_member_next(struct stripe_set *s, uint8_t block[DISK_BLOCK], uint64_t *at);
/* It is durable. */
void stripe_member_written(struct stripe_set *s);
/* The membership the volume holds. -EBADMSG: none. */
int stripe_member_read(struct storage_io *io, const struct format_super *s,
		       struct format_member *out) MUST_CHECK;

/* stripe_code.c */
int stripe_code_init(struct stripe_set *s) MUST_CHECK;
/* `data`: k pointers, `parity`: m, of `len` bytes each. */
void stripe_code_parity(const struct stripe_set *s, size_t len, uint8_t *const data[],
			uint8_t *const parity[]);
/* Of the k roles in `have` makes the `lost` ones. 0 or -ENOMEM. */
int stripe_code_restore(const struct stripe_set *s, size_t len, const unsigned have[],
			uint8_t *const from[], const unsigned lost[], unsigned nlost,
			uint8_t *const to[]) MUST_CHECK;

/* stripe_write.c */
int stripe_write_init(struct stripe_set *s) MUST_CHECK;
void stripe_write_free(struct stripe_set *s);
void stripe_write_begin(struct storage_io *io, struct storage_io_op *op, const void *buf,
			size_t len, uint64_t offset, int buf_index);
void stripe_flush_begin(struct storage_io *io, struct storage_io_op *op);

/* stripe_rebuild.c */
/* A write to [from, to) of every volume begins. */
void stripe_rebuild_touch(struct stripe_set *s, uint64_t from, uint64_t to);
/* A flush of all volumes begins; it has succeeded. */
void stripe_rebuild_flushing(struct stripe_set *s);
void stripe_rebuild_flushed(struct stripe_set *s);

/* stripe_sync.c */
int stripe_write_sync(struct storage_io *io, const void *buf, size_t len, uint64_t offset);
int stripe_flush_sync(struct storage_io *io);

/* stripe_read.c */
int stripe_read(struct storage_io *io, void *buf, size_t len, uint64_t offset);
int stripe_readv(struct storage_io *io, const struct iovec *iov, unsigned niov, uint64_t offset);
int stripe_read_again(struct storage_io *io, void *buf, size_t len, uint64_t offset,
		      unsigned attempt);
void stripe_blame(struct storage_io *io);

/* Block-aligned memory, not zeroed; NULL: none. */
void *stripe_alloc(size_t bytes);

#endif
