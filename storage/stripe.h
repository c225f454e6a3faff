/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Several volumes as one, below the store: a back end of the I/O seam over other back ends. What
 * the store writes in whole units is cut into blocks, one for each data volume, and parity blocks
 * (Reed-Solomon, ISA-L) are added for the others. With any `parity` of the volumes gone, failing
 * or lying, everything durable can be read, and writing goes on. docs/DISK_FORMAT.md, 1.2 and
 * 1.3, is the specification.
 *
 * No write hole: nothing durable shares a stripe with anything written later (see format_unit),
 * so that a torn stripe holds only what was never called durable.
 *
 * Threads: as of the I/O seam; stripe_status: any.
 */
#ifndef STORAGE_STRIPE_H
#define STORAGE_STRIPE_H

#include "storage/disk_format.h"
#include "storage/io.h"
#include "storage/latency.h"

enum stripe_state {
	STRIPE_OK,
	STRIPE_MISSING,    /* its directory is not there, or holds no volume of this store */
	STRIPE_STALE,      /* it is there, and missed what was written since it was last seen */
	STRIPE_FAILED,     /* it refused a write or a flush; nothing is asked of it any more */
	STRIPE_REBUILDING, /* it takes what is written and is being filled with the rest */
};

#define STRIPE_WHY_MAX 192

struct stripe_volume_status {
	enum stripe_state state;
	char dir[256];            /* "" when not known */
	char why[STRIPE_WHY_MAX]; /* not OK: in words */
	uint64_t read_errors;     /* reads it refused */
	uint64_t wrong;           /* reads it gave wrong bytes for, as checksums told */
	uint64_t write_errors;
	uint8_t uuid[16];
};

struct stripe_status {
	unsigned volumes, parity;
	unsigned missing; /* volumes that do not count now; at most `parity` */
	uint64_t generation;
	struct stripe_volume_status volume[DISK_VOLUMES_MAX];
};

/* A volume to put together; `io` is taken over, by success and failure alike. */
struct stripe_part {
	char dir[256];
	struct storage_io *io; /* NULL: could not be opened; `why` says it */
	char why[STRIPE_WHY_MAX];
	struct format_super super;
	bool has_member;
	struct format_member member;
};

/*
 * Puts the volumes of one store together; in any order. `writing`: the first flush writes a new
 * generation of the membership, so that whoever is missing now is known to be stale later. Errors
 * with message: -EINVAL (of different stores, a volume twice), -ENODEV (too few of them, or too
 * stale; says which), -ENOMEM.
 */
int stripe_assemble(struct stripe_part *part, unsigned parts, bool writing, struct storage_io **out,
		    struct errmsg *em) MUST_CHECK;
/* The volumes of a store that is being made, by index; a first membership is written by the first
 * flush. */
int stripe_make(const struct format_super *s, struct stripe_part *part, struct storage_io **out,
		struct errmsg *em) MUST_CHECK;

/* Whether it is one of ours. All that follows is for those only. */
bool stripe_is(const struct storage_io *io);
/* What all superblocks say, with the volume's own fields zero. */
const struct format_super *stripe_super(const struct storage_io *io);
void stripe_status(struct storage_io *io, struct stripe_status *out);
/* Counts from now on how long each volume's writes and flushes take: `latency` has one for each,
 * stays the caller's and outlives the set. The blocking calls are not counted. */
void stripe_measure(struct storage_io *io, struct latency_disk *latency);
/* A volume by itself, NULL: not there; for whoever looks at superblocks or parity. */
struct storage_io *stripe_volume_io(struct storage_io *io, unsigned index);

/* The membership on the disks is not what it is: a flush is wanted. */
bool stripe_unsaved(const struct storage_io *io);
/* How many volumes do not count now. */
unsigned stripe_missing(const struct storage_io *io);
/* "volume 2 (/mnt/c): why; volume 3: why"; "" when all are there. */
void stripe_explain(struct storage_io *io, char *out, size_t size);

/*
 * Filling a volume anew, onto another disk or its own, while the store is written. From `begin` on
 * it takes all that is written; what was there before is copied behind a moving frontier, window by
 * window: `window` opens one, somebody copies it, `settle` takes it. Whoever copies may be on
 * another thread and uses a set of its own; the other calls are on the writer's.
 */
/* Volume `index`, missing or not, is now `io` (taken over), of that UUID, in `dir`; its superblock
 * is written. -EBUSY: another one is being rebuilt; -ENODEV: too few would be left. */
int stripe_rebuild_begin(struct storage_io *io, unsigned index, struct storage_io *volume,
			 const uint8_t uuid[16], const char *dir) MUST_CHECK;
struct stripe_rebuild_window {
	unsigned volume;
	uint64_t from, to; /* in the volumes */
	uint32_t usable;   /* volumes to copy from, a bit each */
	uint64_t end;      /* of all */
};
/* The next window. 1: *out is it; 0: all is copied, it counts with the next flush; -ENODEV: nothing
 * is being rebuilt (any more). */
int stripe_rebuild_window(struct storage_io *io, struct stripe_rebuild_window *out) MUST_CHECK;
/* The window was copied; where something was written meanwhile, the same one comes again. */
void stripe_rebuild_settle(struct storage_io *io, const struct stripe_rebuild_window *w);
/* Copies a window from `io` to `volume`. `mem`: stripe_rebuild_memory bytes, block-aligned. 0 or
 * -errno: of reading -EIO, of writing what the volume says. */
int stripe_rebuild_copy(struct storage_io *io, const struct stripe_rebuild_window *w,
			struct storage_io *volume, uint8_t *mem) MUST_CHECK;
size_t stripe_rebuild_memory(const struct storage_io *io);
/* The volume that is being filled and how far it is. False: none. Any thread. */
bool stripe_rebuild_progress(struct storage_io *io, unsigned *volume, uint64_t *done,
			     uint64_t *total);

struct stripe_check {
	uint64_t stripes;    /* compared */
	uint64_t differing;  /* whose blocks contradict one another */
	uint64_t first;      /* offset in the volumes of the first that does */
	uint32_t unreadable; /* volumes with blocks that cannot be read, a bit each */
};
/* Compares the blocks of the stripes of [offset, offset + bytes), whole stripes within one
 * segment or area, on all volumes that are there. 0 or -ENOMEM. */
int stripe_compare(struct storage_io *io, uint64_t offset, uint64_t bytes,
		   struct stripe_check *out) MUST_CHECK;

/* Tells right bytes from wrong ones. */
struct stripe_mend_judge {
	int (*check)(void *ctx, const void *buf); /* 0: all is right */
	/* May be NULL: how much of it is right by itself; more is better. */
	uint64_t (*score)(void *ctx, const void *buf);
	void *ctx;
};
/* Where blocks that were put right go: one block, DISK_BLOCK aligned. 0 or -errno. */
struct stripe_mend_out {
	int (*write)(void *ctx, unsigned volume, const void *block, uint64_t place);
	void *ctx;
};
/*
 * Looks for the version of [offset, offset + bytes), whole stripes within one segment, that `judge`
 * calls right, and writes the blocks of volumes that count and say otherwise, parity too; adds
 * them to mended[volume]. Nobody else may be writing there. 0: right now; -EBADMSG: there is no
 * right version, nothing was written; -ENOMEM, or what `write` said.
 */
int stripe_mend(struct storage_io *io, uint64_t offset, uint64_t bytes,
		const struct stripe_mend_judge *judge, const struct stripe_mend_out *out,
		uint64_t *mended) MUST_CHECK;

#endif
