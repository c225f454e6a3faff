/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/matlang/mux.h"

#include <errno.h>
#include <libavcodec/avcodec.h>
#include <libavcodec/bsf.h>
#include <libavformat/avformat.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "capture/core/monotime.h"
#include "tools/common/i18n.h"

struct mux {
	AVFormatContext *format;
	AVStream *stream;
	AVPacket *next; /* written when the one behind it tells how long it lasts */
	bool has_next;
	int64_t last_step; /* in the stream's time base */
	char name[512];
};

enum AVCodecID mux_codec(const struct pixfmt *pf)
{
	switch (pf->codec) {
	case PIXFMT_CODEC_MJPEG: return AV_CODEC_ID_MJPEG;
	case PIXFMT_CODEC_H264: return AV_CODEC_ID_H264;
	case PIXFMT_CODEC_HEVC: return AV_CODEC_ID_HEVC;
	case PIXFMT_RAW: break;
	}
	return AV_CODEC_ID_NONE;
}

const char *mux_container(const char *path)
{
	const char *dot = strrchr(path, '.');

	if (dot && !strcmp(dot, ".mkv"))
		return "matroska";
	if (dot && !strcmp(dot, ".mp4"))
		return "mp4";
	return NULL;
}

int mux_headers(enum AVCodecID codec, const uint8_t *data, size_t size, uint8_t **out,
		size_t *out_size)
{
	const AVBitStreamFilter *filter = av_bsf_get_by_name("extract_extradata");
	AVPacket *packet = av_packet_alloc();
	AVBSFContext *bsf = NULL;
	const uint8_t *found = NULL;
	size_t found_size = 0;
	int err = -ENOMEM;

	if (!filter || !packet || size > INT32_MAX || av_bsf_alloc(filter, &bsf) < 0)
		goto out;
	bsf->par_in->codec_id = codec;
	if (av_bsf_init(bsf) < 0 || av_new_packet(packet, (int)size) < 0)
		goto out;
	memcpy(packet->data, data, size);
	if (av_bsf_send_packet(bsf, packet) == 0 && av_bsf_receive_packet(bsf, packet) == 0)
		found = av_packet_get_side_data(packet, AV_PKT_DATA_NEW_EXTRADATA, &found_size);
	err = -ENODATA;
	if (!found || !found_size)
		goto out;
	*out = malloc(found_size);
	err = *out ? 0 : -ENOMEM;
	if (!err) {
		memcpy(*out, found, found_size);
		*out_size = found_size;
	}
out:
	av_packet_free(&packet);
	av_bsf_free(&bsf);
	return err;
}

static int failed(const struct mux *m, int averr, struct errmsg *em)
{
	int err = averr == AVERROR(ENOSPC) || averr == AVERROR(EIO) || averr == AVERROR(ENOMEM)
			  ? averr
			  : -EIO;

	if (averr == AVERROR(ENOSPC))
		return errmsg_set(em, err, _("%s: the disk is full; nothing was left behind"),
				  m->name);
	return errmsg_set(em, err, _("%s cannot be written: %s"), m->name, av_err2str(averr));
}

