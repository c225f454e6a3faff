/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lib/simdisk.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One write that no flush has made durable yet. */
struct pending {
	struct list link; /* in order of submission */
	uint64_t written; /* its number among completed operations, from 1; 0: in flight */
	bool doomed;      /* no later flush makes it durable */
	int fault;
	uint64_t offset;
	size_t len;
	const void *source; /* the caller's buffer, to catch changes in flight */
	uint8_t *data;      /* its contents at submission */
};

struct queued {
	struct list link;
	struct storage_io_op *op;
	struct pending *write;    /* NULL: a flush */
	struct pending **covered; /* flush: the writes it makes durable */
	size_t ncovered;
	int fault;
	bool lying;
};

struct simfile {
	struct storage_io io;
	struct simdisk *sd;
	struct reactor *reactor;
	bool locked;
};

struct simdisk {
	uint64_t random;
	bool exists, locked;
	uint32_t align;
	uint64_t size;
	uint8_t *durable;   /* what a crash leaves for sure */
	uint8_t *view;      /* what reading gives */
	struct list writes; /* of pending */
	struct list queue;  /* of queued, in order of submission */
	unsigned in_flight, delay, max_delay;
	bool shuffle, lying, posted;
	uint64_t submitted, completed;
	uint64_t fault_first, fault_count;
	int fault_err;
	uint64_t refused_offset, refused_len;
	int refused_err;
	uint64_t bad_offset, bad_len;
	struct reactor *reactor;
	struct reactor_msg msg;
};

