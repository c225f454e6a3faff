/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/capture/fake_source.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "capture/core/frame.h"

static struct fake devices[FAKE_MAX] = {
	[0 ... FAKE_MAX -
	 1] = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER, .fd = -1},
};

struct fake *fake_get(unsigned n)
{
	assert(n < FAKE_MAX);
	return &devices[n];
}

void fake_reset(struct fake *f)
{
	pthread_mutex_lock(&f->lock);
	assert(!f->is_open);
	if (f->fd >= 0)
		close(f->fd);
	memset((char *)f + offsetof(struct fake, fmt), 0, sizeof(*f) - offsetof(struct fake, fmt));
	f->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	assert(f->fd >= 0);
	f->fmt.fourcc = PIXFMT_MJPEG;
	f->fmt.width = 640;
	f->fmt.height = 480;
	f->fmt.fps = 100;
	f->fmt.nplanes = 1;
	f->fmt.plane_size[0] = 65536;
	f->fmt.slots = 4;
	f->kinds[0] = SLAB_USERPTR;
	pthread_mutex_unlock(&f->lock);
}

static struct fake *of(const struct source *s)
{
	return (struct fake *)s;
}

static int fake_open(struct source **out, const char *rest, const struct source_want *want,
		     struct source_format *fmt, enum slab_kind kinds[SOURCE_KINDS_MAX],
		     struct errmsg *em)
{
	struct fake *f = fake_get((unsigned)atoi(rest));
	int err;

	(void)want;
	pthread_mutex_lock(&f->lock);
	f->opens++;
	pthread_cond_broadcast(&f->changed);
	while (f->hang_open)
		pthread_cond_wait(&f->changed, &f->lock);
	err = f->open_err;
	if (!err) {
		assert(!f->is_open); /* never two at once */
		f->is_open = true;
		*fmt = f->fmt;
		memcpy(kinds, f->kinds, sizeof(f->kinds));
		*out = (struct source *)f;
	}
	pthread_mutex_unlock(&f->lock);
	return err ? errmsg_set(em, err, "fake %s: cannot open", rest) : 0;
}