static int describe(struct mux *m, const struct mux_stream *s)
{
	AVCodecParameters *par = m->stream->codecpar;
	char begin[64];
	time_t sec = (time_t)(s->begin_utc_ns / NSEC_PER_SEC);
	struct tm tm;

	par->codec_type = AVMEDIA_TYPE_VIDEO;
	par->codec_id = s->codec;
	par->width = (int)s->width;
	par->height = (int)s->height;
	if (s->headers_size) {
		par->extradata = av_mallocz(s->headers_size + AV_INPUT_BUFFER_PADDING_SIZE);
		if (!par->extradata)
			return AVERROR(ENOMEM);
		memcpy(par->extradata, s->headers, s->headers_size);
		par->extradata_size = (int)s->headers_size;
	}
	/* MP4 keeps this; Matroska counts in milliseconds whatever is asked. */
	m->stream->time_base = (AVRational){1, 90000};
	gmtime_r(&sec, &tm);
	strftime(begin, sizeof(begin), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(begin + strlen(begin), sizeof(begin) - strlen(begin), ".%06uZ",
		 (unsigned)(s->begin_utc_ns % NSEC_PER_SEC / 1000));
	if (av_dict_set(&m->format->metadata, "creation_time", begin, 0) < 0 ||
	    av_dict_set(&m->format->metadata, "title", s->title, 0) < 0 ||
	    av_dict_set(&m->format->metadata, "comment", "matlang " MATLANG_VERSION, 0) < 0)
		return AVERROR(ENOMEM);
	return 0;
}

int mux_open(struct mux **out, const char *path, const char *container, const struct mux_stream *s,
	     struct errmsg *em)
{
	struct mux *m = calloc(1, sizeof(*m));
	AVDictionary *options = NULL;
	int err = AVERROR(ENOMEM);

	if (!m)
		return errmsg_set(em, -ENOMEM, "%s", _("out of memory"));
	snprintf(m->name, sizeof(m->name), "%s", s->name);
	m->next = av_packet_alloc();
	if (!m->next || avformat_alloc_output_context2(&m->format, NULL, container, NULL) < 0)
		goto fail;
	m->stream = avformat_new_stream(m->format, NULL);
	if (!m->stream)
		goto fail;
	err = describe(m, s);
	if (err < 0)
		goto fail;
	err = avio_open(&m->format->pb, path, AVIO_FLAG_WRITE);
	if (err < 0)
		goto fail;
	if (!strcmp(container, "mp4"))
		av_dict_set(&options, "video_track_timescale", "90000", 0);
	err = avformat_write_header(m->format, &options);
	av_dict_free(&options);
	if (err < 0)
		goto fail;
	*out = m;
	return 0;
fail:
	err = failed(m, err, em);
	mux_abandon(m);
	return err;
}

static int write_next(struct mux *m, int64_t duration, struct errmsg *em)
{
	int err;

	m->next->duration = duration;
	err = av_write_frame(m->format, m->next);
	if (err >= 0 && m->format->pb->error)
		err = m->format->pb->error;
	av_packet_unref(m->next);
	m->has_next = false;
	return err < 0 ? failed(m, err, em) : 0;
}

int mux_write(struct mux *m, const uint8_t *data, size_t size, int64_t pts_ns, bool key,
	      struct errmsg *em)
{
	int64_t pts = av_rescale_q(pts_ns, (AVRational){1, 1000000000}, m->stream->time_base);
	int err;

	if (m->has_next) {
		if (pts <= m->next->pts)
			pts = m->next->pts + 1;
		m->last_step = pts - m->next->pts;
		err = write_next(m, m->last_step, em);
		if (err)
			return err;
	}
	if (size > INT32_MAX || av_new_packet(m->next, (int)size) < 0)
		return errmsg_set(em, -ENOMEM, "%s", _("out of memory"));
	memcpy(m->next->data, data, size);
	m->next->pts = m->next->dts = pts;
	m->next->flags = key ? AV_PKT_FLAG_KEY : 0;
	m->has_next = true;
	return 0;
}

int mux_close(struct mux *m, struct errmsg *em)
{
	int err = m->has_next ? write_next(m, m->last_step ? m->last_step : 1, em) : 0, closed;

	if (!err) {
		int averr = av_write_trailer(m->format);

		if (averr >= 0 && m->format->pb->error)
			averr = m->format->pb->error;
		if (averr < 0)
			err = failed(m, averr, em);
	}
	closed = avio_closep(&m->format->pb);
	if (!err && closed < 0)
		err = failed(m, closed, em);
	mux_abandon(m);
	return err;
}

void mux_abandon(struct mux *m)
{
	if (!m)
		return;
	if (m->format) {
		avio_closep(&m->format->pb);
		avformat_free_context(m->format);
	}
	av_packet_free(&m->next);
	free(m);
}
