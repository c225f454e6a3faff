/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/clip/clip_decode.h"

#include <errno.h>
#include <libavutil/imgutils.h>
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>
#include <stdlib.h>

struct clip_decoder {
	AVCodecContext *codec;
	AVFrame *frame;
	struct SwsContext *sws;
	enum AVPixelFormat sws_from; /* what `sws` was made for */
	enum AVPixelFormat to;
	int width, height;
	bool full_range;
	size_t size;
	uint8_t *picture;
};

static const struct {
	enum AVPixelFormat av;
	uint32_t fourcc;
} same[] = {
	{AV_PIX_FMT_GRAY8, PIXFMT_GREY},   {AV_PIX_FMT_NV12, PIXFMT_NV12},
	{AV_PIX_FMT_NV21, PIXFMT_NV21},    {AV_PIX_FMT_NV16, PIXFMT_NV16},
	{AV_PIX_FMT_YUV420P, PIXFMT_YU12}, {AV_PIX_FMT_YUVJ420P, PIXFMT_YU12},
	{AV_PIX_FMT_YUYV422, PIXFMT_YUYV}, {AV_PIX_FMT_UYVY422, PIXFMT_UYVY},
};

static bool is_rgb(const AVPixFmtDescriptor *desc)
{
	return desc->flags & (AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_PAL);
}

/* YUVJ formats are 4:2:0 and so on with the range in their name. */
static bool is_full_range(enum AVPixelFormat from, enum AVColorRange range)
{
	const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(from);

	if (is_rgb(desc) || desc->nb_components <= 2)
		return range != AVCOL_RANGE_MPEG;
	return range == AVCOL_RANGE_JPEG || from == AV_PIX_FMT_YUVJ420P ||
	       from == AV_PIX_FMT_YUVJ422P || from == AV_PIX_FMT_YUVJ444P;
}

/* The target format of a clip whose pictures are `from`. */
static void choose(struct clip_decoder *d, enum AVPixelFormat from, enum AVColorRange range,
		   struct clip_info *info)
{
	const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(from);
	bool grey = desc->nb_components <= 2 && !is_rgb(desc);
	uint32_t fourcc = grey ? PIXFMT_GREY : PIXFMT_YU12;

	d->to = grey ? AV_PIX_FMT_GRAY8 : AV_PIX_FMT_YUV420P;
	for (size_t i = 0; i < ARRAY_SIZE(same); i++) {
		if (same[i].av == from) {
			fourcc = same[i].fourcc;
			d->to = from;
		}
	}
	d->full_range = info->full_range = is_full_range(from, range);
	info->pf = pixfmt_find(fourcc);
}

int clip_decoder_open(struct clip_decoder **out, const AVCodecParameters *par,
		      struct clip_info *info, struct errmsg *em)
{
	const AVCodec *codec = avcodec_find_decoder(par->codec_id);
	struct clip_decoder *d;
	int size;

	if (!codec || par->format < 0 || !av_pix_fmt_desc_get((enum AVPixelFormat)par->format))
		return errmsg_set(em, -EINVAL, "codec %s cannot be decoded here",
				  avcodec_get_name(par->codec_id));
	d = calloc(1, sizeof(*d));
	if (!d)
		return errmsg_set(em, -ENOMEM, "no memory");
	d->width = par->width;
	d->height = par->height;
	choose(d, (enum AVPixelFormat)par->format, par->color_range, info);
	d->size = pixfmt_plane_size(info->pf, 0, (uint32_t)d->width, (uint32_t)d->height);
	size = av_image_get_buffer_size(d->to, d->width, d->height, 1);
	d->sws_from = AV_PIX_FMT_NONE;
	d->frame = av_frame_alloc();
	d->codec = avcodec_alloc_context3(codec);
	d->picture = d->size ? malloc(d->size) : NULL;
	if (!d->frame || !d->codec || !d->picture || size < 0 || (size_t)size != d->size ||
	    avcodec_parameters_to_context(d->codec, par) < 0)
		goto fail;
	d->codec->thread_count = 1; /* a picture out for each packet in */
	if (avcodec_open2(d->codec, codec, NULL) < 0)
		goto fail;
	info->packet_max = d->size;
	*out = d;
	return 0;
fail:
	clip_decoder_close(d);
	return errmsg_set(em, -EINVAL, "cannot decode %s pictures of %dx%d",
			  avcodec_get_name(par->codec_id), par->width, par->height);
}

static int convert(struct clip_decoder *d, const AVFrame *f)
{
	enum AVPixelFormat from = (enum AVPixelFormat)f->format;
	const int *matrix = sws_getCoefficients(SWS_CS_ITU601);
	uint8_t *to[4];
	int stride[4];

	if (!d->sws || d->sws_from != from) {
		sws_freeContext(d->sws);
		d->sws = sws_getContext(d->width, d->height, from, d->width, d->height, d->to,
					SWS_AREA | SWS_ACCURATE_RND, NULL, NULL, NULL);
		d->sws_from = from;
		if (!d->sws)
			return -EINVAL;
		/* The source's range is kept; RGB has none of its own. Grey and YUV that need no
		 * matrix refuse the call, and need nothing. */
		sws_setColorspaceDetails(d->sws, matrix, d->full_range, matrix, d->full_range, 0,
					 1 << 16, 1 << 16);
	}
	if (av_image_fill_arrays(to, stride, d->picture, d->to, d->width, d->height, 1) < 0)
		return -EINVAL;
	return sws_scale(d->sws, (const uint8_t *const *)f->data, f->linesize, 0, d->height, to,
			 stride) == d->height
		       ? 0
		       : -EINVAL;
}

const uint8_t *clip_decode(struct clip_decoder *d, const AVPacket *packet)
{
	const AVFrame *f = d->frame;
	int err;

	if (avcodec_send_packet(d->codec, packet) < 0) {
		avcodec_flush_buffers(d->codec);
		return NULL;
	}
	if (avcodec_receive_frame(d->codec, d->frame) < 0)
		return NULL;
	if (f->width != d->width || f->height != d->height)
		err = -EINVAL;
	else if ((enum AVPixelFormat)f->format == d->to)
		err = av_image_copy_to_buffer(d->picture, (int)d->size,
					      (const uint8_t *const *)f->data, f->linesize, d->to,
					      d->width, d->height, 1);
	else
		err = convert(d, f);
	av_frame_unref(d->frame);
	return err < 0 ? NULL : d->picture;
}

void clip_decoder_close(struct clip_decoder *d)
{
	if (!d)
		return;
	avcodec_free_context(&d->codec);
	av_frame_free(&d->frame);
	sws_freeContext(d->sws);
	free(d->picture);
	free(d);
}
