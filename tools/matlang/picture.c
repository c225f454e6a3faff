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

#include "capture/core/frame.h"
#include "capture/core/pixfmt.h"
#include "tools/matlang/mux.h"

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

static enum AVPixelFormat raw_format(const struct pixfmt *pf)
{
	switch (pf->fourcc) {
	case PIXFMT_GREY: return AV_PIX_FMT_GRAY8;
	case PIXFMT_NV12:
	case PIXFMT_NM12: return AV_PIX_FMT_NV12;
	case PIXFMT_NV21:
	case PIXFMT_NM21: return AV_PIX_FMT_NV21;
	case PIXFMT_NV16:
	case PIXFMT_NM16: return AV_PIX_FMT_NV16;
	case PIXFMT_YU12:
	case PIXFMT_YV12:
	case PIXFMT_YM12:
	case PIXFMT_YM21: return AV_PIX_FMT_YUV420P;
	case PIXFMT_YUYV: return AV_PIX_FMT_YUYV422;
	case PIXFMT_UYVY: return AV_PIX_FMT_UYVY422;
	default: return AV_PIX_FMT_NONE;
	}
}

/* Where colour plane `c` of a raw picture lies in the record's payload. */
struct rows {
	size_t start, end; /* bytes of the payload that belong to the memory plane */
	size_t stride, bytes, count;
};

static bool locate(const struct pixfmt *pf, const struct record *rec, unsigned c, struct rows *r)
{
	size_t width = rec->frame.width, height = rec->frame.height;
	size_t luma = pf->colour_planes == 1 ? width * pf->luma_step : width;
	size_t cw = (width + pf->hsub - 1) / pf->hsub, ch = (height + pf->vsub - 1) / pf->vsub;
	unsigned m = pf->mem_planes > 1 ? c : 0;
	size_t stride, before = 0;

	if (m >= rec->frame.nplanes || m >= PIXFMT_MAX_PLANES ||
	    rec->frame.plane[m].offset > rec->payload_bytes)
		return false;
	stride = rec->frame.plane[m].stride;
	if (c == 0 || pf->mem_planes == 1) {
		size_t luma_stride = stride < luma ? luma : stride;

		if (c > 0) {
			before = luma_stride * height;
			stride = pf->colour_planes == 3 ? (luma_stride + pf->hsub - 1) / pf->hsub
							: luma_stride;
			before += c == 2 ? stride * ch : 0;
		} else {
			stride = luma_stride;
		}
	}
	r->bytes = c == 0 ? luma : pf->colour_planes == 2 ? 2 * cw : cw;
	r->count = c == 0 ? height : ch;
	r->stride = stride < r->bytes ? r->bytes : stride;
	r->start = rec->frame.plane[m].offset + before;
	r->end = rec->frame.plane[m].offset + (size_t)rec->frame.plane[m].bytes;
	if (r->end > rec->payload_bytes)
		r->end = rec->payload_bytes;
	return true;
}

/* A short plane (a torn frame) leaves its missing rows grey: shown as what it is. */
static int wrap_raw(struct picture_decoder *d, const struct record *rec, int64_t pts)
{
	const struct pixfmt *pf = d->pf;
	AVFrame *f;

	av_frame_free(&d->raw);
	if (rec->frame.width < 1 || rec->frame.height < 1 || rec->frame.width > 16384 ||
	    rec->frame.height > 16384)
		return -EBADMSG;
	f = av_frame_alloc();
	if (!f)
		return -ENOMEM;
	f->format = raw_format(pf);
	f->width = (int)rec->frame.width;
	f->height = (int)rec->frame.height;
	f->pts = pts;
	f->color_range = rec->frame.flags & FRAME_FULL_RANGE ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG;
	if (f->format == AV_PIX_FMT_NONE || av_frame_get_buffer(f, 0) < 0) {
		av_frame_free(&f);
		return -ENOMEM;
	}
	for (unsigned c = 0; c < pf->colour_planes; c++) {
		unsigned to = pf->v_first && pf->colour_planes == 3 && c ? 3 - c : c;
		struct rows r;

		if (!locate(pf, rec, c, &r)) {
			av_frame_free(&f);
			return -EBADMSG;
		}
		for (size_t y = 0; y < r.count; y++) {
			uint8_t *row = f->data[to] + (ptrdiff_t)y * f->linesize[to];
			size_t at = r.start + y * r.stride;

			if (at <= r.end && r.bytes <= r.end - at)
				memcpy(row, rec->payload + at, r.bytes);
			else
				memset(row, 0x80, r.bytes);
		}
	}
	d->raw = f;
	return 0;
}

int picture_decoder_send(struct picture_decoder *d, const struct record *rec, int64_t pts)
{
	int err;

	if (!d->codec)
		return wrap_raw(d, rec, pts);
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