uint64_t simdisk_random(uint64_t *state)
{
	/* splitmix64 (Steele, Lea, Flood 2014) */
	uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static void die(const char *why)
{
	fprintf(stderr, "simdisk: %s\n", why);
	abort();
}

static void *must(void *p)
{
	if (!p)
		die("no memory");
	return p;
}

struct simdisk *simdisk_create(uint64_t seed)
{
	struct simdisk *sd = must(calloc(1, sizeof(*sd)));

	sd->random = seed;
	sd->align = 4096;
	list_init(&sd->writes);
	list_init(&sd->queue);
	return sd;
}

static void set_size(struct simdisk *sd, uint64_t size)
{
	sd->durable = must(realloc(sd->durable, size ? size : 1));
	sd->view = must(realloc(sd->view, size ? size : 1));
	if (size > sd->size) {
		memset(sd->durable + sd->size, 0, size - sd->size);
		memset(sd->view + sd->size, 0, size - sd->size);
	}
	sd->size = size;
}

struct simdisk *simdisk_from_image(const void *image, uint64_t size, uint64_t seed)
{
	struct simdisk *sd = simdisk_create(seed);

	sd->exists = true;
	set_size(sd, size);
	if (size) {
		memcpy(sd->durable, image, size);
		memcpy(sd->view, image, size);
	}
	return sd;
}

static void free_write(struct pending *w)
{
	list_remove(&w->link);
	free(w->data);
	free(w);
}

static void free_queued(struct queued *q)
{
	list_remove(&q->link);
	free(q->covered);
	free(q);
}

void simdisk_free(struct simdisk *sd)
{
	struct pending *w, *wnext;
	struct queued *q, *qnext;

	if (!sd)
		return;
	if (sd->posted)
		die("freed with something in flight");
	list_for_each_safe (q, qnext, &sd->queue, link)
		free_queued(q);
	list_for_each_safe (w, wnext, &sd->writes, link)
		free_write(w);
	free(sd->durable);
	free(sd->view);
	free(sd);
}

uint8_t *simdisk_image(struct simdisk *sd)
{
	return sd->view;
}

uint64_t simdisk_size(const struct simdisk *sd)
{
	return sd->size;
}

void simdisk_set_timing(struct simdisk *sd, unsigned max_delay, bool shuffle)
{
	sd->max_delay = max_delay;
	sd->shuffle = shuffle;
}

void simdisk_set_align(struct simdisk *sd, uint32_t align)
{
	sd->align = align;
}

uint64_t simdisk_submitted(const struct simdisk *sd)
{
	return sd->submitted;
}

uint64_t simdisk_completed(const struct simdisk *sd)
{
	return sd->completed;
}

unsigned simdisk_in_flight(const struct simdisk *sd)
{
	return sd->in_flight;
}

unsigned simdisk_unflushed(const struct simdisk *sd)
{
	const struct pending *w;
	unsigned n = 0;

	list_for_each (w, &sd->writes, link)
		n++;
	return n;
}

void simdisk_set_fault(struct simdisk *sd, uint64_t first, uint64_t count, int err)
{
	sd->fault_first = first;
	sd->fault_count = count;
	sd->fault_err = err;
}

void simdisk_set_lying(struct simdisk *sd, bool on)
{
	sd->lying = on;
}

void simdisk_set_unwritable(struct simdisk *sd, uint64_t offset, uint64_t len, int err)
{
	sd->refused_offset = offset;
	sd->refused_len = len;
	sd->refused_err = err;
}

void simdisk_set_unreadable(struct simdisk *sd, uint64_t offset, uint64_t len)
{
	sd->bad_offset = offset;
	sd->bad_len = len;
}

/* Takes the next operation's number; its fault, or 0. */
static int next_fault(struct simdisk *sd)
{
	uint64_t n = sd->submitted++;

	return n >= sd->fault_first && n - sd->fault_first < sd->fault_count ? sd->fault_err : 0;
}

/* Copies a random part of a write, by sectors, as a torn one leaves it. */
static void tear(uint8_t *image, const struct pending *w, uint64_t *random)
{
	size_t sectors = (w->len + SIMDISK_SECTOR - 1) / SIMDISK_SECTOR;
	unsigned kind = (unsigned)(simdisk_random(random) % 3);
	size_t cut = (size_t)(simdisk_random(random) % (sectors + 1));

	for (size_t i = 0; i < sectors; i++) {
		bool keep = kind == 0 ? i < cut : kind == 1 ? i >= cut : simdisk_random(random) & 1;
		size_t at = i * SIMDISK_SECTOR;
		size_t n = w->len - at < SIMDISK_SECTOR ? w->len - at : SIMDISK_SECTOR;

		if (keep)
			memcpy(image + w->offset + at, w->data + at, n);
	}
}

static void check_range(const struct simdisk *sd, const void *buf, size_t len, uint64_t offset)
{
	if (((uintptr_t)buf | len | offset) & (sd->align - 1))
		die("misaligned read or write");
	if (offset > sd->size || len > sd->size - offset)
		die("read or write past the end");
}

static struct pending *new_write(struct simdisk *sd, const void *buf, size_t len, uint64_t offset)
{
	struct pending *w = must(calloc(1, sizeof(*w)));

	check_range(sd, buf, len, offset);
	w->source = buf;
	w->offset = offset;
	w->len = len;
	w->data = must(malloc(len ? len : 1));
	memcpy(w->data, buf, len);
	w->fault = next_fault(sd);
	if (offset < sd->refused_offset + sd->refused_len && sd->refused_offset < offset + len)
		w->fault = sd->refused_err;
	w->doomed = sd->lying;
	list_append(&sd->writes, &w->link);
	return w;
}

/* The same of several pieces: changes in flight are not looked for. */
static struct pending *new_writev(struct simdisk *sd, const struct iovec *iov, unsigned niov,
				  uint64_t offset)
{
	uint8_t *all;
	size_t len = 0, at = 0;

	for (unsigned i = 0; i < niov; i++) {
		if (((uintptr_t)iov[i].iov_base | iov[i].iov_len) & (sd->align - 1))
			die("misaligned piece of a write");
		len += iov[i].iov_len;
	}
	all = must(aligned_alloc(4096, (len + 4095) / 4096 * 4096));
	for (unsigned i = 0; i < niov; at += iov[i++].iov_len)
		memcpy(all + at, iov[i].iov_base, iov[i].iov_len);
	struct pending *w = new_write(sd, all, len, offset);

	w->source = NULL;
	free(all);
	return w;
}

/* The write's outcome reaches the cache. Returns what its caller is told. */
static int end_write(struct simdisk *sd, struct pending *w)
{
	int res = w->fault;

	if (w->source && memcmp(w->source, w->data, w->len))
		die("a buffer was changed while it was being written");
	w->source = NULL;
	if (res) {
		/* Any part of it may be there now, and stays unless something overwrites it. */
		tear(sd->view, w, &sd->random);
		memcpy(w->data, sd->view + w->offset, w->len);
	} else {
		memcpy(sd->view + w->offset, w->data, w->len);
	}
	w->written = ++sd->completed;
	return res;
}

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static void make_durable(struct simdisk *sd, struct pending *w)
{
	struct pending *old;

	/* What was written here before can no longer come back. */
	list_for_each (old, &sd->writes, link) {
		uint64_t from = later(old->offset, w->offset);
		uint64_t end = w->offset + w->len;

		if (old->offset + old->len < end)
			end = old->offset + old->len;
		if (old->written && old->written < w->written && from < end)
			memcpy(old->data + (from - old->offset), w->data + (from - w->offset),
			       end - from);
	}
	memcpy(sd->durable + w->offset, w->data, w->len);
	free_write(w);
}

/* The writes a flush submitted now covers, in order of submission. */
static size_t list_covered(struct simdisk *sd, struct pending ***out)
{
	struct pending *w;
	size_t n = 0;

	*out = must(calloc(simdisk_unflushed(sd) + 1u, sizeof(struct pending *)));
	list_for_each (w, &sd->writes, link)
		if (w->written && !w->doomed)
			(*out)[n++] = w;
	return n;
}

static void end_flush(struct simdisk *sd, struct pending **covered, size_t n, int fault, bool lying)
{
	for (size_t i = 0; i < n; i++) {
		if (lying)
			covered[i]->doomed = true;
		else if (covered[i]->doomed)
			continue; /* an earlier flush failed meanwhile */
		else if (!fault)
			make_durable(sd, covered[i]);
		else if (simdisk_random(&sd->random) & 1)
			covered[i]->doomed = true;
	}
}

/* A write may leave the list between a flush's submission and its end: only through another flush
 * that covered it too. Takes it out of every queued flush. */
static void forget_covered(struct simdisk *sd, struct pending **done, size_t ndone)
{
	struct queued *q;

	list_for_each (q, &sd->queue, link) {
		size_t kept = 0;

		for (size_t i = 0; i < q->ncovered; i++) {
			bool gone = false;

			for (size_t j = 0; j < ndone; j++)
				gone |= q->covered[i] == done[j];
			if (!gone)
				q->covered[kept++] = q->covered[i];
		}
		q->ncovered = kept;
	}
}

static void complete(struct simdisk *sd, struct queued *q)
{
	struct storage_io_op *op = q->op;
	int res = q->fault;

	list_remove(&q->link);
	if (q->write) {
		res = end_write(sd, q->write);
	} else {
		sd->completed++;
		if (!res && !q->lying)
			forget_covered(sd, q->covered, q->ncovered);
		end_flush(sd, q->covered, q->ncovered, res, q->lying);
	}
	free_queued(q);
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
		complete(sd, list_entry(pos, struct queued, link));
	}
	if (!list_empty(&sd->queue) && !sd->posted) {
		sd->posted = true;
		reactor_post(sd->reactor, &sd->msg);
	}
}

