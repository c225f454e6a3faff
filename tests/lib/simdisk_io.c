/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The storage I/O seam of the simulated disk: operations are queued and end one a turn. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib/simdisk_impl.h"

struct simfile {
	struct storage_io io;
	struct simdisk *sd;
	struct reactor *reactor;
	bool locked;
};

void simdisk_free_queued(struct simdisk_queued *q)
{
	list_remove(&q->link);
	free(q->covered);
	free(q);
}

static void complete(struct simdisk *sd, struct simdisk_queued *q)
{
	struct storage_io_op *op = q->op;
	int res = q->fault;

	list_remove(&q->link);
	if (q->write) {
		res = simdisk_end_write(sd, q->write);
	} else {
		sd->completed++;
		if (!res && !q->lying)
			simdisk_forget_covered(sd, q->covered, q->ncovered);
		simdisk_end_flush(sd, q->covered, q->ncovered, res, q->lying);
	}
	simdisk_free_queued(q);
	sd->in_flight--;
	op->done(op, res);
}

static void pump(struct reactor_msg *msg)
{
	struct simdisk *sd = container_of(msg, struct simdisk, msg);

	sd->posted = false;
	if (list_empty(&sd->queue))
		return;
	if (sd->delay) {
		sd->delay--;
	} else {
		struct list *pos = sd->queue.next;
		uint64_t skip = sd->shuffle ? simdisk_random(&sd->random) % sd->in_flight : 0;

		while (skip--)
			pos = pos->next;
		if (sd->max_delay)
			sd->delay = (unsigned)(simdisk_random(&sd->random) % (sd->max_delay + 1));
		complete(sd, list_entry(pos, struct simdisk_queued, link));
	}
	if (!list_empty(&sd->queue) && !sd->posted) {
		sd->posted = true;
		reactor_post(sd->reactor, &sd->msg);
	}
}

static struct simdisk_queued *enqueue(struct simfile *f, struct storage_io_op *op)
{
	struct simdisk *sd = f->sd;
	struct simdisk_queued *q = simdisk_must(calloc(1, sizeof(*q)));

	if (!f->reactor)
		simdisk_die("asynchronous operation on a file opened without a reactor");
	q->op = op;
	q->lying = sd->lying;
	list_append(&sd->queue, &q->link);
	sd->in_flight++;
	sd->reactor = f->reactor;
	if (!sd->posted) {
		sd->posted = true;
		sd->msg.run = pump;
		reactor_post(sd->reactor, &sd->msg);
	}
	return q;
}

static void sim_write(struct storage_io *io, struct storage_io_op *op, const void *buf, size_t len,
		      uint64_t offset, int buf_index)
{
	struct simfile *f = container_of(io, struct simfile, io);
	struct simdisk_queued *q = enqueue(f, op);

	(void)buf_index;
	op->io = io;
	q->write = simdisk_new_write(f->sd, buf, len, offset);
	/* A reader beside us may see any part of it from now on. */
	simdisk_tear(f->sd->view, q->write, &f->sd->random);
}

static void sim_writev(struct storage_io *io, struct storage_io_op *op, struct iovec *iov,
		       unsigned niov, uint64_t offset)
{
	struct simfile *f = container_of(io, struct simfile, io);
	struct simdisk_queued *q = enqueue(f, op);

	op->io = io;
	q->write = simdisk_new_writev(f->sd, iov, niov, offset);
	simdisk_tear(f->sd->view, q->write, &f->sd->random);
}

static void sim_flush(struct storage_io *io, struct storage_io_op *op)
{
	struct simfile *f = container_of(io, struct simfile, io);
	struct simdisk_queued *q = enqueue(f, op);

	op->io = io;
	q->fault = simdisk_next_fault(f->sd);
	q->ncovered = simdisk_list_covered(f->sd, &q->covered);
}

