/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/camera_memory.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

/*
 * Can the kernel write to disk straight from the driver's buffers? Those of dma-contig drivers are
 * mapped as raw page frames: every way of pinning them fails (EFAULT), registering as well as a
 * plain O_DIRECT write. Populating asks the same question of each buffer and touches no picture.
 */
static bool driver_memory_pins(const struct slab *slab)
{
	for (unsigned i = 0; i < slab->nslots; i++)
		if (madvise(slab->slot[i].plane[0], FRAME_BLOCK, MADV_POPULATE_WRITE))
			return false;
	return true;
}

int camera_memory_make_slots(struct camera_stream *s)
{
	s->slot = calloc(s->slab->nslots, sizeof(s->slot[0]));
	if (!s->slot)
		return errmsg_set(&s->open_msg, -ENOMEM, "frame slots: out of memory");
	for (unsigned i = 0; i < s->slab->nslots; i++) {
		s->slot[i].stream = s;
		s->slot[i].index = i;
		s->slot[i].with_device = true;
		s->slot[i].buf_index = -1;
	}
	if (s->slab->kind != SLAB_DRIVER)
		return 0;
	s->copy_all = !driver_memory_pins(s->slab);
	/* Costs address space only until a frame has to be copied. */
	return slab_create(&s->spare, SLAB_USERPTR, s->slab->nslots, s->slab->nplanes,
			   s->slab->plane_size, &s->open_msg);
}

void camera_memory_register(struct camera_stream *s)
{
	struct reactor *r = s->camera->reactor;
	const struct slab *slab = s->slab->kind == SLAB_DRIVER ? s->spare : s->slab;

	s->slab_index = -1;
	if (s->slab->kind == SLAB_DRIVER && s->slab->nplanes == 1 && !s->copy_all) {
		/* Frames lie in the driver's buffers as a rule: each is registered by itself. */
		for (unsigned i = 0; i < s->slab->nslots; i++)
			if (reactor_buffer_register(r, s->slab->slot[i].plane[0],
						    s->slab->plane_size[0], &s->slot[i].buf_index))
				break;
		s->registered = s->slot[s->slab->nslots - 1].buf_index >= 0;
		return;
	}
	if (reactor_buffer_register(r, slab->base, slab->size, &s->slab_index))
		s->slab_index = -1;
	s->registered = s->slab_index >= 0;
	for (unsigned i = 0; i < s->slab->nslots; i++)
		s->slot[i].buf_index = s->slab_index;
}

void camera_memory_unregister(struct camera_stream *s)
{
	struct reactor *r = s->camera->reactor;

	if (!s->registered && s->slab_index < 0 && !(s->slab && s->slab->kind == SLAB_DRIVER))
		return;
	if (s->slab_index >= 0)
		reactor_buffer_unregister(r, s->slab_index);
	else
		for (unsigned i = 0; s->slot && i < s->slab->nslots; i++)
			reactor_buffer_unregister(r, s->slot[i].buf_index);
	for (unsigned i = 0; s->slot && i < s->slab->nslots; i++)
		s->slot[i].buf_index = -1;
	s->slab_index = -1;
	s->registered = false;
}
