/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/play.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "capture/clip/clip_source.h"
#include "capture/core/monotime.h"

#define TIMEOUT_NS (10 * NSEC_PER_SEC)

struct play {
	char uri[SOURCE_URI_MAX];
	const struct source_ops *ops;
	struct source *source;
	bool started;
	struct source_format fmt;
	struct slab *slab;
	bool once;
	int lent;           /* slot of the frame given last, -1: none */
	int64_t count;      /* frames given */
	int64_t elapsed_ns; /* clip time of the frame given last, with `once` */
	uint32_t sequence;  /* of the frame given last */
};

/* Appends "key=0" unless the options have the key. */
static int add_default(char uri[SOURCE_URI_MAX], const char *key, struct errmsg *em)
{
	struct source_options o;
	char value[8], mark;
	size_t n = strlen(uri);
	int err = source_options_split(uri, &o, em);

	if (err || source_option_text(&o, key, value, sizeof(value), NULL) != 0)
		return err;
	if (n + strlen(key) + 4 > SOURCE_URI_MAX)
		return errmsg_set(em, -EINVAL, "%.40s...: source is too long", uri);
	mark = o.text[0] ? '&' : '?';
	uri[n] = mark;
	stpcpy(stpcpy(uri + n + 1, key), "=0");
	return 0;
}

static int prepare_uri(struct play *p, const char *uri, struct errmsg *em)
{
	bool clip = p->ops == &source_clip_ops;
	int err = 0;

	memcpy(p->uri, uri, strlen(uri) + 1); /* source_find has checked its length */
	if (p->once && clip)
		err = add_default(p->uri, "loop", em);
	if (!err && p->once && (clip || p->ops == &source_rack_ops))
		err = add_default(p->uri, "paced", em);
	return err;
}

/* Tries the memory kinds the source can take, as a camera does. */
static int start(struct play *p, const enum slab_kind kinds[SOURCE_KINDS_MAX], struct errmsg *em)
{
	int err = -EOPNOTSUPP;

	for (unsigned k = 0; k < SOURCE_KINDS_MAX && kinds[k] != SLAB_AUTO; k++) {
		err = slab_create(&p->slab, kinds[k], p->fmt.slots, p->fmt.nplanes,
				  p->fmt.plane_size, em);
		if (!err) {
			err = p->ops->start(p->source, p->slab, em);
			if (!err)
				return 0;
			slab_destroy(p->slab);
			p->slab = NULL;
		}
		if (err != -EOPNOTSUPP)
			return err;
	}
	return errmsg_set(em, err, "%s: no kind of memory for its frames", p->uri);
}

int play_open(struct play **out, const char *uri, const struct source_want *want, bool once,
	      struct errmsg *em)
{
	static const struct source_want anything;
	enum slab_kind kinds[SOURCE_KINDS_MAX] = {SLAB_AUTO};
	struct play *p = calloc(1, sizeof(*p));
	const char *rest;
	int err;

	if (!p)
		return errmsg_set(em, -ENOMEM, "%.80s: no memory", uri);
	p->lent = -1;
	p->once = once;
	p->ops = source_find(uri, &rest, em);
	err = p->ops ? prepare_uri(p, uri, em) : -EINVAL;
	if (!err)
		err = p->ops->open(&p->source, p->uri + (rest - uri), want ? want : &anything,
				   &p->fmt, kinds, em);
	if (!err) {
		err = start(p, kinds, em);
		p->started = !err;
	}
	if (err) {
		play_close(p);
		return err;
	}
	*out = p;
	return 0;
}

const struct source_format *play_format(const struct play *p)
{
	return &p->fmt;
}

static int wait_buffer(struct play *p, struct source_buffer *b, int64_t timeout_ns)
{
	int64_t until = monotime_now() + timeout_ns;

	for (;;) {
		struct pollfd fd = {.fd = p->ops->poll_fd(p->source), .events = POLLIN};
		int err = p->ops->dequeue(p->source, b);
		int64_t left = until - monotime_now();

		if (err != -EAGAIN)
			return err;
		if (left <= 0)
			return -ETIMEDOUT;
		/* Rounded up, so that the last wait is not a spin. */
		if (poll(&fd, 1,
			 (int)(left / NSEC_PER_MSEC > 60000 ? 60000 : left / NSEC_PER_MSEC + 1)) <
			    0 &&
		    errno != EINTR)
			return -errno;
	}
}

static void present(struct play *p, const struct source_buffer *b, struct frame *out)
{
	const struct slab_slot *slot = &p->slab->slot[b->slot];
	const struct pixfmt *pf = pixfmt_find(p->fmt.fourcc);

	*out = (struct frame){
		.sequence = b->sequence,
		.mono_ns = p->once ? p->elapsed_ns : b->mono_ns,
		.fourcc = p->fmt.fourcc,
		.width = p->fmt.width,
		.height = p->fmt.height,
		.nplanes = p->fmt.nplanes,
		.slot = slot->base,
		.slot_size = p->slab->slot_size,
		.buf_index = -1,
	};
	atomic_init(&out->refs, 1);
	if (b->key || !pf || pf->codec == PIXFMT_RAW || pf->codec == PIXFMT_CODEC_MJPEG)
		out->flags |= FRAME_KEY;
	if (b->error)
		out->flags |= FRAME_TORN;
	if (p->count && b->sequence != p->sequence + 1)
		out->flags |= FRAME_GAP;
	if (p->fmt.full_range)
		out->flags |= FRAME_FULL_RANGE;
	for (unsigned i = 0; i < out->nplanes; i++) {
		size_t skip = b->plane[i].data_offset, used = b->plane[i].bytesused;

		if (skip > used || used > p->slab->plane_size[i])
			skip = used = 0; /* no driver says so that is right in its mind */
		out->plane[i].data = slot->plane[i] + skip;
		out->plane[i].bytesused = used - skip;
		out->plane[i].stride = p->fmt.stride[i];
	}
}

int play_next(struct play *p, struct frame *out, int64_t timeout_ns, struct errmsg *em)
{
	double fps = p->fmt.fps > 0 ? p->fmt.fps : 25;
	struct source_buffer b;
	int err = 0;

	if (p->lent >= 0) {
		err = p->ops->enqueue(p->source, (unsigned)p->lent);
		p->lent = -1;
	}
	if (!err)
		err = wait_buffer(p, &b, timeout_ns > 0 ? timeout_ns : TIMEOUT_NS);
	if (err == -ENODATA)
		return 0;
	if (err)
		return errmsg_set(em, err, "%s: %s", p->uri,
				  err == -ETIMEDOUT ? "no frame came" : strerror(-err));
	p->elapsed_ns = (int64_t)((long double)p->count * NSEC_PER_SEC / fps);
	present(p, &b, out);
	p->lent = (int)b.slot;
	p->sequence = b.sequence;
	p->count++;
	return 1;
}

int64_t play_frame_number(const struct play *p)
{
	return p->ops == &source_clip_ops ? clip_source_number(p->source) : p->count;
}

void play_close(struct play *p)
{
	if (!p)
		return;
	if (p->started)
		p->ops->stop(p->source);
	if (p->source)
		p->ops->close(p->source);
	slab_destroy(p->slab);
	free(p);
}
