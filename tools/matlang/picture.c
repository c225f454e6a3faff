/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/matlang/picture.h"

#include <errno.h>
#include <libavcodec/avcodec.h>
#include <libavcodec/bsf.h>
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>
#include <libswscale/swscale.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <turbojpeg.h>

#include "capture/core/cleanup.h"
#include "capture/core/frame.h"
#include "capture/core/pixfmt.h"
#include "capture/jpeg_yuv.h"
#include "tools/matlang/mux.h"

#define PICTURE_SIDE_MAX 16384u

struct picture_decoder {
	const struct pixfmt *pf;
	AVCodecContext *codec; /* NULL for raw */
	AVPacket *packet;
	AVFrame *raw; /* raw: the picture not yet received */
};

int picture_decoder_open(struct picture_decoder **out, const struct record *rec, struct errmsg *em)
{
	struct picture_decoder *d = calloc(1, sizeof(*d));
	const AVCodec *codec;
	char fourcc[5];

	pixfmt_fourcc_text(fourcc, rec->frame.fourcc);
	if (!d)
		return errmsg_set(em, -ENOMEM, "out of memory");
	d->pf = pixfmt_find(rec->frame.fourcc);
	if (!d->pf) {
		free(d);
		return errmsg_set(em, -EPROTO, "the format '%s' is not known to this version",
				  fourcc);
	}
	d->packet = av_packet_alloc();
	if (!d->packet)
		goto no_memory;
	if (d->pf->codec == PIXFMT_RAW) {
		*out = d;
		return 0;
	}
	codec = avcodec_find_decoder(mux_codec(d->pf));
	if (!codec) {
		picture_decoder_close(d);
		return errmsg_set(em, -EPROTO, "libavcodec here cannot decode %s", fourcc);
	}
	d->codec = avcodec_alloc_context3(codec);
	if (!d->codec)
		goto no_memory;
	/* One picture out for each one in: cameras do not reorder. */
	d->codec->flags |= AV_CODEC_FLAG_LOW_DELAY;
	d->codec->thread_count = 1;
	if (avcodec_open2(d->codec, codec, NULL) < 0) {
		picture_decoder_close(d);
		return errmsg_set(em, -EPROTO, "libavcodec here cannot decode %s", fourcc);
	}
	*out = d;
	return 0;
no_memory:
	picture_decoder_close(d);
	return errmsg_set(em, -ENOMEM, "out of memory");
}

void picture_decoder_close(struct picture_decoder *d)
{
	if (!d)
		return;
	avcodec_free_context(&d->codec);
	av_packet_free(&d->packet);
	av_frame_free(&d->raw);
	free(d);
}

bool picture_frame(const struct record *rec, struct frame *out)
{
	struct frame f = {
		.camera_id = rec->camera_id,
		.sequence = rec->frame.sequence,
		.flags = rec->frame.flags,
		.mono_ns = rec->mono_ns,
		.fourcc = rec->frame.fourcc,
		.width = rec->frame.width,
		.height = rec->frame.height,
		.nplanes = rec->frame.nplanes,
		.buf_index = -1,
	};

	if (f.nplanes < 1 || f.nplanes > PIXFMT_MAX_PLANES || f.width < 1 || f.height < 1 ||
	    f.width > PICTURE_SIDE_MAX || f.height > PICTURE_SIDE_MAX)
		return false;
	for (unsigned i = 0; i < f.nplanes; i++) {
		uint32_t offset = rec->frame.plane[i].offset, bytes = rec->frame.plane[i].bytes;

		if (offset > rec->payload_bytes)
			return false;
		/* A torn frame may be shorter than it says. */
		if (bytes > rec->payload_bytes - offset)
			bytes = rec->payload_bytes - offset;
		f.plane[i] = (struct frame_plane){rec->payload + offset, bytes,
						  rec->frame.plane[i].stride};
	}
	*out = f;
	return true;
}

/* Bytes that memory plane `i` must have, its rows' padding included; rather too many. */
static size_t plane_room(const struct pixfmt *pf, const struct frame *f, unsigned i)
{
	size_t tight = i ? 1 : (size_t)f->width * pf->luma_step, rows;
	size_t bytes = pixfmt_plane_size(pf, i, f->width, f->height);

	if (i)
		tight = (f->width + pf->hsub - 1) / pf->hsub * (pf->colour_planes == 2 ? 2 : 1);
	rows = (bytes + tight - 1) / tight + 1;
	return rows * (f->plane[i].stride > tight ? f->plane[i].stride : tight);
}

