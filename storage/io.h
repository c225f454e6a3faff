/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The I/O seam: every byte the store reads and every write and flush it does pass here, so that
 * tests can fail, tear, reorder or drop each single one. The real disk is storage_io_uring.
 *
 * A back end embeds struct storage_io in its own state; `open` hands it out, `close` frees it.
 *
 * Threads: write and flush only on the reactor's thread given to `open`; `done` runs there. The
 * synchronous calls block: for creation, mount, recovery and readers only, on any one thread at a
 * time.
 *
 * What the disk promises and what it does not: writes in flight together may reach the platter in
 * any order, whole, torn at any 512-byte boundary, or not at all. Only a flush submitted after a
 * write's `done` makes that write durable, and only when the flush itself returns 0. After a failed
 * flush nothing is known about what it covered: never flush again as if that had worked.
 */
#ifndef STORAGE_IO_H
#define STORAGE_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "capture/core/compiler.h"
#include "capture/core/errmsg.h"
#include "capture/core/list.h"
#include "capture/core/reactor.h"

#define STORAGE_IO_PIECES 1024u /* of a vectored read or write; IOV_MAX of Linux */

struct storage_io;

/* One write or flush in flight; embedded in its owner, which keeps it (and the buffer) alive and
 * untouched until `done`. `done` is never called from inside write or flush. */
struct storage_io_op {
	/* res: 0 when all of it is done, or -errno (part may be on the disk). The op is free for
	 * use again, and may be submitted again from inside. */
	void (*done)(struct storage_io_op *op, int res);
	int64_t begun_ns; /* the owner's: when it was submitted, monotonic; back ends leave it */

	/* The back end's, from submission to `done`. */
	struct storage_io *io;
	struct reactor_op ring;
	struct list link;
	const uint8_t *buf;
	struct iovec *iov; /* instead of buf, when not NULL */
	unsigned niov;
	size_t left;
	uint64_t offset;
	int buf_index;
	unsigned retries;
};

enum storage_io_flags {
	STORAGE_IO_WRITE = 1,  /* read-write; otherwise read-only */
	STORAGE_IO_CREATE = 2, /* makes the file, mode 0640; -EEXIST when there is one */
	STORAGE_IO_LOCK =
		4, /* takes the writer's lock until close; -EBUSY names the holder's pid */
};

struct storage_io_ops {
	/* `ctx`: the tester's own; NULL for the real disk. `r` may be NULL when neither write nor
	 * flush will be called. Errors with message: -ENOENT, -EEXIST, -EACCES, -EROFS, -EBUSY,
	 * -ENOSPC, -EINVAL (not a regular file). */
	int (*open)(void *ctx, const char *path, unsigned flags, struct reactor *r,
		    struct storage_io **out, struct errmsg *em);
	/* Nothing may be in flight. Says nothing about durability. */
	void (*close)(struct storage_io *io);

	/* Asynchronous; all of `len` is written or the op fails. Address, length and offset are
	 * multiples of io->align. `buf_index`: registered buffer that holds [buf, buf + len), or
	 * -1. */
	void (*write)(struct storage_io *io, struct storage_io_op *op, const void *buf, size_t len,
		      uint64_t offset, int buf_index);
	/* The same from several pieces of memory, each aligned as a whole write is. `iov` belongs
	 * to the back end until `done`, which may find it changed. At most STORAGE_IO_PIECES. */
	void (*writev)(struct storage_io *io, struct storage_io_op *op, struct iovec *iov,
		       unsigned niov, uint64_t offset);
	/* Asynchronous: makes durable every write whose `done` has run with 0. */
	void (*flush)(struct storage_io *io, struct storage_io_op *op);

	/* Synchronous, 0 or -errno; whole or failed. Alignment as for write. Reading past the end
	 * is -ENODATA. */
	int (*read)(struct storage_io *io, void *buf, size_t len, uint64_t offset);
	int (*readv)(struct storage_io *io, const struct iovec *iov, unsigned niov,
		     uint64_t offset);
	int (*write_sync)(struct storage_io *io, const void *buf, size_t len, uint64_t offset);
	int (*flush_sync)(struct storage_io *io);
	/* Sets the size of a new file; `reserve`: with all its space where the file system can do
	 * that
	 * (-ENOSPC when there is not enough), otherwise sparse. Updates io->size. Makes the file's
	 * size and its name durable.
	 */
	int (*resize)(struct storage_io *io, uint64_t size, bool reserve);
	/* Pid of the process that holds the writer's lock, 0 for nobody, or -errno. */
	pid_t (*holder)(struct storage_io *io);

	/*
	 * Back ends with parity only, else NULL. Reads as `read` does, but as though volumes were
	 * lying: another set of them for each `attempt` from 0 on, the smaller ones first; -ENOENT:
	 * there is no such attempt. For callers who can tell right bytes from wrong ones; see
	 * storage_read_checked.
	 */
	int (*read_again)(struct storage_io *io, void *buf, size_t len, uint64_t offset,
			  unsigned attempt);
	/* The last read_again gave the right bytes: counts against those it left out. */
	void (*blame)(struct storage_io *io);
	/* Beside a writer: takes in which volumes count now. 1: that has changed; 0; -errno. */
	int (*refresh)(struct storage_io *io);
};

struct storage_io {
	const struct storage_io_ops *ops;
	uint64_t size;  /* bytes, when opened or resized */
	uint32_t align; /* power of two, at most 4096: for addresses, lengths and offsets */
	bool direct;    /* O_DIRECT: past the page cache */
	char why[128];  /* when not direct: why, for people; "" otherwise */
};

/*
 * Reads what can be checked: `check` returns 0 for right bytes, -EBADMSG for others. With parity,
 * wrong bytes and unreadable ones are looked for in every other way there is. 0; -EBADMSG or -EIO:
 * there is no right version; another error of reading or checking.
 */
int storage_read_checked(struct storage_io *io, void *buf, size_t len, uint64_t offset,
			 int (*check)(void *ctx, const void *buf), void *ctx) MUST_CHECK;

/* The real disk: io_uring, O_DIRECT where the file system has it, the page cache where not. */
extern const struct storage_io_ops storage_io_uring;

#endif