static void map_driver_memory(struct fake *f, struct slab *slab)
{
	size_t size = ALIGN_UP(slab->plane_size[0], (size_t)4096);

	int fd = memfd_create("fake", MFD_CLOEXEC);

	f->driver_size = size * slab->nslots * slab->nplanes;
	assert(fd >= 0 && !ftruncate(fd, (off_t)f->driver_size));
	f->driver_memory = mmap(NULL, f->driver_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	f->driver_view = mmap(NULL, f->driver_size, PROT_READ | (f->read_only ? 0 : PROT_WRITE),
			      MAP_SHARED, fd, 0);
	assert(f->driver_memory != MAP_FAILED && f->driver_view != MAP_FAILED);
	close(fd);
	for (unsigned i = 0; i < slab->nslots; i++)
		for (unsigned p = 0; p < slab->nplanes; p++)
			slab->slot[i].plane[p] =
				(uint8_t *)f->driver_view + (i * slab->nplanes + p) * size;
}

/* Where the device itself writes. */
static uint8_t *device_side(const struct fake *f, unsigned slot, unsigned p)
{
	uint8_t *at = f->slab->slot[slot].plane[p];

	return f->driver_memory ? f->driver_memory + (at - (uint8_t *)f->driver_view) : at;
}

static int fake_start(struct source *s, struct slab *slab, struct errmsg *em)
{
	struct fake *f = of(s);
	int err = 0;

	pthread_mutex_lock(&f->lock);
	f->starts++;
	f->kind = slab->kind;
	if (f->refuse_kinds & (1u << slab->kind))
		err = errmsg_set(em, -EOPNOTSUPP, "fake: not with this memory");
	else if (f->start_err)
		err = errmsg_set(em, f->start_err, "fake: cannot start");
	if (!err) {
		assert(slab->nslots <= FAKE_SLOTS);
		if (slab->kind == SLAB_DRIVER)
			map_driver_memory(f, slab);
		for (unsigned i = 0; i < slab->nslots; i++)
			f->free_slot[i] = true;
		f->slab = slab;
		f->nfilled = 0;
		f->streaming = true;
	}
	pthread_mutex_unlock(&f->lock);
	return err;
}

static int fake_poll_fd(const struct source *s)
{
	return of(s)->fd;
}

static int fake_dequeue(struct source *s, struct source_buffer *out)
{
	struct fake *f = of(s);
	uint64_t n;
	int err = 0;

	pthread_mutex_lock(&f->lock);
	assert(f->streaming);
	f->dequeues++;
	if (f->dequeue_err) {
		err = f->dequeue_err;
	} else if (!f->nfilled) {
		err = -EAGAIN;
		if (read(f->fd, &n, sizeof(n)) < 0)
			assert(errno == EAGAIN);
	} else {
		*out = f->filled[0];
		f->nfilled--;
		memmove(&f->filled[0], &f->filled[1], f->nfilled * sizeof(f->filled[0]));
	}
	pthread_mutex_unlock(&f->lock);
	return err;
}

static int fake_enqueue(struct source *s, unsigned slot)
{
	struct fake *f = of(s);
	int err;

	pthread_mutex_lock(&f->lock);
	assert(f->streaming && slot < f->slab->nslots && !f->free_slot[slot]);
	err = f->enqueue_err;
	if (!err)
		f->free_slot[slot] = true;
	pthread_mutex_unlock(&f->lock);
	return err;
}

static void fake_stop(struct source *s)
{
	struct fake *f = of(s);

	pthread_mutex_lock(&f->lock);
	assert(f->streaming);
	f->streaming = false;
	f->stops++;
	f->slab = NULL;
	if (f->driver_memory) {
		munmap(f->driver_memory, f->driver_size);
		munmap(f->driver_view, f->driver_size);
	}
	f->driver_memory = NULL;
	memset(f->free_slot, 0, sizeof(f->free_slot));
	pthread_mutex_unlock(&f->lock);
}

static void fake_close(struct source *s)
{
	struct fake *f = of(s);

	pthread_mutex_lock(&f->lock);
	assert(f->is_open && !f->streaming);
	f->is_open = false;
	f->closes++;
	pthread_mutex_unlock(&f->lock);
}

static const struct source_ops fake_ops = {
	.scheme = "fake",
	.open = fake_open,
	.start = fake_start,
	.poll_fd = fake_poll_fd,
	.dequeue = fake_dequeue,
	.enqueue = fake_enqueue,
	.stop = fake_stop,
	.close = fake_close,
};

const struct source_ops *fake_find(const char *uri, const char **rest, struct errmsg *em)
{
	if (strncmp(uri, "fake:", 5)) {
		errmsg_set(em, -EINVAL, "source %s: want fake:N", uri);
		return NULL;
	}
	*rest = uri + 5;
	return &fake_ops;
}

static void wake(struct fake *f)
{
	const uint64_t one = 1;

	assert(write(f->fd, &one, sizeof(one)) == sizeof(one));
}

bool fake_fill(struct fake *f, struct source_buffer b, const void *data, size_t bytes)
{
	unsigned slot = 0;

	pthread_mutex_lock(&f->lock);
	while (f->streaming && slot < f->slab->nslots && !f->free_slot[slot])
		slot++;
	if (!f->streaming || slot == f->slab->nslots) {
		f->dropped++;
		pthread_mutex_unlock(&f->lock);
		return false;
	}
	f->free_slot[slot] = false;
	b.slot = slot;
	f->last_data = f->slab->slot[slot].plane[0] + b.plane[0].data_offset;
	memcpy(device_side(f, slot, 0) + b.plane[0].data_offset, data, bytes);
	for (unsigned p = 1; p < f->slab->nplanes; p++)
		memset(device_side(f, slot, p), (int)p, f->slab->plane_size[p]);
	f->filled[f->nfilled++] = b;
	wake(f);
	pthread_mutex_unlock(&f->lock);
	return true;
}

bool fake_jpeg(struct fake *f, uint32_t sequence, int64_t mono_ns)
{
	static const uint8_t jpeg[] = {0xff, 0xd8, 0xff, 0xda, 1, 2, 3, 4, 0xff, 0xd9};
	struct source_buffer b = {.sequence = sequence, .mono_ns = mono_ns};

	b.plane[0].bytesused = sizeof(jpeg);
	return fake_fill(f, b, jpeg, sizeof(jpeg));
}

void fake_fault(struct fake *f, int *field, int err)
{
	pthread_mutex_lock(&f->lock);
	*field = err;
	wake(f);
	pthread_mutex_unlock(&f->lock);
}

unsigned fake_count(struct fake *f, const unsigned *field)
{
	unsigned n;

	pthread_mutex_lock(&f->lock);
	n = *field;
	pthread_mutex_unlock(&f->lock);
	return n;
}