/* The frame with its missing bytes grey: a torn picture is shown as what it is. -EBADMSG when its
 * geometry is not one a camera can have. */
static int fill_up(const struct pixfmt *pf, struct frame *f, uint8_t **memory)
{
	size_t size = 0, at = 0;

	if (f->nplanes != pf->mem_planes)
		return -EBADMSG;
	for (unsigned i = 0; i < f->nplanes; i++) {
		if (f->plane[i].stride > 16 * PICTURE_SIDE_MAX)
			return -EBADMSG;
		size += plane_room(pf, f, i);
	}
	*memory = malloc(size);
	if (!*memory)
		return -ENOMEM;
	memset(*memory, 0x80, size);
	for (unsigned i = 0; i < f->nplanes; i++) {
		size_t room = plane_room(pf, f, i);
		size_t bytes = f->plane[i].bytesused < room ? f->plane[i].bytesused : room;

		memcpy(*memory + at, f->plane[i].data, bytes);
		f->plane[i].data = *memory + at;
		f->plane[i].bytesused = room;
		at += room;
	}
	return 0;
}

static int copy_planes(const struct jpeg_yuv *yuv, AVFrame *to)
{
	int width = to->width, height = to->height;

	to->format = !yuv->plane[1]   ? AV_PIX_FMT_GRAY8
		     : yuv->vsub == 2 ? AV_PIX_FMT_YUV420P
				      : AV_PIX_FMT_YUV422P;
	to->color_range = AVCOL_RANGE_JPEG;
	if (av_frame_get_buffer(to, 0) < 0)
		return -ENOMEM;
	for (unsigned c = 0; c < 3 && yuv->plane[c]; c++) {
		int w = c ? (width + (int)yuv->hsub - 1) / (int)yuv->hsub : width;
		int h = c ? (height + (int)yuv->vsub - 1) / (int)yuv->vsub : height;

		for (int y = 0; y < h; y++)
			memcpy(to->data[c] + (ptrdiff_t)y * to->linesize[c],
			       yuv->plane[c] + (ptrdiff_t)y * yuv->stride[c], (size_t)w);
	}
	return 0;
}

static int take_raw(struct picture_decoder *d, const struct record *rec, int64_t pts)
{
	CLEANUP_FREE uint8_t *scratch = NULL, *filled = NULL;
	struct jpeg_yuv yuv;
	struct frame f;
	int err;

	av_frame_free(&d->raw);
	if (!picture_frame(rec, &f))
		return -EBADMSG;
	scratch = malloc(jpeg_yuv_scratch_size(&f));
	d->raw = av_frame_alloc();
	if (!scratch || !d->raw)
		return -ENOMEM;
	err = jpeg_yuv_convert(&f, scratch, &yuv);
	if (err == -EINVAL) {
		err = fill_up(d->pf, &f, &filled);
		if (!err)
			err = jpeg_yuv_convert(&f, scratch, &yuv);
	}
	if (!err) {
		d->raw->width = (int)f.width;
		d->raw->height = (int)f.height;
		d->raw->pts = pts;
		err = copy_planes(&yuv, d->raw);
	}
	if (err)
		av_frame_free(&d->raw);
	return err == -EINVAL ? -EBADMSG : err;
}

int picture_decoder_send(struct picture_decoder *d, const struct record *rec, int64_t pts)
{
	int err;

	if (!d->codec)
		return take_raw(d, rec, pts);
	if (rec->payload_bytes == 0 || rec->payload_bytes > INT32_MAX)
		return -EBADMSG;
	/* libavcodec wants zeroed padding behind the data, which a payload does not have. */
	if (av_new_packet(d->packet, (int)rec->payload_bytes) < 0)
		return -ENOMEM;
	memcpy(d->packet->data, rec->payload, rec->payload_bytes);
	d->packet->pts = d->packet->dts = pts;
	err = avcodec_send_packet(d->codec, d->packet);
	av_packet_unref(d->packet);
	return err < 0 ? -EBADMSG : 0;
}

int picture_decoder_drain(struct picture_decoder *d)
{
	return d->codec && avcodec_send_packet(d->codec, NULL) < 0 ? -EBADMSG : 0;
}

