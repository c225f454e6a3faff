/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/clip/clip_file.h"

#include <errno.h>
#include <libavcodec/bsf.h>
#include <stdlib.h>
#include <string.h>

#include "capture/clip/clip_decode.h"
#include "capture/source.h"

struct clip_file {
	char path[SOURCE_URI_MAX];
	AVFormatContext *format;
	int stream;
	AVBSFContext *bsf;            /* H.264 and HEVC: to Annex B; NULL otherwise */
	struct clip_decoder *decoder; /* raw and other intra-only; NULL otherwise */
	size_t picture_size;          /* of what it decodes to */
	AVPacket *packet;
	bool draining; /* the file is at its end, the filter perhaps not */
	int64_t number;
};

/* libavformat's errors are a person's only where it knows more than errno. */
static int av_errmsg(struct errmsg *em, int averr, const char *path, const char *what)
{
	char text[AV_ERROR_MAX_STRING_SIZE] = "";
	int err = AVUNERROR(averr) > 0 && AVUNERROR(averr) < 4096 ? averr : -EINVAL;

	av_strerror(averr, text, sizeof(text));
	return errmsg_set(em, err, "%s: %s: %s", path, what, text);
}

int clip_file_probe(const char *path, AVFormatContext **out, int *stream, struct errmsg *em)
{
	char url[SOURCE_URI_MAX + 8];
	AVFormatContext *format = NULL;
	AVDictionary *options = NULL;
	int err, found;

	/* A library does not print; what matters comes back as an error. */
	av_log_set_level(AV_LOG_QUIET);
	/* Only files: a name with a colon is no protocol, and a playlist opens no connection. */
	stpcpy(stpcpy(url, "file:"), path);
	av_dict_set(&options, "protocol_whitelist", "file", 0);
	err = avformat_open_input(&format, url, NULL, &options);
	av_dict_free(&options);
	if (err < 0)
		return av_errmsg(em, err, path, "not a clip that can be read");
	err = avformat_find_stream_info(format, NULL);
	found = err < 0 ? err : av_find_best_stream(format, AVMEDIA_TYPE_VIDEO, -1, -1, NULL, 0);
	if (found < 0) {
		avformat_close_input(&format);
		return av_errmsg(em, found, path, "no video in it");
	}
	*out = format;
	*stream = found;
	return 0;
}

static int make_filter(struct clip_file *f, const char *name, struct errmsg *em)
{
	const AVBitStreamFilter *filter = av_bsf_get_by_name(name);
	const AVStream *st = f->format->streams[f->stream];
	int err = filter ? av_bsf_alloc(filter, &f->bsf) : AVERROR_BSF_NOT_FOUND;

	if (err >= 0)
		err = avcodec_parameters_copy(f->bsf->par_in, st->codecpar);
	if (err >= 0) {
		f->bsf->time_base_in = st->time_base;
		err = av_bsf_init(f->bsf);
	}
	return err < 0 ? av_errmsg(em, err, f->path, name) : 0;
}

static int choose_path(struct clip_file *f, struct clip_info *info, struct errmsg *em)
{
	const AVCodecParameters *par = f->format->streams[f->stream]->codecpar;
	const AVCodecDescriptor *desc = avcodec_descriptor_get(par->codec_id);
	int err;

	/* A camera's driver makes buffers for about two bytes a pixel; so do we, where the
	 * packets' sizes are not known. */
	info->packet_max = (size_t)par->width * (size_t)par->height * 2 + 65536;
	switch (par->codec_id) {
	case AV_CODEC_ID_MJPEG: info->pf = pixfmt_find(PIXFMT_MJPEG); return 0;
	case AV_CODEC_ID_H264:
		info->pf = pixfmt_find(PIXFMT_H264);
		return make_filter(f, "h264_mp4toannexb", em);
	case AV_CODEC_ID_HEVC:
		info->pf = pixfmt_find(PIXFMT_HEVC);
		return make_filter(f, "hevc_mp4toannexb", em);
	default: break;
	}
	if (!desc || !(desc->props & AV_CODEC_PROP_INTRA_ONLY))
		return errmsg_set(
			em, -EINVAL,
			"%s: its codec %s is not supported; convert it to MJPEG, H.264 or "
			"HEVC",
			f->path, avcodec_get_name(par->codec_id));
	err = clip_decoder_open(&f->decoder, par, info, em);
	if (err)
		return errmsg_prefix(em, err, "%s", f->path);
	f->picture_size = info->packet_max;
	return 0;
}