static int sim_read(struct storage_io *io, void *buf, size_t len, uint64_t offset)
{
	struct simdisk *sd = container_of(io, struct simfile, io)->sd;

	if (((uintptr_t)buf | len | offset) & (sd->align - 1))
		simdisk_die("misaligned read");
	if (offset > sd->size || len > sd->size - offset)
		return -ENODATA;
	if (sd->bad_len && offset < sd->bad_offset + sd->bad_len && sd->bad_offset < offset + len)
		return -EIO;
	memcpy(buf, sd->view + offset, len);
	return 0;
}

static int sim_readv(struct storage_io *io, const struct iovec *iov, unsigned niov, uint64_t offset)
{
	int err = 0;

	for (unsigned i = 0; i < niov && !err; offset += iov[i++].iov_len)
		err = sim_read(io, iov[i].iov_base, iov[i].iov_len, offset);
	return err;
}

static int sim_write_sync(struct storage_io *io, const void *buf, size_t len, uint64_t offset)
{
	struct simdisk *sd = container_of(io, struct simfile, io)->sd;

	return simdisk_end_write(sd, simdisk_new_write(sd, buf, len, offset));
}

static int sim_flush_sync(struct storage_io *io)
{
	struct simdisk *sd = container_of(io, struct simfile, io)->sd;
	struct simdisk_write **covered;
	int fault = simdisk_next_fault(sd);
	size_t n = simdisk_list_covered(sd, &covered);

	sd->completed++;
	if (!fault && !sd->lying)
		simdisk_forget_covered(sd, covered, n);
	simdisk_end_flush(sd, covered, n, fault, sd->lying);
	free(covered);
	return fault;
}

static int sim_resize(struct storage_io *io, uint64_t size, bool reserve)
{
	struct simdisk *sd = container_of(io, struct simfile, io)->sd;
	int fault = simdisk_next_fault(sd);

	(void)reserve;
	sd->completed++;
	if (fault)
		return fault;
	if (!list_empty(&sd->writes))
		simdisk_die("resized with writes not flushed");
	simdisk_set_size(sd, size);
	io->size = size;
	return 0;
}

static pid_t sim_holder(struct storage_io *io)
{
	return container_of(io, struct simfile, io)->sd->locked ? 1 : 0;
}

static int sim_open(void *ctx, const char *path, unsigned flags, struct reactor *r,
		    struct storage_io **out, struct errmsg *em)
{
	struct simdisk *sd = ctx;
	struct simfile *f;

	if (flags & STORAGE_IO_CREATE) {
		if (sd->exists)
			return errmsg_set(em, -EEXIST, "%s is there already", path);
		sd->exists = true;
	}
	if (!sd->exists)
		return errmsg_set(em, -ENOENT, "cannot open %s: %s", path, strerror(ENOENT));
	if ((flags & STORAGE_IO_LOCK) && sd->locked)
		return errmsg_set(em, -EBUSY, "%s is being written by process 1", path);
	f = simdisk_must(calloc(1, sizeof(*f)));
	f->io.ops = &simdisk_io;
	f->io.size = sd->size;
	f->io.align = sd->align;
	f->io.direct = true;
	f->sd = sd;
	f->reactor = r;
	f->locked = flags & STORAGE_IO_LOCK;
	sd->locked |= f->locked;
	*out = &f->io;
	return 0;
}

static void sim_close(struct storage_io *io)
{
	struct simfile *f = container_of(io, struct simfile, io);

	if (f->locked) {
		if (f->sd->in_flight)
			simdisk_die("closed with something in flight");
		f->sd->locked = false;
	}
	free(f);
}

const struct storage_io_ops simdisk_io = {
	.open = sim_open,
	.close = sim_close,
	.write = sim_write,
	.writev = sim_writev,
	.flush = sim_flush,
	.read = sim_read,
	.readv = sim_readv,
	.write_sync = sim_write_sync,
	.flush_sync = sim_flush_sync,
	.resize = sim_resize,
	.holder = sim_holder,
};