static struct queued *enqueue(struct simfile *f, struct storage_io_op *op)
{
	struct simdisk *sd = f->sd;
	struct queued *q = must(calloc(1, sizeof(*q)));

	if (!f->reactor)
		die("asynchronous operation on a file opened without a reactor");
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
	struct queued *q = enqueue(f, op);

	(void)buf_index;
	op->io = io;
	q->write = new_write(f->sd, buf, len, offset);
	/* A reader beside us may see any part of it from now on. */
	tear(f->sd->view, q->write, &f->sd->random);
}

static void sim_writev(struct storage_io *io, struct storage_io_op *op, struct iovec *iov,
		       unsigned niov, uint64_t offset)
{
	struct simfile *f = container_of(io, struct simfile, io);
	struct queued *q = enqueue(f, op);

	op->io = io;
	q->write = new_writev(f->sd, iov, niov, offset);
	tear(f->sd->view, q->write, &f->sd->random);
}

static void sim_flush(struct storage_io *io, struct storage_io_op *op)
{
	struct simfile *f = container_of(io, struct simfile, io);
	struct queued *q = enqueue(f, op);

	op->io = io;
	q->fault = next_fault(f->sd);
	q->ncovered = list_covered(f->sd, &q->covered);
}

static int sim_read(struct storage_io *io, void *buf, size_t len, uint64_t offset)
{
	struct simdisk *sd = container_of(io, struct simfile, io)->sd;

	if (((uintptr_t)buf | len | offset) & (sd->align - 1))
		die("misaligned read");
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

	return end_write(sd, new_write(sd, buf, len, offset));
}

