/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/encoder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <turbojpeg.h>

#include "capture/jpeg_yuv.h"

/* A picture under way; afterwards the buffer of the JPEG frame, and then free again. */
struct encoder_job {
	struct pool_work work;
	struct reactor_msg msg;
	struct list link; /* in encoder.spare */
	struct encoder *owner;
	struct frame *raw;
	unsigned quality;
	int result;
	struct frame jpeg;
	uint8_t *buf;
	size_t buf_size;
	uint8_t *scratch;
	size_t scratch_size;
};

struct encoder {
	struct reactor *reactor;
	struct pool_strand strand;
	encoder_done_fn done;
	void *ctx;
	tjhandle tj;       /* worker; the strand runs one job at a time */
	struct list spare; /* encoder_job; reactor */
	size_t jobs;       /* not spare; reactor */
	void (*gone)(void *ctx);
	void *gone_ctx;
};

static void job_free(struct encoder_job *j)
{
	free(j->buf);
	free(j->scratch);
	free(j);
}

static void encoder_free(struct encoder *e)
{
	struct list *l;
	void (*gone)(void *ctx) = e->gone;
	void *ctx = e->gone_ctx;

	while ((l = list_pop(&e->spare)))
		job_free(list_entry(l, struct encoder_job, link));
	if (e->tj)
		tjDestroy(e->tj);
	free(e);
	if (gone)
		gone(ctx);
}

static void job_return(struct reactor_msg *msg)
{
	struct encoder_job *j = container_of(msg, struct encoder_job, msg);
	struct encoder *e = j->owner;

	list_append(&e->spare, &j->link);
	e->jobs--;
	if (e->gone && !e->jobs)
		encoder_free(e);
}

/* Last reference to a JPEG frame dropped, on whatever thread. */
static void jpeg_release(struct frame *f)
{
	struct encoder_job *j = f->owner;

	j->msg.run = job_return;
	reactor_post(j->owner->reactor, &j->msg);
}

static int grow(uint8_t **buf, size_t *size, size_t need)
{
	void *p;

	if (*size >= need)
		return 0;
	need = ALIGN_UP(need, (size_t)FRAME_BLOCK);
	p = aligned_alloc(FRAME_BLOCK, need);
	if (!p)
		return -ENOMEM;
	free(*buf);
	*buf = p;
	*size = need;
	return 0;
}

static int subsampling(const struct jpeg_yuv *yuv)
{
	if (!yuv->hsub)
		return TJSAMP_GRAY;
	return yuv->vsub == 2 ? TJSAMP_420 : TJSAMP_422;
}

static int compress(struct encoder_job *j)
{
	const struct frame *f = j->raw;
	struct encoder *e = j->owner;
	struct jpeg_yuv yuv;
	unsigned long n;
	int samp, ret;

	ret = grow(&j->scratch, &j->scratch_size, jpeg_yuv_scratch_size(f));
	if (!ret)
		ret = jpeg_yuv_convert(f, j->scratch, &yuv);
	if (ret)
		return ret;
	samp = subsampling(&yuv);
	n = tjBufSize((int)f->width, (int)f->height, samp);
	if (n == (unsigned long)-1)
		return -EINVAL;
	ret = grow(&j->buf, &j->buf_size, n + FRAME_TRAILER_ROOM);
	if (ret)
		return ret;
	if (tjCompressFromYUVPlanes(e->tj, (const unsigned char **)yuv.plane, (int)f->width,
				    yuv.stride, (int)f->height, samp, &j->buf, &n, (int)j->quality,
				    TJFLAG_NOREALLOC))
		return -EIO;
	j->jpeg = (struct frame){
		.refs = 1,
		.camera_id = f->camera_id,
		.sequence = f->sequence,
		.flags = (f->flags & FRAME_GAP) | FRAME_KEY | FRAME_FULL_RANGE,
		.mono_ns = f->mono_ns,
		.fourcc = PIXFMT_MJPEG,
		.width = f->width,
		.height = f->height,
		.nplanes = 1,
		.plane = {{.data = j->buf, .bytesused = n}},
		.slot = j->buf,
		.slot_size = j->buf_size,
		.buf_index = -1,
		.release = jpeg_release,
		.owner = j,
	};
	return 0;
}

/* Reactor: the strand's order is the order of these messages. */
static void job_done(struct reactor_msg *msg)
{
	struct encoder_job *j = container_of(msg, struct encoder_job, msg);
	struct encoder *e = j->owner;
	struct frame *raw = j->raw;
	bool ok = !j->result;

	j->raw = NULL;
	e->done(e->ctx, raw, ok ? &j->jpeg : NULL);
	frame_unref(raw);
	if (ok)
		frame_unref(&j->jpeg); /* ours; the job returns when the last one goes */
	else
		job_return(msg);
}

static void job_run(struct pool_work *work)
{
	struct encoder_job *j = container_of(work, struct encoder_job, work);

	j->result = compress(j);
	j->msg.run = job_done;
	reactor_post(j->owner->reactor, &j->msg);
}

int encoder_create(struct encoder **out, struct reactor *r, struct pool *workers,
		   encoder_done_fn done, void *ctx, struct errmsg *em)
{
	struct encoder *e = calloc(1, sizeof(*e));

	if (!e)
		return errmsg_set(em, -ENOMEM, "out of memory");
	e->tj = tjInitCompress();
	if (!e->tj) {
		free(e);
		return errmsg_set(em, -ENOMEM, "the JPEG library did not start: %s",
				  tjGetErrorStr2(NULL));
	}
	e->reactor = r;
	e->done = done;
	e->ctx = ctx;
	list_init(&e->spare);
	pool_strand_init(&e->strand, workers);
	*out = e;
	return 0;
}

int encoder_submit(struct encoder *e, struct frame *raw, unsigned quality)
{
	const struct pixfmt *pf = pixfmt_find(raw->fourcc);
	struct encoder_job *j;
	struct list *l;

	if (!pf || pf->codec != PIXFMT_RAW || quality < 1 || quality > 100)
		return -EINVAL;
	l = list_pop(&e->spare);
	j = l ? list_entry(l, struct encoder_job, link) : calloc(1, sizeof(*j));
	if (!j)
		return -ENOMEM;
	list_init(&j->link);
	j->owner = e;
	j->raw = raw;
	j->quality = quality;
	j->work.run = job_run;
	frame_ref(raw);
	e->jobs++;
	pool_strand_submit(&e->strand, &j->work);
	return 0;
}

void encoder_destroy(struct encoder *e, void (*gone)(void *ctx), void *ctx)
{
	e->gone = gone;
	e->gone_ctx = ctx;
	if (!e->jobs)
		encoder_free(e);
}
