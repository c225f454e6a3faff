/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames into container files. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture/core/cleanup.h"
#include "capture/core/frame.h"
#include "capture/core/monotime.h"
#include "capture/core/pixfmt.h"
#include "tools/common/i18n.h"
#include "tools/common/progress.h"
#include "tools/matlang/encode.h"
#include "tools/matlang/export.h"
#include "tools/matlang/mux.h"
#include "tools/matlang/picture.h"

struct writer {
	struct export *x;
	struct mux *mux; /* NULL between parts */
	struct export_part *part;
	uint32_t fourcc;                 /* of the part as recorded */
	struct picture_decoder *decoder; /* when encoding */
	struct picture_scaler *scaler;
	struct encoder *encoder; /* H.264 */
	struct export_clock clock;
	AVFrame *picture;
	struct errmsg em;
};

static bool is_copied(const struct export *x, const struct pixfmt *pf)
{
	switch (x->encode) {
	case EXPORT_H264: return pf->codec == PIXFMT_CODEC_H264;
	case EXPORT_MJPEG: return pf->codec == PIXFMT_CODEC_MJPEG;
	case EXPORT_COPY: break;
	}
	return pf->codec != PIXFMT_RAW;
}

static const char *codec_word(enum AVCodecID codec)
{
	return codec == AV_CODEC_ID_H264 ? "h264" : codec == AV_CODEC_ID_HEVC ? "hevc" : "mjpeg";
}

/* F.mkv, then F-2.mkv, F-3.mkv ... */
static int new_part(struct writer *w, const struct record *rec, const struct pixfmt *pf)
{
	struct export *x = w->x;
	struct export_part *grown = reallocarray(x->part, x->nparts + 1, sizeof(*grown));
	const char *end = strrchr(x->path, '.');

	if (!grown)
		return errmsg_set(&w->em, -ENOMEM, "%s", _("out of memory"));
	x->part = grown;
	w->part = &grown[x->nparts];
	*w->part = (struct export_part){
		.copied = is_copied(x, pf),
		.width = rec->frame.width,
		.height = rec->frame.height,
		.first_ns = rec->utc_ns,
	};
	snprintf(w->part->source, sizeof(w->part->source), "%s", pf->name);
	if (x->nparts == 0)
		snprintf(w->part->path, sizeof(w->part->path), "%s", x->path);
	else if (snprintf(w->part->path, sizeof(w->part->path), "%s-%zu%s", x->base, x->nparts + 1,
			  end) >= (int)sizeof(w->part->path))
		return errmsg_set(&w->em, -ENAMETOOLONG, "%s: %s", x->path, strerror(ENAMETOOLONG));
	x->nparts++;
	return 0;
}

static int open_part(struct writer *w, const struct record *rec, const struct pixfmt *pf)
{
	struct export *x = w->x;
	struct mux_stream s = {.title = x->camera, .begin_utc_ns = rec->utc_ns};
	uint8_t *headers = NULL;
	const char *temp;
	int err = new_part(w, rec, pf);

	if (!err)
		err = outputs_add(&x->outputs, w->part->path, &temp, &w->em);
	if (err)
		return err;
	w->part->output = x->outputs.count - 1;
	w->fourcc = rec->frame.fourcc;
	w->clock = (struct export_clock){0};
	s.name = w->part->path;
	s.width = rec->frame.width;
	s.height = rec->frame.height;
	if (w->part->copied) {
		s.codec = mux_codec(pf);
		/* Without parameter sets in the key frame the file carries them in the stream only.
		 */
		if (s.codec != AV_CODEC_ID_MJPEG &&
		    mux_headers(s.codec, rec->payload, rec->payload_bytes, &headers,
				&s.headers_size) == 0)
			s.headers = headers;
	} else {
		err = picture_decoder_open(&w->decoder, rec, &w->em);
		s.codec = x->encode == EXPORT_H264 ? AV_CODEC_ID_H264 : AV_CODEC_ID_MJPEG;
		if (!err && x->encode == EXPORT_H264) {
			err = encoder_open(&w->encoder, s.width, s.height, &w->em);
			if (!err) {
				s.headers = encoder_headers(w->encoder, &s.headers_size);
				s.width &= ~1u;
				s.height &= ~1u;
			}
		}
	}
	w->part->codec = codec_word(s.codec);
	if (!err)
		err = mux_open(&w->mux, temp, x->container, &s, &w->em);
	free(headers);
	return err;
}

