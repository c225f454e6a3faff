/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "analyze/luma_codec.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <libavcodec/avcodec.h>
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>

struct luma_codec {
	enum pixfmt_codec kind;
	AVCodecContext *av;
	AVPacket *packet;
	AVFrame *frame; /* newest decoded */
	AVFrame *spare; /* to receive the next: a failing call empties it */
	AVFrame *grey;  /* of formats whose luma is not plain bytes */
	struct SwsContext *sws;
};

void luma_codec_destroy(struct luma_codec *c)
{
	if (!c)
		return;
	avcodec_free_context(&c->av);
	av_packet_free(&c->packet);
	av_frame_free(&c->frame);
	av_frame_free(&c->spare);
	av_frame_free(&c->grey);
	sws_freeContext(c->sws);
	free(c);
}

int luma_codec_create(struct luma_codec **out, enum pixfmt_codec kind, struct errmsg *em)
{
	enum AVCodecID id = kind == PIXFMT_CODEC_H264 ? AV_CODEC_ID_H264 : AV_CODEC_ID_HEVC;
	const AVCodec *codec = avcodec_find_decoder(id);
	struct luma_codec *c;

	if (!codec)
		return errmsg_set(em, -EOPNOTSUPP,
				  "this libavcodec has no %s decoder: install one that has",
				  avcodec_get_name(id));
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->kind = kind;
	c->av = avcodec_alloc_context3(codec);
	c->packet = av_packet_alloc();
	c->frame = av_frame_alloc();
	c->spare = av_frame_alloc();
	c->grey = av_frame_alloc();
	if (!c->av || !c->packet || !c->frame || !c->spare || !c->grey) {
		luma_codec_destroy(c);
		return -ENOMEM;
	}
	/* One camera, one thread: the pool spreads cameras over processors. */
	c->av->thread_count = 1;
	c->av->flags |= AV_CODEC_FLAG_LOW_DELAY;
	c->av->flags2 |= AV_CODEC_FLAG2_FAST;
	/* Pictures that nothing refers to need no smoothing to be looked at. */
	c->av->skip_loop_filter = AVDISCARD_NONREF;
	c->av->err_recognition = AV_EF_CRCCHECK;
	if (avcodec_open2(c->av, codec, NULL) < 0) {
		luma_codec_destroy(c);
		return errmsg_set(em, -EOPNOTSUPP, "the %s decoder cannot be opened", codec->name);
	}
	*out = c;
	return 0;
}

enum pixfmt_codec luma_codec_kind(const struct luma_codec *c)
{
	return c->kind;
}

void luma_codec_reset(struct luma_codec *c)
{
	avcodec_flush_buffers(c->av);
}

/* Luma that is not one byte a sample in plane 0 (10 bits, RGB) goes through libswscale. */
static int to_grey(struct luma_codec *c, struct errmsg *em)
{
	const AVFrame *f = c->frame;

	if (c->grey->width != f->width || c->grey->height != f->height) {
		av_frame_unref(c->grey);
		c->grey->width = f->width;
		c->grey->height = f->height;
		c->grey->format = AV_PIX_FMT_GRAY8;
		if (av_frame_get_buffer(c->grey, 0) < 0)
			return -ENOMEM;
	}
	c->sws = sws_getCachedContext(c->sws, f->width, f->height, f->format, f->width, f->height,
				      AV_PIX_FMT_GRAY8, SWS_POINT, NULL, NULL, NULL);
	if (!c->sws || sws_scale(c->sws, (const uint8_t *const *)f->data, f->linesize, 0, f->height,
				 c->grey->data, c->grey->linesize) < 0)
		return errmsg_set(em, -EOPNOTSUPP, "pictures of this kind (%s) cannot be analysed",
				  av_get_pix_fmt_name(f->format));
	return 0;
}

static int plane_of(struct luma_codec *c, struct luma_plane *out, struct errmsg *em)
{
	const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(c->frame->format);
	const AVFrame *f = c->frame;

	if (!d || d->comp[0].plane || d->comp[0].step != 1 || d->comp[0].depth != 8 ||
	    (d->flags & (AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_PAL)) || f->linesize[0] <= 0) {
		int err = to_grey(c, em);

		if (err)
			return err;
		f = c->grey;
	}
	*out = (struct luma_plane){f->data[0], (size_t)f->linesize[0], (uint32_t)f->width,
				   (uint32_t)f->height};
	return 1;
}

int luma_codec_feed(struct luma_codec *c, const uint8_t *data, size_t size, bool want,
		    struct luma_plane *out, struct errmsg *em)
{
	int err, pictures = 0;

	if (!size || size > INT_MAX - AV_INPUT_BUFFER_PADDING_SIZE)
		return errmsg_set(em, -EBADMSG, "a compressed frame of %zu bytes", size);
	/* libavcodec reads some bytes behind a packet, where here the slot of a frame goes on with
	 * storage's trailer: it needs a padded copy, of a compressed frame only. */
	av_packet_unref(c->packet);
	if (av_new_packet(c->packet, (int)size) < 0)
		return -ENOMEM;
	memcpy(c->packet->data, data, size);
	c->av->skip_frame = want ? AVDISCARD_DEFAULT : AVDISCARD_NONREF;
	err = avcodec_send_packet(c->av, c->packet);
	av_packet_unref(c->packet);
	/* EAGAIN cannot be: every picture is taken out below. */
	if (err == AVERROR(ENOMEM))
		return -ENOMEM;
	if (err < 0)
		return errmsg_set(em, -EBADMSG, "a damaged frame: %s", av_err2str(err));
	while (avcodec_receive_frame(c->av, c->spare) == 0) {
		AVFrame *newest = c->spare;

		c->spare = c->frame;
		c->frame = newest;
		pictures++;
	}
	if (!pictures || !want)
		return 0;
	if (c->frame->flags & AV_FRAME_FLAG_CORRUPT || c->frame->decode_error_flags)
		return errmsg_set(em, -EBADMSG,
				  "a damaged frame: parts of the picture are missing");
	return plane_of(c, out, em);
}