static int sim_flush_sync(struct storage_io *io)
{
	struct simdisk *sd = container_of(io, struct simfile, io)->sd;
	struct pending **covered;
	int fault = next_fault(sd);
	size_t n = list_covered(sd, &covered);

	sd->completed++;
	if (!fault && !sd->lying)
		forget_covered(sd, covered, n);
	end_flush(sd, covered, n, fault, sd->lying);
	free(covered);
	return fault;
}

static int sim_resize(struct storage_io *io, uint64_t size, bool reserve)
{
	struct simdisk *sd = container_of(io, struct simfile, io)->sd;
	int fault = next_fault(sd);

	(void)reserve;
	sd->completed++;
	if (fault)
		return fault;
	if (!list_empty(&sd->writes))
		die("resized with writes not flushed");
	set_size(sd, size);
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
	f = must(calloc(1, sizeof(*f)));
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
			die("closed with something in flight");
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

struct simdisk *simdisk_crash(const struct simdisk *sd, enum simdisk_crash how, uint64_t seed)
{
	struct simdisk *up = simdisk_from_image(sd->durable, sd->size, seed);
	uint64_t random = seed;
	uint64_t cut = simdisk_random(&random) % (simdisk_unflushed(sd) + 1u);
	uint64_t i = 0;
	const struct pending *w;

	up->exists = sd->exists;
	up->align = sd->align;
	list_for_each (w, &sd->writes, link) {
		unsigned dice = (unsigned)(simdisk_random(&random) % 3);

		if (how == SIMDISK_CRASH_ALL || (how == SIMDISK_CRASH_PREFIX && i < cut) ||
		    (how == SIMDISK_CRASH_RANDOM && dice == 0))
			memcpy(up->durable + w->offset, w->data, w->len);
		else if ((how == SIMDISK_CRASH_PREFIX && i == cut) ||
			 (how == SIMDISK_CRASH_RANDOM && dice == 1))
			tear(up->durable, w, &random);
		i++;
	}
	if (up->size)
		memcpy(up->view, up->durable, up->size);
	return up;
}

struct simdisk *simdisk_kill(const struct simdisk *sd, uint64_t seed)
{
	struct simdisk *up = simdisk_from_image(sd->durable, sd->size, seed);
	const struct pending *w;

	up->exists = sd->exists;
	up->align = sd->align;
	list_for_each (w, &sd->writes, link) {
		struct pending *copy = must(calloc(1, sizeof(*copy)));

		*copy = *w;
		copy->source = NULL;
		copy->data = must(malloc(w->len ? w->len : 1));
		memcpy(copy->data, w->data, w->len);
		copy->written = ++up->completed;
		list_append(&up->writes, &copy->link);
		memcpy(up->view + w->offset, w->data, w->len);
	}
	return up;
}
