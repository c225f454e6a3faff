/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "storage/paced.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "capture/core/monotime.h"

/* Slept at once, so that a stop is heard soon. */
#define NAP_NS (50 * NSEC_PER_MSEC)

struct paced_io {
	struct storage_io io;
	struct storage_io *under;
	struct paced *pace;
};

static struct paced_io *paced_of(struct storage_io *io)
{
	return container_of(io, struct paced_io, io);
}

static int wait_turn(struct paced *p, size_t bytes)
{
	int64_t now = monotime_now();

	while (now < p->next_ns && !atomic_load(&p->stop)) {
		int64_t ns = p->next_ns - now < NAP_NS ? p->next_ns - now : NAP_NS;

		/* A lifted limit counts at once. */
		if (!atomic_load(&p->rate))
			break;
		nanosleep(&(struct timespec){.tv_nsec = ns}, NULL);
		now = monotime_now();
	}
	if (atomic_load(&p->stop))
		return -ECANCELED;
	uint64_t rate = atomic_load(&p->rate);

	/* What was not used is not made up for: no bursts. */
	if (p->next_ns < now || !rate)
		p->next_ns = now;
	if (rate)
		p->next_ns += (int64_t)((double)bytes / (double)rate * (double)NSEC_PER_SEC);
	atomic_fetch_add(&p->read, bytes);
	return 0;
}

static int paced_open(void *ctx, const char *path, unsigned flags, struct reactor *r,
		      struct storage_io **out, struct errmsg *em)
{
	struct paced *p = ctx;
	struct paced_io *io;

	if (flags)
		return errmsg_set(em, -EROFS, "%s: is opened for reading only", path);
	io = calloc(1, sizeof(*io));
	if (!io)
		return errmsg_set(em, -ENOMEM, "no memory to open %s", path);
	int err = p->ops->open(p->ctx, path, 0, r, &io->under, em);

	if (err) {
		free(io);
		return err;
	}
	io->io = *io->under;
	io->io.ops = &storage_io_paced;
	io->pace = p;
	*out = &io->io;
	return 0;
}

static void paced_close(struct storage_io *io)
{
	struct paced_io *p = paced_of(io);

	p->under->ops->close(p->under);
	free(p);
}

static int paced_read(struct storage_io *io, void *buf, size_t len, uint64_t offset)
{
	struct paced_io *p = paced_of(io);
	int err = wait_turn(p->pace, len);

	return err ? err : p->under->ops->read(p->under, buf, len, offset);
}

static int paced_readv(struct storage_io *io, const struct iovec *iov, unsigned niov,
		       uint64_t offset)
{
	struct paced_io *p = paced_of(io);
	size_t len = 0;

	for (unsigned i = 0; i < niov; i++)
		len += iov[i].iov_len;
	int err = wait_turn(p->pace, len);

	return err ? err : p->under->ops->readv(p->under, iov, niov, offset);
}

static int refuse_write(struct storage_io *io, const void *buf, size_t len, uint64_t offset)
{
	return -EROFS;
}

static int refuse_flush(struct storage_io *io)
{
	return -EROFS;
}

static int refuse_resize(struct storage_io *io, uint64_t size, bool reserve)
{
	return -EROFS;
}

static pid_t paced_holder(struct storage_io *io)
{
	struct paced_io *p = paced_of(io);

	return p->under->ops->holder(p->under);
}

/* Without the asynchronous calls: those need a reactor, which readers do not have. */
const struct storage_io_ops storage_io_paced = {
	.open = paced_open,
	.close = paced_close,
	.read = paced_read,
	.readv = paced_readv,
	.write_sync = refuse_write,
	.flush_sync = refuse_flush,
	.resize = refuse_resize,
	.holder = paced_holder,
};
