/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A clip as several cameras may play it. A clip of up to CLIP_PRELOAD_MAX bytes of packets is read
 * once and kept while any camera plays it; a longer one is read by each camera for itself, ahead
 * of need, by the cursor.
 *
 * The shared clips are process-wide state, protected by a lock of their own (clip_media.c); a
 * media is const once got. Threads: get and put on opener threads; a cursor belongs to one thread
 * at a time and reads files: never on the reactor.
 */
#ifndef CAPTURE_CLIP_MEDIA_H
#define CAPTURE_CLIP_MEDIA_H

#include "capture/clip/clip_reader.h"

#define CLIP_PRELOAD_MAX ((size_t)64 << 20)

struct clip_media;

/* -errno with message. */
int clip_media_get(const char *path, const struct clip_media **out, struct errmsg *em) MUST_CHECK;
/* NULL is fine. */
void clip_media_put(const struct clip_media *m);
const struct clip_info *clip_media_info(const struct clip_media *m);

/* A place in a clip that a camera plays. */
struct clip_cursor {
	const struct clip_media *media;
	struct clip_reader *reader; /* NULL when the media is in memory */
	size_t at;                  /* packets passed in this round */
	size_t first;               /* packets to pass over at the start of each round */
	bool loop;
	bool begun; /* the round's first packet has been given */
};

/* `first`: the round starts at the first key packet from there on. `media` outlives the cursor. */
int clip_cursor_open(struct clip_cursor *c, const struct clip_media *media, size_t first, bool loop,
		     struct errmsg *em) MUST_CHECK;
/* As clip_reader_next; with `loop` there is no end unless the clip has no packet to give. */
int clip_cursor_next(struct clip_cursor *c, struct clip_packet *out) MUST_CHECK;
void clip_cursor_close(struct clip_cursor *c);

#endif
