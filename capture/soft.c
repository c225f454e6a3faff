/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/soft.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "capture/core/frame.h"
#include "capture/core/monotime.h"

int soft_timer_open(struct soft_timer *t)
{
	t->fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	t->set_to = SOFT_WAKE_NEVER;
	return t->fd < 0 ? -errno : 0;
}

int soft_timer_set(struct soft_timer *t, int64_t wake_ns)
{
	const struct itimerspec at = {
		.it_value.tv_sec = wake_ns / NSEC_PER_SEC,
		.it_value.tv_nsec = wake_ns % NSEC_PER_SEC,
	};

	if (wake_ns == t->set_to)
		return 0;
	if (timerfd_settime(t->fd, TFD_TIMER_ABSTIME, &at, NULL))
		return -errno;
	t->set_to = wake_ns;
	return 0;
}

void soft_timer_close(struct soft_timer *t)
{
	if (t->fd >= 0)
		close(t->fd);
	t->fd = -1;
}

void soft_kinds(const struct source_want *want, enum slab_kind kinds[SOURCE_KINDS_MAX])
{
	static const enum slab_kind all[] = {SLAB_USERPTR, SLAB_UDMABUF, SLAB_DRIVER, SLAB_AUTO};

	memcpy(kinds, all, sizeof(all));
	if (want->memory != SLAB_AUTO) {
		kinds[0] = want->memory;
		kinds[1] = SLAB_AUTO;
	}
}

int soft_memory_map(struct soft_memory *m, struct slab *slab)
{
	size_t slot = 0;
	uint8_t *at;

	if (slab->kind != SLAB_DRIVER)
		return 0;
	for (unsigned p = 0; p < slab->nplanes; p++)
		slot += ALIGN_UP(slab->plane_size[p], (size_t)FRAME_BLOCK);
	m->size = slot * slab->nslots;
	at = mmap(NULL, m->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (at == MAP_FAILED)
		return -errno;
	m->base = at;
	for (unsigned i = 0; i < slab->nslots; i++) {
		for (unsigned p = 0; p < slab->nplanes; p++) {
			slab->slot[i].plane[p] = at;
			at += ALIGN_UP(slab->plane_size[p], (size_t)FRAME_BLOCK);
		}
	}
	return 0;
}

void soft_memory_unmap(struct soft_memory *m)
{
	if (m->base)
		munmap(m->base, m->size);
	m->base = NULL;
}
