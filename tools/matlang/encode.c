/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/matlang/encode.h"

#include <errno.h>
#include <libavcodec/avcodec.h>
#include <libavutil/opt.h>
#include <stdlib.h>

#include "tools/common/i18n.h"
#include "tools/matlang/picture.h"

struct encoder {
	AVCodecContext *codec;
	AVPacket *packet;
	AVFrame *converted;
	struct picture_scaler *scaler;
};

static int configure(struct encoder *e, const AVCodec *codec, uint32_t width, uint32_t height)
{
	AVCodecContext *c = e->codec = avcodec_alloc_context3(codec);

	e->packet = av_packet_alloc();
	e->converted = av_frame_alloc();
	if (!c || !e->packet || !e->converted)
		return -ENOMEM;
	/* 4:2:0 needs even sizes. */
	c->width = (int)(width & ~1u);
	c->height = (int)(height & ~1u);
	c->pix_fmt = AV_PIX_FMT_YUV420P;
	c->color_range = AVCOL_RANGE_MPEG;
	c->time_base = (AVRational){1, 1000000};
	c->gop_size = 50;
	c->max_b_frames = 0;
	c->flags |= AV_CODEC_FLAG_GLOBAL_HEADER;
	if (av_opt_set(c->priv_data, "preset", "veryfast", 0) < 0 ||
	    av_opt_set(c->priv_data, "crf", "18", 0) < 0)
		return -EINVAL;
	return avcodec_open2(c, codec, NULL) < 0 ? -EINVAL : 0;
}

int encoder_open(struct encoder **out, uint32_t width, uint32_t height, struct errmsg *em)
{
	const AVCodec *codec = avcodec_find_encoder_by_name("libx264");
	struct encoder *e;
	int err;

	if (!codec)
		return errmsg_set(em, -EOPNOTSUPP, "%s",
				  _("there is no H.264 encoder (libx264) here; export without "
				    "--encode h264"));
	e = calloc(1, sizeof(*e));
	if (!e)
		return errmsg_set(em, -ENOMEM, "%s", _("out of memory"));
	err = configure(e, codec, width, height);
	if (err) {
		encoder_close(e);
		return errmsg_set(em, err, _("the H.264 encoder does not take pictures of %ux%u"),
				  width, height);
	}
	*out = e;
	return 0;
}

void encoder_close(struct encoder *e)
{
	if (!e)
		return;
	avcodec_free_context(&e->codec);
	av_packet_free(&e->packet);
	av_frame_free(&e->converted);
	picture_scaler_free(e->scaler);
	free(e);
}

const uint8_t *encoder_headers(const struct encoder *e, size_t *size)
{
	*size = (size_t)e->codec->extradata_size;
	return e->codec->extradata;
}

int encoder_send(struct encoder *e, const AVFrame *picture)
{
	int err;

	if (!picture)
		return avcodec_send_frame(e->codec, NULL) < 0 ? -EIO : 0;
	err = picture_convert(&e->scaler, picture, AV_PIX_FMT_YUV420P, false, e->converted);
	if (err)
		return err;
	e->converted->pts = picture->pts;
	e->converted->pict_type = AV_PICTURE_TYPE_NONE;
	e->converted->width = e->codec->width;
	e->converted->height = e->codec->height;
	err = avcodec_send_frame(e->codec, e->converted) < 0 ? -EIO : 0;
	av_frame_unref(e->converted);
	return err;
}

int encoder_receive(struct encoder *e, struct encoded *out)
{
	int err = avcodec_receive_packet(e->codec, e->packet);

	if (err == AVERROR(EAGAIN) || err == AVERROR_EOF)
		return -EAGAIN;
	if (err < 0)
		return -EIO;
	*out = (struct encoded){e->packet->data, (size_t)e->packet->size, e->packet->pts,
				e->packet->flags & AV_PKT_FLAG_KEY};
	return 0;
}