static double rate_of(const AVStream *st)
{
	const AVRational rates[] = {st->avg_frame_rate, st->r_frame_rate};

	for (size_t i = 0; i < ARRAY_SIZE(rates); i++) {
		double fps = rates[i].den ? av_q2d(rates[i]) : 0;

		if (fps > 0.01 && fps <= 1000)
			return fps;
	}
	return 25;
}

int clip_file_open(struct clip_file **out, const char *path, struct clip_info *info,
		   struct errmsg *em)
{
	struct clip_file *f = calloc(1, sizeof(*f));
	const AVCodecParameters *par;
	int err;

	if (!f)
		return errmsg_set(em, -ENOMEM, "%s: no memory", path);
	memcpy(f->path, path, strnlen(path, sizeof(f->path) - 1));
	f->packet = av_packet_alloc();
	err = f->packet ? clip_file_probe(path, &f->format, &f->stream, em)
			: errmsg_set(em, -ENOMEM, "%s: no memory", path);
	if (err)
		goto fail;
	par = f->format->streams[f->stream]->codecpar;
	if (par->width < 1 || par->height < 1 || par->width > 16384 || par->height > 16384) {
		err = errmsg_set(em, -EINVAL, "%s: pictures of %dx%d; up to 16384x16384 are read",
				 path, par->width, par->height);
		goto fail;
	}
	*info = (struct clip_info){
		.width = (uint32_t)par->width,
		.height = (uint32_t)par->height,
		.fps = rate_of(f->format->streams[f->stream]),
	};
	strncpy(info->codec, avcodec_get_name(par->codec_id), sizeof(info->codec) - 1);
	err = choose_path(f, info, em);
	if (err)
		goto fail;
	*out = f;
	return 0;
fail:
	clip_file_close(f);
	return err;
}

/* The next packet of the stream; 0 at the end or where the file breaks off. */
static int read_packet(struct clip_file *f)
{
	for (;;) {
		int err = av_read_frame(f->format, f->packet);

		if (err == AVERROR(EAGAIN))
			continue;
		if (err < 0)
			return err == AVERROR(ENOMEM) ? err : 0;
		if (f->packet->stream_index == f->stream)
			return 1;
		av_packet_unref(f->packet);
	}
}

/* The same through the bit stream filter. A packet it cannot make sense of is passed over, as a
 * camera would not have sent one. */
static int filter_packet(struct clip_file *f)
{
	for (;;) {
		int got = av_bsf_receive_packet(f->bsf, f->packet);

		if (got >= 0)
			return 1;
		if (got == AVERROR_EOF || f->draining)
			return 0;
		got = read_packet(f);
		if (got < 0)
			return got;
		f->draining = !got;
		if (av_bsf_send_packet(f->bsf, got ? f->packet : NULL) < 0)
			av_packet_unref(f->packet);
	}
}

int clip_file_next(struct clip_file *f, struct clip_packet *out)
{
	int got;

	av_packet_unref(f->packet);
	got = f->bsf ? filter_packet(f) : read_packet(f);
	if (got <= 0)
		return got;
	*out = (struct clip_packet){
		.data = f->packet->data,
		.len = (size_t)f->packet->size,
		.key = !f->bsf || f->packet->flags & AV_PKT_FLAG_KEY,
		.number = ++f->number,
	};
	if (f->decoder) {
		out->data = clip_decode(f->decoder, f->packet);
		out->len = out->data ? f->picture_size : 0;
	}
	return 1;
}

/* Opened anew rather than sought: every container can do that, and starts the same way. */
int clip_file_rewind(struct clip_file *f)
{
	struct clip_file *again;
	struct clip_info info;
	struct clip_file old;
	int err = clip_file_open(&again, f->path, &info, NULL);

	if (err)
		return err;
	old = *f;
	*f = *again;
	*again = old;
	clip_file_close(again);
	return 0;
}

void clip_file_close(struct clip_file *f)
{
	if (!f)
		return;
	clip_decoder_close(f->decoder);
	av_bsf_free(&f->bsf);
	av_packet_free(&f->packet);
	avformat_close_input(&f->format);
	free(f);
}