/* Everything the H.264 encoder has ready. */
static int take_encoded(struct writer *w)
{
	struct encoded packet;
	int err;

	while ((err = encoder_receive(w->encoder, &packet)) == 0) {
		err = mux_write(w->mux, packet.data, packet.size, packet.pts_us * NSEC_PER_USEC,
				packet.key, &w->em);
		if (err)
			return err;
		w->part->frames++;
	}
	return err == -EAGAIN ? 0 : errmsg_set(&w->em, err, "%s", _("H.264 encoding failed"));
}

static int write_picture(struct writer *w)
{
	CLEANUP_FREE uint8_t *jpeg = NULL;
	size_t size;
	int err;

	if (w->encoder) {
		err = encoder_send(w->encoder, w->picture);
		return err ? errmsg_set(&w->em, err, "%s", _("H.264 encoding failed"))
			   : take_encoded(w);
	}
	err = picture_jpeg(&w->scaler, w->picture, w->x->quality, &jpeg, &size, &w->em);
	if (!err)
		err = mux_write(w->mux, jpeg, size, w->picture->pts * NSEC_PER_USEC, true, &w->em);
	if (!err)
		w->part->frames++;
	return err;
}

static int take_pictures(struct writer *w)
{
	int err;

	while ((err = picture_decoder_receive(w->decoder, w->picture)) == 0) {
		err = write_picture(w);
		av_frame_unref(w->picture);
		if (err)
			return err;
	}
	if (err == -EBADMSG)
		w->x->unusable++;
	return 0;
}

static int close_part(struct writer *w)
{
	int err = 0, closed;

	if (!w->mux)
		return 0;
	if (w->decoder && picture_decoder_drain(w->decoder) == 0)
		err = take_pictures(w);
	if (!err && w->encoder) {
		err = encoder_send(w->encoder, NULL);
		if (!err)
			err = take_encoded(w);
	}
	closed = mux_close(TAKE_PTR(w->mux), &w->em);
	encoder_close(TAKE_PTR(w->encoder));
	picture_decoder_close(TAKE_PTR(w->decoder));
	return err ? err : closed;
}

static int write_frame(struct writer *w, const struct record *rec)
{
	int64_t pts_ns = export_clock_pts(&w->clock, rec);
	int err;

	w->part->last_ns = rec->utc_ns;
	if (w->part->copied) {
		err = mux_write(w->mux, rec->payload, rec->payload_bytes, pts_ns,
				rec->frame.flags & FRAME_KEY, &w->em);
		if (!err)
			w->part->frames++;
		return err;
	}
	err = picture_decoder_send(w->decoder, rec, pts_ns / NSEC_PER_USEC);
	if (err == -EBADMSG) {
		w->x->unusable++;
		return 0;
	}
	return err ? errmsg_set(&w->em, err, "%s", strerror(-err)) : take_pictures(w);
}

/* A file holds one format; where the camera changed it, the next file begins, with a key frame. */
static int take(struct writer *w, const struct record *rec)
{
	const struct pixfmt *pf = pixfmt_find(rec->frame.fourcc);
	int err;

	if (!pf || rec->payload_bytes == 0) {
		w->x->unusable++;
		return 0;
	}
	if (w->mux && (rec->frame.fourcc != w->fourcc || rec->frame.width != w->part->width ||
		       rec->frame.height != w->part->height)) {
		err = close_part(w);
		if (err)
			return err;
	}
	if (!w->mux) {
		if (!(rec->frame.flags & FRAME_KEY)) {
			w->x->unusable++;
			return 0;
		}
		err = open_part(w, rec, pf);
		if (err)
			return err;
	}
	return write_frame(w, rec);
}

