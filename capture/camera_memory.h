/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The memory that the frames of one stream lie in: slots over the slab, a spare slab for frames
 * that have to be copied, and their registration with the reactor's ring. Private to
 * capture/camera*.
 */
#ifndef CAPTURE_CAMERA_MEMORY_H
#define CAPTURE_CAMERA_MEMORY_H

#include "capture/camera_private.h"

/* Opener thread, once the source has started with s->slab. -ENOMEM with s->open_msg. */
int camera_memory_make_slots(struct camera_stream *s) MUST_CHECK;

/* Reactor. Failure costs a copy inside the kernel's write path, not a frame: it is shown, not
 * reported. */
void camera_memory_register(struct camera_stream *s);
/* Reactor, when no frame is out any more; with SLAB_DRIVER before the source stops. Harmless when
 * nothing is registered. */
void camera_memory_unregister(struct camera_stream *s);

#endif