int picture_decoder_receive(struct picture_decoder *d, AVFrame *out)
{
	int err;

	if (!d->codec) {
		if (!d->raw)
			return -EAGAIN;
		av_frame_move_ref(out, d->raw);
		av_frame_free(&d->raw);
		return 0;
	}
	err = avcodec_receive_frame(d->codec, out);
	if (err == AVERROR(EAGAIN) || err == AVERROR_EOF)
		return -EAGAIN;
	return err < 0 ? -EBADMSG : 0;
}

struct picture_scaler {
	struct SwsContext *sws;
	int width, height, from, to;
	bool from_full, to_full;
};

void picture_scaler_free(struct picture_scaler *s)
{
	if (!s)
		return;
	sws_freeContext(s->sws);
	free(s);
}

/* The JPEG flavours of pixel formats name the range twice; swscale is told it once. */
static int plain_format(int format, bool *full)
{
	switch (format) {
	case AV_PIX_FMT_YUVJ420P: *full = true; return AV_PIX_FMT_YUV420P;
	case AV_PIX_FMT_YUVJ422P: *full = true; return AV_PIX_FMT_YUV422P;
	case AV_PIX_FMT_YUVJ444P: *full = true; return AV_PIX_FMT_YUV444P;
	case AV_PIX_FMT_YUVJ440P: *full = true; return AV_PIX_FMT_YUV440P;
	default: return format;
	}
}

/* The ranges must be known when the context is made: set afterwards, a conversion that changes
 * nothing but the range is taken for a plain copy. */
static struct SwsContext *make_sws(const struct picture_scaler *s)
{
	const int *matrix = sws_getCoefficients(SWS_CS_ITU601);
	struct SwsContext *sws = sws_alloc_context();
	const struct {
		const char *name;
		int64_t value;
	} options[] = {
		{"srcw", s->width},
		{"srch", s->height},
		{"src_format", s->from},
		{"src_range", s->from_full},
		{"dstw", s->width},
		{"dsth", s->height},
		{"dst_format", s->to},
		{"dst_range", s->to_full},
		{"sws_flags", SWS_BICUBIC | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT},
	};

	if (!sws)
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if (av_opt_set_int(sws, options[i].name, options[i].value, 0) < 0)
			goto fail;
	if (sws_init_context(sws, NULL, NULL) < 0)
		goto fail;
	/* Not every pair of formats takes it; between two luma-chroma formats the matrix is moot.
	 */
	(void)sws_setColorspaceDetails(sws, matrix, s->from_full, matrix, s->to_full, 0, 1 << 16,
				       1 << 16);
	return sws;
fail:
	sws_freeContext(sws);
	return NULL;
}

static struct picture_scaler *scaler_for(struct picture_scaler *old,
					 const struct picture_scaler *want)
{
	struct picture_scaler *s;

	if (old && old->width == want->width && old->height == want->height &&
	    old->from == want->from && old->to == want->to && old->from_full == want->from_full &&
	    old->to_full == want->to_full)
		return old;
	picture_scaler_free(old);
	s = malloc(sizeof(*s));
	if (!s)
		return NULL;
	*s = *want;
	s->sws = make_sws(s);
	if (!s->sws) {
		free(s);
		return NULL;
	}
	return s;
}

int picture_convert(struct picture_scaler **scaler, const AVFrame *in, int pixel_format,
		    bool full_range, AVFrame *out)
{
	struct picture_scaler want = {
		.width = in->width,
		.height = in->height,
		.to = pixel_format,
		.from_full = in->color_range == AVCOL_RANGE_JPEG,
		.to_full = full_range,
	};

	if (in->format < 0 || in->width < 1 || in->height < 1)
		return -EINVAL;
	want.from = plain_format(in->format, &want.from_full);
	if (want.from == want.to && want.from_full == want.to_full)
		return av_frame_ref(out, in) < 0 ? -ENOMEM : 0;
	*scaler = scaler_for(*scaler, &want);
	if (!*scaler)
		return -EINVAL;
	out->format = pixel_format;
	out->width = in->width;
	out->height = in->height;
	out->pts = in->pts;
	out->color_range = full_range ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG;
	if (av_frame_get_buffer(out, 0) < 0)
		return -ENOMEM;
	if (sws_scale((*scaler)->sws, (const uint8_t *const *)in->data, in->linesize, 0, in->height,
		      out->data, out->linesize) <= 0) {
		av_frame_unref(out);
		return -EINVAL;
	}
	return 0;
}