static int account(struct export *x, struct gap_watch *watch, const struct record *rec)
{
	bool goes_on = !watch->numbered || rec->frame.sequence == watch->next_sequence;

	watch->numbered = true;
	watch->next_sequence = rec->frame.sequence + 1;
	if (rec->clock < x->clock)
		x->clock = rec->clock;
	if (rec->frame.flags & FRAME_TORN)
		x->torn++;
	if (rec->utc_ns >= x->f.from_ns)
		return gaps_expect(watch, rec->utc_ns, goes_on, rec->clock);
	x->early++;
	return 0;
}

static int write_all(struct writer *w, struct gap_watch *watch, struct progress *progress)
{
	struct export *x = w->x;
	const struct reader_query query = {x->camera_id, RECORD_MASK(RECORD_FRAME), x->begin_ns,
					   x->f.to_ns};
	struct reader_cursor *cursor;
	struct record rec;
	uint64_t done = 0;
	int n = reader_cursor_open(&cursor, x->f.reader, &query, &w->em);

	if (n < 0)
		return n;
	while ((n = reader_cursor_next(cursor, &rec)) > 0) {
		n = reader_cursor_load(cursor, &rec);
		if (n == -EBADMSG || n == -ESTALE) {
			x->damaged += n == -EBADMSG;
			x->recycled += n == -ESTALE;
			continue;
		}
		if (n == 0)
			n = account(x, watch, &rec);
		if (n < 0) {
			errmsg_set(&w->em, n, "%s", strerror(-n));
			break;
		}
		n = take(w, &rec);
		if (n < 0)
			break;
		done += rec.payload_bytes;
		progress_bytes(progress, done, x->bytes);
	}
	if (footage_warn_damage(x->c, cursor) && x->damaged == 0)
		x->damaged = 1;
	reader_cursor_close(cursor);
	return n;
}

int export_write(struct export *x)
{
	struct writer w = {.x = x, .picture = av_frame_alloc()};
	struct gap_watch watch = {
		.gaps = &x->gaps,
		.camera_id = x->camera_id,
		.restart_ns = x->interval_ns * 2,
		.limit_ns = x->interval_ns * 4 > 2 * NSEC_PER_SEC ? x->interval_ns * 4
								  : 2 * NSEC_PER_SEC,
	};
	struct progress progress;
	int err = w.picture ? 0 : errmsg_set(&w.em, -ENOMEM, "%s", _("out of memory"));

	x->clock = RECORD_CLOCK_SYNCED;
	progress_begin(&progress, _("exporting"));
	if (!err)
		err = gaps_read(&x->gaps, x->f.reader, x->camera_id, x->f.from_ns, x->f.to_ns,
				&w.em);
	if (!err)
		err = gaps_expect(&watch, x->f.from_ns, true, RECORD_CLOCK_SYNCED);
	if (!err)
		err = write_all(&w, &watch, &progress);
	if (footage_warn_passed_over(x->c, &x->gaps.damage) && x->damaged == 0)
		x->damaged = 1;
	if (!err)
		err = close_part(&w);
	if (!err)
		err = gaps_expect(&watch, x->end_ns, true, x->clock);
	if (!err && x->nparts == 0)
		err = errmsg_set(&w.em, -ENODATA, "%s",
				 _("no frame in this time can be shown: none is a key frame"));
	progress_end(&progress);
	mux_abandon(w.mux);
	encoder_close(w.encoder);
	picture_decoder_close(w.decoder);
	picture_scaler_free(w.scaler);
	av_frame_free(&w.picture);
	gaps_sort(&x->gaps);
	return err < 0 ? cli_fail(x->c, "%s", w.em.text) : CLI_OK;
}
