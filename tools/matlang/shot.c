/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tools/matlang/shot.h"

#include <errno.h>
#include <string.h>

#include "capture/core/frame.h"
#include "capture/core/monotime.h"
#include "tools/common/i18n.h"
#include "tools/matlang/picture.h"

static bool is_whole(const struct record *rec)
{
	return (rec->frame.flags & FRAME_KEY) && !(rec->frame.flags & FRAME_TORN);
}

static int open_frames(struct reader *r, uint32_t camera_id, int64_t from_ns, int64_t to_ns,
		       struct reader_cursor **out, struct errmsg *em)
{
	const struct reader_query q = {camera_id, RECORD_MASK(RECORD_FRAME), from_ns, to_ns};

	return reader_cursor_open(out, r, &q, em);
}

/* 1: *utc_ns is the newest whole key frame in [from, to); 0: none. */
static int look(struct reader *r, uint32_t camera_id, int64_t from_ns, int64_t to_ns,
		int64_t *utc_ns, struct errmsg *em)
{
	struct reader_cursor *cursor;
	struct record rec;
	int found = 0, n = open_frames(r, camera_id, from_ns, to_ns, &cursor, em);

	if (n < 0)
		return n;
	while ((n = reader_cursor_next(cursor, &rec)) > 0)
		if (is_whole(&rec)) {
			*utc_ns = rec.utc_ns;
			found = 1;
		}
	reader_cursor_close(cursor);
	return n < 0 ? errmsg_set(em, n, "%s", strerror(-n)) : found;
}

static int decode(const struct record *rec, AVFrame *out, struct errmsg *em)
{
	struct picture_decoder *decoder;
	int err = picture_decoder_open(&decoder, rec, em);

	if (err)
		return err;
	err = picture_decoder_send(decoder, rec, 0);
	if (!err)
		err = picture_decoder_drain(decoder);
	if (!err)
		err = picture_decoder_receive(decoder, out);
	picture_decoder_close(decoder);
	/* Damaged pictures are passed over: this one is only to draw upon. */
	return err == -ENOMEM ? errmsg_set(em, err, "%s", _("out of memory")) : !err;
}

static int load(struct reader *r, uint32_t camera_id, int64_t utc_ns, AVFrame *out,
		struct errmsg *em)
{
	struct reader_cursor *cursor;
	struct record rec;
	int n = open_frames(r, camera_id, utc_ns, utc_ns + 1, &cursor, em), got = 0;

	if (n < 0)
		return n;
	while (!got && (n = reader_cursor_next(cursor, &rec)) > 0)
		if (is_whole(&rec) && reader_cursor_load(cursor, &rec) == 0)
			got = decode(&rec, out, em);
	reader_cursor_close(cursor);
	return n < 0 ? errmsg_set(em, n, "%s", strerror(-n)) : got;
}

int shot_newest(struct reader *r, uint32_t camera_id, int64_t from_ns, int64_t to_ns, AVFrame *out,
		int64_t *utc_ns, struct errmsg *em)
{
	struct reader_info info;
	int found = 0;

	reader_info(r, &info);
	if (from_ns < info.oldest_utc_ns)
		from_ns = info.oldest_utc_ns;
	if (to_ns > info.newest_utc_ns)
		to_ns = info.newest_utc_ns + 1;
	/* In growing windows, so that it costs little in a large store. */
	for (int64_t window = 30 * NSEC_PER_SEC; !found && from_ns < to_ns; window *= 16) {
		bool all = window >= to_ns - from_ns;

		found = look(r, camera_id, all ? from_ns : to_ns - window, to_ns, utc_ns, em);
		if (all)
			break;
	}
	return found > 0 ? load(r, camera_id, *utc_ns, out, em) : found;
}