static int jpeg_target(int format, int *subsampling)
{
	const AVPixFmtDescriptor *desc = av_pix_fmt_desc_get(format);

	if (desc && desc->nb_components < 3) {
		*subsampling = TJSAMP_GRAY;
		return AV_PIX_FMT_GRAY8;
	}
	if (desc && desc->log2_chroma_w == 1 && desc->log2_chroma_h == 0) {
		*subsampling = TJSAMP_422;
		return AV_PIX_FMT_YUV422P;
	}
	if (desc && desc->log2_chroma_w == 0 && desc->log2_chroma_h == 0) {
		*subsampling = TJSAMP_444;
		return AV_PIX_FMT_YUV444P;
	}
	*subsampling = TJSAMP_420;
	return AV_PIX_FMT_YUV420P;
}

int picture_jpeg(struct picture_scaler **scaler, const AVFrame *in, int quality, uint8_t **out,
		 size_t *out_size, struct errmsg *em)
{
	unsigned long size = 0;
	unsigned char *jpeg = NULL;
	int subsampling, format = jpeg_target(in->format, &subsampling), err;
	AVFrame *planar = av_frame_alloc();
	tjhandle tj = tjInitCompress();

	err = planar && tj ? picture_convert(scaler, in, format, true, planar) : -ENOMEM;
	if (err) {
		errmsg_set(em, err, "the picture cannot be converted: %s", strerror(-err));
	} else if (tjCompressFromYUVPlanes(tj, (const unsigned char **)planar->data, planar->width,
					   planar->linesize, planar->height, subsampling, &jpeg,
					   &size, quality, TJFLAG_ACCURATEDCT) < 0) {
		err = errmsg_set(em, -EINVAL, "the picture cannot be compressed: %s",
				 tjGetErrorStr2(tj));
	} else {
		*out = malloc(size);
		if (*out) {
			memcpy(*out, jpeg, size);
			*out_size = size;
		} else {
			err = errmsg_set(em, -ENOMEM, "out of memory");
		}
	}
	tjFree(jpeg);
	if (tj)
		tjDestroy(tj);
	av_frame_free(&planar);
	return err;
}

/* Does a DHT marker come before the scan? */
static bool has_tables(const uint8_t *data, size_t size)
{
	size_t at = 2;

	while (at + 4 <= size && data[at] == 0xff) {
		if (data[at + 1] == 0xc4)
			return true;
		if (data[at + 1] == 0xda)
			return false;
		at += data[at + 1] == 0xff ? 1 : 2 + ((size_t)data[at + 2] << 8 | data[at + 3]);
	}
	/* No scan at all: nothing that tables could mend. */
	return true;
}

static int add_tables(const uint8_t *data, size_t size, AVPacket *packet)
{
	const AVBitStreamFilter *filter = av_bsf_get_by_name("mjpeg2jpeg");
	AVBSFContext *bsf = NULL;
	int err = -EINVAL;

	if (!filter || av_bsf_alloc(filter, &bsf) < 0)
		return -ENOMEM;
	bsf->par_in->codec_id = AV_CODEC_ID_MJPEG;
	if (av_bsf_init(bsf) == 0 && av_new_packet(packet, (int)size) == 0) {
		memcpy(packet->data, data, size);
		if (av_bsf_send_packet(bsf, packet) == 0 && av_bsf_receive_packet(bsf, packet) == 0)
			err = 0;
	}
	av_bsf_free(&bsf);
	return err;
}

int picture_whole_jpeg(const uint8_t *data, size_t size, uint8_t **out, size_t *out_size,
		       struct errmsg *em)
{
	AVPacket *packet = av_packet_alloc();
	int err = packet ? 0 : -ENOMEM;

	if (!err && !has_tables(data, size) && size < INT32_MAX) {
		err = add_tables(data, size, packet);
		data = packet->data;
		size = (size_t)packet->size;
	}
	if (!err) {
		*out = malloc(size ? size : 1);
		err = *out ? 0 : -ENOMEM;
	}
	if (!err) {
		memcpy(*out, data, size);
		*out_size = size;
	}
	av_packet_free(&packet);
	return err ? errmsg_set(em, err, "the JPEG cannot be completed: %s", strerror(-err)) : 0;
}
