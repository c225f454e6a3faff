/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Footage for a camera of matlang_rack (kmod/rack_uapi.h): pictures of a clip, each with room for
 * the stamp. Threads: one at a time.
 */
#ifndef MATLANG_RACKFOOTAGE_H
#define MATLANG_RACKFOOTAGE_H

#include <stddef.h>
#include <stdint.h>

#include "capture/core/compiler.h"
#include "capture/core/errmsg.h"
#include "kmod/rack_uapi.h"

struct rackfootage {
	struct matlang_rack_footage head;
	struct matlang_rack_picture *picture; /* head.count */
	uint8_t *data;                        /* the pictures, one after another */
	size_t size, room;                    /* of data */
	unsigned max;                         /* pictures to take; 0: all */
	double fps;                           /* of the clip */
};

/* A clip of MJPEG or H.264, from its first key picture on, up to f->max pictures or the size the
 * module takes. -errno with message: it cannot be read, or is of another format. */
int rackfootage_read(struct rackfootage *f, const char *path, struct errmsg *em) MUST_CHECK;
/* Made up: things that move over a background, MJPEG. -errno with message. */
int rackfootage_draw(struct rackfootage *f, uint32_t width, uint32_t height,
		     struct errmsg *em) MUST_CHECK;
/* Writes it to `path` in one go; the module tells what it says to it elsewhere. -errno with
 * message. */
int rackfootage_write(const struct rackfootage *f, const char *path, struct errmsg *em) MUST_CHECK;
/* A picture of head.fourcc, for the two above and tests. 0; 1: there is no room for it any more;
 * -EBADMSG: not such a picture; -ENOMEM. */
int rackfootage_add(struct rackfootage *f, const uint8_t *data, size_t len) MUST_CHECK;
void rackfootage_free(struct rackfootage *f);

#endif
